import test, { type ExecutionContext } from 'ava'
import type { Bus, BusRecord, ProducedRecord } from '../../pipeline/bus/bus.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { readBuckets } from '../../pipeline/signal-records.ts'
import { taskKey, type Identity } from '../../pipeline/identity.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openIndexer } from '../../processors/index-lines.ts'
import { openMeasurer } from '../../processors/measure.ts'
import { awaitIdentities, openCatalog, resolve, type Catalog } from '../../processors/resolve.ts'
import {
  jsonOf,
  openBus,
  openStore,
  produceLines,
  readAll,
  record,
  until,
} from '../helpers/pipeline.ts'

const task = 'shop_web.instance-8c1f0000-aaaa-11f1-bdef-001122334455._app.1'
/** What a collector that reads Docker stamps. */
const stamped: Identity = {
  service: '/shop/web',
  task,
  container: 'c1',
  version: 'v1',
  labels: { team: 'shop' },
}
const marathon: Identity = { service: '/shop/web', task, deployment: 'd1', labels: { tier: 'web' } }
const mesos: Identity = { task, framework: 'f1', agent: 'agent-1' }

const store = { patchIdentity: () => Promise.resolve(0) }

async function open(t: ExecutionContext, bus: Bus, patienceMs = 200): Promise<Catalog> {
  const catalog = await openCatalog({ bus, store, patienceMs })
  t.teardown(() => catalog.close())
  return catalog
}

const told = (key: string, value: unknown): ProducedRecord => ({
  key,
  value: Buffer.from(JSON.stringify(value)),
})

function tell(bus: Bus, ...identities: Identity[]): Promise<void> {
  return bus.produce(
    'identity',
    identities.map((identity) => told(taskKey(identity.task ?? ''), identity)),
  )
}

test('what Mesos and Marathon tell is on every line, also after a start that sees one record a task', async (t) => {
  const bus = await openBus(t)
  const first = await open(t, bus)
  await tell(bus, marathon, mesos)
  const whole = {
    ...stamped,
    deployment: 'd1',
    framework: 'f1',
    agent: 'agent-1',
    labels: { team: 'shop', tier: 'web' },
  }
  await until('both are known', () => first.complete(stamped).framework === 'f1')
  t.deepEqual(first.complete(stamped), whole)
  await until('it is put together on the bus', async () => {
    const newest = (await bus.snapshot('identity')).latest.get(taskKey(task))
    return newest !== undefined && (jsonOf(newest) as Identity).deployment === 'd1'
  })
  await first.close()
  const second = await open(t, bus)
  t.deepEqual(second.complete(stamped), whole)
  const { ends } = await bus.snapshot('identity')
  await tell(bus, { ...mesos, agent: 'agent-2' })
  await until('the newest holds', () => second.getTask(task)?.agent === 'agent-2')
  await until(
    'it is put together again',
    async () => (await bus.ends('identity'))[0] === Number(ends[0]) + 2,
  )
  t.like(second.getTask(task), { agent: 'agent-2', deployment: 'd1' })
})

test('every life of a task id is known, also after a start that sees one record a task', async (t) => {
  const bus = await openBus(t)
  const life = (n: number) => ({
    task: 'storm.1',
    framework: 'f1',
    container: `25212c0c-e6a2-11f1-bdef-02fc0000000${n}`,
    image: `job:${n}`,
    since: `2026-11-2${n}T00:00:00.000000000Z`,
  })
  const first = await open(t, bus)
  await tell(bus, life(1), life(2), { ...life(3), since: undefined } as Identity)
  const whole = async () => (await bus.snapshot('identity')).latest.get(taskKey('storm.1'))
  await until('all of it is told in one record', async () => {
    return (await whole())?.headers['kind'] === 'merged'
  })
  const merged = (await whole()) as BusRecord
  const { earlier, since } = jsonOf(merged) as { earlier: unknown[]; since?: string }
  t.deepEqual([earlier, since], [[life(1), life(2)], undefined])

  const alone = await openBus(t)
  await alone.produce('identity', [{ ...merged, key: taskKey('storm.1') }])
  const second = await open(t, alone)
  for (const catalog of [first, second]) {
    const imageAt = (time: string) => catalog.complete({ task: 'storm.1' }, time).image
    t.is(imageAt('2026-11-21T12:00:00.000000000Z'), 'job:1')
    t.is(catalog.complete({ task: 'storm.1', container: life(2).container }).image, 'job:2')
    t.is(imageAt('2026-11-30T00:00:00.000000000Z'), 'job:3')
  }
  t.is((await alone.ends('identity'))[0], 1, 'nothing is told anew')
})

test('a record whose identity is complete goes on as it is; head and lines are completed together', async (t) => {
  const bus = await openBus(t)
  const catalog = await open(t, bus)
  await tell(bus, marathon)
  await until('known', () => catalog.getTask(task) !== undefined)
  const lacking = record({ source: 'c1:o', identity: stamped })
  const complete = resolve(lacking, catalog)
  t.is(complete.head.identity.deployment, 'd1')
  t.is(resolve(complete, catalog), complete)
  const other = record({ source: 'c2:o', identity: { service: '/db', task: 'db' } })
  t.is(resolve(other, catalog), other)
})

