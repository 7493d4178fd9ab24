import { everyClass, keepFrom } from '../../pipeline/store/retention.ts'
import { isoToMs, type SampleDoc, type SignalBucket } from '../../pipeline/event.ts'
import { parseQuery } from '../../pipeline/query.ts'
import { decodeDocs, encodeRecord } from '../../pipeline/record.ts'
import { sampleFault } from '../../pipeline/sample.ts'
import type { DocQuery, LogQuery, SampleQuery, Store } from '../../pipeline/store/store.ts'
import { without } from './broken-buses.ts'

/** A store with one promise broken. */
export interface BrokenStore {
  /** "a store that …" */
  breaks: string
  /** Beginnings of the titles of the cases that must fail. */
  caughtBy: string[]
  wrap(store: Store): Store
}

function searching(store: Store, change: (query: LogQuery) => LogQuery): Store {
  return { ...store, search: (query) => store.search(change(query)) }
}

function listing(store: Store, change: (query: DocQuery) => DocQuery): Store {
  return { ...store, docs: (docClass, query) => store.docs(docClass, change(query)) }
}

function sampling(store: Store, change: (query: SampleQuery) => SampleQuery): Store {
  return { ...store, samples: (query) => store.samples(change(query)) }
}

const model = 'any query finds'
const allSamples = 'samples come back as they were'

