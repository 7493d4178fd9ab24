import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { pause, wallClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { DeadLetter } from '../../pipeline/event.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { toBusRecord, type LogRecord } from '../../pipeline/record.ts'
import { openSqliteStore } from '../../pipeline/store/sqlite.ts'
import type { Store } from '../../pipeline/store/store.ts'
import { openIndexer } from '../../processors/index-lines.ts'
import { openCatalog, type Catalog } from '../../processors/resolve.ts'
import { mark as markLogs } from './measuring.ts'
import {
  jsonOf,
  openBus,
  openStore,
  produceLines,
  readAll,
  record,
  someTime,
  tempDir,
  until,
} from '../helpers/pipeline.ts'

const patienceMs = 200

async function open(t: ExecutionContext, { bus, store }: { bus?: Bus; store?: Store } = {}) {
  bus ??= await openBus(t)
  store ??= await openStore(t)
  const metrics = openMetrics()
  const catalog = await openCatalog({ bus, store, patienceMs })
  const indexer = openIndexer({ bus, store, catalog, clock: wallClock, metrics, log: silentLog })
  const close = async () => {
    await indexer.close()
    await catalog.close()
  }
  t.teardown(close)
  return { bus, store, catalog, indexer, metrics, close }
}

async function indexed(bus: Bus): Promise<void> {
  const ends = await bus.ends('logs')
  await until('all is indexed', async () => {
    const positions = await bus.committed('index', 'logs')
    return ends.every((end, partition) => (positions.get(partition) ?? 0) >= end)
  })
}

async function servicesOf(store: Store): Promise<Record<string, number>> {
  const found = await store.services({})
  return Object.fromEntries(found.map(({ service, lines }) => [service, lines]))
}

function tell(bus: Bus, ...identities: (Identity & { container: string })[]): Promise<void> {
  return bus.produce(
    'identity',
    identities.map((one) => ({ key: one.container, value: Buffer.from(JSON.stringify(one)) })),
  )
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((a, b) => a + b, 0)

const unknown = (container: string, first = 0) =>
  record({ source: `${container}:o`, identity: { container }, first, messages: ['a', 'b'] })

test('lines of a container that is not known are stored after a short wait, and patched when it is', async (t) => {
  const { bus, store, metrics } = await open(t)
  await produceLines(bus, unknown('c1'), record({ source: 'd:o', identity: { service: '/db' } }))
  await indexed(bus)
  t.deepEqual(await servicesOf(store), { unresolved: 2, '/db': 1 })
  t.is((await metrics.unresolved_lines_total.get()).values[0]?.value, 2)

  await tell(bus, { container: 'c1', service: '/web', task: 'web.1', labels: { team: 'shop' } })
  await until('patched', async () => (await servicesOf(store))['/web'] === 2)
  const { hits } = await store.search({ services: ['/web'] })
  t.like(hits[0], { 'service.name': '/web', 'mesos.task.id': 'web.1', labels: { team: 'shop' } })
})

test('an identity that comes within the wait is in time; later lines do not wait again', async (t) => {
  const { bus, store, catalog } = await open(t)
  await produceLines(bus, unknown('c1'))
  await tell(bus, { container: 'c1', service: '/web', agent: 'one' })
  await indexed(bus)
  t.deepEqual(await servicesOf(store), { '/web': 2 })
  t.like((await store.search({})).hits[0], { 'host.name': 'one', 'container.id': 'c1' })

  await catalog.waitFor('c2')
  const soon = new Promise((resolve) => setImmediate(resolve, 'it waits'))
  t.is(await Promise.race([catalog.waitFor('c2'), soon]), undefined)
})

test('many unknown containers in one batch wait together', async (t) => {
  const bus = await openBus(t)
  const store = await openStore(t)
  const containers = Array.from({ length: 100 }, (_, i) => `c${i}`)
  await produceLines(bus, ...containers.map((container) => unknown(container)))
  const waiting = new Set<string>()
  let most = 0
  const catalog: Catalog = {
    get: () => undefined,
    getTask: () => undefined,
    complete: (identity) => identity,
    lacks: ({ container }) => container,
    async waitFor(container) {
      waiting.add(container)
      most = Math.max(most, waiting.size)
      await new Promise(setImmediate)
      waiting.delete(container)
    },
    hasWaitedFor: () => false,
    caughtUp: () => Promise.resolve(),
    trouble: () => undefined,
    close: () => Promise.resolve(),
  }
  const metrics = openMetrics()
  const indexer = openIndexer({ bus, store, catalog, clock: wallClock, metrics, log: silentLog })
  t.teardown(() => indexer.close())
  await indexed(bus)
  t.true(most >= containers.length / bus.partitions('logs'), `${most} at a time`)
  t.deepEqual(await servicesOf(store), { unresolved: 200 })
})

test('an identity that comes while the lines are being stored as unresolved is not missed', async (t) => {
  const real = await openStore(t)
  const bus = await openBus(t)
  let patched = Promise.withResolvers<void>()
  const store: Store = {
    ...real,
    async appendLogs(records) {
      await tell(bus, { container: 'c1', service: '/web' })
      // The catalog's own patch comes first and finds nothing.
      await patched.promise
      return real.appendLogs(records)
    },
    async patchIdentity(patches) {
      const changed = await real.patchIdentity(patches)
      patched.resolve()
      return changed
    },
  }
  await open(t, { bus, store })
  await produceLines(bus, unknown('c1'))
  await indexed(bus)
  t.deepEqual(await servicesOf(real), { '/web': 2 })
})

test('so too if it was killed just then: the lines come again resolved, as duplicates', async (t) => {
  const store = await openStore(t)
  const bus = await openBus(t)
  await store.appendLogs([unknown('c1')])
  await tell(bus, { container: 'c1', service: '/web' })
  // The life before had handed the identity on, before the lines were stored.
  const gone = await openCatalog({
    bus,
    store: { patchIdentity: () => Promise.resolve(0) },
    patienceMs,
  })
  await until('told', async () => (await bus.committed('resolve', 'identity')).get(0) === 1)
  await gone.close()
  await produceLines(bus, unknown('c1'))
  await open(t, { bus, store })
  await indexed(bus)
  t.deepEqual(await servicesOf(store), { '/web': 2 })
})

test('an identity that comes while nobody is there is taken up at the next start', async (t) => {
  const { bus, store, close } = await open(t)
  await produceLines(bus, unknown('c1'))
  await indexed(bus)
  await close()
  await tell(bus, { container: 'c1', service: '/web' })
  await open(t, { bus, store })
  await until('patched', async () => (await servicesOf(store))['/web'] === 2)
  t.deepEqual(await servicesOf(store), { '/web': 2 })
})

test('a container that died long ago is still known, also after a start', async (t) => {
  const { bus, store, close } = await open(t)
  await tell(bus, { container: 'c1', service: '/batch' }, { container: 'c2', service: '/web' })
  await until('told', async () => (await bus.committed('resolve', 'identity')).get(0) === 2)
  await close()
  await open(t, { bus, store })
  await produceLines(bus, unknown('c1'))
  await indexed(bus)
  t.deepEqual(await servicesOf(store), { '/batch': 2 })
})

test('what cannot be read becomes a dead letter with its reason, and stops nothing', async (t) => {
  const { bus, store, indexer } = await open(t)
  const good = toBusRecord(record({ source: 'a', identity: { service: '/web' } }))
  const bad = toBusRecord(record({ source: 'b', identity: { service: '/web' } }))
  const late = toBusRecord(unknown('c1'))
  const noZstd = Buffer.from('no zstd')
  const key = 'a'
  await tell(bus, { container: 'c1', service: '/web' })
  await bus.produce('identity', [{ key: 'c9', value: Buffer.from('{"service":') }])
  await bus.produce('logs', [
    { key, value: Buffer.from('x'.repeat(5000)) },
    { key, value: noZstd, headers: { kind: 'lines', head: 'no JSON' } },
    { key, value: noZstd, headers: { kind: 'lines', head: '{"v":1}' } },
    {
      key,
      value: noZstd,
      headers: { kind: 'lines', head: bad.headers.head.replace(/T18:[^"]+/, '/../../../x') },
    },
    { ...bad, key, value: noZstd },
    { ...late, key, value: noZstd },
    { ...good, key },
  ])
  await indexed(bus)
  t.is(indexer.trouble(), undefined)
  t.deepEqual(await servicesOf(store), { '/web': 1 })

  const letters = (await readAll(bus, 'dead')).map((one) => jsonOf(one) as DeadLetter)
  const reasonOf = (id: string) => letters.find((one) => one['event.id'] === id)?.reason
  const partition = (await bus.ends('logs')).findIndex((end) => end > 0)
  t.is(reasonOf(`dead:logs:${partition}:0`), 'no record head of version 1')
  t.regex(reasonOf(`dead:logs:${partition}:1`) ?? '', /JSON/)
  t.regex(reasonOf(`dead:logs:${partition}:2`) ?? '', /no usable source/)
  t.regex(reasonOf(`dead:logs:${partition}:3`) ?? '', /no usable time/)
  t.regex(reasonOf('dead:store:b:l:0') ?? '', /not a readable record/)
  t.regex(reasonOf('dead:store:c1:o:l:0') ?? '', /not a readable record/)
  t.regex(reasonOf('dead:identity:0:1') ?? '', /JSON/)
  t.is(letters.length, 7)
  const first = letters.find((one) => one['event.id'] === `dead:logs:${partition}:0`)
  t.like(first, { bytes: 5000, sample: 'x'.repeat(4096) })
  t.is(first?.origin, `bus topic logs, partition ${partition}, offset 0`)
})

test('a store that refuses gets the same lines again: nothing lost, nothing double', async (t) => {
  const real = await openStore(t)
  let failures = 4
  const store: Store = {
    ...real,
    async appendLogs(records) {
      failures--
      // Also after having stored everything.
      if (failures % 2 === 0) await real.appendLogs(records)
      if (failures >= 0) throw new Trouble('the store is away', { retryable: true })
      return real.appendLogs(records)
    },
  }
  const { bus, indexer, metrics } = await open(t, { store })
  const identity = { service: '/web' }
  for (let i = 0; i < 10; i++) await produceLines(bus, record({ source: 'a', first: i, identity }))
  await until('trouble is told', () => indexer.trouble() === 'the store is away')
  t.deepEqual([...(await bus.committed('index', 'logs')).values()].filter(Boolean), [])
  await indexed(bus)
  t.is(indexer.trouble(), undefined)
  const { hits } = await real.search({ order: 'asc' })
  t.deepEqual(
    hits.map((hit) => hit['event.sequence']),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  t.deepEqual((await real.audit({})).gaps, [])
  t.is((await metrics.batch_failures_total.get()).values[0]?.value, 4)
})

test('a store that refuses to patch identities is told, and tried again', async (t) => {
  const real = await openStore(t)
  let refuses = true
  const store: Store = {
    ...real,
    patchIdentity: (patches) =>
      refuses
        ? Promise.reject(new Trouble('the store is away', { retryable: true }))
        : real.patchIdentity(patches),
  }
  const { bus, catalog } = await open(t, { store })
  await produceLines(bus, unknown('c1'))
  await indexed(bus)
  await tell(bus, { container: 'c1', service: '/web' })
  await until('trouble is told', () => /store is away/.test(catalog.trouble() ?? ''))
  refuses = false
  await until('patched', async () => (await servicesOf(real))['/web'] === 2)
  await until('all is well again', () => catalog.trouble() === undefined)
  t.deepEqual(await servicesOf(real), { '/web': 2 })
})

test('killed around storing and committing, each line is there once', async (t) => {
  const dir = await tempDir(t)
  const child = fileURLToPath(new URL('index-child.ts', import.meta.url))
  const kills = ['store:before-commit:1', 'store:after-commit:1', 'index:before-commit:1']
  let count = 0
  for (const killAt of [...kills, undefined]) {
    const bus = await openBus(t, dir)
    const records = Array.from({ length: 8 }, (_, i) =>
      record({
        source: `s${i}`,
        first: count * 2,
        identity: { service: '/web' },
        messages: ['a', 'b'],
        times: [someTime + count],
      }),
    )
    await produceLines(bus, ...records, ...records.slice(0, 2))
    count++
    if (killAt === undefined) {
      const store = openSqliteStore({ dir: `${dir}/store` })
      t.teardown(() => store.close())
      const { close } = await open(t, { bus, store })
      await indexed(bus)
      await close()
      t.deepEqual(await servicesOf(store), { '/web': count * 8 * 2 })
      t.deepEqual((await store.audit({})).gaps, [])
      return
    }
    await bus.close()
    const env = { ...process.env, MESOSCOPE_KILL_AT: killAt }
    const [, signal] = (await once(
      spawn(process.execPath, [child, dir], { env, stdio: 'inherit' }),
      'exit',
    )) as [number, string]
    t.is(signal, 'SIGKILL', killAt)
    if (killAt === 'store:before-commit:1') {
      const after = await openBus(t, dir)
      const positions = [...(await after.committed('index', 'logs')).values()]
      t.deepEqual(positions.filter(Boolean), [], 'nothing is committed before it is stored')
      await after.close()
    }
  }
})

test('a line of backslashes holds up no other', async (t) => {
  const { bus, store } = await open(t)
  const messages = [`two\nlines ${'\\'.repeat(100_000)}!`, 'the next one']
  await produceLines(bus, record({ source: 'c:o', identity: { service: '/shop' }, messages }))
  await indexed(bus)
  const { hits } = await store.search({ query: 'next' })
  t.deepEqual(
    hits.map(({ message }) => message),
    ['the next one'],
  )
})

test('it tells up to which time all lines are stored', async (t) => {
  const { bus, indexer, store } = await open(t)
  const marks = (collector: string, through: number) =>
    Array.from({ length: bus.partitions('logs') }, (_, partition) => ({
      key: 'mark',
      value: new Uint8Array(),
      headers: { kind: 'mark', collector, through: String(through) },
      partition,
    }))
  await produceLines(bus, record({ source: 'a', identity: { service: '/web' } }))
  await indexed(bus)
  t.is(indexer.through(), undefined)
  await bus.produce('logs', [...marks('two', 3000), ...marks('one', 5000)])
  await until('the slower has passed', () => indexer.through() === 3000)
  await produceLines(bus, record({ source: 'a', first: 1, identity: { service: '/web' } }))
  await bus.produce('logs', marks('two', 7000))
  await until('both have passed', () => indexer.through() === 5000)
  t.deepEqual(await servicesOf(store), { '/web': 2 })
})

test('lines whose identity is not known hold up no others, nor what has passed them', async (t) => {
  const bus = await openBus(t)
  const store = await openStore(t)
  const catalog = await openCatalog({ bus, store, patienceMs: 60_000 })
  const metrics = openMetrics()
  const indexer = openIndexer({ bus, store, catalog, clock: wallClock, metrics, log: silentLog })
  t.teardown(() => catalog.close())
  const key = 'one partition'
  const inOnePartition = (records: LogRecord[]) =>
    bus.produce(
      'logs',
      records.map((one) => ({ ...toBusRecord(one), key })),
    )
  await inOnePartition([unknown('c1'), record({ source: 'd:o', identity: { service: '/db' } })])
  await markLogs(bus, 1000)
  await inOnePartition([unknown('c1', 2), record({ source: 'e:o', identity: { service: '/db' } })])
  await until('the others are stored', async () => (await servicesOf(store))['/db'] === 2)
  t.is((await servicesOf(store))['unresolved'], undefined)
  t.is(indexer.through(), undefined, 'not all before the mark is stored')
  t.is(sum((await bus.committed('index', 'logs')).values()), bus.partitions('logs') - 1)

  await tell(bus, { container: 'c1', service: '/web' })
  await indexed(bus)
  t.deepEqual(await servicesOf(store), { '/web': 4, '/db': 2 })
  t.is(indexer.through(), 1000)

  await inOnePartition([unknown('c2'), record({ source: 'f:o', identity: { service: '/db' } })])
  await until('it is held', async () => (await servicesOf(store))['/db'] === 3)
  await indexer.close()
  t.deepEqual(await servicesOf(store), { '/web': 4, '/db': 3, unresolved: 2 })
})

test('a process that knows later than the one that patches misses no line', async (t) => {
  const bus = await openBus(t)
  const real = await openStore(t)
  let slow = false
  const store: Store = {
    ...real,
    async appendLogs(records) {
      // The other process knows at once, and has patched before these lines are there.
      slow = true
      await tell(bus, { container: 'c1', service: '/web' })
      return real.appendLogs(records)
    },
  }
  const behind: Bus = {
    ...bus,
    async read(topic, ...where) {
      if (slow && topic === 'identity') await pause(500)
      return bus.read(topic, ...where)
    },
    consume: (options) =>
      options.group === 'resolve' ? { close: async () => {} } : bus.consume(options),
  }
  await open(t, { bus: behind, store })
  await produceLines(bus, unknown('c1'))
  await indexed(bus)
  t.deepEqual(await servicesOf(real), { '/web': 2 })
})
