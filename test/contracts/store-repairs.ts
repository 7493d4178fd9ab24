import { keepFrom, everyClass } from '../../pipeline/store/retention.ts'
import { isoToMs } from '../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../pipeline/identity.ts'
import { encodeRecord, type LogRecord } from '../../pipeline/record.ts'
import type { AuditScope } from '../../pipeline/store/store.ts'
import {
  dayMs,
  docsOf,
  inOrder,
  iso,
  messages,
  noon,
  openSource,
  recut,
  type Source,
} from './lines.ts'
import { searchAll, settled, type StoreSubject } from './store-subject.ts'
import type { Case } from './suite.ts'

const contexts: Case<StoreSubject>[] = [
  {
    title: 'around a line of a container stand the lines of both its streams, in the order of time',
    async run(t, subject) {
      const out = openSource('c1:o', { service: 'web' })
      const err = openSource('c1:e', { service: 'web' })
      const other = openSource('c2:o', { service: 'web' })
      const records = [-1, 0, 1].flatMap((day) => [
        out.write({ at: noon + day * dayMs }, { at: noon + day * dayMs + 2 }),
        err.write({ at: noon + day * dayMs }, { at: noon + day * dayMs + 1 }),
      ])
      await subject.store.appendLogs([...records, other.tick(5)])
      await settled(subject)
      const lines = inOrder(docsOf(...records))
      for (const [i, line] of lines.entries()) {
        for (const [before, after] of [
          [3, 2],
          [0, 0],
          [100, 100],
          [0, 1],
        ] as const) {
          t.deepEqual(
            await subject.store.context(line['event.id'], before, after),
            lines.slice(Math.max(0, i - before), i + after + 1),
            `${before} before and ${after} after ${line['event.id']}`,
          )
        }
      }
    },
  },
  {
    title: 'around a line of a file stand the lines of that file alone',
    async run(t, subject) {
      const file = openSource('file:f00d', { service: 'host' })
      const record = file.tick(9)
      const twin = openSource('file:f00d2', { service: 'host' }).tick(9)
      await subject.store.appendLogs([...recut([record], 2), twin])
      await settled(subject)
      const lines = docsOf(record)
      t.deepEqual(
        await subject.store.context(lines[4]?.['event.id'] ?? '', 3, 2),
        lines.slice(1, 7),
      )
    },
  },
  {
    title: 'a line whose time is not that of its id (a clamped one) is found all the same',
    async run(t, subject) {
      const record = openSource('c1:o', { service: 'web' }).tick(3)
      const clamped = docsOf(record).map((doc) => ({ ...doc, '@timestamp': iso(noon - 5000) }))
      await subject.store.appendLogs([encodeRecord(clamped, { ...record.head })])
      await settled(subject)
      const found = await subject.store.context(clamped[1]?.['event.id'] ?? '', 1, 1)
      t.deepEqual(found && messages(found), messages(clamped))
    },
  },
  {
    title: 'an id that no line has gives nothing, whatever it holds',
    async run(t, subject) {
      await subject.store.appendLogs([openSource('c1:o', { service: 'web' }).tick(3)])
      await settled(subject)
      const none = ['', ':', '::', 'c1:o', 'c1:o:9999999999999999999:0', 'c1:o:0:0', 'file::', '\0']
      const hostile = [
        "c1:o' OR '1'='1:0:0",
        '%',
        'c1:o:-1:0',
        'c1:o:1e18:0',
        '"',
        'x:'.repeat(9999),
      ]
      for (const id of [...none, ...hostile]) {
        t.is(await subject.store.context(id, 5, 5), undefined, id.slice(0, 40))
      }
    },
  },
]

