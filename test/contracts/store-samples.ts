import { keepFrom } from '../../pipeline/store/retention.ts'
import { isRetryable, Trouble } from '../../pipeline/errors.ts'
import { nsToIso, type SampleDoc } from '../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../pipeline/identity.ts'
import type { SampleQuery } from '../../pipeline/store/store.ts'
import { dayMs, iso, noon } from './lines.ts'
import { settled, type StoreSubject } from './store-subject.ts'
import { rejection, unable, type Case } from './suite.ts'

interface Sample {
  metrics?: Record<string, number>
  identity?: Identity
  /** ns beyond the ms. */
  ns?: number
  more?: Record<string, unknown>
}

const web1 = { service: '/shop/web', task: 'web.1', agent: 'agent-1' }
const web2 = { service: '/shop/web', task: 'web.2', agent: 'agent-2', labels: { team: 'shop' } }

/** A source that counts what it takes. */
function openPlace(source: string, lineage = 'first') {
  let sequence = 0
  return (at: number, { metrics, identity = web1, ns = 0, more }: Sample = {}): SampleDoc => ({
    '@timestamp': nsToIso(BigInt(at) * 1_000_000n + BigInt(ns)),
    'event.id': `sample:${source}:${lineage}:${sequence}`,
    'event.sequence': sequence++,
    metrics: metrics ?? { 'container.cpu.usage': sequence / 8, 'container.memory.usage': 58720256 },
    ...more,
    ...identityToEcs(identity),
  })
}

const agent = openPlace('mesos-agent:agent-1')
const marathon = openPlace('marathon:m1')
const given: Record<string, SampleDoc> = {
  a: agent(noon - dayMs),
  b: agent(noon),
  c: agent(noon + 1, { identity: web2 }),
  d: marathon(noon + 2, {
    identity: { service: '/shop/db' },
    metrics: { 'service.instances.wanted': 3, 'service.instances.running': -1.5e-7 },
  }),
  e: marathon(noon + 3, { identity: {}, metrics: { 'mesos.master.elected': 1 } }),
  f: agent(noon + dayMs, {
    metrics: { 'service.instances.wanted': 1e15, 'a "name" \\ ü': 0.1 },
    more: { tags: ['odd'], nested: { deep: [1, null, 'two'] } },
  }),
}

const sampleQueries: [query: SampleQuery, expected: string][] = [
  [{}, 'fedcba'],
  [{ order: 'asc' }, 'abcdef'],
  [{ limit: 2 }, 'fe'],
  [{ limit: 5, order: 'asc' }, 'abcde'],
  [{ services: ['/shop/web'] }, 'fcba'],
  [{ services: ['/shop/web', '/shop/db'], order: 'asc', limit: 4 }, 'abcd'],
  [{ services: ['web'] }, ''],
  [{ services: [] }, ''],
  [{ task: 'web.2' }, 'c'],
  [{ task: 'web' }, ''],
  [{ metric: 'service.instances.wanted' }, 'fd'],
  [{ metric: 'a "name" \\ ü' }, 'f'],
  [{ metric: 'service' }, ''],
  [{ services: ['/shop/web'], metric: 'container.cpu.usage', task: 'web.1' }, 'ba'],
  [{ from: noon + 1 }, 'fedc'],
  [{ to: noon + 1 }, 'ba'],
  [{ from: noon, to: noon + 2 }, 'cb'],
  [{ from: noon + 1, to: noon + 1 }, ''],
  [{ from: -8e15, to: 8e15 }, 'fedcba'],
]

const ids = (docs: readonly SampleDoc[]) => docs.map((doc) => doc['event.id'])

/** Samples that no collector can have taken. */
const unsound: [what: string, change: Record<string, unknown>][] = [
  ['no time', { '@timestamp': 'yesterday' }],
  ['a path for a time', { '@timestamp': '../../../x' }],
  ['no time at all', { '@timestamp': undefined }],
  ['a number that is none', { metrics: { x: Number.NaN } }],
  ['an endless number', { metrics: { y: 1, x: Infinity } }],
  ['a text for a number', { metrics: { x: '1' } }],
  ['no metrics', { metrics: undefined }],
  ['a list of metrics', { metrics: [1] }],
  ['no id', { 'event.id': undefined }],
  ['no sequence', { 'event.sequence': '7' }],
]

