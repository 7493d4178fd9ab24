import test from 'ava'
import fc from 'fast-check'
import {
  addTo,
  decodeSketch,
  encodeSketch,
  mergeInto,
  openSketch,
  quantileOf,
  type Sketch,
} from '../../pipeline/sketch.ts'
import { openRandom } from '../helpers/random.ts'

const seed = 20261128
const quantiles = [0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1]

function sketchOf(values: Iterable<number>): Sketch {
  const sketch = openSketch()
  for (const value of values) addTo(sketch, value)
  return sketch
}

function exactly(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(q * (sorted.length - 1))] as number
}

/** Relative; of zero only zero is right. */
function errorOf(answer: number | undefined, exact: number): number {
  if (answer === undefined) return Infinity
  return answer === exact ? 0 : Math.abs(answer - exact) / Math.abs(exact)
}

const worstError = (values: readonly number[], qs: readonly number[] = quantiles) =>
  Math.max(...qs.map((q) => errorOf(quantileOf(sketchOf(values), q), exactly(values, q))))

const cases: [string, number[], number, number | undefined][] = [
  ['of nothing there is no quantile', [], 0.5, undefined],
  ['one value is all quantiles', [7], 0, 7],
  ['the rank is rounded down', [1, 10, 100, 1000], 0.5, 10],
  ['0 is the least', [5, 3, 4], 0, 3],
  ['1 is the greatest', [5, 3, 4], 1, 5],
  ['zero is exact', [0, -0, 0, 8], 0.5, 0],
  ['negative values stand below zero', [-8, 0, 8], 0, -8],
  ['of negative values the greatest is next to zero', [-100, -10, -1], 1, -1],
  ['the greatest number there is', [Number.MAX_VALUE], 1, Number.MAX_VALUE],
  ['the least number there is', [-Number.MAX_VALUE], 1, -Number.MAX_VALUE],
  ['the smallest number with all digits', [2 ** -1022], 1, 2 ** -1022],
  ['a smaller one is zero', [Number.MIN_VALUE, -Number.MIN_VALUE], 1, 0],
]
for (const [sentence, values, q, expected] of cases) {
  test(sentence, (t) => {
    const answer = quantileOf(sketchOf(values), q)
    if (expected === undefined) t.is(answer, undefined)
    else t.true(errorOf(answer, expected) <= 0.01, `${answer}`)
  })
}

for (const value of [Number.NaN, Infinity, -Infinity]) {
  test(`${value} is refused, and nothing is counted`, (t) => {
    const sketch = openSketch()
    t.throws(() => addTo(sketch, value), { instanceOf: RangeError, message: /cannot be counted/ })
    t.deepEqual(sketch, openSketch())
  })
}

for (const q of [-0.1, 1.1, Number.NaN]) {
  test(`there is no quantile ${q}`, (t) => {
    t.throws(() => quantileOf(sketchOf([1]), q), { instanceOf: RangeError })
  })
}

const random = openRandom(seed)
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
const distributions: Record<string, () => number> = {
  uniform: () => random() * 1000,
  'uniform on both sides of zero': () => random() * 2 - 1,
  normal,
  'log-normal': () => 50 * Math.exp(0.8 * normal()),
  exponential: () => -Math.log(1 - random()),
  'with a heavy tail': () => (1 - random()) ** -2,
  'of two humps': () => (random() < 0.9 ? 20 : 2000) * Math.exp(0.1 * normal()),
  'of few whole numbers': () => Math.floor(random() * 5),
  'mostly zero': () => (random() < 0.8 ? 0 : random()),
  'of times in ns': () => 1.7e18 + random() * 1e17,
}
for (const [name, draw] of Object.entries(distributions)) {
  test(`the quantiles of values ${name} are within 1 %`, (t) => {
    for (const size of [2, 100, 20_000]) {
      const worst = worstError(Array.from({ length: size }, draw))
      t.true(worst <= 0.01, `${worst} of ${size}`)
    }
  })
}