test('a task of Marathon is waited for once, and only where Mesos or Marathon ever told of tasks', async (t) => {
  const bus = await openBus(t)
  const catalog = await open(t, bus, 300)
  t.is(catalog.lacks(stamped), undefined)
  await tell(bus, { task: 'other', framework: 'f1' })
  await until('heard of tasks', () => catalog.getTask('other') !== undefined)

  t.is(catalog.lacks(stamped), taskKey(task))
  const pod = 'shop_pod.instance-8c1f0000-aaaa-11f1-bdef-001122334455.side'
  t.is(catalog.lacks({ service: '/shop/pod', task: pod }), taskKey(pod))
  t.is(catalog.lacks({ service: '/shop/web', task: 'x.1', version: 'v1' }), taskKey('x.1'))
  t.is(catalog.lacks({ service: '/db', task: 'db-1' }), undefined, 'no task of Marathon')
  t.is(catalog.lacks({ task: 'ct:1:0:job:' }), taskKey('ct:1:0:job:'), 'Mesos tells its service')
  t.is(catalog.lacks({ service: '/db' }), undefined)
  t.is(catalog.lacks({ service: '/evil', task: `${'_'.repeat(1e6)}.` }), undefined)

  const lines = [record({ source: 'c1:o', identity: stamped })]
  const began = performance.now()
  await awaitIdentities([...lines, ...lines], catalog)
  t.true(performance.now() - began >= 250, 'it waited')
  const again = performance.now()
  await awaitIdentities(lines, catalog)
  t.true(performance.now() - again < 150, 'once')
})

test('the wait ends when the task is told of', async (t) => {
  const bus = await openBus(t)
  const catalog = await open(t, bus, 60_000)
  await tell(bus, { task: 'other' })
  await until('heard of tasks', () => catalog.getTask('other') !== undefined)
  const waiting = awaitIdentities([record({ source: 'c1:o', identity: stamped })], catalog)
  await tell(bus, marathon)
  await waiting
  t.is(catalog.complete(stamped).deployment, 'd1')
})

test('a container that tells its task late is waited for, and then its task', async (t) => {
  const bus = await openBus(t)
  const catalog = await open(t, bus, 60_000)
  await tell(bus, { task: 'other' })
  await until('heard of tasks', () => catalog.getTask('other') !== undefined)
  const waiting = awaitIdentities(
    [record({ source: 'c1:o', identity: { container: 'c1' } })],
    catalog,
  )
  await bus.produce('identity', [told('c1', stamped)])
  await until('the container is known', () => catalog.get('c1') !== undefined)
  await tell(bus, marathon)
  await waiting
  t.like(catalog.complete({ container: 'c1' }), { service: '/shop/web', deployment: 'd1' })
})

test('late lines of a dead task are stored complete, with what came before and after a start', async (t) => {
  const bus = await openBus(t)
  const real = await openStore(t)
  await tell(bus, marathon, mesos)
  const catalog = await openCatalog({ bus, store: real, patienceMs: 200 })
  const metrics = openMetrics()
  const indexer = openIndexer({
    bus,
    store: real,
    catalog,
    clock: wallClock,
    metrics,
    log: silentLog,
  })
  t.teardown(async () => {
    await indexer.close()
    await catalog.close()
  })
  await produceLines(
    bus,
    record({ source: 'c1:o', identity: stamped, messages: ['a', 'b'] }),
    record({ source: 'c1:e', identity: { container: 'c1' }, messages: ['c'] }),
  )
  await until('stored', async () => (await real.search({})).hits.length === 3)
  const { hits } = await real.search({ query: 'deployment:d1 AND framework:f1' })
  t.deepEqual(hits.map(({ message }) => message).toSorted(), ['a', 'b'])

  // The container is described only now: its lines get all that is known of its task.
  await bus.produce('identity', [told('c1', stamped)])
  await until(
    'patched',
    async () => (await real.search({ query: 'deployment:d1' })).hits.length === 3,
  )
})

/** What a collector of sandboxes stamps on the lines of a pod's container. */
const ofPod: Identity = { service: '/shop/pod', container: 'c9', framework: 'f1' }

test('the task of a pod’s container is waited for, where somebody tells of tasks', async (t) => {
  const bus = await openBus(t)
  const catalog = await open(t, bus, 60_000)
  t.is(catalog.lacks(ofPod), undefined)
  await tell(bus, { task: 'other' })
  await until('heard of tasks', () => catalog.getTask('other') !== undefined)
  t.is(catalog.lacks(ofPod), 'c9')
  t.is(catalog.lacks({ service: '/host' }), undefined, 'no container')
  const waiting = awaitIdentities([record({ source: 'c9:o', identity: ofPod })], catalog)
  const known = { ...ofPod, task: 'pod.1', owner: 'team-shop' }
  await bus.produce('identity', [told('c9', known)])
  await waiting
  t.deepEqual(catalog.complete(ofPod), known)
  t.is(catalog.lacks(catalog.complete(ofPod)), undefined)
})

