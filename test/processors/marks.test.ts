import test from 'ava'
import fc from 'fast-check'
import { addRange, maxRanges, missingFrom, type Ranges } from '../../processors/marks.ts'

const pieces = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 8 }))
    .map(([first, more]) => [first, first + more] as [number, number]),
  { maxLength: 30 },
)

const numbersIn = (ranges: Ranges) =>
  ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i))

test('whatever ranges come in whatever order, each number is missing once', (t) => {
  fc.assert(
    fc.property(pieces, (added) => {
      const seen = new Set<number>()
      let ranges: Ranges = []
      for (const [first, last] of added) {
        const wanted = numbersIn([[first, last]]).filter((n) => !seen.has(n))
        t.deepEqual(numbersIn(missingFrom(ranges, first, last)), wanted)
        for (const n of wanted) seen.add(n)
        ranges = addRange(ranges, first, last)
        t.deepEqual(
          numbersIn(ranges),
          [...seen].toSorted((a, b) => a - b),
        )
        for (const [i, range] of ranges.slice(1).entries())
          t.true(range[0] > (ranges[i]?.[1] as number) + 1, 'neighbours are joined')
      }
    }),
  )
})

test('the ranges of a source with ever more holes stay bounded: the oldest holes are given up', (t) => {
  let ranges: Ranges = []
  for (let i = 0; i < maxRanges + 10; i++) ranges = addRange(ranges, i * 3, i * 3 + 1)
  t.is(ranges.length, maxRanges)
  t.deepEqual(missingFrom(ranges, 0, 20), [])
  t.deepEqual(missingFrom(ranges, maxRanges * 3 - 1, maxRanges * 3 - 1).length, 1)
})
