import {
  addNumber,
  addTerm,
  emptyDistribution,
  writtenDistribution,
} from '../../pipeline/distribution.ts'
import type { BucketValues, ChangeDoc, ChangeKind, SignalBucket } from '../../pipeline/event.ts'
import type { Identity } from '../../pipeline/identity.ts'
import type { DocQuery } from '../../pipeline/store/store.ts'
import { openRandom } from '../helpers/random.ts'
import { dayMs, iso, noon, openSource } from './lines.ts'
import { settled, type StoreSubject } from './store-subject.ts'
import { rejection, type Case } from './suite.ts'

function change(name: string, at: number, kind: ChangeKind, service?: string): ChangeDoc {
  return {
    '@timestamp': iso(at),
    'event.id': `change:${name}`,
    'event.kind': kind,
    'event.action': 'died',
    message: `"${name}" \0 ü`,
    ...(service === undefined ? {} : { 'service.name': service }),
    nested: { deep: [1, 'two', null] },
  }
}

const changes = [
  change('a', noon - dayMs, 'container', 'web'),
  change('b', noon, 'alert', 'web'),
  change('c', noon + 1, 'container', 'db'),
  change('d', noon + 2, 'gap'),
  change('e', noon + dayMs, 'container', 'web'),
]

const docQueries: [query: DocQuery, expected: string][] = [
  [{}, 'edcba'],
  [{ limit: 2 }, 'ed'],
  [{ limit: 4 }, 'edcb'],
  [{ kind: 'container' }, 'eca'],
  [{ services: ['web'] }, 'eba'],
  [{ services: ['web', 'db'] }, 'ecba'],
  [{ services: ['web'], kind: 'container', limit: 1 }, 'e'],
  [{ services: [] }, ''],
  [{ from: noon + 1 }, 'edc'],
  [{ to: noon + 1 }, 'ba'],
  [{ from: noon, to: noon + 2 }, 'cb'],
  [{ kind: 'none' }, ''],
]

/** What happened to a task, a deployment, an agent; by the fields that all of us use. */
const events = {
  died: event('died', noon, 'task', {
    'service.name': '/shop/web',
    'mesos.task.id': 'web.1',
    'task.state': 'TASK_FAILED',
    'task.reason': 'REASON_CONTAINER_LIMITATION_MEMORY',
    'process.exit_code': 137,
    'container.oom_killed': true,
    'task.last_lines': ['out of\nmemory', 'bye'],
    message: 'died after 3 h: "killed" by the kernel',
  }),
  killed: event('killed', noon + 1, 'task', {
    'service.name': '/shop/web',
    'mesos.task.id': 'web.2',
    'task.state': 'TASK_KILLED',
    'process.exit_code': 0,
    message: 'killed: scaled down',
  }),
  deployed: event('started', noon + 2, 'deployment', {
    'marathon.deployment.id': 'd-1',
    'deployment.affected': ['/shop/web', '/shop/db'],
    message: 'deployment d-1 of /shop/web',
  }),
  lost: event('agent-lost', noon + dayMs, 'cluster', { message: 'agent-2 is lost' }),
}

function event(
  action: string,
  at: number,
  kind: ChangeKind,
  more: Record<string, unknown> & { message: string },
): ChangeDoc {
  return {
    '@timestamp': iso(at),
    'event.id': `change:${action}:${at}`,
    'event.kind': kind,
    'event.action': action,
    ...more,
  }
}

