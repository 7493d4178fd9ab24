import test from 'ava'
import type { Level } from '../../pipeline/event.ts'
import { msToIso } from '../../pipeline/event.ts'
import { someTime } from '../helpers/pipeline.ts'
import { tally } from '../../processors/tally.ts'

const startOf = (ms: number) => Math.floor(ms / 1000) * 1000
const line = (level: Level, afterMs: number) => ({ level, time: msToIso(someTime + afterMs) })

test('lines are told by bucket, with the newest of the levels that are asked for', (t) => {
  const { of } = tally(
    [
      line('error', 100),
      line('info', 900),
      line('error', 300),
      line('warn', 200),
      line('error', 1500),
    ],
    startOf,
  )
  const at = (levels: Level[] | undefined) =>
    of(levels).map(({ ms, count }) => [ms - someTime, count])
  t.deepEqual(at(['error']), [
    [300, 2],
    [1500, 1],
  ])
  t.deepEqual(at(['error', 'warn']), [
    [300, 3],
    [1500, 1],
  ])
  t.deepEqual(at(['info']), [[900, 1]])
  t.deepEqual(at(['fatal']), [])
  t.deepEqual(at(undefined), [
    [900, 4],
    [1500, 1],
  ])
})