/** All that are counted as they are, of all magnitudes alike. */
const values = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .filter((value) => value === 0 || Math.abs(value) >= 2 ** -1022)

test('the quantiles of any values are within 1 %', (t) => {
  const list = fc.array(values, { minLength: 1, maxLength: 300 })
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(list, share, (some, q) => worstError(some, [q]) <= 0.01),
    { seed },
  )
  t.pass()
})

/** Shares of one whole, each a sketch. */
function cut(some: readonly number[], parts: number, next: () => number): Sketch[] {
  const sketches = Array.from({ length: parts }, openSketch)
  for (const value of some) addTo(sketches[Math.floor(next() * parts)] as Sketch, value)
  return sketches
}

function mergedOf(sketches: readonly Sketch[]): Sketch {
  const all = openSketch()
  for (const sketch of sketches) mergeInto(all, sketch)
  return all
}

function shuffled<Item>(items: readonly Item[], next: () => number): Item[] {
  return items
    .map((item) => ({ item, place: next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)
}

/** Half of the parts are merged by themselves before, as windows are that are merged of windows. */
function cutAndMerged(some: readonly number[], parts: number, next: () => number): string {
  const sketches = shuffled(cut(some, parts, next), next)
  const half = mergedOf(sketches.splice(0, parts >> 1))
  return encodeSketch(mergedOf(shuffled([half, ...sketches], next)))
}

test('values in any order, cut and merged, give the same text', (t) => {
  const list = fc.array(values, { maxLength: 400, size: 'max' })
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 9 }), fc.integer(), (some, parts, from) => {
      const next = openRandom(from)
      const whole = encodeSketch(sketchOf(some))
      return (
        whole === encodeSketch(sketchOf(shuffled(some, next))) &&
        whole === cutAndMerged(some, parts, next)
      )
    }),
    { seed },
  )
  t.pass()
})

/** Far more buckets than are kept, on both sides of zero. */
const wide = (size: number, next: () => number) =>
  Array.from({ length: size }, () => (next() < 0.5 ? -1 : 1) * 10 ** (next() * 600 - 300))

test('also when there are too many buckets', (t) => {
  for (let from = 0; from < 12; from++) {
    const next = openRandom(seed + from)
    const some = wide(1900 + from * 400, next)
    const whole = encodeSketch(sketchOf(some))
    t.is(encodeSketch(sketchOf(shuffled(some, next))), whole)
    t.is(cutAndMerged(some, 2 + (from % 5), next), whole)
    t.true(sketchOf(some).keys.length <= 2048)
  }
})

test('of too many buckets the lowest are one, all above it are exact', (t) => {
  const some = Array.from({ length: 5000 }, (_, n) => 1.03 ** (n - 2500))
  const sketch = sketchOf([...some, -5])
  // In the middle of what is rounded down to the rank.
  const at = (rank: number) => quantileOf(sketch, Math.min((rank + 0.5) / 5000, 1)) as number
  for (let rank = 5000 - 2047; rank <= 5000; rank++) {
    const exact = some[rank - 1] as number
    t.true(errorOf(at(rank), exact) <= 0.01, `${at(rank)} at ${rank}`)
  }
  const lowestKept = some[5000 - 2048] as number
  for (const rank of [0, 1, 100, 5000 - 2048]) {
    t.true(errorOf(at(rank), lowestKept) <= 0.01, `${at(rank)} at ${rank}`)
  }
})

test('many small values of one magnitude and one giant are all exact', (t) => {
  const some = [...Array.from({ length: 900 }, () => 1e-9 * (1 + random() * 99)), 1e200]
  t.true(worstError(some) <= 0.01)
})

test('what is merged stays as it is; with itself it counts twice', (t) => {
  const [one, other] = [sketchOf([1, 2, 3]), sketchOf([3, 4, -4])]
  mergeInto(one, other)
  t.deepEqual(other, sketchOf([3, 4, -4]))
  mergeInto(one, one)
  t.deepEqual(one, sketchOf([1, 2, 3, 3, 4, -4, 1, 2, 3, 3, 4, -4]))
})