export const brokenStores: readonly BrokenStore[] = [
  {
    breaks: 'stores the same lines again',
    caughtBy: [
      'the same record again',
      'the same lines cut',
      'the same lines under another lineage',
    ],
    wrap: (store) => {
      let calls = 0
      return {
        ...store,
        appendLogs: (records) =>
          store.appendLogs(
            records.map((record) => {
              const call = `~${calls++}`
              const docs = decodeDocs(record).map((doc) => ({
                ...doc,
                'event.id': doc['event.id'] + call,
              }))
              return encodeRecord(docs, { ...record.head, lineage: record.head.lineage + call })
            }),
          ),
      }
    },
  },
  {
    breaks: 'takes a record for known when its first line is',
    caughtBy: ['the second half of one', 'a record that spans midnight: '],
    wrap: (store) => {
      const known = new Set<string>()
      return {
        ...store,
        async appendLogs(records) {
          const fresh = records.filter((record) => {
            const docs = decodeDocs(record)
            const seen = known.has(docs[0]?.['event.id'] ?? '')
            for (const doc of docs) known.add(doc['event.id'])
            return !seen
          })
          return store.appendLogs(fresh)
        },
      }
    },
  },
  {
    breaks: 'counts duplicates as stored',
    caughtBy: ['the same record again'],
    wrap: (store) => ({
      ...store,
      async appendLogs(records) {
        const { stored, duplicates, rejected } = await store.appendLogs(records)
        return { stored: stored + duplicates, duplicates: 0, rejected }
      },
    }),
  },
  {
    breaks: 'fails the whole batch for one damaged record',
    caughtBy: ['a record whose body is cut off', 'a record whose body is with a flipped bit'],
    wrap: (store) => ({
      ...store,
      async appendLogs(records) {
        const bad = records.some((record) => {
          try {
            return decodeDocs(record).length === 0
          } catch {
            return true
          }
        })
        return bad
          ? {
              stored: 0,
              duplicates: 0,
              rejected: records.map((record) => ({ record, reason: 'x'.repeat(20) })),
            }
          : store.appendLogs(records)
      },
    }),
  },
  {
    breaks: 'drops damaged records without a word',
    caughtBy: ['a record whose body is empty'],
    wrap: (store) => ({
      ...store,
      appendLogs: async (records) => ({ ...(await store.appendLogs(records)), rejected: [] }),
    }),
  },
  {
    breaks: 'pages by offset',
    caughtBy: ['pages of 7, desc', 'pages of 7, asc'],
    wrap: (store) => ({
      ...store,
      async search({ cursor, limit = 200, ...query }) {
        const offset = Number(cursor ?? 0)
        const { hits } = await store.search({ ...query, limit: offset + limit + 1 })
        return {
          hits: hits.slice(offset, offset + limit),
          ...(hits.length > offset + limit ? { next: String(offset + limit) } : {}),
        }
      },
    }),
  },
  {
    breaks: 'pages by time alone',
    caughtBy: ['pages of 1, asc', 'pages of 7, desc'],
    wrap: (store) => ({
      ...store,
      async search({ cursor, ...query }) {
        const { hits } = await store.search({ ...query, limit: 1000 })
        const behind = hits.filter(
          (doc) =>
            cursor === undefined ||
            (query.order === 'asc' ? doc['@timestamp'] > cursor : doc['@timestamp'] < cursor),
        )
        const page = behind.slice(0, query.limit ?? 200)
        const last = page.at(-1)
        return {
          hits: page,
          ...(behind.length > page.length && last ? { next: last['@timestamp'] } : {}),
        }
      },
    }),
  },
  {
    breaks: 'promises a page that is not there',
    caughtBy: ['the last page has no next'],
    wrap: (store) => ({
      ...store,
      async search(query) {
        const page = await store.search({ ...query, limit: (query.limit ?? 200) + 1 })
        const hits = page.hits.slice(0, query.limit ?? 200)
        const { next } = await store.search(query)
        return { hits, next: next ?? 'more' }
      },
    }),
  },
  {
    breaks: 'orders lines of one ms anyhow',
    caughtBy: ['lines of one ms and of one ns'],
    wrap: (store) => ({
      ...store,
      async search(query) {
        const { hits, ...rest } = await store.search(query)
        const ms = (iso: string) => iso.slice(0, 23)
        return {
          ...rest,
          hits: hits.toSorted(
            (a, b) =>
              (query.order === 'asc' ? 1 : -1) *
                (ms(a['@timestamp']) < ms(b['@timestamp'])
                  ? -1
                  : ms(a['@timestamp']) > ms(b['@timestamp'])
                    ? 1
                    : 0) || (a['event.id'] < b['event.id'] ? -1 : 1),
          ),
        }
      },
    }),
  },
  {
    breaks: 'includes the end of a time range',
    caughtBy: ['each filter alone', model],
    wrap: (store) =>
      searching(store, ({ to, ...query }) => ({
        ...query,
        ...(to === undefined ? {} : { to: to + 1 }),
      })),
  },
  {
    breaks: 'leaves out the start of a time range',
    caughtBy: ['each filter alone', 'a record that spans midnight is found'],
    wrap: (store) =>
      searching(store, ({ from, ...query }) => ({
        ...query,
        ...(from === undefined ? {} : { from: from + 1 }),
      })),
  },
  {
    breaks: 'finds all services for an empty list',
    caughtBy: ['each filter alone', model],
    wrap: (store) =>
      searching(store, ({ services, ...query }) => ({
        ...query,
        ...(services && services.length > 0 ? { services } : {}),
      })),
  },
  ...(['levels', 'task', 'grep'] as const).map((name): BrokenStore => ({
    breaks: `ignores the filter ${name}`,
    caughtBy: ['each filter alone', model],
    wrap: (store) => searching(store, (query) => without(query, name)),
  })),
  {
    breaks: 'finds parts of words',
    caughtBy: ['queries find what'],
    wrap: (store) => ({
      ...store,
      async search({ query = '', ...rest }) {
        if (!/^\w+$/.test(query)) return store.search({ query, ...rest })
        return store.search({ ...rest, grep: `(?i)${query}` })
      },
    }),
  },
  {
    breaks: 'minds the case of words',
    caughtBy: ['queries find what'],
    wrap: (store) => ({
      ...store,
      async search({ query = '', ...rest }) {
        const page = await store.search({ query, ...rest })
        if (!/^\w+$/.test(query)) return page
        return { ...page, hits: page.hits.filter(({ message }) => message.includes(query)) }
      },
    }),
  },
  {
    breaks: 'answers a wrong question with nothing',
    caughtBy: ['a question that cannot be answered'],
    wrap: (store) => ({
      ...store,
      search: (query) => store.search(query).catch(() => ({ hits: [] })),
    }),
  },
  {
    breaks: 'mends lone surrogates and cuts at NUL',
    caughtBy: ['a message comes back as it was'],
    wrap: (store) => ({
      ...store,
      async search(query) {
        const page = await store.search(query)
        return {
          ...page,
          hits: page.hits.map((doc) => ({
            ...doc,
            message: (doc.message.split('\0')[0] ?? '').toWellFormed(),
          })),
        }
      },
    }),
  },
  {
    breaks: 'shows one stream in the context of a line',
    caughtBy: ['around a line of a container'],
    wrap: (store) => ({
      ...store,
      async context(id, before, after) {
        const stream = id.includes(':o:') ? 'stdout' : 'stderr'
        const lines = await store.context(id, before, after)
        return lines?.filter((doc) => doc['log.iostream'] === stream)
      },
    }),
  },
  {
    breaks: 'counts blocks by their first line',
    caughtBy: [model],
    wrap: (store) => ({
      ...store,
      async histogram(query, bucketMs) {
        const found = await store.histogram(query, bucketMs)
        return {
          ...found,
          buckets: found.buckets.map((bucket) => ({ ...bucket, from: bucket.from - bucketMs })),
        }
      },
    }),
  },
  {
    breaks: 'leaves the query out of the histogram',
    caughtBy: ['each filter alone', model],
    wrap: (store) => ({
      ...store,
      histogram: ({ query, ...rest }, bucketMs) => {
        if (query !== undefined) parseQuery(query)
        return store.histogram(rest, bucketMs)
      },
    }),
  },
  {
    breaks: 'lists the tasks oldest first',
    caughtBy: ['services are summed up', 'of very many tasks'],
    wrap: (store) => ({
      ...store,
      services: async (range) =>
        (await store.services(range)).map((one) => ({ ...one, tasks: one.tasks.toReversed() })),
    }),
  },
  {
    breaks: 'sums services up over all time',
    caughtBy: ['services are summed up', model],
    wrap: (store) => ({ ...store, services: () => store.services({}) }),
  },
  {
    breaks: 'patches every line of a source, named or not',
    caughtBy: ['lines named by their ids'],
    wrap: (store) => ({
      ...store,
      patchIdentity: (patches) =>
        store.patchIdentity(patches.map((patch) => without(patch, 'ids'))),
    }),
  },
  {
    breaks: 'completes only what has no service',
    caughtBy: ['a source whose task became known'],
    wrap: (store) => ({
      ...store,
      patchIdentity: (patches) =>
        store.patchIdentity(patches.map((patch) => without(patch, 'lacking'))),
    }),
  },
  {
    breaks: 'counts what it patched before',
    caughtBy: ['a source whose service became known'],
    wrap: (store) => ({
      ...store,
      patchIdentity: async (patches) => (await store.patchIdentity(patches)) || 10,
    }),
  },
  {
    breaks: 'keeps both versions of a document',
    caughtBy: ['a document put again'],
    wrap: (store) => {
      let n = 0
      return {
        ...store,
        putDocs: (docClass, docs) =>
          store.putDocs(
            docClass,
            docs.map((doc) => ({ ...doc, 'event.id': `${doc['event.id']}~${n++}` })),
          ),
      }
    },
  },
  {
    breaks: 'lists documents oldest first',
    caughtBy: ['documents are listed newest first'],
    wrap: (store) => ({
      ...store,
      docs: async (docClass, query) => (await store.docs(docClass, query)).toReversed(),
    }),
  },
  {
    breaks: 'adds buckets up instead of replacing them',
    caughtBy: ['buckets of a signal'],
    wrap: (store) => ({
      ...store,
      async putBuckets(buckets) {
        const known = await store.buckets(buckets[0]?.signal ?? '', {})
        await store.putBuckets(
          buckets.map((bucket) => ({
            ...bucket,
            count: bucket.count + (known.length > 0 ? 1 : 0),
          })),
        )
      },
    }),
  },
  {
    breaks: 'knows no gaps',
    caughtBy: ['what is missing of a source', 'a gap that is filled later'],
    wrap: (store) => ({
      ...store,
      audit: async (scope) => ({ ...(await store.audit(scope)), gaps: [] }),
    }),
  },
  {
    breaks: 'audits all services, whichever is asked for',
    caughtBy: ['an audit counts the lines and sources'],
    wrap: (store) => ({
      ...store,
      audit: ({ from, to }) => store.audit({ ...(from && { from }), ...(to && { to }) }),
    }),
  },
  {
    breaks: 'searches all services, whichever are to be left out',
    caughtBy: ['an audit counts the lines and sources'],
    wrap: (store) => ({
      ...store,
      search: (asked) => {
        const query = { ...asked }
        delete query.without
        return store.search(query)
      },
    }),
  },
  {
    breaks: 'names gaps with their neighbours',
    caughtBy: ['what is missing of a source'],
    wrap: (store) => ({
      ...store,
      audit: async (scope) => {
        const { gaps, ...counted } = await store.audit(scope)
        const widened = gaps.map((gap) => ({
          ...gap,
          missing: [gap.missing[0] - 1, gap.missing[1] + 1] as [number, number],
        }))
        return { ...counted, gaps: widened }
      },
    }),
  },
  {
    breaks: 'deletes a day too many',
    caughtBy: ['retention deletes'],
    wrap: (store) => ({
      ...store,
      retain: (firstDays) => {
        const nextDay = (day: string) =>
          new Date(isoToMs(`${day}T00:00:00.000000000Z`) + 86_400_000).toISOString().slice(0, 10)
        return store.retain(keepFrom(nextDay(firstDays.default.logs)))
      },
    }),
  },
  {
    breaks: 'deletes nothing',
    caughtBy: ['retention deletes', 'retention takes the samples', 'a late line of a deleted day'],
    wrap: (store) => ({ ...store, retain: async () => [] }),
  },
  {
    breaks: 'keeps what any service writes for the same time',
    caughtBy: ['what a service asks for'],
    wrap: (store) => ({
      ...store,
      retain: ({ default: usual }) => store.retain({ default: usual }),
    }),
  },
  {
    breaks: 'keeps all classes of events for the same time',
    caughtBy: ['what a service asks for'],
    wrap: (store) => ({
      ...store,
      retain: (firstDays) =>
        store.retain({
          ...Object.fromEntries(
            Object.entries(firstDays).map(([name, days]) => [name, everyClass(() => days.logs)]),
          ),
          default: everyClass(() => firstDays.default.logs),
        }),
    }),
  },
  {
    breaks: 'keeps a document beside the one that follows it with another retention',
    caughtBy: ['a document that comes with another retention'],
    wrap: (store) => ({
      ...store,
      docs: async (docClass, query) =>
        (await store.docs(docClass, query)).flatMap((doc) =>
          typeof doc['mesoscope.retention'] === 'string' ? [doc, doc] : [doc],
        ),
    }),
  },
  ...(['kinds', 'task', 'query'] as const).map((name): BrokenStore => ({
    breaks: `ignores ${name} of documents`,
    caughtBy: ['documents are chosen by kinds'],
    wrap: (store) =>
      listing(store, (query) => {
        if (query.query !== undefined) parseQuery(query.query)
        return without(query, name)
      }),
  })),
  {
    breaks: 'chooses documents by query after it has cut them',
    caughtBy: ['documents are chosen by kinds'],
    wrap: (store) => ({
      ...store,
      async docs(docClass, { query = '', ...rest }) {
        const { matches } = parseQuery(query)
        return (await store.docs(docClass, rest)).filter((doc) => matches(doc))
      },
    }),
  },
  {
    breaks: 'keeps the surface of a decision',
    caughtBy: ['a decision is a document'],
    wrap: (store) => ({
      ...store,
      putDocs: (docClass, docs) =>
        store.putDocs(
          docClass,
          docs.map((doc) => ({ ...doc, decision: String(doc['decision']) })),
        ),
    }),
  },
  {
    breaks: 'merges a series over services that were not asked for',
    caughtBy: ['a series is'],
    wrap: (store) => ({
      ...store,
      series: (signal, query) => store.series(signal, without(query, 'services')),
    }),
  },
  {
    breaks: 'merges all tasks of a series',
    caughtBy: ['a series is'],
    wrap: (store) => ({
      ...store,
      series: (signal, query) => store.series(signal, { ...query, by: ['service'] }),
    }),
  },
  {
    breaks: 'lets a smaller bucket replace a greater one',
    caughtBy: ['a bucket that has counted less'],
    wrap: (store) => {
      const shrunk = new Map<string, SignalBucket>()
      const keyOf = ({ signal, group, from, partition }: SignalBucket) =>
        JSON.stringify([signal, group, from, partition])
      return {
        ...store,
        async putBuckets(buckets) {
          for (const bucket of buckets) shrunk.set(keyOf(bucket), bucket)
          await store.putBuckets(buckets)
        },
        buckets: async (signal, range) =>
          (await store.buckets(signal, range)).map((one) => shrunk.get(keyOf(one)) ?? one),
      }
    },
  },
  {
    breaks: 'forgets the values of buckets',
    caughtBy: ['buckets of metrics'],
    wrap: (store) => ({
      ...store,
      putBuckets: (buckets) => store.putBuckets(buckets.map((one) => without(one, 'values'))),
    }),
  },
  {
    breaks: 'gives buckets of lines values too',
    caughtBy: ['buckets of metrics', 'buckets of a signal'],
    wrap: (store) => ({
      ...store,
      buckets: async (signal, range) =>
        (await store.buckets(signal, range)).map((bucket) => ({
          values: { sum: 0, min: 0, max: 0, last: 0 },
          ...bucket,
        })),
    }),
  },
  {
    breaks: 'stores the same sample again',
    caughtBy: ['a sample that is there already', 'samples are there after opening'],
    wrap: (store) => {
      let calls = 0
      return {
        ...store,
        putSamples: (samples) =>
          store.putSamples(
            samples.map((doc) => ({ ...doc, 'event.id': `${doc['event.id']}~${calls++}` })),
          ),
      }
    },
  },
  {
    breaks: 'knows samples by their sequence alone',
    caughtBy: ['a sample that is there already'],
    wrap: (store) => {
      const known = new Set<number>()
      return {
        ...store,
        async putSamples(samples) {
          const fresh = samples.filter(({ 'event.sequence': n }) => !known.has(n))
          for (const { 'event.sequence': n } of fresh) known.add(n)
          await store.putSamples(fresh)
        },
      }
    },
  },
  {
    breaks: 'replaces a sample by a later one of its id',
    caughtBy: ['a sample that is there already'],
    wrap: (store) => {
      const newest = new Map<string, SampleDoc>()
      return {
        ...store,
        async putSamples(samples) {
          for (const doc of samples) newest.set(doc['event.id'], doc)
          await store.putSamples(samples)
        },
        samples: async (query) =>
          (await store.samples(query)).map((doc) => newest.get(doc['event.id']) ?? doc),
      }
    },
  },
  {
    breaks: 'lists samples oldest first',
    caughtBy: [allSamples, 'without a limit 200 samples'],
    wrap: (store) => sampling(store, (query) => ({ order: 'asc', ...query })),
  },
  ...(['services', 'task', 'metric', 'limit'] as const).map((name): BrokenStore => ({
    breaks: `ignores ${name} of samples`,
    caughtBy: [allSamples],
    wrap: (store) => sampling(store, (query) => without(query, name)),
  })),
  {
    breaks: 'includes the end of a time range of samples',
    caughtBy: [allSamples],
    wrap: (store) =>
      sampling(store, ({ to, ...query }) => ({
        ...query,
        ...(to === undefined ? {} : { to: to + 1 }),
      })),
  },
  {
    breaks: 'gives the times of samples in ms',
    caughtBy: ['samples of one ms'],
    wrap: (store) => ({
      ...store,
      samples: async (query) =>
        (await store.samples(query)).map((doc) => ({
          ...doc,
          '@timestamp': `${doc['@timestamp'].slice(0, 23)}000000Z`,
        })),
    }),
  },
  {
    breaks: 'makes up the ids of samples',
    caughtBy: ['an id that does not end'],
    wrap: (store) => ({
      ...store,
      samples: async (query) =>
        (await store.samples(query)).map((doc) => ({
          ...doc,
          'event.id': `${doc['event.id'].replace(/:\d+$/, '')}:${doc['event.sequence']}`,
        })),
    }),
  },
  {
    breaks: 'takes no sample of a batch with one that is none',
    caughtBy: ['a sample that cannot be one'],
    wrap: (store) => ({
      ...store,
      async putSamples(samples) {
        if (!samples.some(sampleFault)) await store.putSamples(samples)
      },
    }),
  },
  {
    breaks: 'gives the samples of one day',
    caughtBy: ['without a limit 200 samples', allSamples],
    wrap: (store) => ({
      ...store,
      async samples(query) {
        const found = await store.samples(query)
        const day = (doc?: SampleDoc) => doc?.['@timestamp'].slice(0, 10)
        return found.filter((doc) => day(doc) === day(found[0]))
      },
    }),
  },
  {
    breaks: 'answers a wrong question about samples with nothing',
    caughtBy: ['a wrong question about samples'],
    wrap: (store) => ({ ...store, samples: (query) => store.samples(query).catch(() => []) }),
  },
  {
    breaks: 'answers a wrong question about documents with nothing',
    caughtBy: ['a wrong question about samples'],
    wrap: (store) => ({
      ...store,
      docs: (docClass, query) => store.docs(docClass, query).catch(() => []),
    }),
  },
  {
    breaks: 'forgets samples when it is closed',
    caughtBy: ['samples are there after opening'],
    wrap: (store) => {
      const mine: SampleDoc[] = []
      return {
        ...store,
        async putSamples(samples) {
          if (mine.length === 0) mine.push(...samples)
        },
        samples: async () => mine.slice(0, 1),
      }
    },
  },
  {
    breaks: 'knows no fields but those of JSON',
    caughtBy: ['access lines answer for their fields'],
    wrap: (store) => ({
      ...store,
      async search(query) {
        const page = await store.search(query)
        return { ...page, hits: page.hits.filter(({ message }) => message.startsWith('{')) }
      },
    }),
  },
]
