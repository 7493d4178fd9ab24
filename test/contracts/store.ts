import { keepFrom } from '../../pipeline/store/retention.ts'
import type { LogDoc } from '../../pipeline/event.ts'
import type { LogRecord } from '../../pipeline/record.ts'
import type { LogQuery } from '../../pipeline/store/store.ts'
import {
  dayMs,
  docsOf,
  inOrder,
  messages,
  noon,
  openSource,
  recut,
  type Line,
  type Source,
} from './lines.ts'
import { storeDocCases } from './store-docs.ts'
import { storeModelCases } from './store-model.ts'
import { queryCases } from './store-queries.ts'
import { storeRepairCases } from './store-repairs.ts'
import { storeSampleCases } from './store-samples.ts'
import { searchAll, settled, type StoreSubject } from './store-subject.ts'
import { runCases, unable, type Case, type Check, type Register } from './suite.ts'

/** Every implementation of Store runs this; see `pipeline/store/store.ts` for the promises. */
export function storeContract(test: Register, openStore: () => Promise<StoreSubject>): void {
  runCases(test, storeCases, openStore)
}

const all: LogQuery = { limit: 1000 }

async function expectLines(t: Check, subject: StoreSubject, expected: LogDoc[]): Promise<void> {
  await settled(subject)
  const { hits } = await subject.store.search({ ...all, order: 'asc' })
  t.deepEqual(hits, inOrder(expected))
}

const storing: Case<StoreSubject>[] = [
  {
    title: 'an empty store answers every question with nothing',
    async run(t, { store }) {
      t.deepEqual(await store.search({}), { hits: [] })
      t.deepEqual(await store.histogram({}, 1000), { bucketMs: 1000, buckets: [], total: 0 })
      t.deepEqual(await store.services({}), [])
      t.deepEqual((await store.audit({})).gaps, [])
      t.deepEqual(await store.docs('changes', {}), [])
      t.deepEqual(await store.samples({}), [])
      t.deepEqual(await store.buckets('errors', {}), [])
      t.deepEqual(await store.retain(keepFrom('2999-01-01')), [])
      t.is(await store.context('c1:o:1:0', 1, 1), undefined)
      t.is(await store.patchIdentity([{ source: 'c1:o', identity: { service: 'web' } }]), 0)
      t.deepEqual(await store.appendLogs([]), { stored: 0, duplicates: 0, rejected: [] })
    },
  },
  {
    title: 'stored lines are found as they were written, newest first unless asked otherwise',
    async run(t, subject) {
      const web = openSource('c1:o', { service: '/shop/web', task: 'web.1', labels: { team: 'a' } })
      const record = web.write(
        { at: noon, message: 'one', tags: ['multiline'] },
        { at: noon + 1, message: 'two', level: 'error' },
        { at: noon + 2, message: 'three' },
      )
      const result = await subject.store.appendLogs([record])
      t.deepEqual(result, { stored: 3, duplicates: 0, rejected: [] })
      await expectLines(t, subject, docsOf(record))
      t.deepEqual(messages((await subject.store.search({})).hits), ['three', 'two', 'one'])
    },
  },
  {
    title: 'records stored side by side are all there',
    async run(t, subject) {
      const sources = Array.from({ length: 8 }, (_, i) => openSource(`c${i}:o`, { service: 'web' }))
      const records = sources.map((source, i) => [source.tick(5, noon + i), source.tick(5, noon)])
      await Promise.all(records.flat().map((record) => subject.store.appendLogs([record])))
      await expectLines(t, subject, docsOf(...records.flat()))
    },
  },
  {
    title: 'what was stored is there after opening again',
    async run(t, subject) {
      if (!subject.reopen) return unable(t, 'this store cannot be opened again')
      const record = openSource('c1:o', { service: 'web' }).tick(10)
      await subject.store.appendLogs([record])
      const again = await subject.reopen()
      await expectLines(t, { ...subject, store: again }, docsOf(record))
      const { duplicates } = await again.appendLogs([record])
      t.is(duplicates, 10)
    },
  },
]