const eventQueries: [query: DocQuery, expected: (keyof typeof events)[]][] = [
  [{ kinds: ['task', 'cluster'] }, ['lost', 'killed', 'died']],
  [{ kinds: ['task'], limit: 1 }, ['killed']],
  [{ kinds: [] }, []],
  [{ kind: 'task', kinds: ['cluster', 'task'] }, ['killed', 'died']],
  [{ kind: 'task', kinds: ['cluster'] }, []],
  [{ task: 'web.1' }, ['died']],
  [{ task: 'web' }, []],
  [{ task: 'web.2', services: ['/shop/web'], kinds: ['task'] }, ['killed']],
  [{ query: '' }, ['lost', 'deployed', 'killed', 'died']],
  [{ query: 'killed' }, ['killed', 'died']],
  [{ query: '"killed by the kernel"' }, ['died']],
  [{ query: 'NOT killed' }, ['lost', 'deployed']],
  [{ query: 'kind:task AND action:died' }, ['died']],
  [{ query: 'exit:137' }, ['died']],
  [{ query: 'exit:>0 OR kind:cluster' }, ['lost', 'died']],
  [{ query: 'exit:*' }, ['killed', 'died']],
  [{ query: 'oom:true' }, ['died']],
  [{ query: 'state:TASK_KILLED' }, ['killed']],
  [{ query: 'reason:*MEMORY' }, ['died']],
  [{ query: 'task.last_lines:memory' }, ['died']],
  [{ query: 'deployment.affected:"/shop/db"' }, ['deployed']],
  [{ query: 'service:"/shop/web" AND NOT kind:task' }, []],
  [{ query: 'kind:task', limit: 1 }, ['killed']],
  [{ query: 'level:error' }, []],
  [{ query: 'kind:task', to: noon + 1 }, ['died']],
]

const docs: Case<StoreSubject>[] = [
  {
    title: 'documents are chosen by kinds, task and query, together with everything else',
    async run(t, subject) {
      const { store } = subject
      await store.putDocs('changes', Object.values(events))
      await settled(subject)
      for (const [query, expected] of eventQueries) {
        const wanted = expected.map((name) => events[name])
        t.deepEqual(await store.docs('changes', query), wanted, JSON.stringify(query))
      }
    },
  },
  {
    title: 'a decision is a document of its own class, in all its depth',
    async run(t, subject) {
      const { store } = subject
      const doc = event('held', noon, 'scaling', {
        message: 'a deployment is running',
        'service.name': '/shop/web',
        decision: { steps: [{ step: 'lock', before: 3, after: 3 }], inputs: { wanted: 3 } },
      })
      await store.putDocs('decisions', [doc])
      await settled(subject)
      t.deepEqual(await store.docs('decisions', { query: 'decision.inputs.wanted:3' }), [doc])
      t.deepEqual(await store.docs('changes', {}), [])
    },
  },
  {
    title: 'documents are listed newest first, by time, kind and service, each class for itself',
    async run(t, subject) {
      const { store } = subject
      await store.putDocs('changes', changes)
      await store.putDocs('alerts', [change('x', noon, 'alert', 'web')])
      await settled(subject)
      for (const [query, expected] of docQueries) {
        const wanted = expected
          .split('')
          .map((name) => changes.find((doc) => doc['event.id'] === `change:${name}`))
        t.deepEqual(await store.docs('changes', query), wanted, JSON.stringify(query))
      }
      t.is((await store.docs('alerts', {})).length, 1)
      t.deepEqual(await store.docs('dead', {}), [])
    },
  },
  {
    title: 'a document put again replaces the one with its id',
    async run(t, subject) {
      const { store } = subject
      const [, before] = changes as [ChangeDoc, ChangeDoc]
      const after = { ...before, 'event.kind': 'container' as const, message: 'replaced' }
      await store.putDocs('changes', [before, before])
      await store.putDocs('changes', [after])
      await settled(subject)
      t.deepEqual(await store.docs('changes', {}), [after])
      t.deepEqual(await store.docs('changes', { kind: 'alert' }), [])
    },
  },
  {
    title: 'buckets of a signal come by the start of their time, and are replaced by their key',
    async run(t, subject) {
      const { store } = subject
      const bucket = (from: number, more: Partial<SignalBucket> = {}): SignalBucket => ({
        signal: 'errors',
        group: { service: 'web', agent: 'a' },
        from,
        to: from + 5000,
        partition: 0,
        count: 1,
        lastMs: from + 1,
        ...more,
      })
      await store.putBuckets([
        bucket(noon + 5000),
        bucket(noon),
        bucket(noon - dayMs),
        bucket(noon, { partition: 1 }),
        bucket(noon, { group: { service: 'db' } }),
        bucket(noon, { signal: 'requests' }),
      ])
      const again = bucket(noon, {
        group: { agent: 'a', service: 'web' },
        count: 7,
        lastMs: noon + 9,
      })
      await store.putBuckets([again])
      await settled(subject)
      const all = await store.buckets('errors', {})
      t.deepEqual(
        all.map(({ from }) => from),
        [noon - dayMs, noon, noon, noon, noon + 5000],
      )
      const [found] = all.filter((one) => one.count === 7)
      t.deepEqual(found, again)
      const inside = await store.buckets('errors', { from: noon, to: noon + 5000 })
      t.is(inside.length, 3)
      t.deepEqual(await store.buckets('none', {}), [])
      t.is((await store.buckets('requests', {})).length, 1)
    },
  },
]

