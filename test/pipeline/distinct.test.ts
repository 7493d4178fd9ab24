import test from 'ava'
import fc from 'fast-check'
import {
  addToDistinct,
  countOf,
  decodeDistinct,
  encodeDistinct,
  mergeIntoDistinct,
  openDistinct,
  type Distinct,
} from '../../pipeline/distinct.ts'
import { openRandom } from '../helpers/random.ts'

const seed = 20261128
const standardError = 1.04 / Math.sqrt(4096)

function distinctOf(texts: Iterable<string>): Distinct {
  const distinct = openDistinct()
  for (const text of texts) addToDistinct(distinct, text)
  return distinct
}

const names = (size: number, from = 0) =>
  Array.from({ length: size }, (_, n) => `user-${from + n}@shop`)

const cases: [string, string[], number][] = [
  ['of nothing there are none', [], 0],
  ['the empty string is one', [''], 1],
  ['what comes twice counts once', ['a', 'b', 'a', 'b', 'a'], 2],
  ['case and white space make a difference', ['a', 'A', 'a ', ' a'], 4],
  ['halves of characters are strings, too', ['\ud800', '\udc00', '\ud800\udc00'], 3],
  ['up to 256 are exact', names(256), 256],
  ['256 are exact however often they come', [...names(256), ...names(256)], 256],
]
for (const [sentence, texts, expected] of cases) {
  test(sentence, (t) => {
    t.is(countOf(distinctOf(texts)), expected)
  })
}

test('any number up to 256 is exact', (t) => {
  const list = fc.array(fc.string(), { maxLength: 256, size: 'max' })
  fc.assert(
    fc.property(list, (texts) => countOf(distinctOf(texts)) === new Set(texts).size),
    { seed },
  )
  t.pass()
})

const errorOf = (estimate: number, exact: number) => (estimate - exact) / exact

for (const [size, sets] of [
  [257, 200],
  [1000, 100],
  [3000, 60],
  [10_000, 40],
  [20_000, 30],
  [100_000, 12],
] as const) {
  test(`${size} are counted with a standard error of 1.6 %, and unbiased`, (t) => {
    const errors = Array.from({ length: sets }, (_, set) =>
      errorOf(countOf(distinctOf(names(size, set * size))), size),
    )
    const mean = errors.reduce((sum, error) => sum + error, 0) / sets
    const meanSquare = errors.reduce((sum, error) => sum + error ** 2, 0) / sets
    const worst = Math.max(...errors.map(Math.abs))
    t.true(worst < 4.5 * standardError, `worst ${worst}`)
    t.true(Math.abs(mean) < (4 * standardError) / Math.sqrt(sets), `mean ${mean}`)
    // The square root of a mean of so many squares is off by 1 / √(2 · sets) of itself.
    const limit = standardError * (1 + 4 / Math.sqrt(2 * sets))
    t.true(Math.sqrt(meanSquare) < limit, `standard error ${Math.sqrt(meanSquare)}`)
  })
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** As so many strings leave them: each register sees `size / 4096` hashes, half of which have the rank 1, a quarter 2 … */
function registersOf(size: number, random: () => number): string {
  const rank = () => Math.ceil(Math.log2(size / 4096 / -Math.log(1 - random())))
  return Array.from({ length: 4096 }, () => digits[Math.min(53, Math.max(0, rank()))]).join('')
}

for (const size of [1e5, 1e6, 1e9, 1e12, 1e15]) {
  test(`the estimate is as good of ${size}`, (t) => {
    const random = openRandom(seed)
    for (let turn = 0; turn < 10; turn++) {
      const error = errorOf(countOf(decodeDistinct(registersOf(size, random))), size)
      t.true(Math.abs(error) < 4.5 * standardError, `${error}`)
    }
  })
}

/** Sixty bits as ten digits from the highest on, four as the last. */
const hashText = (hash: bigint) =>
  Array.from({ length: 10 }, (_, at) => digits[Number((hash >> BigInt(58 - 6 * at)) & 63n)]).join(
    '',
  ) + digits[Number(hash & 15n)]

const ranks: [hash: bigint, register: number, rank: number][] = [
  [0n, 0, 53],
  [1n, 0, 52],
  [0x0000_0000_8000_0000n, 0, 21],
  [0x0000_0001_0000_0000n, 0, 20],
  [0x0008_0000_0000_0000n, 0, 1],
  [0x0004_0000_0000_0000n, 0, 2],
  [0xffff_ffff_ffff_ffffn, 4095, 1],
  [0x8010_0000_0000_0002n, 0x801, 51],
]
for (const [hash, register, rank] of ranks) {
  test(`the hash ${hash.toString(16)} makes rank ${rank} in register ${register}`, (t) => {
    const distinct = decodeDistinct('A'.repeat(4096))
    mergeIntoDistinct(distinct, decodeDistinct(hashText(hash)))
    const expected = new Uint8Array(4096)
    expected[register] = rank
    t.deepEqual(distinct.registers, expected)
  })
}

test('full registers are many, empty ones none', (t) => {
  t.is(countOf(decodeDistinct('1'.repeat(4096))), Number.MAX_SAFE_INTEGER)
  t.is(countOf(decodeDistinct('A'.repeat(4096))), 0)
})

function mergedOf(parts: readonly Distinct[]): Distinct {
  const all = openDistinct()
  for (const part of parts) mergeIntoDistinct(all, part)
  return all
}

/** Some strings stand in several parts; the first half is merged by itself before, in reverse. */
function cutAndMerged(texts: readonly string[], parts: number, next: () => number): string {
  const cut = Array.from({ length: parts }, openDistinct)
  for (const text of texts) {
    do addToDistinct(cut[Math.floor(next() * parts)] as Distinct, text)
    while (next() < 0.3)
  }
  const half = mergedOf(cut.splice(0, parts >> 1).toReversed())
  return encodeDistinct(mergedOf([...cut, half]))
}

test('strings in any order, cut and merged, give the same text on both sides of 256', (t) => {
  const sizes = fc.oneof(
    fc.integer({ min: 0, max: 20 }),
    fc.integer({ min: 250, max: 262 }),
    fc.integer({ min: 263, max: 1500 }),
  )
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 7 }), fc.integer(), (size, parts, from) => {
      const next = openRandom(from)
      const texts = names(size, Math.floor(next() * 1e9))
      const whole = encodeDistinct(distinctOf(texts))
      const again = encodeDistinct(distinctOf([...texts.toReversed(), ...texts]))
      return whole === again && whole === cutAndMerged(texts, parts, next)
    }),
    { seed, numRuns: 150 },
  )
  t.pass()
})

