import { Trouble } from '../errors.ts'
import type { LogDoc } from '../event.ts'
import type { Elasticsearch } from './elasticsearch-client.ts'
import { documentId, type Indices } from './elasticsearch-indices.ts'
import { withoutOrigin } from './elasticsearch-lines.ts'
import { plan } from './elasticsearch-plan.ts'
import { anyOf, scan, search as ask, type Dsl, type Hit } from './elasticsearch-scan.ts'
import { defaultLimit } from './limits.ts'
import type { LogPage, LogQuery } from './store.ts'

/** A line as it is stored: with where it is from. */
export type StoredLine = LogDoc & { 'mesoscope.source': string; 'mesoscope.lineage': string }

/** The place of a line in the order of all lines. */
export type Key = [time: string, source: string, sequence: number, lineage: string]

/** Total over lineages too, so a page begins where the one before ended, whatever was stored meanwhile. */
export function lineSort(order: 'asc' | 'desc'): Dsl[] {
  return [
    { '@timestamp': { order, format: 'strict_date_optional_time_nanos' } },
    { 'mesoscope.source': { order } },
    { 'event.sequence': { order } },
    { 'mesoscope.lineage': { order } },
  ]
}

export async function search(
  es: Elasticsearch,
  indices: Indices,
  query: LogQuery,
): Promise<LogPage> {
  const { order = 'desc', limit = defaultLimit, cursor } = query
  const { filter, accept } = plan(query)
  const hits: StoredLine[] = []
  for await (const { _source: line } of scan<StoredLine>(es, {
    target: indices.all('logs'),
    filter,
    sort: lineSort(order === 'asc' ? 'asc' : 'desc'),
    after: cursor ? parseCursor(cursor) : undefined,
    pageSize: accept ? Math.max(limit + 1, leastLookedAt) : limit + 1,
  })) {
    if (accept && !accept(line)) continue
    hits.push(line)
    if (hits.length > limit) break
  }
  const last = hits[limit - 1]
  return {
    hits: hits.slice(0, limit).map(withoutOrigin),
    ...(hits.length > limit && last ? { next: formatCursor(last) } : {}),
  }
}

/** Where most of what is found may not be wanted, more is fetched at once. */
const leastLookedAt = 500

const keyOf = (line: StoredLine): Key => [
  line['@timestamp'],
  line['mesoscope.source'],
  line['event.sequence'],
  line['mesoscope.lineage'],
]

function formatCursor(line: StoredLine): string {
  return Buffer.from(JSON.stringify(keyOf(line))).toString('base64url')
}

/** Throws Trouble: a cursor comes from outside. */
function parseCursor(cursor: string): Key {
  const place = parseJson(Buffer.from(cursor, 'base64url').toString())
  const [time, source, sequence, lineage] = Array.isArray(place) ? (place as unknown[]) : []
  if (
    typeof time === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/.test(time) &&
    typeof source === 'string' &&
    Number.isSafeInteger(sequence) &&
    typeof lineage === 'string'
  ) {
    return [time, source, sequence as number, lineage]
  }
  throw new Trouble('this is no cursor of this store', {
    remedy: 'give "next" of the page before, unchanged',
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Of a container the lines of both streams are shown, in the order of time. */
export async function context(
  es: Elasticsearch,
  indices: Indices,
  id: string,
  before: number,
  after: number,
): Promise<LogDoc[] | undefined> {
  const line = await find(es, indices, id)
  if (!line) return undefined
  const source = line['mesoscope.source']
  const stem = source.replace(/:[oe]$/, '')
  const sources = stem === source ? [source] : [`${stem}:o`, `${stem}:e`]
  const side = async (order: 'asc' | 'desc', limit: number) => {
    const found: LogDoc[] = []
    if (limit <= 0) return found
    for await (const { _source } of scan<StoredLine>(es, {
      target: indices.all('logs'),
      filter: [anyOf('mesoscope.source', sources)],
      sort: lineSort(order),
      after: keyOf(line),
      pageSize: limit,
    })) {
      found.push(withoutOrigin(_source))
      if (found.length >= limit) break
    }
    return found
  }
  const [earlier, later] = await Promise.all([side('desc', before), side('asc', after)])
  return [...earlier.toReversed(), withoutOrigin(line), ...later]
}

async function find(
  es: Elasticsearch,
  indices: Indices,
  id: string,
): Promise<StoredLine | undefined> {
  if (id === '') return undefined
  const { hits } = await ask<{ hits: { hits: Hit<StoredLine>[] } }>(es, indices.all('logs'), {
    size: 1,
    query: { ids: { values: [documentId(id)] } },
  })
  return hits.hits[0]?._source
}