/** A bucket of a metric that a partition has counted so far. */
function valued(from: number, count: number, more: Partial<SignalBucket> = {}): SignalBucket {
  const values = { sum: count * 0.1, min: -1, max: 1e15, last: 0 }
  const place = { signal: 'cpu', group: { service: 'web', task: 't' }, from, to: from + 5000 }
  return { ...place, partition: 0, count, lastMs: from + 7, values, ...more }
}

const valuedBuckets: Case<StoreSubject>[] = [
  {
    title: 'a bucket that has counted less replaces none: who wrote it owns the partition no more',
    async run(t, subject) {
      const { store } = subject
      await store.putBuckets([valued(noon, 5), valued(noon + 5000, 1)])
      await store.putBuckets([valued(noon, 3), valued(noon + 5000, 2)])
      await store.putBuckets([valued(noon, 4), valued(noon, 2, { partition: 1 })])
      await settled(subject)
      const found = await store.buckets('cpu', {})
      t.deepEqual(
        found.toSorted((a, b) => a.from - b.from || a.partition - b.partition),
        [valued(noon, 5), valued(noon, 2, { partition: 1 }), valued(noon + 5000, 2)],
      )
    },
  },
  {
    title: 'buckets of metrics come back with their values, those of lines without any',
    async run(t, subject) {
      const { store } = subject
      const { values: _, ...lines } = valued(noon + 5000, 3)
      await store.putBuckets([valued(noon, 2), valued(noon, 9, { partition: 1 }), lines])
      await store.putBuckets([valued(noon, 4)])
      await settled(subject)
      const found = await store.buckets('cpu', {})
      t.deepEqual(
        found.toSorted((a, b) => a.from - b.from || a.partition - b.partition),
        [valued(noon, 4), valued(noon, 9, { partition: 1 }), lines],
      )
      const { values: __, ...again } = valued(noon, 4)
      await store.putBuckets([again])
      await settled(subject)
      const [first] = await store.buckets('cpu', { to: noon + 1 })
      t.deepEqual(first, again, 'the values of the one that was replaced are gone')
    },
  },
  {
    title:
      'a series is the buckets of a signal merged to steps, over partitions, tasks and midnight',
    async run(t, subject) {
      const { store } = subject
      const midnight = noon + dayMs / 2
      const at = (from: number, value: number, service: string, task: string, partition = 0) =>
        valued(from, 1, {
          group: { service, task },
          partition,
          values: { sum: value, min: value, max: value, last: value },
        })
      await store.putBuckets([
        at(midnight - 10_000, 1, 'web', 'a'),
        at(midnight - 5000, 3, 'web', 'a', 1),
        { ...at(midnight - 5000, 8, 'web', 'b'), lastMs: midnight - 4999 },
        at(midnight, 5, 'web', 'a'),
        at(midnight, 7, 'db', 'c'),
        at(midnight + 10_000, 100, 'web', 'a'),
      ])
      await settled(subject)
      const range = { from: midnight - 10_000, to: midnight + 5000, stepMs: 10_000 }
      const step = (from: number, group: Identity, count: number, values: BucketValues) => ({
        ...valued(from, count, { group, partition: -1, values }),
        to: from + 10_000,
        lastMs: from + (from < midnight ? 5007 : 7),
      })
      const web = await store.series('cpu', { ...range, by: ['service'], services: ['web'] })
      t.deepEqual(web, [
        step(midnight - 10_000, { service: 'web' }, 3, { sum: 12, min: 1, max: 8, last: 3 }),
        step(midnight, { service: 'web' }, 1, { sum: 5, min: 5, max: 5, last: 5 }),
      ])
      const tasks = await store.series('cpu', { ...range, by: ['service', 'task'] })
      t.deepEqual(
        tasks
          .map(
            ({ group, count, values }) => `${group.service} ${group.task} ${count} ${values?.last}`,
          )
          .toSorted(),
        ['db c 1 7', 'web a 1 5', 'web a 2 3', 'web b 1 8'],
      )
      t.deepEqual(await store.series('cpu', { ...range, by: [], services: [] }), [])
      const [all] = await store.series('cpu', { stepMs: dayMs, by: [] })
      t.is(all?.count, 3)
      const error = await rejection(t, store.series('cpu', { ...range, stepMs: 0, by: [] }))
      t.true(error.message.includes('step'))
    },
  },
]

