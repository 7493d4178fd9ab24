import { randomBytes } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { Level } from '../../pipeline/event.ts'
import { toBusRecord, type LogRecord } from '../../pipeline/record.ts'
import { latenessMs } from '../../processors/measure-topic.ts'
import type { MeasurerOptions } from '../../processors/measure.ts'
import { bucketKey, decodePartition, type Partition } from '../../processors/partition.ts'
import { openBus, produceLines, record, someTime, until } from '../helpers/pipeline.ts'
import { readBuckets } from '../../pipeline/signal-records.ts'
import { dyingBus, keyOf, mark, measured, newest, openMeasuring, published } from './measuring.ts'

const errors = { from: 'logs', where: 'level:error', by: ['service'] } as const
const all = { from: 'logs', where: '', by: ['service'] } as const
const bySignal = { errors: { ...errors, by: [...errors.by] }, all: { ...all, by: [...all.by] } }

function open(t: ExecutionContext, bus: Bus, options: Partial<MeasurerOptions> = {}) {
  return openMeasuring(t, bus, { signals: bySignal, ...options })
}

/** The newest value of each bucket, added up over the partitions: `signal group from` → count. */
async function totals(bus: Bus): Promise<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const { signal, group, from, count } of await newest(bus)) {
    const key = `${signal} ${Object.values(group).join()} ${from - someTime}`
    sums[key] = (sums[key] ?? 0) + count
  }
  return sums
}

const level = fc.constantFrom<Level>('error', 'info', 'warn')
/** Pieces of the sources' sequences: levels and times belong to the sequence, so that a copy is the same. */
const deliveries = fc.record({
  levels: fc.array(level, { minLength: 5, maxLength: 30 }),
  jumps: fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 5, maxLength: 30 }),
  cuts: fc.array(
    fc.record({
      source: fc.integer({ min: 0, max: 3 }),
      first: fc.integer({ min: 0, max: 40 }),
      length: fc.integer({ min: 1, max: 12 }),
    }),
    { minLength: 1, maxLength: 25 },
  ),
  deaths: fc.array(fc.record({ at: fc.integer({ min: 1, max: 6 }), carriedOut: fc.boolean() }), {
    maxLength: 3,
  }),
})
type Deliveries = typeof deliveries extends fc.Arbitrary<infer T> ? T : never

function recordsOf({ levels, jumps, cuts }: Deliveries): LogRecord[] {
  const at = (values: number[], i: number) => values[i % values.length] as number
  return cuts.map(({ source, first, length }) => {
    const sequences = Array.from({ length }, (_, i) => first + i)
    return record({
      source: `s${source}`,
      identity: { service: `/${source % 2}` },
      first,
      levels: sequences.map((n) => levels[(n + source) % levels.length] as Level),
      times: sequences.map((n) => someTime + n * 300 + at(jumps, n)),
    })
  })
}

/** Each line once, counted from the documents' own times and levels. */
function offlineCount({ levels, jumps, cuts }: Deliveries): Record<string, number> {
  const counts: Record<string, number> = {}
  const seen = new Set<string>()
  for (const { source, first, length } of cuts) {
    for (let n = first; n < first + length; n++) {
      if (seen.has(`${source} ${n}`)) continue
      seen.add(`${source} ${n}`)
      const offset = n * 300 + (jumps[n % jumps.length] as number)
      const bucket = `/${source % 2} ${Math.floor(offset / 1000) * 1000}`
      const names = levels[(n + source) % levels.length] === 'error' ? ['errors', 'all'] : ['all']
      for (const name of names) counts[`${name} ${bucket}`] = (counts[`${name} ${bucket}`] ?? 0) + 1
    }
  }
  return counts
}

test('whatever comes twice and whenever it is killed, every bucket equals an offline count', async (t) => {
  await fc.assert(
    fc.asyncProperty(deliveries, async (scenario) => {
      const bus = await openBus(t)
      const records = recordsOf(scenario)
      const perLife = Math.ceil(records.length / (scenario.deaths.length + 1))
      for (const [life, { at, carriedOut }] of scenario.deaths.entries()) {
        const dying = dyingBus(bus, at, carriedOut)
        const doomed = open(t, dying)
        await produceLines(bus, ...records.slice(life * perLife, (life + 1) * perLife))
        await mark(bus, someTime + life)
        await Promise.race([dying.died, measured(bus)])
        await doomed.close()
      }
      const measurer = open(t, bus)
      await produceLines(bus, ...records.slice(scenario.deaths.length * perLife))
      await mark(bus, someTime + 100)
      await measured(bus)
      await measurer.close()

      t.deepEqual(await totals(bus), offlineCount(scenario))
      const { buckets, watermarks } = await published(bus)
      const newest = new Map<string, number>()
      for (const bucket of buckets) {
        t.true(bucket.count >= (newest.get(keyOf(bucket)) ?? 0), 'no count goes back')
        newest.set(keyOf(bucket), bucket.count)
      }
      const passed = new Map<number, number>()
      for (const { partition, through } of watermarks) {
        t.true(through >= (passed.get(partition) ?? -Infinity), 'no watermark goes back')
        passed.set(partition, through)
      }
      await bus.close()
    }),
    { numRuns: 12 },
  )
})

