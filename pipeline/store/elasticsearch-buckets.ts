import { createHash } from 'node:crypto'
import stringify from 'fast-json-stable-stringify'
import { Trouble } from '../errors.ts'
import { isoDay, msToIso, type SignalBucket } from '../event.ts'
import { writeAll, type Bulk } from './elasticsearch-bulk.ts'
import { pieceOf } from './elasticsearch-pieces.ts'
import type { Elasticsearch } from './elasticsearch-client.ts'
import type { Indices } from './elasticsearch-indices.ts'
import { buckets as aggregate, scan, timeFilter } from './elasticsearch-scan.ts'
import { checkNumbers } from './limits.ts'
import { distributionPart, openSeries, type SeriesPiece } from './series.ts'
import type { SeriesQuery, TimeRange } from './store.ts'

/** A bucket as it is stored; `groupKey` is the group as JSON that is the same whatever the order of its parts. */
type StoredBucket = SignalBucket & { '@timestamp': string; groupKey: string; id: string }

/**
 * A bucket's count is its version: one that has counted less meets a conflict, and the greater stays. Of several with one
 * key the last of the greatest counts.
 */
export async function putBuckets(
  bulk: Bulk,
  indices: Indices,
  buckets: readonly SignalBucket[],
): Promise<void> {
  const greatest = new Map<string, StoredBucket>()
  for (const bucket of buckets.map(toStored)) {
    if (bucket.count >= (greatest.get(bucket.id)?.count ?? 0)) greatest.set(bucket.id, bucket)
  }
  const days = Map.groupBy(greatest.values(), (bucket) => isoDay(bucket['@timestamp']))
  for (const [day, group] of days) {
    // Nothing happens on such a day: there is no event that was counted.
    if (indices.refusal(day) !== undefined) continue
    const pieces = group.map((bucket) => {
      const { id: _id, count: version } = bucket
      return pieceOf({ index: { _id, version, version_type: 'external_gte' } }, bucket)
    })
    const outcomes = await writeAll(bulk, indices.of('signals', day), pieces)
    const refused = outcomes.find((outcome) => typeof outcome === 'object')
    if (refused) throw new Trouble(`a bucket of a signal was refused: ${refused.refused}`)
  }
}

function toStored(bucket: SignalBucket): StoredBucket {
  const { signal, group, from, partition } = bucket
  const groupKey = stringify(group)
  const key = stringify([signal, groupKey, from, partition])
  const id = createHash('sha256').update(key).digest('base64url')
  return { '@timestamp': msToIso(from), ...bucket, groupKey, id }
}

export async function buckets(
  es: Elasticsearch,
  indices: Indices,
  signal: string,
  range: TimeRange,
): Promise<SignalBucket[]> {
  checkNumbers(range)
  const found: SignalBucket[] = []
  for await (const { _source } of scanBuckets(es, indices, signal, range)) {
    const { '@timestamp': _, groupKey: __, id: ___, ...bucket } = _source
    found.push(bucket)
  }
  return found
}

function scanBuckets(es: Elasticsearch, indices: Indices, signal: string, range: TimeRange) {
  return scan<StoredBucket>(es, {
    target: indices.all('signals'),
    filter: filterOf(signal, range),
    sort: [{ from: 'asc' }, { groupKey: 'asc' }, { partition: 'asc' }],
    pageSize: 1000,
  })
}

function filterOf(signal: string, range: TimeRange) {
  const time = timeFilter(range, 'from')
  return [{ term: { signal } }, ...(time ? [time] : [])]
}

/** What one partition has counted of one group in one step. */
interface Piece {
  key: { group: string; step: number; partition: number }
  count: { value: number }
  lastMs: { value: number }
  valued: {
    doc_count: number
    sum: { value: number }
    min: { value: number }
    max: { value: number }
    newest: { hits: { hits: { _source: { values: { last: number } } }[] } }
  }
}

/** Merged by Elasticsearch to a piece for each group, step and partition; those of several groups are merged here. */
export async function series(
  es: Elasticsearch,
  indices: Indices,
  signal: string,
  query: SeriesQuery,
): Promise<SignalBucket[]> {
  checkNumbers(query)
  const merged = openSeries(signal, query)
  for await (const piece of pieces(es, indices, signal, query)) merged.add(toPiece(piece))
  if (query.distributed) {
    for await (const { _source } of scanBuckets(es, indices, signal, query)) {
      merged.add(toDistributionPiece(_source, query))
    }
  }
  return merged.buckets()
}

function toDistributionPiece(
  { groupKey, from, partition, ...bucket }: StoredBucket,
  { stepMs }: SeriesQuery,
): SeriesPiece {
  const step = Math.floor(from / stepMs) * stepMs
  return { json: groupKey, from: step, partition, ...distributionPart(bucket) }
}

function pieces(
  es: Elasticsearch,
  indices: Indices,
  signal: string,
  { stepMs, ...range }: SeriesQuery,
): AsyncGenerator<Piece> {
  const of = (kind: 'sum' | 'min' | 'max', field: string) => ({ [kind]: { field } })
  return aggregate<Piece>(es, indices.all('signals'), filterOf(signal, range), {
    sources: [
      { group: { terms: { field: 'groupKey' } } },
      { step: { histogram: { field: 'from', interval: stepMs } } },
      { partition: { terms: { field: 'partition' } } },
    ],
    aggs: {
      count: of('sum', 'count'),
      lastMs: of('max', 'lastMs'),
      valued: {
        filter: { exists: { field: 'values.last' } },
        aggs: {
          sum: of('sum', 'values.sum'),
          min: of('min', 'values.min'),
          max: of('max', 'values.max'),
          newest: {
            top_hits: { size: 1, sort: [{ lastMs: 'desc' }], _source: ['values.last'] },
          },
        },
      },
    },
  })
}

function toPiece({ key, count, lastMs, valued }: Piece): SeriesPiece {
  const last = valued.newest.hits.hits[0]?._source.values.last
  const { sum, min, max } = valued
  return {
    json: key.group,
    from: key.step,
    partition: key.partition,
    count: count.value,
    lastMs: lastMs.value,
    ...(last === undefined
      ? {}
      : { values: { sum: sum.value, min: min.value, max: max.value, last } }),
  }
}