/** What is stored first, what then, and how much of that was there already. */
const repetitions: [title: string, act: (source: Source) => Repetition][] = [
  [
    'the same record again',
    (source) => {
      const record = source.tick(10)
      return { first: [record], again: [record], duplicates: 10 }
    },
  ],
  [
    'the same record twice in one call',
    (source) => {
      const record = source.tick(10)
      return { first: [], again: [record, record], duplicates: 10 }
    },
  ],
  [
    'the same lines cut into other records',
    (source) => {
      const records = [source.tick(10), source.tick(10, noon + 10_000)]
      return { first: records, again: recut(records, 7), duplicates: 20 }
    },
  ],
  [
    'the second half of one and the first half of the next',
    (source) => {
      const records = [source.tick(10), source.tick(10, noon + 10_000)]
      const [, middle] = recut(records, 5)
      const [, , next] = recut(records, 5)
      const whole = recut(
        [middle, next].filter((one) => one !== undefined),
        10,
      )
      return { first: records.slice(0, 1), again: whole, duplicates: 5 }
    },
  ],
  [
    'a record that begins before and ends behind what is there',
    (source) => {
      const whole = source.tick(12)
      return { first: recut([whole], 4).slice(1, 2), again: [whole], duplicates: 4 }
    },
  ],
  [
    'the same lines under another lineage',
    (source) => {
      const record = source.tick(10)
      return { first: [record], again: recut([record], 4, 'second'), duplicates: 10 }
    },
  ],
  [
    'lines of equal times under another lineage',
    (source) => {
      const lines: Line[] = Array.from({ length: 9 }, (_, i) => ({ at: noon, message: `${i}` }))
      const record = source.write(...lines)
      return { first: [record], again: recut([record], 2, 'second'), duplicates: 9 }
    },
  ],
  [
    'a record that spans midnight',
    (source) => {
      const record = source.tick(20, noon + dayMs / 2 - 10_000)
      return { first: recut([record], 15).slice(0, 1), again: [record], duplicates: 15 }
    },
  ],
]

interface Repetition {
  first: ReturnType<Source['tick']>[]
  again: ReturnType<Source['tick']>[]
  duplicates: number
}

const idempotent: Case<StoreSubject>[] = [
  ...repetitions.map(([title, act]): Case<StoreSubject> => ({
    title: `${title}: every line is stored once`,
    async run(t, subject) {
      for (const name of ['c1:o', 'file:f00d']) {
        const { first, again, duplicates } = act(openSource(name, { service: 'web' }))
        await subject.store.appendLogs(first)
        const result = await subject.store.appendLogs(again)
        const count = again.reduce((sum, { head }) => sum + head.count, 0)
        t.deepEqual(result, { stored: count - duplicates, duplicates, rejected: [] })
      }
      const expected = ['c1:o', 'file:f00d'].flatMap((name) => {
        const { first, again } = act(openSource(name, { service: 'web' }))
        const docs = docsOf(...first, ...again)
        return [...new Map(docs.map((doc) => [doc['event.id'], doc])).values()]
      })
      await expectLines(t, subject, expected)
    },
  })),
  {
    title: 'other lines of another lineage are no duplicates, though their sequences repeat',
    async run(t, subject) {
      const before = openSource('c1:o', { service: 'web' }, 'first').tick(10)
      const after = openSource('c1:o', { service: 'web' }, 'second').tick(10, noon + 500)
      const result = await subject.store.appendLogs([before, after])
      t.deepEqual(result, { stored: 20, duplicates: 0, rejected: [] })
      await expectLines(t, subject, docsOf(before, after))
    },
  },
]

/** Lines of several sources, many of them within the same ms or ns, over three days. */
function crowd(): LogRecord[][] {
  const names = ['c1:e', 'c1:o', 'c2:o', 'file:f00d']
  return names.map((name, k) => {
    const source = openSource(name, { service: 'web' })
    return [-1, 0, 1].flatMap((day) =>
      Array.from({ length: 4 }, (_, i) => {
        const at = noon + day * dayMs + Math.floor(i / 2) * 10
        return source.write({ at }, { at }, { at, ns: 1 }, { at, ns: 500_000 + k }, { at: at + 1 })
      }),
    )
  })
}

/** Stores it, cut in different ways; gives it in its order. */
async function storeCrowd({ store }: StoreSubject): Promise<LogDoc[]> {
  for (const [i, records] of crowd().entries())
    await store.appendLogs(recut(records, i === 1 ? 3 : 7))
  return inOrder(docsOf(...crowd().flat()))
}

const ids = (docs: readonly LogDoc[]) => docs.map((doc) => doc['event.id'])