test('no value is published before the snapshot that holds it is written', async (t) => {
  const bus = await openBus(t)
  let snapshot: Partition | undefined
  let checked = 0
  open(t, {
    ...bus,
    async produce(topic, records) {
      const [first] = records
      if (topic === 'state' && first) snapshot = decodePartition(0, first.value, () => true)
      for (const { headers, value } of topic === 'signals' ? records : []) {
        if (headers?.['kind'] !== 'bucket') continue
        for (const bucket of readBuckets(value)) {
          t.is(snapshot?.buckets.get(bucketKey(bucket))?.count, bucket.count)
          checked++
        }
      }
      await bus.produce(topic, records)
    },
  })
  for (let first = 0; first < 5; first++) {
    await produceLines(bus, record({ source: 'a', identity: { service: '/web' }, first }))
    await measured(bus)
  }
  t.is(checked, 5)
})

test('signals count by level, by text and by several parts of the identity', async (t) => {
  const bus = await openBus(t)
  const measurer = open(t, bus, {
    signals: {
      errors: { from: 'logs', where: 'level:error', by: ['service', 'agent'] },
      timeouts: { from: 'logs', where: 'timeout', by: ['service'] },
      slow: { from: 'logs', where: 'level:error AND "took too long"', by: ['task'] },
      everything: { from: 'logs', where: '', by: [] },
    },
  })
  await produceLines(
    bus,
    record({
      source: 'a:o',
      identity: { service: '/web', agent: 'one', task: 't1' },
      levels: ['error', 'info', 'error', 'warn'],
      messages: ['took too long', 'took too long', 'a timeout', 'timeouts are many'],
    }),
    record({
      source: 'b:o',
      identity: { service: '/web', agent: 'two', task: 't2' },
      levels: ['error'],
      messages: ['Timeout: took  too long'],
    }),
  )
  await measured(bus)
  await measurer.close()
  t.deepEqual(await totals(bus), {
    'errors /web,one 0': 2,
    'errors /web,two 0': 1,
    'timeouts /web 0': 2,
    'slow t1 0': 1,
    'slow t2 0': 1,
    'everything  0': 5,
  })
})

test('a late line counts in its bucket while that is open, else it is counted as late', async (t) => {
  const bus = await openBus(t)
  const measurer = open(t, bus)
  const line = (first: number, ms: number) =>
    record({ source: 'a', identity: { service: '/web' }, first, times: [someTime + ms] })
  await produceLines(bus, line(0, 0))
  await mark(bus, someTime + latenessMs.logs)
  await measured(bus)
  await produceLines(bus, line(1, 10))
  await measured(bus)
  t.like(await totals(bus), { 'all /web 0': 2 })

  await mark(bus, someTime + latenessMs.logs + 5000)
  await measured(bus)
  await produceLines(bus, line(2, 20), line(3, 4000), line(4, 6000))
  await measured(bus)
  t.deepEqual(await totals(bus), { 'all /web 0': 2, 'all /web 6000': 1 })
  const { values } = await measurer.metrics.late_lines_total.get()
  t.deepEqual(values, [{ value: 2, labels: { signal: 'all' } }])

  await measurer.close()
  open(t, bus)
  await produceLines(bus, line(5, 4000))
  await measured(bus)
  t.false('all /web 4000' in (await totals(bus)), 'also the next owner knows what is closed')
})

test('the watermark is that of the slowest collector, never goes back, and goes on without the gone', async (t) => {
  let now = someTime
  const bus = await openBus(t, undefined, { now: () => now })
  const measurer = open(t, bus)
  const watermark = async () => {
    await measured(bus)
    return measurer.watermark()
  }
  t.is(await watermark(), undefined)
  await mark(bus, 1000, 'a')
  t.is(await watermark(), 1000)
  await mark(bus, 500, 'new, with old lines')
  t.is(await watermark(), 1000)
  await mark(bus, 3000, 'a')
  t.is(await watermark(), 1000)
  await mark(bus, 2000, 'new, with old lines')
  t.is(await watermark(), 2000)
  now += 9 * 60_000
  await mark(bus, 4000, 'a')
  t.is(await watermark(), 2000)
  now += 2 * 60_000
  await mark(bus, 5000, 'a')
  t.is(await watermark(), 5000, 'one that was not heard of for ten minutes is given up')
  await mark(bus, 2500, 'new, with old lines')
  t.is(await watermark(), 5000)
  await bus.produce('logs', [
    {
      key: 'mark',
      value: new Uint8Array(),
      headers: { kind: 'mark', collector: 'a', through: 'x' },
    },
  ])
  t.is(await watermark(), 5000)
})