const patches: Case<StoreSubject>[] = [
  {
    title: 'a source whose service became known is completed, once, and found by it',
    async run(t, subject) {
      const { store } = subject
      const source = openSource('c1:o', { agent: 'host-1' })
      const records = recut([source.tick(10, noon + dayMs / 2 - 5000)], 4)
      const other = openSource('c2:o', {}).tick(3)
      const resolved = openSource('c3:o', { service: 'db' }).tick(3)
      await store.appendLogs([...records, other, resolved])
      const identity = { service: '/shop/web', task: 'web.1', labels: { team: 'shop' } }
      t.is(await store.patchIdentity([{ source: 'c1:o', identity }]), 10)
      t.is(await store.patchIdentity([{ source: 'c1:o', identity }]), 0, 'a second time')
      t.is(await store.patchIdentity([{ source: 'c3:o', identity }]), 0, 'what has a service')
      await settled(subject)
      const { hits } = await store.search({ services: ['/shop/web'], order: 'asc' })
      const complete = {
        'service.name': '/shop/web',
        'mesos.task.id': 'web.1',
        labels: { team: 'shop' },
      }
      t.deepEqual(
        hits,
        docsOf(...records).map((doc) => ({ ...doc, ...complete })),
      )
      t.is((await store.search({ services: ['unresolved'] })).hits.length, 3)
      t.is((await store.search({ services: ['/shop/web'], query: 'o AND 7' })).hits.length, 1)
      t.is((await store.search({ task: 'web.1' })).hits.length, 10)
    },
  },
  {
    title: 'a source whose task became known is completed where it lacks one, whatever its service',
    async run(t, subject) {
      const { store } = subject
      const lacking = openSource('c1:o', { service: '/shop/pod', agent: 'host-1' }).tick(3)
      const unresolved = openSource('c2:o', {}).tick(3)
      const complete = openSource('c3:o', { service: '/shop/pod', task: 'other' }).tick(3)
      await store.appendLogs([lacking, unresolved, complete])
      const identity = { service: '/shop/pod', task: 'pod.1', owner: 'shop' }
      const patch = (source: string) => ({ source, lacking: 'task' as const, identity })
      t.is(await store.patchIdentity([patch('c1:o')]), 3)
      t.is(await store.patchIdentity([patch('c1:o')]), 0, 'a second time')
      t.is(await store.patchIdentity([patch('c2:o')]), 3)
      t.is(await store.patchIdentity([patch('c3:o')]), 0, 'what has a task')
      t.is(await store.patchIdentity([{ source: 'c3:o', identity }]), 0, 'what has a service')
      await settled(subject)
      const { hits } = await store.search({ task: 'pod.1', order: 'asc' })
      t.is(hits.length, 6)
      const owned = hits.filter((hit) => hit['mesoscope.owner'] === 'shop')
      t.is(owned.filter((hit) => hit['service.name'] === '/shop/pod').length, 6)
      t.is(hits.filter((hit) => hit['host.name'] === 'host-1').length, 3)
      t.is((await store.search({ task: 'other' })).hits.length, 3)
    },
  },
  {
    title: 'lines named by their ids are completed, and no others',
    async run(t, subject) {
      const { store } = subject
      const record = openSource('c1:o').tick(12)
      await store.appendLogs([record])
      const ids = docsOf(record)
        .filter((_, i) => [0, 3, 4, 11].includes(i))
        .map((doc) => doc['event.id'])
      const patch = { source: 'c1:o', ids: [...ids, 'c1:o:1:0'], identity: { service: 'web' } }
      t.is(await store.patchIdentity([patch]), 4)
      t.is(await store.patchIdentity([patch]), 0, 'a second time')
      await settled(subject)
      const found = await store.search({ services: ['web'], order: 'asc' })
      t.deepEqual(messages(found.hits), ['c1:o 0', 'c1:o 3', 'c1:o 4', 'c1:o 11'])
      t.is((await store.search({ services: ['unresolved'] })).hits.length, 8)
      t.deepEqual(
        messages(await searchAll(store, { order: 'asc', limit: 5 })),
        messages(docsOf(record)),
      )
      for (let n = 0; n < 12; n++)
        t.is((await store.search({ query: `c1 AND "o ${n}"` })).hits.length, 1)
      t.deepEqual((await store.audit({})).gaps, [])
    },
  },
  {
    title: 'lines that were completed are duplicates when they come again without it',
    async run(t, subject) {
      const { store } = subject
      const record = openSource('c1:o').tick(10)
      await store.appendLogs([record])
      await store.patchIdentity([{ source: 'c1:o', identity: { service: 'web' } }])
      const result = await store.appendLogs([record])
      t.deepEqual(result, { stored: 0, duplicates: 10, rejected: [] })
      await settled(subject)
      t.is((await store.search({ services: ['web'] })).hits.length, 10)
      t.is((await store.search({})).hits.length, 10)
    },
  },
]

