import test from 'ava'
import fc from 'fast-check'
import { openWriter, readNumber, writeNumber, writtenBy } from '../../pipeline/digits.ts'

function write(numbers: readonly number[]): string {
  const text = openWriter(numbers.length * 11)
  for (const number of numbers) writeNumber(text, number)
  return writtenBy(text)
}

function read(text: string): number[] {
  const from = { text, at: 0 }
  const numbers: number[] = []
  while (from.at < text.length) numbers.push(readNumber(from))
  return numbers
}

const cases: [number, string][] = [
  [0, 'A'],
  [1, 'B'],
  [31, 'f'],
  [32, 'gB'],
  [1023, '_f'],
  [1024, 'ggB'],
  [Number.MAX_SAFE_INTEGER, '__________H'],
]
for (const [number, text] of cases) {
  test(`${number} is ${text}`, (t) => {
    t.is(write([number]), text)
    t.deepEqual(read(text), [number])
  })
}

test('numbers in a row are read as they were written', (t) => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat()), (numbers) => {
      t.deepEqual(read(write(numbers)), numbers)
    }),
    { seed: 20261128 },
  )
})

const refused: [string, string, RegExp][] = [
  ['the first number that is not safe', 'ggggggggggI', /number at 0 is too large/],
  ['a number without end', 'B'.concat('g'.repeat(20)), /number at 1 is too large/],
  ['a text that ends', 'Bg', /ends within a number, after 2 characters/],
  ['a leading zero', 'BgA', /number at 1 has a leading zero/],
  ['a zero of two digits', 'gA', /number at 0 has a leading zero/],
  ['a blank', 'B C', /" " at 1 is no digit/],
]
for (const [sentence, text, message] of refused) {
  test(`${sentence} is refused`, (t) => {
    t.throws(() => read(text), { instanceOf: TypeError, message })
  })
}