export const storeSampleCases: readonly Case<StoreSubject>[] = [
  {
    title: 'samples come back as they were, by time, service, task and metric',
    async run(t, subject) {
      await subject.store.putSamples(Object.values(given))
      await settled(subject)
      for (const [query, expected] of sampleQueries) {
        const wanted = expected.split('').map((name) => given[name])
        t.deepEqual(await subject.store.samples(query), wanted, JSON.stringify(query))
      }
    },
  },
  {
    title: 'a sample that is there already is left alone',
    async run(t, subject) {
      const { store } = subject
      const take = openPlace('docker:here')
      const [one, two, three] = [take(noon), take(noon + 1), take(noon + 2)]
      await store.putSamples([one, one, two])
      await store.putSamples([{ ...two, metrics: { other: 1 } }, three, one])
      const other = openPlace('docker:here', 'second')(noon)
      await store.putSamples([other])
      await settled(subject)
      const found = await store.samples({ order: 'asc', from: noon + 1 })
      t.deepEqual(found, [two, three])
      const both = await store.samples({ to: noon + 1 })
      t.deepEqual(ids(both).toSorted(), [one['event.id'], other['event.id']].toSorted())
    },
  },
  {
    title: 'samples of one ms are in the order of their ns',
    async run(t, subject) {
      const take = openPlace('docker:here')
      const docs = [5, 999_999, 0, 40].map((ns) => take(noon, { ns }))
      await subject.store.putSamples(docs)
      await settled(subject)
      const inOrder = docs.toSorted((a, b) => (a['@timestamp'] < b['@timestamp'] ? -1 : 1))
      t.deepEqual(await subject.store.samples({ order: 'asc' }), inOrder)
      t.deepEqual(await subject.store.samples({}), inOrder.toReversed())
      t.deepEqual(await subject.store.samples({ order: 'asc', limit: 2 }), inOrder.slice(0, 2))
    },
  },
  {
    title: 'an id that does not end in its sequence is one all the same',
    async run(t, subject) {
      const doc = { ...openPlace('docker:here')(noon), 'event.id': 'sample:of another make' }
      await subject.store.putSamples([doc])
      await subject.store.putSamples([doc])
      await settled(subject)
      t.deepEqual(await subject.store.samples({}), [doc])
    },
  },
  {
    title: 'a sample that cannot be one is left out, and holds no other up',
    async run(t, subject) {
      const take = openPlace('docker:here')
      const mixed = unsound.flatMap(([, change]) => [take(noon), { ...take(noon), ...change }])
      const sound = mixed.filter((_, i) => i % 2 === 0)
      await subject.store.putSamples(mixed)
      await settled(subject)
      t.deepEqual(ids(await subject.store.samples({})).toSorted(), ids(sound).toSorted())
    },
  },
  {
    title: 'without a limit 200 samples are given, of however many days',
    async run(t, subject) {
      const take = openPlace('docker:here')
      const docs = Array.from({ length: 250 }, (_, i) => take(noon - 2 * dayMs + i * 1_000_000))
      await subject.store.putSamples(docs)
      await settled(subject)
      t.deepEqual(ids(await subject.store.samples({})), ids(docs.slice(50).toReversed()))
      t.deepEqual(ids(await subject.store.samples({ limit: 1000, order: 'asc' })), ids(docs))
    },
  },
  {
    title: 'retention takes the samples and buckets of its days along',
    async run(t, subject) {
      const { store } = subject
      const { a, b } = given as { a: SampleDoc; b: SampleDoc }
      const bucket = { signal: 's', group: {}, partition: 0, count: 1, lastMs: noon }
      await store.putSamples([a, b])
      await store.putBuckets(
        [noon - dayMs, noon].map((from) => ({ ...bucket, from, to: from + 1000 })),
      )
      await store.retain(keepFrom(iso(noon).slice(0, 10)))
      await settled(subject)
      t.deepEqual(await store.samples({}), [b])
      t.deepEqual(
        (await store.buckets('s', {})).map(({ from }) => from),
        [noon],
      )
      await store.putSamples([a])
      await settled(subject)
      t.deepEqual(await store.samples({}), [b, a])
    },
  },
  {
    title: 'samples are there after opening again',
    async run(t, subject) {
      if (!subject.reopen) return unable(t, 'this store cannot be opened again')
      const docs = Object.values(given)
      await subject.store.putSamples(docs)
      const again = await subject.reopen()
      await again.putSamples(docs)
      await settled({ ...subject, store: again })
      t.deepEqual(await again.samples({ order: 'asc' }), docs)
    },
  },
  {
    title:
      'a wrong question about samples or documents is refused as Trouble, not to be tried again',
    async run(t, { store }) {
      await store.putSamples(Object.values(given))
      const asked = [
        () => store.samples({ limit: 0 }),
        () => store.samples({ limit: 1.5 }),
        () => store.samples({ from: Number.NaN }),
        () => store.docs('changes', { limit: 0 }),
        () => store.docs('changes', { to: Number.NaN }),
        () => store.docs('changes', { query: '(' }),
        () => store.docs('changes', { query: 'exit:' }),
      ]
      for (const ask of asked) {
        const error = await rejection(t, ask())
        t.true(error instanceof Trouble, `${error.name}: ${error.message}`)
        t.true(!isRetryable(error))
      }
    },
  },
]
