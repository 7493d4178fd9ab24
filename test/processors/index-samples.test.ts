import test, { type ExecutionContext } from 'ava'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { identityToEcs } from '../../pipeline/identity.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { encodeBody } from '../../pipeline/record.ts'
import { encodeSamples, samplesToBus, type SampleRecord } from '../../pipeline/sample.ts'
import type { Store } from '../../pipeline/store/store.ts'
import { openSampleIndexer, type SampleIndexerOptions } from '../../processors/index-samples.ts'
import { jsonOf, openBus, openStore, readAll, someTime, until } from '../helpers/pipeline.ts'
import { sample, samplesOf } from '../helpers/samples.ts'

async function open(
  t: ExecutionContext,
  options: Partial<SampleIndexerOptions> = {},
  change: (store: Store) => Partial<Store> = () => ({}),
) {
  const bus = await openBus(t)
  const store = await openStore(t)
  const metrics = openMetrics()
  const indexer = openSampleIndexer({
    bus,
    store: { ...store, ...change(store) },
    clock: wallClock,
    metrics,
    log: silentLog,
    ...options,
  })
  t.teardown(() => indexer.close())
  return { bus, store, indexer, metrics }
}

const produce = (bus: Bus, ...records: SampleRecord[]) =>
  bus.produce('metrics', records.map(samplesToBus))

async function indexed(bus: Bus): Promise<void> {
  const ends = await bus.ends('metrics')
  await until('all is there', async () => {
    const positions = await bus.committed('index', 'metrics')
    return ends.every((end, partition) => (positions.get(partition) ?? 0) >= end)
  })
}

const letters = async (bus: Bus) =>
  (await readAll(bus, 'dead')).map((one) => jsonOf(one) as Record<string, unknown>)

test('samples are stored, each once however often it comes; marks are none', async (t) => {
  const { bus, store, metrics } = await open(t)
  const [one, two] = [samplesOf({ source: 'docker:a' }, 3), samplesOf({ source: 'docker:b' }, 2)]
  await bus.produce('metrics', [
    {
      key: 'mark',
      value: new Uint8Array(),
      headers: { kind: 'mark', collector: 'c', through: '1' },
    },
  ])
  await produce(bus, one, two, one)
  await indexed(bus)
  const found = await store.samples({ order: 'asc' })
  t.is(found.length, 5)
  t.deepEqual(
    found.filter((doc) => doc['event.id'].startsWith('sample:docker:b')),
    [sample({ source: 'docker:b', sequence: 0 }), sample({ source: 'docker:b', sequence: 1 })],
  )
  t.deepEqual(await letters(bus), [])
  t.is((await metrics.indexed_samples_total.get()).values[0]?.value, 8)
})

test('what cannot be read becomes dead letters, once each, and stops nothing', async (t) => {
  const { bus, store, indexer, metrics } = await open(t)
  const good = samplesOf({ source: 'docker:a' }, 4)
  const texts = Buffer.from(
    [
      JSON.stringify(sample({ source: 'docker:a', sequence: 0 })),
      '{"metrics":',
      JSON.stringify({ ...sample({ source: 'docker:a', sequence: 2 }), '@timestamp': 'soon' }),
      JSON.stringify(sample({ source: 'docker:a', sequence: 3 })).replace('0.5', '1e999'),
    ]
      .map((text) => `${text}\n`)
      .join(''),
  )
  const mixed = { head: good.head, body: encodeBody(texts) }
  const [first] = [samplesToBus(good)]
  await bus.produce('metrics', [
    { ...first, headers: { kind: 'samples' } },
    { ...first, headers: { kind: 'samples', head: '{"v":1}' } },
    { ...first, value: Buffer.from('no zstd') },
    { ...first, value: encodeBody(Buffer.from('{}\n')) },
    samplesToBus(mixed),
    samplesToBus(mixed),
    samplesToBus(samplesOf({ source: 'docker:b' }, 1)),
  ])
  await indexed(bus)
  t.is(indexer.trouble(), undefined)
  t.deepEqual((await store.samples({})).map((doc) => doc['event.id']).toSorted(), [
    'sample:docker:a:l:0',
    'sample:docker:b:l:0',
  ])
  const found = new Map((await letters(bus)).map((letter) => [letter['event.id'], letter]))
  t.is(found.size, 7)
  t.like(found.get('dead:sample:docker:a:l:1'), {
    'event.kind': 'dead',
    reason: 'a sample that is no object',
    origin: 'samples of docker:a, number 1',
    sample: '{"metrics":',
    bytes: 11,
  })
  t.is(found.get('dead:sample:docker:a:l:2')?.['reason'], 'a sample whose @timestamp is no time')
  t.is(
    found.get('dead:sample:docker:a:l:3')?.['reason'],
    'a sample whose container.cpu.usage is no number',
  )
  const records = [...found.values()].filter(({ origin }) => String(origin).startsWith('bus topic'))
  t.is(records.length, 4)
  t.true(records.some(({ reason }) => reason === 'its body holds 1 samples, not 4'))
  t.is((await metrics.dead_letters_total.get()).values[0]?.value, 10)
})

test('what is known of a task is added to its samples before they are stored', async (t) => {
  const { bus, store } = await open(t, {
    complete: (identity) =>
      identity.task === 'web.1' ? { ...identity, service: '/shop/web', owner: 'ada' } : identity,
  })
  const told = [
    sample({ source: 'a', sequence: 0, identity: { task: 'web.1' } }),
    sample({ source: 'a', sequence: 1, identity: { task: 'other' } }),
  ]
  await produce(bus, encodeSamples(told, { source: 'a', lineage: 'l' }))
  await indexed(bus)
  const known = { service: '/shop/web', task: 'web.1', owner: 'ada' }
  t.deepEqual(await store.samples({ services: ['/shop/web'] }), [
    { ...(told[0] as object), ...identityToEcs(known) },
  ])
  t.deepEqual(await store.samples({ task: 'other' }), [told[1]])
})

test('a store that is away is told, and tried until it works', async (t) => {
  let refuses = true
  const { bus, store, indexer } = await open(t, {}, (real) => ({
    putSamples: (samples) =>
      refuses
        ? Promise.reject(new Trouble('the store is away', { retryable: true }))
        : real.putSamples(samples),
  }))
  await produce(bus, samplesOf({ source: 'a', at: someTime }, 2))
  await until('trouble is told', () => indexer.trouble() === 'the store is away')
  t.is((await bus.committed('index', 'metrics')).get(0) ?? 0, 0)
  refuses = false
  await indexed(bus)
  t.is(indexer.trouble(), undefined)
  t.is((await store.samples({})).length, 2)
})
