import test from 'ava'
import fc from 'fast-check'
import { openFinder } from '../../pipeline/finder.ts'

const cases: [sentence: string, texts: string[], text: string, found: number[]][] = [
  ['one in the middle', ['time'], 'a timeout', [0]],
  ['none', ['time'], 'a tim e', []],
  ['each once, in the order in which they end', ['b', 'a'], 'abab', [1, 0]],
  [
    'one within another, and one that begins in another',
    ['she', 'he', 'hers'],
    'ushers',
    [0, 1, 2],
  ],
  ['an end behind a beginning that fails', ['aab'], 'aaaab', [0]],
  ['both cases', ['Oom', 'HTTP/'], 'OOM http/', [0, 1]],
  ['the Kelvin sign is a k', ['killed'], '\u212aILLED', [0]],
  ['another letter is none of them', ['a'], '\u0101\u0430\u{1f600}', []],
  ['no texts', [], 'anything', []],
]
for (const [sentence, texts, text, found] of cases) {
  test(sentence, (t) => {
    t.deepEqual(openFinder(texts)(text), found)
  })
}

test('what one text has said is forgotten with the next', (t) => {
  const find = openFinder(['ab', 'c'])
  t.deepEqual([find('abc'), find('a'), find('b'), find('c')], [[0, 1], [], [], [1]])
})

const letter = fc.constantFrom(
  'a',
  'b',
  'B',
  '\\',
  '"',
  'k',
  'i',
  '\u212a',
  '\u0130',
  '\u017f',
  'ü',
)
const asciiText = fc
  .array(fc.constantFrom('a', 'b', 'K', '\\', '"', 'i'), { minLength: 1, maxLength: 4 })
  .map((letters) => letters.join(''))
const anyText = fc.array(letter, { maxLength: 30 }).map((letters) => letters.join(''))

test('it finds what includes finds in lower case', (t) => {
  fc.assert(
    fc.property(fc.array(asciiText, { maxLength: 12 }), fc.array(anyText), (texts, given) => {
      const find = openFinder(texts)
      for (const text of given) {
        const lower = text.toLowerCase().replaceAll('\u0307', '')
        const expected = texts.flatMap((one, i) => (lower.includes(one.toLowerCase()) ? [i] : []))
        t.deepEqual(
          find(text).toSorted((a, b) => a - b),
          expected,
        )
      }
    }),
  )
})