const sizes: [number, number][] = [
  [200, 40],
  [200, 100],
  [300, 100],
  [100, 300],
  [300, 2000],
]
for (const [size, otherSize] of sizes) {
  test(`${size} and ${otherSize} others are merged; the others stay as they are`, (t) => {
    const [ours, others] = [names(size), names(otherSize, size)]
    const [into, other] = [distinctOf(ours), distinctOf(others)]
    mergeIntoDistinct(into, other)
    t.deepEqual(into, distinctOf([...ours, ...others]))
    t.deepEqual(other, distinctOf(others))
    mergeIntoDistinct(into, other)
    mergeIntoDistinct(into, into)
    t.deepEqual(into, distinctOf([...ours, ...others]))
    addToDistinct(into, 'one more')
    t.deepEqual(other, distinctOf(others))
  })
}

test('what is merged into nothing is not shared with it', (t) => {
  const other = distinctOf(names(1000))
  const into = mergedOf([other])
  for (const name of names(1000, 1000)) addToDistinct(into, name)
  t.deepEqual(other, distinctOf(names(1000)))
})

for (const size of [0, 1, 2, 255, 256, 257, 5000]) {
  test(`${size} are written and read again, and go on as they were`, (t) => {
    const distinct = distinctOf(names(size))
    const text = encodeDistinct(distinct)
    t.is(text.length, size <= 256 ? size * 11 : 4096)
    const read = decodeDistinct(JSON.parse(JSON.stringify(text)))
    t.deepEqual(read, distinct)
    for (const each of [read, distinct]) addToDistinct(each, 'one more')
    t.deepEqual(read, distinct)
  })
}

const [first, second] = [encodeDistinct(distinctOf(['a'])), encodeDistinct(distinctOf(['b']))].sort(
  (a, b) => decodeDistinct(a).hashes[0]! - decodeDistinct(b).hashes[0]!,
) as [string, string]

const noSets: [string, unknown, RegExp][] = [
  ['a number', 5, /^not a set of strings: no text$/],
  ['a list', [], /^not a set of strings: no text$/],
  ['nothing', undefined, /^not a set of strings: no text$/],
  ['text of another length', 'A'.repeat(12), /of 12 characters/],
  ['a long text', 'A'.repeat(11 * 10 ** 5), /of 1100000 characters/],
  ['more hashes than are kept', 'A'.repeat(11 * 257), /of 2827 characters/],
  ['text with other characters', 'AAAA=AAAAAA', /"=" at 4 is no digit of base64url/],
  ['text with characters beyond ASCII', 'AAAAAAAAAAü', /"ü" at 10 is no digit/],
  ['a hash of more than 64 bits', 'AAAAAAAAAAQ', /hash at 0 has more than 64 bits/],
  ['the same hash twice', first + first, /hash at 11 is not above the one before/],
  ['hashes in another order', second + first, /hash at 11 is not above the one before/],
  ['a rank that cannot be', `${'A'.repeat(4095)}2`, /rank at 4095 is above 53/],
  ['registers with other characters', `${'A'.repeat(4000)}${' '.repeat(96)}`, /" " at 4000 is no/],
]
for (const [sentence, text, message] of noSets) {
  test(`${sentence} is no set of strings`, (t) => {
    t.throws(() => decodeDistinct(text), { instanceOf: TypeError, message })
  })
}

test('any text is refused with a TypeError, or is what its set is written as', (t) => {
  const unit = fc.constantFrom(...digits.split(''))
  const texts = fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.string({ unit, minLength: 11, maxLength: 11 }),
    fc.string({ unit, minLength: 22, maxLength: 22 }),
  )
  let read = 0
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const distinct = decodeDistinct(text)
        read++
        return encodeDistinct(distinct) === text && encodeDistinct(mergedOf([distinct])) === text
      } catch (error) {
        return error instanceof TypeError && error.message.startsWith('not a set of strings: ')
      }
    }),
    { seed, numRuns: 2000 },
  )
  t.true(read > 100, `${read}`)
})