const orders: Case<StoreSubject>[] = [
  {
    title: 'lines of one ms and of one ns are in true order over all sources, in both directions',
    async run(t, subject) {
      const expected = await storeCrowd(subject)
      await settled(subject)
      const asc = await subject.store.search({ ...all, order: 'asc' })
      const desc = await subject.store.search({ ...all, order: 'desc' })
      t.deepEqual(ids(asc.hits), ids(expected))
      t.deepEqual(ids(desc.hits), ids(expected).toReversed())
    },
  },
  ...(['asc', 'desc'] as const).flatMap((order) =>
    [1, 7, 60].map((limit): Case<StoreSubject> => ({
      title: `pages of ${limit}, ${order}, hold every line once while others arrive between them`,
      async run(t, subject) {
        const expected = await storeCrowd(subject)
        await settled(subject)
        const [late, newer] = [openSource('c0:o', {}), openSource('c9:o', {})]
        const found = await searchAll(subject.store, { order, limit }, async (page) => {
          if (page % 10 > 2) return
          await subject.store.appendLogs([
            late.tick(2, noon - dayMs + page),
            newer.tick(2, noon + dayMs + page),
          ])
          await settled(subject)
        })
        const old = found.filter(({ 'event.id': id }) => !/^c[09]/.test(id))
        t.deepEqual(ids(old), ids(order === 'asc' ? expected : expected.toReversed()))
        t.is(new Set(ids(found)).size, found.length, 'nothing is shown twice')
      },
    })),
  ),
  {
    title: 'the last page has no next, also when it is full; without a limit a page has 200 lines',
    async run(t, subject) {
      await subject.store.appendLogs([openSource('c1:o', { service: 'web' }).tick(400)])
      await settled(subject)
      const first = await subject.store.search({})
      t.is(first.hits.length, 200)
      const last = await subject.store.search({ cursor: first.next ?? '' })
      t.is(last.hits.length, 200)
      t.is(last.next, undefined)
      t.is((await subject.store.search({ limit: 400 })).next, undefined)
      t.true((await subject.store.search({ limit: 399 })).next !== undefined)
    },
  },
  {
    title: 'a record that spans midnight is found on both days, and its parts in each',
    async run(t, subject) {
      const midnight = noon + dayMs / 2
      const record = openSource('c1:o', { service: 'web' }).tick(6, midnight - 3000)
      await subject.store.appendLogs([record])
      await expectLines(t, subject, docsOf(record))
      const before = await subject.store.search({ to: midnight, order: 'asc' })
      const after = await subject.store.search({ from: midnight, order: 'asc' })
      t.deepEqual(messages(before.hits), ['c1:o 0', 'c1:o 1', 'c1:o 2'])
      t.deepEqual(messages(after.hits), ['c1:o 3', 'c1:o 4', 'c1:o 5'])
    },
  },
  {
    title: 'lines whose times run backwards inside a record are found in the order of time',
    async run(t, subject) {
      const source = openSource('c1:o', { service: 'web' })
      const record = source.write({ at: noon + 5 }, { at: noon + 1 }, { at: noon + 3 })
      const other = openSource('c2:o', { service: 'web' }).write({ at: noon + 2 }, { at: noon + 4 })
      await subject.store.appendLogs([record, other])
      await expectLines(t, subject, docsOf(record, other))
      const pages = await searchAll(subject.store, { limit: 2, order: 'desc' })
      t.deepEqual(ids(pages), ids(inOrder(docsOf(record, other))).toReversed())
    },
  },
]

const filters: [query: LogQuery, expected: string[]][] = [
  [{ services: ['/shop/web'] }, ['w0', 'w1', 'w2', 'v0', 'v1']],
  [{ services: ['/shop/web', '/shop/db'] }, ['w0', 'w1', 'w2', 'v0', 'v1', 'd0']],
  [{ services: ['web'] }, []],
  [{ services: [] }, []],
  [{ services: ['unresolved'] }, ['u0']],
  [{ levels: ['error'] }, ['w1', 'd0']],
  [{ levels: ['error', 'warn'] }, ['w1', 'v1', 'd0']],
  [{ levels: [] }, []],
  [{ task: 'web.1' }, ['w0', 'w1', 'w2']],
  [{ task: 'b.2' }, ['v0', 'v1']],
  [{ task: 'web' }, ['w0', 'w1', 'w2', 'v0', 'v1']],
  [{ task: 'web_1' }, []],
  [{ task: 'WEB' }, []],
  [{ task: '%' }, []],
  [{ from: noon + 1000 }, ['w1', 'w2', 'v1', 'u0', 'd0']],
  [{ to: noon + 1000 }, ['w0', 'v0']],
  [{ from: noon + 1000, to: noon + 2000 }, ['w1', 'v1', 'd0']],
  [{ from: noon + 1000, to: noon + 1000 }, []],
  [{ from: noon - 10 * dayMs, to: noon + 10 * dayMs }, ['w0', 'w1', 'w2', 'v0', 'v1', 'u0', 'd0']],
  [{ from: -8e15, to: 8e15 }, ['w0', 'w1', 'w2', 'v0', 'v1', 'u0', 'd0']],
  [{ from: noon + 10 * dayMs }, []],
  [{ query: 'beta' }, ['w1', 'v1']],
  [{ grep: 'bet' }, ['w1', 'v1']],
  [{ grep: 'b.t' }, ['w1', 'v1']],
  [{ grep: 'Beta' }, []],
  [{ grep: '' }, ['w0', 'w1', 'w2', 'v0', 'v1', 'u0', 'd0']],
  [{ grep: '^w\\d alpha$' }, ['w0']],
  [{ query: 'beta', grep: 'v1' }, ['v1']],
  [{ query: 'level:error', levels: ['warn'] }, []],
  [{ query: 'level:error', levels: ['warn', 'error'], services: ['/shop/web'] }, ['w1']],
  [
    {
      services: ['/shop/web'],
      task: 'web.2',
      levels: ['warn'],
      query: 'beta OR gamma',
      grep: 'v',
      from: noon,
      to: noon + 5000,
    },
    ['v1'],
  ],
]