test('a count that is as large as can be stays so, in any order', (t) => {
  const { keys } = sketchOf([1, 2])
  const full = { keys, counts: [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] }
  const both = [full, sketchOf([1, 1, 2]), full]
  const text = encodeSketch(mergedOf(both))
  t.is(text, encodeSketch(mergedOf(both.toReversed())))
  t.deepEqual(decodeSketch(text), full)
  t.true(errorOf(quantileOf(decodeSketch(text), 1), 2) <= 0.01)
  t.true(errorOf(quantileOf(decodeSketch(text), 0.4), 1) <= 0.01)
})

test('the last is the greatest also when the counts make a sum that is rounded', (t) => {
  const { keys } = sketchOf([1, 2])
  const greatest = quantileOf({ keys, counts: [Number.MAX_SAFE_INTEGER, 4] }, 1)
  t.true(errorOf(greatest, 2) <= 0.01, `${greatest}`)
})

test('what is written is read again, and goes on as it was', (t) => {
  fc.assert(
    fc.property(fc.array(values, { maxLength: 200 }), values, (some, further) => {
      const sketch = sketchOf(some)
      const read = decodeSketch(JSON.parse(JSON.stringify(encodeSketch(sketch))))
      t.deepEqual(read, sketch)
      for (const each of [read, sketch]) addTo(each, further)
      t.deepEqual(read, sketch)
    }),
    { seed },
  )
  t.is(encodeSketch(openSketch()), '')
})

test('what is written is short', (t) => {
  const draw = distributions['log-normal'] as () => number
  const length = (size: number) => encodeSketch(sketchOf(Array.from({ length: size }, draw))).length
  t.true(length(1) <= 4)
  t.true(length(10) <= 24)
  t.true(length(200) <= 160)
  t.true(length(10_000) <= 700)
})

const tooMany = Array.from({ length: 2049 }, (_, key) => key)
const noSketches: [string, unknown, RegExp][] = [
  ['a number', 5, /^not a sketch: no text$/],
  ['a list', ['A'], /^not a sketch: no text$/],
  ['nothing', undefined, /^not a sketch: no text$/],
  ['text with other characters', 'EF=', /"=" at 2 is no digit of base64url/],
  ['text with characters beyond ASCII', 'Eü', /"ü" at 1 is no digit/],
  ['text that ends within a number', 'Eg', /ends within a number, after 2 characters/],
  ['text that ends before a count', 'E', /ends within a number, after 1 characters/],
  ['a number with a leading zero', 'EFgA', /the number at 2 has a leading zero/],
  ['a number too large', `EF${'_'.repeat(11)}A`, /the number at 2 is too large/],
  ['a number far too large', `EF${'_'.repeat(5000)}`, /the number at 2 is too large/],
  ['a count too large', encodeSketch({ keys: [1], counts: [2 ** 53] }), /count at 0 is too large/],
  ['a bucket above all numbers', encodeSketch({ keys: [1, 1e6], counts: [1, 1] }), /of no number/],
  ['a bucket below all numbers', encodeSketch({ keys: [-1e6], counts: [1] }), /of no number/],
  ['too many buckets', encodeSketch({ keys: tooMany, counts: tooMany.map(() => 1) }), /2048 b/],
  ['a long text', 'E'.repeat(10 ** 6), /longer than/],
]
for (const [sentence, text, message] of noSketches) {
  test(`${sentence} is no sketch`, (t) => {
    t.throws(() => decodeSketch(text), { instanceOf: TypeError, message })
  })
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

test('any text is refused with a TypeError, or is what its sketch is written as', (t) => {
  const texts = fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(...digits.split('')), maxLength: 30 }),
  )
  let read = 0
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const sketch = decodeSketch(text)
        read++
        return encodeSketch(sketch) === text && encodeSketch(mergedOf([sketch])) === text
      } catch (error) {
        return error instanceof TypeError && error.message.startsWith('not a sketch: ')
      }
    }),
    { seed, numRuns: 2000 },
  )
  t.true(read > 100, `${read}`)
})
