import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { Bus } from '../../pipeline/bus/bus.ts'
import type { Identity } from '../../pipeline/identity.ts'
import {
  openSignalBoard,
  type SignalDeclaration,
  type SignalDeclarations,
} from '../../pipeline/signals.ts'
import { samplesToBus } from '../../pipeline/sample.ts'
import type { MeasurerOptions } from '../../processors/measure.ts'
import { openBus, produceLines, record, someTime, type Lines } from '../helpers/pipeline.ts'
import { samplesOf } from '../helpers/samples.ts'
import { dyingBus, mark, measured, newest, openMeasuring } from './measuring.ts'

/* Fields of lines as numbers, how they are distributed, how many different ones there are, and counters. */

const minute = 60_000
const ofLines = {
  from: 'logs',
  where: '',
  overMs: minute,
  by: ['service'],
} satisfies Partial<SignalDeclaration>

const fields: SignalDeclarations = {
  mean: { ...ofLines, field: 'ms', measure: 'avg' },
  slowest: { ...ofLines, field: 'ms', measure: 'max', where: 'path:"/cart"' },
  p50: { ...ofLines, field: 'ms', measure: 'p50' },
  p99: { ...ofLines, field: 'ms', measure: 'p99' },
  users: { ...ofLines, field: 'user.id', measure: 'cardinality' },
}

const web: Identity = { service: '/web' }
const line = (more: object) => JSON.stringify({ msg: 'served', ...more })

function lines(source: string, first: number, messages: string[], more: Partial<Lines> = {}) {
  return record({ source, first, messages, identity: web, ...more })
}

/** Each signal a minute after the lines, by group. */
async function values(bus: Bus, signals: SignalDeclarations, ts = someTime + minute) {
  const board = openSignalBoard(signals)
  for (const bucket of await newest(bus)) board.put(bucket)
  const found: Record<string, number> = {}
  for (const name of Object.keys(signals)) {
    for (const { group, value } of board.valuesAt(name, ts).values()) {
      found[`${name} ${Object.values(group).join()}`] = value
    }
  }
  return found
}

function open(
  t: ExecutionContext,
  bus: Bus,
  signals: SignalDeclarations = fields,
  more: Partial<MeasurerOptions> = {},
) {
  return openMeasuring(t, bus, { signals, ...more })
}

async function unusable({ metrics }: ReturnType<typeof open>) {
  const { values } = await metrics.unusable_values_total.get()
  return Object.fromEntries(values.map(({ labels, value }) => [labels['signal'], value]))
}

test('a field is measured of the lines that have it; one that is no number is counted as such', async (t) => {
  const bus = await openBus(t)
  const measuring = open(t, bus)
  await produceLines(
    bus,
    lines('a:o', 0, [
      line({ ms: 10, path: '/cart', user: { id: 'u1' } }),
      line({ ms: '30', path: '/pay', user: { id: 'u2' } }),
      line({ ms: 'soon', path: '/cart', user: { id: 'u1' } }),
      line({ ms: null, path: '/cart' }),
      'GET /cart in 10 ms',
      line({ path: '/cart', user: { id: { name: 'u3' } } }),
    ]),
  )
  await measured(bus)
  const { 'p50 /web': p50 = NaN, ...found } = await values(bus, fields)
  t.like(found, { 'mean /web': 20, 'slowest /web': 10, 'users /web': 2 })
  t.true(Math.abs(p50 - 10) <= 0.1, `${p50}`)
  t.deepEqual(await unusable(measuring), { mean: 1, slowest: 1, p50: 1, p99: 1, users: 1 })
})

test('an access line has numbers, too', async (t) => {
  const bus = await openBus(t)
  const bytes: SignalDeclarations = { bytes: { ...ofLines, field: 'bytes', measure: 'sum' } }
  open(t, bus, bytes)
  const access = (size: number) =>
    `10.0.0.1 - - [22/Nov/2026:18:00:00 +0000] "GET /cart HTTP/1.1" 200 ${size} "-" "curl/8"`
  await produceLines(bus, lines('a:o', 0, [access(100), access(23)]))
  await measured(bus)
  t.deepEqual(await values(bus, bytes), { 'bytes /web': 123 })
})

test('percentiles and different values are those of all lines, however these are cut, and repeated', async (t) => {
  const numbers = Array.from({ length: 900 }, (_, i) => 1 + ((i * 7919) % 900))
  const messages = numbers.map((ms) => line({ ms, user: { id: `u${ms % 70}` } }))
  const cut = (sizes: number[]) => {
    const records = []
    let at = 0
    for (const size of [...sizes, messages.length]) {
      const part = messages.slice(at, at + size)
      if (part.length > 0) {
        const times = part.map((_, i) => someTime + (at + i) * 60)
        records.push(lines('a:o', at, part, { times }))
      }
      at += size
    }
    return records
  }
  const wholeBus = await openBus(t)
  open(t, wholeBus)
  await produceLines(wholeBus, ...cut([]))
  await measured(wholeBus)
  const whole = await values(wholeBus, fields)
  t.true(Math.abs((whole['p50 /web'] ?? 0) - 450) <= 4.5)
  t.true(Math.abs((whole['p99 /web'] ?? 0) - 891) <= 8.91)
  t.is(whole['users /web'], 70)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 8 }),
      async (sizes) => {
        const bus = await openBus(t)
        const measuring = open(t, bus)
        const records = cut(sizes)
        await produceLines(bus, ...records, ...records.slice(0, 2))
        await measured(bus)
        await measuring.close()
        t.deepEqual(await values(bus, fields), whole)
      },
    ),
    { numRuns: 8, seed: 7 },
  )
})