/** Each step of each service, as it follows from the single buckets. */
function mergedByHand(buckets: readonly SignalBucket[], stepMs: number) {
  const steps = Map.groupBy(
    buckets,
    ({ group, from }) => `${group.service} ${Math.floor(from / stepMs) * stepMs}`,
  )
  return [...steps].map(([key, parts]) => {
    const values = parts.flatMap((part) => part.values ?? [])
    const newest = parts.toSorted((a, b) => a.lastMs - b.lastMs).at(-1)
    return [
      key,
      parts.reduce((sum, { count }) => sum + count, 0),
      newest?.lastMs,
      values.reduce((sum, one) => sum + one.sum, 0),
      Math.min(...values.map(({ min }) => min)),
      Math.max(...values.map(({ max }) => max)),
      newest?.values?.last,
    ]
  })
}

const distributedBuckets: Case<StoreSubject>[] = [
  {
    title: 'how values are distributed comes back with its bucket, and merged with a series',
    async run(t, subject) {
      const { store } = subject
      const of = (from: number, numbers: number[], more: Partial<SignalBucket> = {}) => {
        const [distribution, terms] = [emptyDistribution(), emptyDistribution()]
        for (const number of numbers) addNumber(distribution, number)
        for (const number of numbers) addTerm(terms, `user ${number}`)
        const texts = { ...writtenDistribution(distribution), ...writtenDistribution(terms) }
        return valued(from, numbers.length, { ...texts, ...more })
      }
      const replaced = of(noon, [7])
      const first = of(noon, [1, 2, 3])
      const second = of(noon + 5000, [3, 4], { group: { service: 'web', task: 'u' } })
      const third = of(noon + 10_000, [9], { partition: 1 })
      await store.putBuckets([replaced, second])
      await store.putBuckets([first, third])
      await store.putBuckets([of(noon, [100])])
      await settled(subject)
      const found = await store.buckets('cpu', {})
      t.deepEqual(
        found.toSorted((a, b) => a.from - b.from),
        [first, second, third],
      )
      const query = { from: noon, stepMs: 10_000, by: ['service'] as const }
      const [step] = await store.series('cpu', { ...query, distributed: true })
      const { sketch, distinct } = of(noon, [1, 2, 3, 3, 4])
      t.deepEqual([step?.count, step?.sketch, step?.distinct], [5, sketch, distinct])
      const [plain] = await store.series('cpu', query)
      t.deepEqual([plain?.count, plain?.sketch, plain?.distinct], [5, undefined, undefined])
      const { sketch: _, distinct: __, ...without } = of(noon, [1, 2, 3, 4])
      await store.putBuckets([without])
      await settled(subject)
      const [last] = await store.buckets('cpu', { to: noon + 1 })
      t.deepEqual(last, without, 'that of the one that was replaced is gone')
    },
  },
]