test('a task that is told of late is put on the lines of its container', async (t) => {
  const bus = await openBus(t)
  const real = await openStore(t)
  await tell(bus, { task: 'other' })
  const catalog = await openCatalog({ bus, store: real, patienceMs: 50 })
  const metrics = openMetrics()
  const indexer = openIndexer({
    bus,
    store: real,
    catalog,
    clock: wallClock,
    metrics,
    log: silentLog,
  })
  t.teardown(async () => {
    await indexer.close()
    await catalog.close()
  })
  await produceLines(
    bus,
    record({ source: 'c9:o', identity: ofPod, messages: ['a', 'b'] }),
    record({ source: 'c9:e', identity: ofPod, messages: ['c'] }),
  )
  await until('stored', async () => (await real.search({})).hits.length === 3)
  t.deepEqual((await real.search({ task: 'pod.1' })).hits, [])
  await bus.produce('identity', [told('c9', { ...ofPod, task: 'pod.1' })])
  await until('patched', async () => (await real.search({ task: 'pod.1' })).hits.length === 3)
})

test('what is counted and what is stored is the same', async (t) => {
  const bus = await openBus(t)
  await tell(bus, marathon)
  const catalog = await open(t, bus)
  const by: (keyof Identity)[] = ['service', 'deployment']
  const measurer = openMeasurer({
    bus,
    catalog,
    signals: {
      of_deployment: { from: 'logs', where: 'deployment:d1 AND a', by },
      all: { from: 'logs', where: '', by },
    },
    resolutionMs: 1000,
    rememberMs: 86_400_000,
    metrics: openMetrics(),
    log: silentLog,
  })
  t.teardown(() => measurer.close())
  await produceLines(bus, record({ source: 'c1:o', identity: stamped, messages: ['a', 'b', 'a'] }))
  const buckets = async () =>
    (await readAll(bus, 'signals'))
      .filter(({ headers }) => headers['kind'] === 'bucket')
      .flatMap(({ value }) => readBuckets(value))
  await until('counted', async () => (await buckets()).length === 2)
  const group = { service: '/shop/web', deployment: 'd1' }
  t.like(
    (await buckets()).find(({ signal }) => signal === 'of_deployment'),
    { group, count: 2 },
  )
  t.like(
    (await buckets()).find(({ signal }) => signal === 'all'),
    { group, count: 3 },
  )
})

test('a bus that is full gets what was put together later', async (t) => {
  const bus = await openBus(t)
  let full = true
  const flaky: Bus = {
    ...bus,
    produce: (topic, records) =>
      full ? Promise.reject(new Trouble('the bus is full')) : bus.produce(topic, records),
  }
  const catalog = await open(t, flaky)
  await tell(bus, marathon, mesos)
  await until('both are known', () => catalog.getTask(task)?.framework === 'f1')
  full = false
  await until('put together', async () => {
    const newest = (await bus.snapshot('identity')).latest.get(taskKey(task))
    return newest !== undefined && (jsonOf(newest) as Identity).deployment === 'd1'
  })
  t.is((await bus.ends('identity'))[0], 3)
})

test('who is forgotten here is forgotten on the bus', async (t) => {
  const bus = await openBus(t)
  const catalog = await openCatalog({ bus, store, patienceMs: 0, maxKnown: 3 })
  t.teardown(() => catalog.close())
  for (let n = 0; n < 10; n++) await tell(bus, { task: `t${n}`, service: '/batch' })
  const keys = async () => [...(await bus.snapshot('identity')).latest.keys()]
  await until('three are left', async () => (await keys()).length === 3)
  t.deepEqual(await keys(), ['t7', 't8', 't9'].map(taskKey))
  t.is(catalog.getTask('t6'), undefined)
  t.truthy(catalog.getTask('t9'))
})

test('records that are no identities stop nothing; a deleted key is unknown', async (t) => {
  const bus = await openBus(t)
  const catalog = await open(t, bus)
  await bus.produce('identity', [
    { key: taskKey('bad'), value: Buffer.from('{"service":') },
    told(taskKey('worse'), [1]),
    told(taskKey('odd'), { service: 5, agent: 'a1', labels: { n: 1 } }),
  ])
  await tell(bus, marathon)
  await until('known', () => catalog.getTask(task) !== undefined)
  t.deepEqual(catalog.getTask('odd'), { agent: 'a1' })
  t.is(catalog.getTask('worse'), undefined)
  await bus.produce('identity', [{ key: taskKey(task), value: new Uint8Array() }])
  await until('deleted', () => catalog.getTask(task) === undefined)
  t.is(catalog.complete(stamped), stamped)
})