test('sources are forgotten once the bus has forgotten them, and so the snapshot stays bounded', async (t) => {
  let now = someTime
  const bus = await openBus(t, undefined, { now: () => now })
  const measurer = open(t, bus, { rememberMs: 60_000 })
  const sources = (batch: number) =>
    Array.from({ length: 400 }, (_, i) => record({ source: `${batch}.${i}.${Math.random()}` }))
  const size = async () => {
    await measured(bus)
    const { latest } = await bus.snapshot('state')
    return latest.values().reduce((sum, { value }) => sum + value.length, 0)
  }
  await produceLines(bus, ...sources(0))
  const first = await size()
  for (let batch = 1; batch < 5; batch++) {
    now += 61_000
    await produceLines(bus, ...sources(batch))
    t.true((await size()) < first * 1.5)
  }
  await measurer.close()
})

test('a snapshot of more than 1 MiB is written and read', async (t) => {
  const bus = await openBus(t)
  const measurer = open(t, bus)
  const longName = () => randomBytes(1500).toString('base64')
  const records = Array.from({ length: 4000 }, () =>
    record({ source: longName(), identity: { service: '/web' } }),
  )
  await produceLines(bus, ...records)
  await measured(bus)
  await measurer.close()
  const { latest } = await bus.snapshot('state')
  for (const { value } of latest.values()) t.true(value.length > 2 ** 20)

  open(t, bus)
  await produceLines(
    bus,
    ...records.slice(0, 100),
    record({ source: 'new', identity: { service: '/web' } }),
  )
  await measured(bus)
  t.deepEqual(await totals(bus), { 'all /web 0': 4001 })
})

test('too many open buckets: the oldest are closed, and what comes for them is counted as late', async (t) => {
  const bus = await openBus(t)
  const maxOpenBuckets = 500
  const measurer = open(t, bus, { signals: { all: bySignal.all }, maxOpenBuckets })
  const times = Array.from({ length: maxOpenBuckets + 100 }, (_, i) => someTime + i * 1000)
  const messages = times.map(() => 'x')
  await produceLines(bus, record({ source: 'a', times, messages }))
  await measured(bus)
  await produceLines(bus, record({ source: 'a', first: messages.length, times: [someTime] }))
  await measured(bus)
  const sums = await totals(bus)
  t.is(Object.keys(sums).length, times.length, 'all were published before')
  t.is(sums['all unresolved 0'], 1)
  t.is((await measurer.metrics.late_lines_total.get()).values[0]?.value, 1)
})

test('what cannot be read stops nothing', async (t) => {
  const bus = await openBus(t)
  const measurer = open(t, bus, {
    signals: { ...bySignal, words: { from: 'logs', where: 'line', by: ['service'] } },
  })
  const good = toBusRecord(record({ source: 'a', identity: { service: '/web' } }))
  const head = good.headers.head
  await bus.produce('logs', [
    { ...good, headers: {} },
    { ...good, headers: { kind: 'lines', head: '{"v":1}' } },
    {
      ...good,
      headers: { kind: 'lines', head: head.replace('"source":"a"', '"source":"b"') },
      value: Buffer.from('no zstd'),
    },
    good,
  ])
  await measured(bus)
  t.is(measurer.trouble(), undefined)
  t.is((await totals(bus))['words /web 0'], 1)
})

test('a bus that refuses is told, and tried until it works', async (t) => {
  const bus = await openBus(t)
  let refuses = true
  const measurer = open(t, {
    ...bus,
    produce: (topic, records) =>
      refuses ? Promise.reject(new Trouble('the bus is full')) : bus.produce(topic, records),
  })
  await produceLines(bus, record({ source: 'a', identity: { service: '/web' } }))
  await until('trouble is told', () => measurer.trouble() === 'the bus is full')
  t.is((await bus.committed('measure', 'logs')).get(0) ?? 0, 0)
  refuses = false
  await measured(bus)
  t.is(measurer.trouble(), undefined)
  t.deepEqual(await totals(bus), { 'all /web 0': 1 })
})

test('partitions that go to another member and back are counted once', async (t) => {
  const bus = await openBus(t)
  const one = open(t, bus)
  const lines = (first: number) =>
    Array.from({ length: 8 }, (_, i) =>
      record({ source: `s${i}`, identity: { service: '/web' }, first, levels: ['error', 'info'] }),
    )
  await produceLines(bus, ...lines(0))
  await mark(bus, 1000)
  const other = open(t, bus)
  await produceLines(bus, ...lines(2), ...lines(0))
  await mark(bus, 2000)
  await measured(bus)
  t.is(one.watermark(), 2000)
  t.is(other.watermark(), 2000)
  await other.close()
  t.is(other.watermark(), undefined)
  await produceLines(bus, ...lines(4), ...lines(2))
  await mark(bus, 3000)
  await measured(bus)
  t.deepEqual(await totals(bus), { 'all /web 0': 48, 'errors /web 0': 24 })
  t.is(one.watermark(), 3000)
  const newest = new Map<string, number>()
  for (const bucket of (await published(bus)).buckets) {
    t.true(bucket.count >= (newest.get(keyOf(bucket)) ?? 0))
    newest.set(keyOf(bucket), bucket.count)
  }
})
