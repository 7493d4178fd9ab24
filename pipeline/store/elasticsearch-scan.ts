import { pause } from '../clock.ts'
import { failureOf, type Elasticsearch } from './elasticsearch-client.ts'
import { openTimeLimit } from './limits.ts'

/** A part of Elasticsearch's query language. */
export type Dsl = Record<string, unknown>

export interface Hit<Doc> {
  _index: string
  _id: string
  _seq_no: number
  _primary_term: number
  _source: Doc
  sort: unknown[]
}

export interface Scan {
  /** The alias. */
  target: string
  filter: readonly Dsl[]
  /** Total: no two documents are equal by it, so that pages follow one another without a gap. */
  sort: readonly Dsl[]
  /** Only what comes behind these values of `sort`. */
  after?: unknown[] | undefined
  /** Size of the first page; later ones are larger. */
  pageSize: number
}

/** Elasticsearch gives no more at once. */
const largestPage = 2000

/** Documents in the order of `sort`, page by page, as far as they are asked for. Throws Trouble after half a minute. */
export async function* scan<Doc>(es: Elasticsearch, asked: Scan): AsyncGenerator<Hit<Doc>> {
  const checkTime = openTimeLimit()
  let after = asked.after
  for (let size = Math.min(asked.pageSize, largestPage); ;) {
    const hits = await page<Doc>(es, asked, after, size)
    yield* hits
    after = hits.at(-1)?.sort
    if (hits.length < size) return
    size = Math.min(size * 2, largestPage, roomFor(hits))
    checkTime()
  }
}

/** Characters of messages on one page. */
const mostCharacters = 10_000_000

/** Messages may be large: as many as those before let expect to fit. */
function roomFor(hits: readonly Hit<unknown>[]): number {
  let characters = 0
  for (const { _source } of hits) {
    const { message } = _source as { message?: unknown }
    if (typeof message === 'string') characters += message.length
  }
  return Math.max(10, Math.floor((mostCharacters * hits.length) / Math.max(characters, 1)))
}

async function page<Doc>(
  es: Elasticsearch,
  asked: Scan,
  after: unknown[] | undefined,
  size: number,
) {
  const { hits } = await search<{ hits: { hits: Hit<Doc>[] } }>(es, asked.target, {
    size,
    query: { bool: { filter: asked.filter } },
    sort: asked.sort,
    seq_no_primary_term: true,
    ...(after ? { search_after: after } : {}),
  })
  return hits.hits
}

/** A new index has no shard that answers for some 100 ms, each midnight: no reader needs to hear of that. */
const shardsCome = { tries: 10, pauseMs: 200 }

/** An answer of some shards alone is none. */
export async function search<Answer>(
  es: Elasticsearch,
  target: string,
  body: object,
): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    try {
      return await es.ask<Answer>({
        method: 'POST',
        path: `/${target}/_search`,
        query: { ignore_unavailable: true, allow_partial_search_results: false },
        body: { track_total_hits: false, ...body },
      })
    } catch (error) {
      if (failureOf(error)?.status !== 503 || tries === shardsCome.tries) throw error
      await pause(shardsCome.pauseMs)
    }
  }
}

/** Buckets of a composite aggregation, all of them, in pages: exact, however many. */
export async function* buckets<Bucket>(
  es: Elasticsearch,
  target: string,
  filter: readonly Dsl[],
  { sources, aggs }: { sources: readonly Dsl[]; aggs?: Dsl },
): AsyncGenerator<Bucket> {
  const checkTime = openTimeLimit()
  let after: unknown
  do {
    const composite = { size: bucketsAtOnce, sources, ...(after ? { after } : {}) }
    const { aggregations } = await search<{
      aggregations?: { all: { buckets: Bucket[]; after_key?: unknown } }
    }>(es, target, {
      size: 0,
      query: { bool: { filter } },
      aggs: { all: { composite, ...(aggs ? { aggs } : {}) } },
    })
    yield* aggregations?.all.buckets ?? []
    after = aggregations?.all.after_key
    checkTime()
  } while (after !== undefined)
}

const bucketsAtOnce = 5000

/** Times of events are told apart by ns, but filters are asked by ms. */
const firstMs = 0
const lastMs = Date.parse('2262-01-01T00:00:00Z')

/** Undefined where any time will do. */
export function timeFilter(
  { from, to }: { from?: number; to?: number },
  field = '@timestamp',
): Dsl | undefined {
  if (from === undefined && to === undefined) return undefined
  const bound = (ms: number) => Math.ceil(Math.min(Math.max(ms, firstMs), lastMs))
  return {
    range: {
      [field]: {
        ...(from === undefined ? {} : { gte: bound(from) }),
        ...(to === undefined ? {} : { lt: bound(to) }),
        ...(field === '@timestamp' ? { format: 'epoch_millis' } : {}),
      },
    },
  }
}

export const none: Dsl = { match_none: {} }

/** One of these values. */
export function anyOf(field: string, values: readonly string[]): Dsl {
  return values.length === 0 ? none : { terms: { [field]: values } }
}

/** Lines without a service are found under the name `unresolved`. */
export function servicesFilter(services: readonly string[], unresolved?: string): Dsl {
  const named = anyOf('service.name', services)
  if (unresolved === undefined || !services.includes(unresolved)) return named
  return either([named, lacks('service.name')])
}

export const either = (should: readonly Dsl[]): Dsl => ({
  bool: { should, minimum_should_match: 1 },
})
export const not = (dsl: Dsl): Dsl => ({ bool: { must_not: [dsl] } })
export const has = (field: string): Dsl => ({ exists: { field } })
export const lacks = (field: string): Dsl => not(has(field))
