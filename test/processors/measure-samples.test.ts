import { zstdCompressSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { Bus } from '../../pipeline/bus/bus.ts'
import type { SignalBucket } from '../../pipeline/event.ts'
import { encodeBody } from '../../pipeline/record.ts'
import { encodeSamples, samplesToBus, type SampleRecord } from '../../pipeline/sample.ts'
import type { CountedSignal } from '../../processors/buckets.ts'
import { latenessMs } from '../../processors/measure-topic.ts'
import type { MeasurerOptions } from '../../processors/measure.ts'
import { decodePartition } from '../../processors/partition.ts'
import { jsonOf, openBus, produceLines, record, someTime, until } from '../helpers/pipeline.ts'
import { sample, samplesOf } from '../helpers/samples.ts'
import {
  dyingBus,
  keyOf,
  mark,
  measured,
  newest,
  openMeasuring,
  published,
  type PublishedWatermark,
} from './measuring.ts'

const metric = 'container.cpu.usage'
const cpu: CountedSignal = { from: 'metrics', metric, where: '', by: ['service'] }

function open(t: ExecutionContext, bus: Bus, options: Partial<MeasurerOptions> = {}) {
  return openMeasuring(t, bus, { signals: { cpu }, ...options })
}

const produce = (bus: Bus, ...records: SampleRecord[]) =>
  bus.produce('metrics', records.map(samplesToBus))

/** `signal group from` → what was measured, over the partitions. */
async function totals(bus: Bus): Promise<Record<string, unknown>> {
  const groups = Map.groupBy(await newest(bus), ({ signal, group, from }) =>
    [signal, Object.values(group).join(), from - someTime].join(' '),
  )
  return Object.fromEntries(
    [...groups].map(([key, parts]) => [key, merge(parts.toSorted((a, b) => b.lastMs - a.lastMs))]),
  )
}

/** The newest comes first. */
function merge(parts: SignalBucket[]) {
  const all = parts.map(({ values }) => values ?? { sum: NaN, min: NaN, max: NaN, last: NaN })
  return {
    count: parts.reduce((sum, { count }) => sum + count, 0),
    sum: all.reduce((total, { sum }) => total + sum, 0),
    min: Math.min(...all.map(({ min }) => min)),
    max: Math.max(...all.map(({ max }) => max)),
    last: all[0]?.last,
    lastMs: (parts[0]?.lastMs ?? 0) - someTime,
  }
}

test('a sample counts in the bucket of its time: number, sum, extremes and the newest', async (t) => {
  const bus = await openBus(t)
  open(t, bus)
  const at = (ms: number, value: number, sequence: number) =>
    sample({ source: 'a', sequence, at: someTime + ms, metrics: { [metric]: value, other: 9 } })
  const docs = [at(10, 2, 0), at(900, 0.5, 1), at(400, 4, 2), at(1000, 1, 3)]
  await produce(bus, encodeSamples(docs, { source: 'a', lineage: 'l' }))
  await measured(bus, 'metrics')
  t.deepEqual(await totals(bus), {
    'cpu /web 0': { count: 3, sum: 6.5, min: 0.5, max: 4, last: 0.5, lastMs: 900 },
    'cpu /web 1000': { count: 1, sum: 1, min: 1, max: 1, last: 1, lastMs: 1000 },
  })
})

test('signals take their metric of the samples they want, by several parts of the identity', async (t) => {
  const bus = await openBus(t)
  const memory = 'container.memory.usage'
  open(t, bus, {
    signals: {
      cpu: { ...cpu, by: ['service', 'task'] },
      of_agent: { ...cpu, where: 'agent:one AND NOT service:"/db"' },
      memory: { ...cpu, metric: memory },
      errors: { from: 'logs', where: 'level:error', by: ['service'] },
      deaths: { from: 'changes', where: '', by: ['service'] },
    },
  })
  const docs = [
    sample({ source: 'a', sequence: 0, identity: { service: '/web', task: 't1', agent: 'one' } }),
    sample({ source: 'a', sequence: 1, identity: { service: '/web', task: 't2', agent: 'two' } }),
    sample({ source: 'a', sequence: 2, identity: { service: '/db', agent: 'one' } }),
    sample({ source: 'a', sequence: 3, identity: {}, metrics: { [memory]: 7 } }),
    {
      ...sample({ source: 'a', sequence: 4 }),
      'service.name': { not: 'a text' },
      'mesos.task.id': '',
    },
  ]
  await produce(bus, encodeSamples(docs, { source: 'a', lineage: 'l' }))
  await measured(bus, 'metrics')
  const found = (await newest(bus)).map(({ signal, group, count, values }) =>
    [signal, JSON.stringify(group), count, values?.sum].join(' '),
  )
  t.deepEqual(found.toSorted(), [
    'cpu {"service":"/db"} 1 0.5',
    'cpu {"service":"/web","task":"t1"} 1 0.5',
    'cpu {"service":"/web","task":"t2"} 1 0.5',
    'cpu {"service":"unresolved"} 1 0.5',
    'memory {"service":"unresolved"} 1 7',
    'of_agent {"service":"/web"} 1 0.5',
  ])
})

test('what is known of a task is added before its samples are chosen and counted', async (t) => {
  const bus = await openBus(t)
  open(t, bus, {
    signals: { cpu: { ...cpu, where: 'owner:ada' } },
    complete: (identity) =>
      identity.task === 't1' ? { ...identity, service: '/web', owner: 'ada' } : identity,
  })
  const docs = ['t1', 't2'].map((task, sequence) =>
    sample({ source: 'a', sequence, identity: { task } }),
  )
  await produce(bus, encodeSamples(docs, { source: 'a', lineage: 'l' }))
  await measured(bus, 'metrics')
  t.deepEqual(Object.keys(await totals(bus)), ['cpu /web 0'])
})

/** Pieces of the sources' sequences: times belong to the sequence and values to the time, so that a copy is the same. */
const deliveries = fc.record({
  jumps: fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 5, maxLength: 30 }),
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

/** No two sources take a sample at the same time. */
const timeOf = ({ jumps }: Deliveries, source: number, n: number) =>
  (n * 40 + (jumps[n % jumps.length] as number)) * 4 + source
/** Eighths: their sums are exact in whatever order. */
const valueAt = (ms: number) => ((ms * 7) % 512) / 8 - 20

function recordsOf(scenario: Deliveries): SampleRecord[] {
  return scenario.cuts.map(({ source, first, length }) => {
    const name = `s${source}`
    const docs = Array.from({ length }, (_, i) => {
      const ms = timeOf(scenario, source, first + i)
      return sample({
        source: name,
        sequence: first + i,
        at: someTime + ms,
        identity: { service: `/${source % 2}` },
        metrics: { [metric]: valueAt(ms) },
      })
    })
    return encodeSamples(docs, { source: name, lineage: 'l' })
  })
}

/** Each sample once, measured from what was taken. */
function offline(scenario: Deliveries): Record<string, unknown> {
  const seen = new Set<string>()
  const taken: { key: string; ms: number }[] = []
  for (const { source, first, length } of scenario.cuts) {
    for (let n = first; n < first + length; n++) {
      if (seen.has(`${source} ${n}`)) continue
      seen.add(`${source} ${n}`)
      const ms = timeOf(scenario, source, n)
      taken.push({ key: `cpu /${source % 2} ${Math.floor(ms / 1000) * 1000}`, ms })
    }
  }
  const groups = Map.groupBy(taken, ({ key }) => key)
  return Object.fromEntries(
    [...groups].map(([key, members]) => {
      const values = members.map(({ ms }) => valueAt(ms))
      const lastMs = Math.max(...members.map(({ ms }) => ms))
      const sum = values.reduce((total, value) => total + value, 0)
      const [min, max] = [Math.min(...values), Math.max(...values)]
      return [key, { count: values.length, sum, min, max, last: valueAt(lastMs), lastMs }]
    }),
  )
}

test('whatever comes twice and whenever it is killed, every bucket equals an offline one', async (t) => {
  await fc.assert(
    fc.asyncProperty(deliveries, async (scenario) => {
      const bus = await openBus(t)
      const records = recordsOf(scenario)
      const perLife = Math.ceil(records.length / (scenario.deaths.length + 1))
      for (const [life, { at, carriedOut }] of scenario.deaths.entries()) {
        const dying = dyingBus(bus, at, carriedOut)
        const doomed = open(t, dying)
        await produce(bus, ...records.slice(life * perLife, (life + 1) * perLife))
        await mark(bus, someTime + life, 'c', 'metrics')
        await Promise.race([dying.died, measured(bus, 'metrics')])
        await doomed.close()
      }
      const measurer = open(t, bus)
      await produce(bus, ...records.slice(scenario.deaths.length * perLife))
      await mark(bus, someTime + 100, 'c', 'metrics')
      await measured(bus, 'metrics')
      await measurer.close()

      t.deepEqual(await totals(bus), offline(scenario))
      const { buckets, watermarks } = await published(bus)
      const counts = new Map<string, number>()
      for (const bucket of buckets) {
        t.true(bucket.count >= (counts.get(keyOf(bucket)) ?? 0), 'no count goes back')
        counts.set(keyOf(bucket), bucket.count)
      }
      const passed = new Map<number, number>()
      for (const { topic, partition, through } of watermarks) {
        t.is(topic, 'metrics')
        t.true(through >= (passed.get(partition) ?? -Infinity), 'no watermark goes back')
        passed.set(partition, through)
      }
      await bus.close()
    }),
    { numRuns: 12 },
  )
})

test('a new owner goes on from the snapshot, and what comes again is known', async (t) => {
  const bus = await openBus(t)
  const first = open(t, bus)
  const [one, two] = [
    samplesOf({ source: 'a' }, [1, 5]),
    samplesOf({ source: 'a', sequence: 2, at: someTime + 7 }, [3]),
  ]
  await produce(bus, one)
  await measured(bus, 'metrics')
  await first.close()
  await produce(bus, one, two, two)
  open(t, bus)
  await measured(bus, 'metrics')
  t.deepEqual(await totals(bus), {
    'cpu /web 0': { count: 3, sum: 9, min: 1, max: 5, last: 3, lastMs: 7 },
  })
})

test('a late sample corrects its bucket while that is open, else it is counted as late', async (t) => {
  const bus = await openBus(t)
  const measurer = open(t, bus)
  const at = (sequence: number, ms: number, value: number) =>
    samplesOf({ source: 'a', sequence, at: someTime + ms }, [value])
  await produce(bus, at(0, 500, 8))
  await mark(bus, someTime + latenessMs.metrics, 'c', 'metrics')
  await measured(bus, 'metrics')
  await produce(bus, at(1, 10, 2))
  await measured(bus, 'metrics')
  const corrected = { count: 2, sum: 10, min: 2, max: 8, last: 8, lastMs: 500 }
  t.deepEqual(await totals(bus), { 'cpu /web 0': corrected })

  await mark(bus, someTime + latenessMs.metrics + 5000, 'c', 'metrics')
  await measured(bus, 'metrics')
  await produce(bus, at(2, 20, 1))
  await measured(bus, 'metrics')
  await measurer.close()
  open(t, bus)
  await produce(bus, at(3, 30, 1))
  await measured(bus, 'metrics')
  t.deepEqual(await totals(bus), { 'cpu /web 0': corrected })
  const { values } = await measurer.metrics.late_lines_total.get()
  t.deepEqual(values, [{ value: 1, labels: { signal: 'cpu' } }])
})

test('the watermark is that of all topics that a signal is measured from', async (t) => {
  const bus = await openBus(t)
  const lines: CountedSignal = { from: 'logs', where: '', by: ['service'] }
  const measurer = open(t, bus, {
    signals: { cpu, lines, changes: { ...lines, from: 'changes' } },
  })
  const marked = async (through: number, topic: 'logs' | 'metrics' | 'changes') => {
    await mark(bus, through, 'c', topic)
    await measured(bus, topic)
    return measurer.watermark()
  }
  t.is(await marked(1000, 'logs'), undefined)
  t.is(await marked(2000, 'metrics'), undefined)
  t.is(await marked(3000, 'changes'), 1000)
  t.is(await marked(5000, 'logs'), 2000)
  t.is(await marked(6000, 'metrics'), 3000)
  const { watermarks } = await published(bus)
  const told = new Map(
    watermarks.map(({ topic, partition, through }) => [`${topic} ${partition}`, through]),
  )
  t.deepEqual(Object.fromEntries(told), {
    'logs 0': 5000,
    'logs 1': 5000,
    'logs 2': 5000,
    'logs 3': 5000,
    'metrics 0': 6000,
    'metrics 1': 6000,
    'changes 0': 3000,
  })
})

test('a topic that no signal is measured from is not read', async (t) => {
  const bus = await openBus(t)
  const measurer = open(t, bus)
  await produceLines(bus, record({ source: 'a' }))
  await mark(bus, 1000)
  await produce(bus, samplesOf({ source: 'a' }, 1))
  await mark(bus, 2000, 'c', 'metrics')
  await measured(bus, 'metrics')
  t.is(measurer.watermark(), undefined, 'samples may end: that is told by changes')
  await mark(bus, 3000, 'c', 'changes')
  await measured(bus, 'changes')
  t.is(measurer.watermark(), 2000)
  t.deepEqual(await bus.committed('measure', 'logs'), new Map())
})

test('without samples nobody asks for the ends of tasks', async (t) => {
  const bus = await openBus(t)
  const measurer = open(t, bus, { signals: { lines: { from: 'logs', where: '', by: [] } } })
  await mark(bus, 1000)
  await measured(bus)
  t.is(measurer.watermark(), 1000)
  t.deepEqual(await bus.committed('measure', 'changes'), new Map())
})

test('a topic that signals were measured from and are no more does not fill the bus', async (t) => {
  const bus = await openBus(t)
  const first = open(t, bus)
  await produce(bus, samplesOf({ source: 'a' }, 1))
  await measured(bus, 'metrics')
  await first.close()
  const without = open(t, bus, { signals: { lines: { from: 'logs', where: '', by: [] } } })
  await produce(bus, samplesOf({ source: 'a', sequence: 1 }, 1))
  await measured(bus, 'metrics')
  await without.close()
  open(t, bus)
  await produce(bus, samplesOf({ source: 'a', sequence: 2 }, 1))
  await measured(bus, 'metrics')
  t.like(
    await totals(bus),
    { 'cpu /web 0': { count: 3 } },
    'and is measured from where it was left',
  )
})

test('marks alone write no snapshot; who takes over knows how far they went', async (t) => {
  const bus = await openBus(t)
  const first = open(t, bus)
  await produce(bus, samplesOf({ source: 'a' }, [1]), samplesOf({ source: 'b' }, [1]))
  await measured(bus, 'metrics')
  const snapshots = async () => {
    const { latest } = await bus.snapshot('state')
    return [...latest].flatMap(([key, { offset }]) =>
      /^measure:metrics:\d$/.test(key) ? offset : [],
    )
  }
  const before = await snapshots()
  for (let ms = 1000; ms <= 5000; ms += 1000) {
    await mark(bus, someTime + latenessMs.metrics + ms, 'c', 'metrics')
    await measured(bus, 'metrics')
  }
  t.deepEqual(await snapshots(), before)
  await first.close()

  const end = (await bus.ends('signals'))[0] ?? 0
  await mark(bus, someTime + 2 * latenessMs.metrics, 'c', 'changes')
  const next = open(t, bus)
  const wentTo = someTime + latenessMs.metrics + 5000
  await until('it knows how far they are', () => next.watermark() === wentTo)
  await produce(bus, samplesOf({ source: 'a', sequence: 1, at: someTime + 4000 }, [9]))
  await measured(bus, 'metrics')
  t.false('cpu /web 4000' in (await totals(bus)), 'it knows what is closed')
  const batch = await bus.read('signals', 0, end, { maxBytes: 2 ** 20 })
  const told = batch.records.filter(({ headers }) => headers['kind'] === 'watermark').map(jsonOf)
  for (const { topic, through } of told as PublishedWatermark[]) {
    if (topic === 'metrics') t.is(through, wentTo, 'and does not go back')
  }
})

test('what cannot be read stops nothing', async (t) => {
  const bus = await openBus(t)
  const measurer = open(t, bus)
  const good = samplesToBus(samplesOf({ source: 'a' }, 2))
  const mixed = [
    JSON.stringify(sample({ source: 'b', sequence: 0 })),
    '{"metrics"',
    JSON.stringify(sample({ source: 'b', sequence: 2 })).replace('0.5', '1e999'),
  ]
  await bus.produce('metrics', [
    { ...good, headers: {} },
    {
      ...good,
      headers: { ...good.headers, head: good.headers.head.replace('"a"', '"c"') },
      value: Buffer.from('x'),
    },
    {
      ...samplesToBus(samplesOf({ source: 'b' }, 3)),
      value: encodeBody(Buffer.from(mixed.map((line) => `${line}\n`).join(''))),
    },
    good,
  ])
  await measured(bus, 'metrics')
  t.is(measurer.trouble(), undefined)
  t.like(await totals(bus), { 'cpu /web 0': { count: 3, sum: 1.5 } })
})

test('a snapshot that 0.1.0 has left is gone on from', async (t) => {
  const bus = await openBus(t)
  const lines: CountedSignal = { from: 'logs', where: '', by: ['service'] }
  const one = record({ source: 'a', identity: { service: '/web' }, messages: ['x', 'y'] })
  await produceLines(bus, one)
  const position = await bus.ends('logs')
  const number = position.findIndex((end) => end === 1)
  const bucket = {
    signal: 'lines',
    group: { service: '/web' },
    from: someTime,
    to: someTime + 1000,
  }
  const snapshot = {
    v: 1,
    position: 1,
    collectors: [['c', { through: someTime, seenMs: 1 }]],
    watermark: someTime,
    marks: [['a l', [[0, 1]], 1]],
    buckets: [
      { ...bucket, partition: number, count: 2, lastMs: someTime },
      { ...bucket, signal: 'cpu', partition: number, count: 9, lastMs: someTime },
    ],
    closedBefore: someTime - 5000,
  }
  const value = zstdCompressSync(JSON.stringify(snapshot))
  await bus.produce('state', [{ key: `measure:${number}`, value }])
  open(t, bus, { signals: { lines, cpu } })
  await produceLines(
    bus,
    one,
    record({ source: 'a', identity: { service: '/web' }, first: 2 }),
    record({ source: 'a', identity: { service: '/web' }, first: 3, times: [someTime - 6000] }),
  )
  await measured(bus)
  const found = await newest(bus)
  t.deepEqual(
    found.map(({ signal, count }) => [signal, count]),
    [['lines', 3]],
    'what came before is known, what is closed stays so, and a signal of another topic is none',
  )
  const { latest } = await bus.snapshot('state')
  const written = latest.get(`measure:${number}`)?.value ?? new Uint8Array()
  t.is(decodePartition(number, written, () => true).position, 4)
})
