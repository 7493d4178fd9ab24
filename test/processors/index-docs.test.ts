import test, { type ExecutionContext } from 'ava'
import type { Bus, ProducedRecord } from '../../pipeline/bus/bus.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { ChangeDoc, SignalBucket } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import type { Store } from '../../pipeline/store/store.ts'
import type { Complete } from '../../processors/documents.ts'
import { openDocIndexer } from '../../processors/index-docs.ts'
import { openBus, openStore, someTime, until } from '../helpers/pipeline.ts'

async function open(
  t: ExecutionContext,
  change: (store: Store) => Partial<Store> = () => ({}),
  complete?: Complete,
) {
  const bus = await openBus(t)
  const store = await openStore(t)
  const indexer = openDocIndexer({
    bus,
    store: { ...store, ...change(store) },
    ...(complete ? { complete } : {}),
    metrics: openMetrics(),
    log: silentLog,
  })
  t.teardown(() => indexer.close())
  return { bus, store, indexer }
}

async function indexed(
  bus: Bus,
  topic: 'changes' | 'decisions' | 'dead' | 'signals',
): Promise<void> {
  const [end] = await bus.ends(topic)
  await until('all is there', async () => (await bus.committed('index', topic)).get(0) === end)
}

function json(value: unknown, headers: Record<string, string> = {}): ProducedRecord {
  return { key: 'k', headers, value: Buffer.from(JSON.stringify(value)) }
}

const change: ChangeDoc = {
  '@timestamp': '2026-11-22T18:26:02.000000000Z',
  'event.id': 'change:1',
  'event.kind': 'container',
  'event.action': 'died',
  message: 'exit code 1',
}
const bucket: SignalBucket = {
  signal: 'errors',
  group: { service: '/web' },
  from: someTime,
  to: someTime + 1000,
  partition: 0,
  count: 2,
  lastMs: someTime + 5,
}

test('changes and buckets are stored; the newest value of a bucket holds; watermarks are not stored', async (t) => {
  const { bus, store } = await open(t)
  await bus.produce('changes', [json(change)])
  await bus.produce('signals', [
    json([bucket], { kind: 'bucket' }),
    json([{ ...bucket, count: 5 }], { kind: 'bucket' }),
    json({ partition: 0, through: 5 }, { kind: 'watermark' }),
  ])
  await indexed(bus, 'changes')
  await indexed(bus, 'signals')
  t.deepEqual(await store.docs('changes', {}), [change])
  t.deepEqual(await store.buckets('errors', {}), [{ ...bucket, count: 5 }])
})

test('decisions are stored as a class of their own; marks among changes are no documents', async (t) => {
  const { bus, store } = await open(t)
  const decision = { ...change, 'event.kind': 'scaling' as const, decision: { from: 1, to: 2 } }
  await bus.produce('decisions', [json(decision)])
  await bus.produce('changes', [
    {
      key: 'mark',
      value: new Uint8Array(),
      headers: { kind: 'mark', collector: 'c', through: '1' },
    },
    json(change),
  ])
  await indexed(bus, 'decisions')
  await indexed(bus, 'changes')
  t.deepEqual(await store.docs('decisions', {}), [decision])
  t.deepEqual(await store.docs('changes', {}), [change])
  t.deepEqual(await store.docs('dead', {}), [])
})

test('what is known of a task is added to its changes, not to what we made of it ourselves', async (t) => {
  const { bus, store } = await open(
    t,
    () => ({}),
    (identity) => (identity.task === 'web.1' ? { ...identity, service: '/web' } : identity),
  )
  const told = { ...change, 'mesos.task.id': 'web.1' }
  await bus.produce('changes', [json(told)])
  await bus.produce('decisions', [json(told)])
  await indexed(bus, 'changes')
  await indexed(bus, 'decisions')
  t.deepEqual(await store.docs('changes', { services: ['/web'] }), [
    { ...told, 'service.name': '/web' },
  ])
  t.deepEqual(await store.docs('decisions', {}), [told])
})

test('values of buckets are stored; ones that are no numbers are not', async (t) => {
  const { bus, store } = await open(t)
  const values = { sum: 0.3, min: 0.1, max: 0.2, last: 0.2 }
  const valued = { ...bucket, values }
  await bus.produce('signals', [
    json([valued], { kind: 'bucket' }),
    json([{ ...valued, values: { ...values, sum: null } }], { kind: 'bucket' }),
    json([{ ...valued, values: 'many' }], { kind: 'bucket' }),
    json([{ ...valued, values: null }], { kind: 'bucket' }),
  ])
  await indexed(bus, 'signals')
  t.deepEqual(await store.buckets('errors', {}), [valued])
  t.is((await store.docs('dead', {})).length, 3)
})

test('documents that cannot be read become dead letters, and stop nothing', async (t) => {
  const { bus, store, indexer } = await open(t)
  const { '@timestamp': _, ...timeless } = change
  await bus.produce('changes', [
    { key: 'k', value: Buffer.from('{"x":') },
    json(null),
    json(timeless),
    json({ ...change, '@timestamp': '../../../etc' }),
    json(change),
  ])
  await bus.produce('dead', [json('not a letter')])
  await bus.produce('signals', [
    json([{ ...bucket, from: 1e300 }], { kind: 'bucket' }),
    json({ buckets: 1 }, { kind: 'bucket' }),
    json([bucket], { kind: 'bucket' }),
  ])
  for (const topic of ['changes', 'dead', 'signals'] as const) await indexed(bus, topic)
  t.is(indexer.trouble(), undefined)
  t.deepEqual(await store.docs('changes', {}), [change])
  t.deepEqual(await store.buckets('errors', {}), [bucket])
  const letters = await store.docs('dead', {})
  t.deepEqual(letters.map((letter) => letter['event.id']).toSorted(), [
    'dead:changes:0:0',
    'dead:changes:0:1',
    'dead:changes:0:2',
    'dead:changes:0:3',
    'dead:dead:0:0',
    'dead:signals:0:0',
    'dead:signals:0:1',
  ])
  const reasons = new Map(letters.map((letter) => [letter['event.id'], letter['reason']]))
  t.is(reasons.get('dead:changes:0:2'), 'a document without @timestamp')
  t.is(reasons.get('dead:changes:0:3'), 'a document whose @timestamp is no time')
})

test('the trouble of one topic is told until that one works again', async (t) => {
  let refuses = true
  const { bus, store, indexer } = await open(t, (real) => ({
    putBuckets: (buckets) =>
      refuses
        ? Promise.reject(new Trouble('the store is away', { retryable: true }))
        : real.putBuckets(buckets),
  }))
  await bus.produce('signals', [json([bucket], { kind: 'bucket' })])
  await until('trouble is told', () => indexer.trouble() === 'the store is away')
  await bus.produce('changes', [json(change)])
  await indexed(bus, 'changes')
  t.is(indexer.trouble(), 'the store is away')
  refuses = false
  await indexed(bus, 'signals')
  t.is(indexer.trouble(), undefined)
  t.is((await store.buckets('errors', {})).length, 1)
})
