import test from 'ava'
import { manualClock } from '../../pipeline/clock.ts'
import type { SignalBucket } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { isWatermark, readBuckets, readWatermark } from '../../pipeline/signal-records.ts'
import type { MeasurerOptions } from '../../processors/measure.ts'
import {
  inHindsight,
  measuredAgain,
  recordedSignals,
  type Recorded,
} from '../../processors/recorded.ts'
import { openRemeasurer } from '../../processors/remeasure.ts'
import { nothingKnown } from '../../processors/resolve.ts'
import { openBus, produceLines, record, someTime, tempDir } from '../helpers/pipeline.ts'
import { keyOf, mark, measured, newest, openMeasuring } from './measuring.ts'

const signals: MeasurerOptions['signals'] = {
  all: { from: 'logs', where: '', by: ['service'] },
  errors: { from: 'logs', where: 'level:error', by: ['service'] },
}

async function collect(recorded: AsyncIterable<Recorded>) {
  const all: Recorded[] = []
  for await (const one of recorded) all.push(one)
  const records = all.flatMap((one) => one.records)
  const last = new Map<string, SignalBucket>()
  for (const one of records.filter((record) => !isWatermark(record))) {
    for (const bucket of readBuckets(one.value)) last.set(keyOf(bucket), bucket)
  }
  return { records, last, progress: all.map(({ progress }) => progress) }
}

const sorted = (buckets: Iterable<SignalBucket>) =>
  [...buckets].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))

/** Lines of four services over a minute, some late, with marks each second. */
async function openPast(t: Parameters<typeof openBus>[0]) {
  const clock = manualClock(someTime)
  const bus = await openBus(t, await tempDir(t), clock)
  openMeasuring(t, bus, { signals })
  for (let second = 0; second < 60; second++) {
    const lateBy = second % 7 === 3 ? 5000 : 0
    await produceLines(
      bus,
      ...['a', 'b', 'c', 'd'].map((name) =>
        record({
          source: `${name}:o`,
          identity: { service: `/${name}` },
          first: second * 2,
          levels: ['info', second % 3 === 0 ? 'error' : 'info'],
          times: [someTime + second * 1000 - lateBy],
        }),
      ),
    )
    clock.set(clock.now() + 500)
    await mark(bus, someTime + second * 1000)
    clock.set(clock.now() + 500)
    if (second === 29) await measured(bus)
  }
  await measured(bus)
  return bus
}

const remeasurer = () =>
  openRemeasurer({
    signals,
    resolutionMs: 1000,
    catalog: nothingKnown,
    metrics: openMetrics(),
    log: silentLog,
  })

test('what is measured again is what was measured then', async (t) => {
  const bus = await openPast(t)
  const again = await collect(measuredAgain(bus, remeasurer(), 0))
  t.deepEqual(sorted(again.last.values()), sorted(await newest(bus)))
  t.is(again.progress.at(-1), 1)
  const marks = again.records.filter(isWatermark)
  t.is(
    readWatermark(marks.at(-1)?.value ?? new Uint8Array(), bus.partitions).through,
    someTime + 59_000,
  )
})

test('what was recorded is read from a time on', async (t) => {
  const bus = await openPast(t)
  const whole = await collect(recordedSignals(bus, 0))
  const [end = 0] = await bus.ends('signals')
  t.is(whole.records.length, end)
  const half = await collect(recordedSignals(bus, someTime + 30_000))
  t.true(half.records.length > 0 && half.records.length < end)
  const [first] = half.records
  const [before] = (await bus.read('signals', 0, (first?.offset ?? 0) - 1, { maxBytes: 1 })).records
  t.true((before?.time ?? Infinity) < someTime + 30_000)
  t.deepEqual((await collect(recordedSignals(bus, someTime + 3_600_000))).records, [])
})

test('in hindsight nothing is late: the last value of each bucket, once, in the order of time', async (t) => {
  const bus = await openPast(t)
  const seen = await collect(
    inHindsight(recordedSignals(bus, 0), {
      isWanted: (signal) => signal === 'errors',
      partitions: bus.partitions,
      topics: ['logs'],
    }),
  )
  const errors = (await newest(bus)).filter(({ signal }) => signal === 'errors')
  t.deepEqual(sorted(seen.last.values()), sorted(errors))
  let through = -Infinity
  let count = 0
  for (const one of seen.records) {
    if (isWatermark(one)) through = readWatermark(one.value, bus.partitions).through
    else {
      for (const { to } of readBuckets(one.value)) {
        t.true(to > through, 'it comes before its time is passed')
        count++
      }
    }
  }
  t.is(count, errors.length)
  t.is(through, someTime + 59_000)
})
