import test from 'ava'
import type { SignalBucket } from '../../pipeline/event.ts'
import { openSignalGrid, type SignalGridOptions } from '../../pipeline/signal-grid.ts'
import type { SignalRecord } from '../../pipeline/signal-records.ts'
import type { SignalDeclaration, SignalTopic } from '../../pipeline/signals.ts'

const partitions = (topic: SignalTopic) => ({ logs: 2, metrics: 2, changes: 1 })[topic]
const declared = (signal: Partial<SignalDeclaration> = {}): SignalDeclaration => ({
  from: 'logs',
  where: '',
  measure: 'count',
  overMs: 20,
  by: ['service'],
  ...signal,
})
const ofMetrics = declared({ from: 'metrics', metric: 'm', measure: 'avg' })
const group = { service: '/a' }
const key = '{"service":"/a"}'

function open(options: Partial<SignalGridOptions> = {}) {
  const grid = openSignalGrid({
    signals: { s: declared() },
    intervalMs: 10,
    partitions,
    ...options,
  })
  let offset = 0
  const take = (kind: string, value: unknown) => {
    const record: SignalRecord = {
      offset: offset++,
      headers: { kind },
      value: Buffer.from(JSON.stringify(value)),
    }
    return grid.take([record])
  }
  const watermark = (through: number, topic: SignalTopic = 'logs') =>
    Array.from({ length: partitions(topic) }, (_, partition) =>
      take('watermark', { topic, partition, through }),
    )
  const bucket = (from: number, more: Partial<SignalBucket> = {}) =>
    take('bucket', [
      {
        signal: 's',
        group,
        from,
        to: from + 10,
        partition: 0,
        count: 1,
        lastMs: from + 5,
        ...more,
      },
    ])
  /** The times that are due now, each done. */
  const steps = () => {
    const times: number[] = []
    for (let due = grid.next(); due; due = grid.next()) {
      times.push(due.ts)
      grid.done(due.ts)
    }
    return times
  }
  return { ...grid, take, watermark, bucket, steps }
}

test('times are due once every partition of every topic that a signal reads was measured up to them', (t) => {
  const both = { a: declared(), b: ofMetrics }
  const { take, watermark, steps, slowest } = open({ signals: both })
  watermark(30)
  t.deepEqual(steps(), [])
  t.deepEqual(slowest(), { topic: 'metrics', partition: 0, through: undefined })
  take('watermark', { topic: 'metrics', partition: 0, through: 25 })
  t.deepEqual(steps(), [])
  take('watermark', { topic: 'metrics', partition: 1, through: 45 })
  t.deepEqual(steps(), [20])
  t.deepEqual(slowest(), { topic: 'metrics', partition: 0, through: 25 })
  take('watermark', { topic: 'metrics', partition: 0, through: 45 })
  t.deepEqual(steps(), [30])
  watermark(51)
  t.deepEqual(steps(), [40])
})

test('nothing waits for a topic that no signal reads', (t) => {
  const { watermark, steps, measuredThrough } = open()
  t.deepEqual(watermark(5, 'metrics').flat(), [])
  watermark(30)
  watermark(8, 'changes')
  t.is(measuredThrough(), 30)
  t.deepEqual(steps(), [30])
})

test('watermarks without a topic, as 0.1.0 wrote them, are those of logs', (t) => {
  const { take, steps } = open()
  for (const partition of [0, 1]) take('watermark', { partition, through: 30 })
  t.deepEqual(steps(), [30])
})

test('a time stays due until it is done, and its values are made once', (t) => {
  const { bucket, watermark, next, done, through } = open()
  bucket(0)
  watermark(10)
  const first = next()
  t.is(first?.ts, 10)
  t.is(next()?.ts, 10)
  t.is(first?.valuesOf('s').get(key)?.value, 1)
  t.is(first?.valuesOf('s'), first?.valuesOf('s'))
  t.is(first?.valuesOf('other').size, 0)
  t.is(through(), undefined)
  done(10)
  t.is(through(), 10)
  t.is(next(), undefined)
})

test('a stretch that is too long to catch up is skipped, and told', (t) => {
  const { watermark, next, steps } = open({
    catchUpMs: 50,
    restored: { through: 100 },
  })
  watermark(1005)
  t.like(next(), { ts: 950, skippedFrom: 110 })
  t.deepEqual(steps(), [950, 960, 970, 980, 990, 1000])
})

test('measuring has to be the allowance further', (t) => {
  const { watermark, steps } = open({ lagAllowanceMs: 15 })
  watermark(44)
  t.deepEqual(steps(), [20])
  watermark(45)
  t.deepEqual(steps(), [30])
})

test('an interruption of any topic that is read shows no absence before its end', (t) => {
  const absent = declared({ from: 'metrics', metric: 'm', measure: 'absent' })
  const { bucket, watermark, next, done, watched } = open({
    signals: { s: absent, a: declared() },
    watchGapMs: 30,
    restored: { through: 0 },
  })
  bucket(0)
  watermark(1000)
  watermark(20, 'metrics')
  t.is(watched(), undefined)
  done(20)
  watermark(60, 'metrics')
  t.is(watched()?.since, 60)
  t.like(next()?.valuesOf('s').get(key), { value: 1, unknown: true })
})

test('reading may begin where a bucket is still needed', (t) => {
  const { bucket, watermark, next, done, neededFrom } = open()
  bucket(0)
  bucket(40)
  watermark(10)
  t.is(neededFrom(99), 0)
  done(next()?.ts ?? 0)
  t.is(neededFrom(99), 0, 'the first window is not over')
  watermark(40)
  for (const ts of [20, 30, 40]) done(ts)
  t.is(neededFrom(99), 1)
  done(70)
  t.is(neededFrom(99), 99)
})

test('what was measured of samples is no longer seen, lines that fell silent are told once', (t) => {
  const absent = declared({ measure: 'absent' })
  const { bucket, watermark, done } = open({ signals: { s: absent, m: ofMetrics } })
  bucket(0)
  bucket(0, { signal: 'm', values: { sum: 1, min: 1, max: 1, last: 1 } })
  watermark(10)
  watermark(10, 'metrics')
  t.deepEqual(done(10), { silent: [], forgotten: [] })
  t.deepEqual(done(40), { silent: [{ signal: 's', group, lastMs: 5 }], forgotten: [] })
  t.deepEqual(done(50), { silent: [], forgotten: [] })
})

test('what is no record of signals is named and stops nothing', (t) => {
  const { take, watermark, steps } = open()
  t.regex(take('bucket', { not: 'a list' })[0]?.reason ?? '', /not a list/)
  t.regex(take('bucket', [{ signal: 's' }])[0]?.reason ?? '', /not a bucket/)
  t.regex(take('watermark', { partition: 9, through: 1 })[0]?.reason ?? '', /partition 9/)
  t.regex(take('other', {})[0]?.reason ?? '', /unknown kind/)
  watermark(10)
  t.deepEqual(steps(), [10])
})