/** Damaged bodies of a record. */
const damages: [title: string, damage: (body: Uint8Array) => Uint8Array][] = [
  ['cut off', (body) => body.slice(0, body.length / 2)],
  ['empty', () => new Uint8Array(0)],
  ['not compressed', () => Buffer.from('{"@timestamp":"x"}\n')],
  [
    'with a flipped bit',
    (body) => body.map((byte, i) => (i === body.length - 9 ? byte ^ 16 : byte)),
  ],
]

const damaged: Case<StoreSubject>[] = damages.map(([title, damage]) => ({
  title: `a record whose body is ${title} is refused with the reason, its neighbours are stored`,
  async run(t, subject) {
    const { store } = subject
    const source = openSource('c1:o', { service: 'web' })
    const records = [source.tick(5), source.tick(5, noon + 5000), source.tick(5, noon + 10_000)]
    const broken = (record: LogRecord): LogRecord => ({ ...record, body: damage(record.body) })
    const [first, middle, last] = records as [LogRecord, LogRecord, LogRecord]
    const result = await store.appendLogs([first, broken(middle), last])
    t.is(result.stored, 10)
    t.deepEqual(
      result.rejected.map(({ record }) => record.head),
      [middle.head],
    )
    t.true((result.rejected[0]?.reason.length ?? 0) > 10, 'the reason is told')
    const again = await store.appendLogs([broken(first), middle])
    t.is(again.stored, 5, 'also where its lines are there already')
    t.is(again.rejected.length, 1)
    await settled(subject)
    const { hits } = await store.search({ order: 'asc' })
    t.deepEqual(hits, docsOf(...records))
  },
}))

const audits: Case<StoreSubject>[] = [
  {
    title: 'what is missing of a source is named exactly, with the times on both sides',
    async run(t, subject) {
      const { store } = subject
      const source = openSource('c1:o', { service: 'web' })
      const complete = openSource('c2:o', { service: 'db' })
      const records = [source.tick(3, noon)]
      source.skip(4)
      records.push(source.tick(1, noon + 60_000))
      source.skip(1)
      records.push(source.tick(3, noon + dayMs))
      await store.appendLogs([...records, complete.tick(3), complete.tick(3, noon + 9000)])
      await settled(subject)
      const gap = (missing: [number, number], between: [number, number]) => ({
        source: 'c1:o',
        service: 'web',
        missing,
        between: between.map(iso),
      })
      const found = [
        gap([3, 6], [noon + 2000, noon + 60_000]),
        gap([8, 8], [noon + 60_000, noon + dayMs]),
      ]
      t.deepEqual((await store.audit({})).gaps, found)
      t.deepEqual((await store.audit({ to: noon + 70_000 })).gaps, found.slice(0, 1))
      t.deepEqual((await store.audit({ to: noon + 3000 })).gaps, found.slice(0, 1))
      const gapsIn = async (from: number, to: number) =>
        (await store.audit({ from: noon + from, to: noon + to })).gaps
      t.deepEqual(await gapsIn(20_000, 30_000), found.slice(0, 1), 'a range within a gap')
      t.deepEqual(await gapsIn(-5000, 2000), [], 'a range that ends before it')
    },
  },
  {
    title:
      'an audit counts the lines and sources of its range and services, and names gaps of these alone',
    async run(t, subject) {
      const { store } = subject
      const web = openSource('c1:o', { service: 'web' })
      const other = openSource('c2:e', { service: 'web' })
      const db = openSource('c3:o', { service: 'db' })
      const records = [web.tick(5), other.tick(2, noon + 1000), db.tick(2)]
      db.skip(3)
      records.push(db.tick(1, noon + 8000), web.tick(2, noon + 50_000))
      await store.appendLogs(records)
      await settled(subject)
      const counted = async (scope: AuditScope) => {
        const { sources, lines, gaps } = await store.audit(scope)
        return [sources, lines, gaps.length]
      }
      t.deepEqual(await counted({}), [3, 12, 1])
      t.deepEqual(await counted({ services: ['web'] }), [2, 9, 0])
      t.deepEqual(await counted({ services: ['db'] }), [1, 3, 1])
      t.deepEqual(await counted({ services: [] }), [0, 0, 0])
      const others = await store.search({ without: ['web', 'other'] })
      t.deepEqual([...new Set(others.hits.map((hit) => hit['service.name']))], ['db'])
      const { total } = await store.histogram({ without: ['web'] }, 1000)
      t.is(total, 3)
      t.deepEqual(
        await counted({ services: ['web'], from: noon + 2000, to: noon + 10_000 }),
        [2, 4, 0],
      )
      t.deepEqual(await counted({ from: noon + 60_000 }), [0, 0, 0])
    },
  },
  {
    title: 'a gap that is filled later is none, wholly or in part; each lineage counts for itself',
    async run(t, subject) {
      const { store } = subject
      const lines = recut([openSource('c1:o', { service: 'web' }).tick(30)], 1)
      const part = (from: number, to: number) => recut(lines.slice(from, to + 1), 100)
      const other = openSource('c1:o', { service: 'web' }, 'second')
      other.skip(500)
      await store.appendLogs([...part(0, 4), ...part(20, 29), other.tick(3, noon + 60_000)])
      await store.appendLogs(part(10, 12))
      await settled(subject)
      const missing = async () => (await store.audit({})).gaps.map((gap) => gap.missing)
      t.deepEqual(await missing(), [
        [5, 9],
        [13, 19],
      ])
      await store.appendLogs(part(4, 20))
      await settled(subject)
      t.deepEqual(await missing(), [])
    },
  },
  {
    title: 'lines whose time jumped out of the range are not missing',
    async run(t, subject) {
      const source = openSource('c1:o', { service: 'web' })
      const records = [
        source.tick(2),
        source.tick(2, noon + 9 * dayMs),
        source.tick(2, noon + 5000),
      ]
      await subject.store.appendLogs(records)
      await settled(subject)
      t.deepEqual((await subject.store.audit({ from: noon, to: noon + dayMs })).gaps, [])
      t.deepEqual((await subject.store.audit({})).gaps, [])
    },
  },
]