const filtering: Case<StoreSubject>[] = [
  {
    title: 'each filter alone and together chooses the lines, and the histogram counts the same',
    async run(t, subject) {
      const web = openSource('c1:o', { service: '/shop/web', task: 'web.1' })
      const other = openSource('c2:o', { service: '/shop/web', task: 'web.2' })
      await subject.store.appendLogs([
        web.write(
          { at: noon, message: 'w0 alpha' },
          { at: noon + 1000, message: 'w1 beta', level: 'error' },
          { at: noon + 2000, message: 'w2 gamma' },
        ),
        other.write(
          { at: noon + 999, ns: 999_999, message: 'v0 gamma' },
          { at: noon + 1999, ns: 999_999, message: 'v1 beta', level: 'warn' },
        ),
        openSource('c3:o').write({ at: noon + 2000, message: 'u0', level: 'debug' }),
        openSource('c4:e', { service: '/shop/db' }).write({
          at: noon + 1500,
          message: 'd0 delta',
          level: 'error',
        }),
      ])
      await settled(subject)
      for (const [query, expected] of filters) {
        const { hits } = await subject.store.search({ ...query, order: 'asc' })
        const found = messages(hits).map((message) => message.slice(0, 2))
        t.deepEqual(found.toSorted(), expected.toSorted(), JSON.stringify(query))
        const { total } = await subject.store.histogram(query, 1000)
        t.is(total, expected.length, `histogram of ${JSON.stringify(query)}`)
      }
    },
  },
]

const awkward: Record<string, string> = {
  quotes: 'he said "hi", \'twice\' and `once`',
  backslashes: 'C:\\new\\table \\\\server\\u0041 \\" end\\',
  'the mark of tags': 'text","tags":["x"],"service.name":"evil","labels":{}}',
  'a whole document':
    '{"@timestamp":"2026-01-01T00:00:00.000000000Z","message":"inner","event.id":"x"}',
  'JSON in JSON': JSON.stringify({ a: JSON.stringify({ b: 'deep "quoted" \n newline' }) }),
  'non-ASCII': 'Größe 日本語 🔑 \u200f\u202e bidi é',
  NUL: 'before\0after',
  'control characters': 'bell\u0007 escape\u001b[31m red \u007f \u0085',
  'lone surrogates': 'high \ud800 low \udc00 end',
  'a trace of many lines': 'Error: x\n\tat a (b.js:1)\r\n\tat c\u2028d\u2029',
  'the message mark': '","message":"not me","event.sequence":99',
  'only spaces': '   ',
  empty: '',
  'a very long line': `${'word '.repeat(50_000)}needle`,
  'a very long word': 'x'.repeat(200_000),
  'SQL and Lucene': '\'; DROP TABLE blocks; -- AND OR NOT (*) [x TO y] "',
}

const contents: Case<StoreSubject>[] = [
  {
    title: 'a message comes back as it was, whatever it holds, and its words are found',
    async run(t, subject) {
      const source = openSource('c1:o', { service: 'web' })
      const given = Object.entries(awkward)
      const record = source.write(
        ...given.map(([, message], i) => ({
          at: noon + i,
          message,
          ...(i % 2 ? { tags: ['multiline', 'redacted'] } : {}),
        })),
      )
      await subject.store.appendLogs([record])
      await settled(subject)
      const { hits } = await subject.store.search({ order: 'asc' })
      for (const [i, [name, message]] of given.entries()) {
        t.is(hits[i]?.message, message, name)
        t.deepEqual(hits[i]?.['service.name'], 'web', name)
        const around = await subject.store.context(hits[i]?.['event.id'] ?? '', 0, 0)
        t.deepEqual(around, [hits[i]], name)
      }
      const words = [
        'hi',
        'server',
        'evil',
        'inner',
        'deep',
        'bidi',
        'after',
        'red',
        'low',
        'needle',
      ]
      for (const query of [...words, '"at a"', 'drop']) {
        const found = await subject.store.search({ query })
        t.is(found.hits.length, 1, query)
      }
    },
  },
]

export const storeCases: readonly Case<StoreSubject>[] = [
  ...storing,
  ...idempotent,
  ...orders,
  ...filtering,
  ...contents,
  ...queryCases,
  ...storeRepairCases,
  ...storeDocCases,
  ...storeSampleCases,
  ...storeModelCases,
]