const seriesOfMany: Case<StoreSubject> = {
  title: 'steps are what their buckets give, over many tasks and partitions',
  async run(t, subject) {
    const { store } = subject
    const random = openRandom(7)
    const below = (count: number) => Math.floor(random() * count)
    const buckets = Array.from({ length: 400 }, (_, i): SignalBucket => {
      const from = noon + below(60) * 5000
      const [min, max] = [below(1000), 1000 + below(1000)]
      const values = { sum: min + max, min, max, last: min + below(max - min) }
      const group = { service: `s${below(3)}`, task: `t${i}` }
      // No two have one newest time: of those any may be the last.
      return { ...valued(from, 2, { group, partition: below(2), values }), lastMs: from + i }
    })
    await store.putBuckets(buckets)
    await settled(subject)
    for (const stepMs of [5000, 7000, 60_000, 2 * dayMs]) {
      const found = await store.series('cpu', { stepMs, by: ['service'] })
      const told = found.map(({ group, from, count, lastMs, values }) => {
        const key = `${group.service} ${from}`
        return [key, count, lastMs, values?.sum, values?.min, values?.max, values?.last]
      })
      const inOrder = (rows: unknown[][]) => rows.map((row) => row.join(' ')).toSorted()
      const expected = mergedByHand(buckets, stepMs)
      t.deepEqual(inOrder(told), inOrder(expected), `steps of ${stepMs} ms`)
    }
  },
}

const summaries: Case<StoreSubject>[] = [
  {
    title: 'services are summed up over their tasks: lines, levels, tasks newest first, last time',
    async run(t, subject) {
      const { store } = subject
      const web = (task: string) => openSource(`${task}:o`, { service: '/shop/web', task })
      await store.appendLogs([
        web('t1').tick(3, noon, 'error'),
        web('t2').tick(2, noon + 60_000),
        web('t3').tick(2, noon - dayMs),
        openSource('c9:o').tick(1, noon + 90_000, 'debug'),
        openSource('c8:o', { service: 'db' }).tick(1, noon + 30_000),
      ])
      await settled(subject)
      const [unresolved, shop, db] = await store.services({})
      t.deepEqual(
        { ...unresolved },
        {
          service: 'unresolved',
          lines: 1,
          levels: { debug: 1 },
          tasks: [],
          taskCount: 0,
          lastMs: noon + 90_000,
        },
      )
      t.deepEqual(
        { ...shop },
        {
          service: '/shop/web',
          lines: 7,
          levels: { error: 3, info: 4 },
          tasks: ['t2', 't1', 't3'],
          taskCount: 3,
          lastMs: noon + 61_000,
        },
      )
      t.is(db?.service, 'db')
      const [part, ...none] = await store.services({ from: noon + 1000, to: noon + 2000 })
      t.deepEqual(none, [])
      t.deepEqual(
        { ...part },
        {
          service: '/shop/web',
          lines: 1,
          levels: { error: 1 },
          tasks: ['t1'],
          taskCount: 1,
          lastMs: noon + 1000,
        },
      )
    },
  },
  {
    title: 'of very many tasks 100 are listed and all are counted',
    async run(t, subject) {
      const records = Array.from({ length: 130 }, (_, i) =>
        openSource(`c${i}:o`, { service: 'batch', task: `batch.${i}` }).tick(1, noon + i),
      )
      await subject.store.appendLogs(records)
      await settled(subject)
      const [batch] = await subject.store.services({})
      t.is(batch?.taskCount, 130)
      t.deepEqual(
        batch?.tasks,
        Array.from({ length: 100 }, (_, i) => `batch.${129 - i}`),
      )
    },
  },
]

export const storeDocCases: readonly Case<StoreSubject>[] = [
  ...docs,
  ...valuedBuckets,
  ...distributedBuckets,
  seriesOfMany,
  ...summaries,
]