const retention: Case<StoreSubject>[] = [
  {
    title: 'retention deletes the days before a day, all of them and nothing else',
    async run(t, subject) {
      const { store } = subject
      const midnight = noon + dayMs / 2
      const source = openSource('c1:o', { service: 'web' })
      const records = [-2, -1, 0].map((day) => source.tick(4, midnight + day * dayMs - 2000))
      await store.appendLogs(records)
      const changes = [-1, 1].map((offset) => ({
        '@timestamp': iso(midnight + offset),
        'event.id': `change:${offset}`,
        'event.kind': 'container' as const,
        'event.action': 'died',
        message: 'exit code 1',
      }))
      await store.putDocs('changes', changes)
      const bucket = { signal: 'errors', group: {}, to: 0, partition: 0, count: 1, lastMs: 0 }
      await store.putBuckets([midnight - 1, midnight].map((from) => ({ ...bucket, from })))
      await settled(subject)
      t.is((await store.search({})).hits.length, 12, 'read before, so that all is open')

      t.deepEqual(await store.retain(keepFrom('2026-11-23')), [
        '2026-11-20',
        '2026-11-21',
        '2026-11-22',
      ])
      await settled(subject)
      const { hits } = await store.search({})
      t.true(hits.every((doc) => isoToMs(doc['@timestamp']) >= midnight))
      t.is(hits.length, 2)
      t.is((await store.histogram({}, dayMs)).total, 2)
      t.deepEqual(
        (await store.docs('changes', {})).map((doc) => doc['event.id']),
        ['change:1'],
      )
      t.deepEqual(
        (await store.buckets('errors', {})).map(({ from }) => from),
        [midnight],
      )
      t.deepEqual(await store.retain(keepFrom('2026-11-23')), [])
    },
  },
  {
    title: 'a late line of a deleted day is stored and found again',
    async run(t, subject) {
      const { store } = subject
      const source = openSource('c1:o', { service: 'web' })
      await store.appendLogs([source.tick(3, noon), source.tick(3, noon + dayMs)])
      await settled(subject)
      await store.search({})
      await store.retain(keepFrom('2026-11-23'))
      const late = source.tick(2, noon + 9000)
      t.is((await store.appendLogs([late])).stored, 2)
      await settled(subject)
      t.deepEqual((await store.search({ to: noon + dayMs, order: 'asc' })).hits, docsOf(late))
      t.is((await store.services({}))[0]?.lines, 5)
    },
  },
]

