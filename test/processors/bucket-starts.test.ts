import test from 'ava'
import fc from 'fast-check'
import { countByStart, startBehind } from '../../processors/bucket-starts.ts'

const buckets = fc.array(fc.record({ from: fc.nat(5) }))

test('it is the start at that place of all in order', (t) => {
  fc.assert(
    fc.property(buckets, fc.nat(12), (some, count) => {
      const sorted = some.map(({ from }) => from).toSorted((a, b) => a - b)
      t.is(startBehind(some, count), sorted[count])
    }),
  )
})

test('buckets are counted by their starts', (t) => {
  t.deepEqual(
    [...countByStart([{ from: 5 }, { from: 0 }, { from: 5 }])],
    [
      [5, 2],
      [0, 1],
    ],
  )
})
