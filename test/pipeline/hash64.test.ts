import test from 'ava'
import { hashInto } from '../../pipeline/hash64.ts'
import { openRandom } from '../helpers/random.ts'

const seed = 20261128

function hashOf(text: string): Int32Array {
  const hash = new Int32Array(2)
  hashInto(hash, text)
  return hash
}

const hexOf = (text: string) =>
  [...hashOf(text)].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')

/** What is stored was counted with these. */
const known: [string, string][] = [
  ['', 'dc44aebbf4cdb255'],
  ['a', '1170f1f6d835b4e9'],
  ['user-1', '9cf5dd062cfcdfc3'],
  ['user-2', 'd1a23005ec25b976'],
  ['/shop/orders', 'd8d891c9d74b669b'],
  ['ü€😀', '811f368c7eb34ade'],
]
for (const [text, expected] of known) {
  test(`the hash of ${JSON.stringify(text)} is what it always was`, (t) => {
    t.is(hexOf(text), expected)
  })
}

test('texts that differ in length or in a NUL alone differ', (t) => {
  const texts = ['', '\0', '\0\0', '\0\0\0', 'a', 'a\0', 'a\0\0', '\0a', 'aa', 'aaa', 'aaaa']
  t.is(new Set(texts.map(hexOf)).size, texts.length)
})

const rounds = 600
/** Six standard deviations of a share of `rounds`: not one of a hundred thousand shares is expected outside. */
const tolerance = 6 * Math.sqrt(0.25 / rounds)

for (const length of [1, 2, 3, 4, 7, 16]) {
  test(`of ${length} code units each bit turns each bit of the hash half of the time`, (t) => {
    const random = openRandom(seed + length)
    const turned = new Uint32Array(length * 16 * 64)
    for (let round = 0; round < rounds; round++) {
      const units = Array.from({ length }, () => Math.floor(random() * 2 ** 16))
      const [high, low] = hashOf(String.fromCharCode(...units)) as unknown as [number, number]
      for (let bit = 0; bit < length * 16; bit++) {
        const other = units.with(bit >> 4, (units[bit >> 4] as number) ^ (1 << (bit & 15)))
        const hash = hashOf(String.fromCharCode(...other))
        countTurned(turned, bit, high ^ (hash[0] as number), low ^ (hash[1] as number))
      }
    }
    const shares = [...turned].map((count) => count / rounds)
    t.true(Math.min(...shares) > 0.5 - tolerance, `${Math.min(...shares)}`)
    t.true(Math.max(...shares) < 0.5 + tolerance, `${Math.max(...shares)}`)
  })
}

function countTurned(turned: Uint32Array, bit: number, high: number, low: number): void {
  for (let out = 0; out < 32; out++) {
    const at = bit * 64 + out
    turned[at] = (turned[at] as number) + ((high >>> out) & 1)
    turned[at + 32] = (turned[at + 32] as number) + ((low >>> out) & 1)
  }
}

const size = 200_000
const alike: Record<string, (n: number) => string> = {
  numbers: String,
  'names that end in a number': (n) => `user-${n}`,
  'numbers before a long tail': (n) => `${n}@customers.shop.example.org`,
  addresses: (n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
  'two characters of all': (n) => String.fromCharCode(n & 255, 0, n >> 8),
  'one letter, repeated': (n) => 'x'.repeat(n % 500) + (n - (n % 500)),
}
for (const [name, make] of Object.entries(alike)) {
  test(`texts alike do not meet and spread evenly: ${name}`, (t) => {
    const [highs, lows, both] = [new Set<number>(), new Set<number>(), new Set<string>()]
    const slots = new Uint32Array(4096)
    for (let n = 0; n < size; n++) {
      const [high, low] = hashOf(make(n)) as unknown as [number, number]
      highs.add(high)
      lows.add(low)
      both.add(`${high},${low}`)
      const slot = high >>> 20
      slots[slot] = (slots[slot] as number) + 1
    }
    t.is(both.size, size)
    // Of random numbers 4.7 would meet in one half.
    t.true(size - highs.size <= 16, `${size - highs.size}`)
    t.true(size - lows.size <= 16, `${size - lows.size}`)
    const chi2 = slots.reduce((sum, count) => sum + (count - size / 4096) ** 2 / (size / 4096), 0)
    t.true(Math.abs(chi2 - 4095) < 6 * Math.sqrt(2 * 4095), `${chi2}`)
  })
}
