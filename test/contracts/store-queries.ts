import { noon, messages, openSource, type Line } from './lines.ts'
import { queries, refused, said, served, servedQueries, type Said, type Served } from './queries.ts'
import { settled, type StoreSubject } from './store-subject.ts'
import { rejection, type Case } from './suite.ts'
import { isRetryable, Trouble } from '../../pipeline/errors.ts'

const names = Object.keys(said) as Said[]

export function toLine(name: Said, i: number): Line {
  return {
    at: noon + i * 1000,
    message: said[name],
    level: said[name].startsWith('{') ? 'error' : 'info',
    ...(name === 'turned' ? { tags: ['redacted'] } : {}),
  }
}

export const queryCases: readonly Case<StoreSubject>[] = [
  {
    title: 'queries find what the query language says, whether a record holds one line or all',
    async run(t, subject) {
      const labels = { team: 'shop' }
      const whole = openSource('c1:o', { service: '/shop/web', labels })
      const single = openSource('c1:e', { service: '/shop/single', labels })
      await subject.store.appendLogs([
        whole.write(...names.map(toLine)),
        ...names.map((name, i) => single.write(toLine(name, i))),
      ])
      await settled(subject)
      for (const { query, finds, because } of queries) {
        const expected = finds.map((name) => said[name])
        const { hits } = await subject.store.search({
          services: ['/shop/web'],
          query,
          order: 'asc',
        })
        t.deepEqual(messages(hits), expected, `${query}: ${because}`)
        if (/service|stream/.test(query)) continue
        const one = await subject.store.search({ services: ['/shop/single'], query, order: 'asc' })
        t.deepEqual(messages(one.hits), expected, `${query}: ${because}`)
      }
    },
  },
  {
    title: 'access lines answer for their fields as JSON does, whether a record holds one or all',
    async run(t, subject) {
      const lines = (Object.keys(served) as Served[]).map((name, i) => ({
        at: noon + i * 1000,
        message: served[name],
      }))
      const [whole, single] = [
        openSource('c1:o', { service: '/all' }),
        openSource('c2:o', { service: '/single' }),
      ]
      await subject.store.appendLogs([
        whole.write(...lines),
        ...lines.map((line) => single.write(line)),
      ])
      await settled(subject)
      for (const { query, finds, because } of servedQueries) {
        const expected = finds.map((name) => served[name])
        for (const service of ['/all', '/single']) {
          const asked = { services: [service], query }
          const { hits } = await subject.store.search({ ...asked, order: 'asc' })
          t.deepEqual(messages(hits), expected, `${query}: ${because}`)
          const { total } = await subject.store.histogram(asked, 1000)
          t.is(total, expected.length, `histogram of ${query}`)
        }
      }
    },
  },
  {
    title: 'a question that cannot be answered is refused as Trouble, not to be tried again',
    async run(t, { store }) {
      await store.appendLogs([openSource('c1:o', { service: 'web' }).tick(3)])
      const asked = [
        ...refused.map((query) => () => store.search({ query })),
        () => store.search({ grep: '(' }),
        () => store.search({ grep: '(?=look)' }),
        ...['x', 'bm9uc2Vuc2U', 'eyJhIjoxfQ', '!!', 'W10'].map(
          (cursor) => () => store.search({ cursor }),
        ),
        () => store.search({ levels: ["unknown) > 0 OR ('1'" as 'unknown'] }),
        () => store.search({ limit: 0 }),
        () => store.search({ limit: Number.NaN }),
        () => store.search({ from: Number.NaN }),
        () => store.histogram({}, 0),
        () => store.histogram({}, Number.NaN),
        () => store.histogram({ query: '(' }, 1000),
      ]
      for (const ask of asked) {
        const error = await rejection(t, ask())
        t.true(error instanceof Trouble, `${error.name}: ${error.message}`)
        t.true(!isRetryable(error))
      }
    },
  },
]