const brief = { service: '/brief', retention: 'brief' }
const change = (id: string, at: number, more: Record<string, string> = {}) => ({
  '@timestamp': iso(at),
  'event.id': id,
  'event.kind': 'container' as const,
  'event.action': 'died',
  message: 'exit code 1',
  ...more,
})

/** Of stores that were opened with the retention class `brief`. */
const retentionClasses: Case<StoreSubject>[] = [
  {
    title: 'what a service asks for is kept for its own time, and each class of events for its own',
    async run(t, subject) {
      const { store } = subject
      const wanted = { service: '/odd', retention: 'not_declared' }
      const sources = [brief, { service: '/usual' }, wanted].map((identity, i) =>
        openSource(`c${i}:o`, identity),
      )
      for (const source of sources)
        await store.appendLogs([source.tick(3, noon), source.tick(3, noon + dayMs)])
      await store.putDocs(
        'changes',
        [brief, { service: '/usual' }].map((identity) =>
          change(`of ${identity.service}`, noon, ecsOf(identity)),
        ),
      )
      await store.putSamples(
        [brief, { service: '/usual' }].map((identity, i) => ({
          '@timestamp': iso(noon),
          'event.id': `sample:docker:a${i}:l:0`,
          'event.sequence': 0,
          metrics: { 'container.cpu.usage': 1 },
          ...ecsOf(identity),
        })),
      )
      await settled(subject)
      t.is((await store.search({})).hits.length, 18, 'read before, so that all is open')

      const firstDays = {
        default: everyClass(() => '2026-11-22'),
        brief: { ...everyClass(() => '2026-11-22'), logs: '2026-11-23', metrics: '2026-11-23' },
      }
      t.deepEqual(await store.retain(firstDays), ['2026-11-22'])
      await settled(subject)
      const linesOf = async (service: string) =>
        (await store.search({ services: [service] })).hits.length
      t.deepEqual(await Promise.all(['/brief', '/usual', '/odd'].map(linesOf)), [3, 6, 6])
      t.is((await store.histogram({ to: noon + dayMs / 2 }, dayMs)).total, 6)
      t.deepEqual(messages((await store.search({ query: 'c1', limit: 1 })).hits), ['c1:o 5'])
      t.is((await store.search({ query: 'c0', to: noon + dayMs / 2 })).hits.length, 0)
      t.deepEqual(
        (await store.samples({})).map((doc) => doc['service.name']),
        ['/usual'],
      )
      t.is((await store.docs('changes', {})).length, 2)
      t.deepEqual(await store.retain(firstDays), [])

      // What comes late is kept by the same rule.
      await store.appendLogs([(sources[0] as Source).tick(1, noon + 5000)])
      t.deepEqual(await store.retain(firstDays), ['2026-11-22'])
      await settled(subject)
      t.is(await linesOf('/brief'), 3)
      const later = {
        default: everyClass(() => '2026-11-22'),
        brief: everyClass(() => '2026-11-23'),
      }
      t.deepEqual(await store.retain(later), ['2026-11-22'])
      await settled(subject)
      t.deepEqual(
        (await store.docs('changes', {})).map((doc) => doc['event.id']),
        ['of /usual'],
      )
      t.is(await linesOf('/usual'), 6)
    },
  },
  {
    title: 'a document that comes with another retention takes the place of the earlier one',
    async run(t, subject) {
      const { store } = subject
      const later = change('change:1', noon, { message: 'later', ...ecsOf(brief) })
      await store.putDocs('changes', [change('change:1', noon), change('change:2', noon)])
      await store.putDocs('changes', [later])
      await settled(subject)
      const found = await store.docs('changes', {})
      t.deepEqual(
        found.map(({ message }) => message),
        ['later', 'exit code 1'],
      )
      await store.putDocs('changes', [change('change:1', noon)])
      await settled(subject)
      const again = await store.docs('changes', {})
      t.deepEqual(
        again.map((doc) => doc['mesoscope.retention']),
        [undefined, undefined],
      )
    },
  },
]

const ecsOf = (identity: Identity) => identityToEcs(identity) as Record<string, string>

export const storeRepairCases: readonly Case<StoreSubject>[] = [
  ...contexts,
  ...patches,
  ...damaged,
  ...audits,
  ...retention,
  ...retentionClasses,
]