const counters: SignalDeclarations = {
  served: { ...ofLines, field: 'total', counter: true, measure: 'sum' },
  rate: { ...ofLines, field: 'total', counter: true, measure: 'rate' },
}

test('of a counter its growth is measured, of each source by itself; one that is smaller began anew', async (t) => {
  const bus = await openBus(t)
  open(t, bus, counters)
  const at = (source: string, first: number, totals: number[]) =>
    lines(
      source,
      first,
      totals.map((total) => line({ total })),
    )
  await produceLines(bus, at('a:o', 0, [100, 130]), at('b:o', 0, [5, 5]), at('a:o', 2, [140, 20]))
  await produceLines(bus, at('a:o', 2, [140, 20]), at('c:o', 0, [1_000_000]))
  await measured(bus)
  const grown = 30 + 10 + 20 + 0
  t.deepEqual(await values(bus, counters), {
    'served /web': grown,
    'rate /web': grown / 60,
  })
})

test('counters among samples are told apart by all that the samples say', async (t) => {
  const bus = await openBus(t)
  const metric = 'mesos.master.tasks_failed'
  const failed: SignalDeclarations = {
    failed: {
      from: 'metrics',
      metric,
      where: '',
      counter: true,
      measure: 'sum',
      overMs: minute,
      by: ['agent'],
    },
  }
  open(t, bus, failed)
  const of = (agent: string, sequence: number, value: number) =>
    samplesToBus(
      samplesOf({ source: 'm', sequence, identity: { agent }, metrics: { [metric]: value } }, 1),
    )
  await bus.produce('metrics', [of('one', 0, 7), of('two', 1, 100), of('one', 2, 9)])
  await bus.produce('metrics', [of('two', 3, 101), of('one', 4, 1)])
  await measured(bus, 'metrics')
  t.deepEqual(await values(bus, failed), { 'failed one': 3, 'failed two': 1 })
})

const all = { ...fields, ...counters }

test('killed at any write, what a field measured is neither forgotten nor doubled', async (t) => {
  const message = (n: number) =>
    line({ ms: 1 + (n % 50), total: n * 3, user: { id: `u${n % 300}` }, path: '/cart' })
  let expected: Record<string, number> | undefined
  for (const dieAt of [Infinity, 1, 2, 3, 5, 8]) {
    for (const carriedOut of [false, true]) {
      const bus = await openBus(t)
      const dying = dyingBus(bus, dieAt, carriedOut)
      let dead = false
      const before = open(t, dying, all)
      for (let n = 0; n < 12; n++) {
        const messages = Array.from({ length: 40 }, (_, i) => message(n * 40 + i))
        await produceLines(bus, lines('a:o', n * 40, messages))
        dead ||= await Promise.race([dying.died.then(() => true), measured(bus).then(() => false)])
      }
      await before.close()
      open(t, bus, all)
      await mark(bus, someTime)
      await measured(bus)
      const found = await values(bus, all)
      expected ??= found
      t.deepEqual(found, expected, `killed at ${dieAt}, ${carriedOut}`)
    }
  }
  const users = expected?.['users /web'] ?? 0
  t.true(Math.abs(users - 300) <= 15, `${users}, estimated`)
  t.is(expected?.['served /web'], 479 * 3)
})

test('what waits for its identity keeps what was measured of it', async (t) => {
  const bus = await openBus(t)
  const known = new Map<string, Identity>()
  const of = ({ container = '' }: Identity) => known.get(container)
  const catalog = {
    complete: (identity: Identity) => ({ ...of(identity), ...identity }),
    lacks: (identity: Identity) => (of(identity) ? undefined : identity.container),
    caughtUp: () => Promise.resolve(),
  }
  open(t, bus, all, { catalog, patienceMs: minute })
  const identity = { container: 'c1' }
  const messages = [1, 2, 4].map((n) => line({ ms: n, total: n, user: { id: `u${n}` } }))
  await produceLines(bus, lines('c1:o', 0, messages, { identity }))
  await measured(bus)
  t.deepEqual(await values(bus, all), {})
  const state = (await bus.read('state', 0, 0, { maxBytes: 2 ** 20 })).records.at(-1)
  t.truthy(state, 'it stands in the snapshot')
  known.set('c1', { service: '/web' })
  await mark(bus, someTime)
  await measured(bus)
  t.like(await values(bus, all), { 'mean /web': 7 / 3, 'served /web': 3, 'users /web': 3 })
})

test('of changes fields are measured, each change once', async (t) => {
  const bus = await openBus(t)
  const signals: SignalDeclarations = {
    age: { ...ofLines, from: 'changes', field: 'task.age_ms', measure: 'max' },
    versions: { ...ofLines, from: 'changes', field: 'service.version', measure: 'cardinality' },
  }
  open(t, bus, signals)
  const change = (id: string, more: object) => ({
    key: '/web',
    value: Buffer.from(
      JSON.stringify({
        '@timestamp': new Date(someTime).toISOString(),
        'event.id': id,
        'event.kind': 'task',
        'event.action': 'died',
        message: '',
        'service.name': '/web',
        ...more,
      }),
    ),
  })
  const first = change('a', { 'task.age_ms': 500, 'service.version': 'v1' })
  const rest = [change('b', { 'task.age_ms': 90 }), change('c', { 'service.version': 'v2' })]
  await bus.produce('changes', [first, ...rest, first])
  await measured(bus, 'changes')
  t.deepEqual(await values(bus, signals), { 'age /web': 500, 'versions /web': 2 })
})
