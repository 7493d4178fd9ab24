import type { SignalBucket } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import { addRow, bucketsOf, type BucketRows, type Series } from './bucket-table.ts'
import { countByStart } from './bucket-starts.ts'
import { compressed } from './frames.ts'

/** Of so many rows a frame compresses well; a few more or less do no harm. */
const rowsPerFrame = 1000
const shortestSpanMs = 1000
const mostSeriesFrames = 50

/** The buckets that start in one span of time, as they were written. */
interface Written {
  count: number
  frame: Uint8Array
}

/** Gives frames of `buckets` (by their key); `changed`: keys of those that are not as they were written last. */
export type WriteBuckets = (
  buckets: ReadonlyMap<string, SignalBucket>,
  changed: ReadonlySet<string>,
) => Uint8Array[]

/**
 * Writes the buckets of one partition again and again: time goes on, and what has not changed since it was written is not
 * encoded anew. The frames are compressed JSON: lists of series, whose places go on from list to list, then
 * {@link BucketRows} of each span of time.
 */
export function openBucketWriter(): WriteBuckets {
  let spanMs = shortestSpanMs
  let series = openSeries()
  let seriesFrames: Uint8Array[] = []
  const written = new Map<number, Written>()

  function fitSpan(starts: ReadonlyMap<number, number>, size: number): void {
    const fitting = spanFor(starts, size)
    if (fitting <= spanMs * 4 && fitting * 4 >= spanMs) return
    spanMs = fitting
    written.clear()
  }

  /** Places of series are written in the rows: if they change, so does everything. */
  function dropUnusedSeries(size: number): void {
    if (series.all.length <= 2 * size + rowsPerFrame) return
    series = openSeries()
    seriesFrames = []
    written.clear()
  }

  function writeSeries(): void {
    const news = series.news()
    if (news.length === 0) return
    if (seriesFrames.length < mostSeriesFrames) seriesFrames.push(frameOf(news))
    else seriesFrames = [frameOf(series.all)]
  }

  const spanOf = ({ from }: Pick<SignalBucket, 'from'>) => Math.floor(from / spanMs)

  function dropStale(
    starts: ReadonlyMap<number, number>,
    ...[buckets, changed]: Parameters<WriteBuckets>
  ): void {
    const counts = new Map<number, number>()
    for (const [from, count] of starts) {
      const span = spanOf({ from })
      counts.set(span, (counts.get(span) ?? 0) + count)
    }
    for (const [span, { count }] of written) if (counts.get(span) !== count) written.delete(span)
    for (const key of changed) {
      const bucket = buckets.get(key)
      if (bucket) written.delete(spanOf(bucket))
    }
  }

  /** The rows of the spans that are not written. */
  function missingRows(buckets: ReadonlyMap<string, SignalBucket>): Map<number, BucketRows> {
    const missing = new Map<number, BucketRows>()
    for (const [key, bucket] of buckets) {
      const span = spanOf(bucket)
      if (written.has(span)) continue
      let rows = missing.get(span)
      if (!rows) missing.set(span, (rows = { rows: [] }))
      addRow(rows, bucket, series.placeOf(key, bucket))
    }
    return missing
  }

  return (buckets, changed) => {
    const starts = countByStart(buckets.values())
    fitSpan(starts, buckets.size)
    dropUnusedSeries(buckets.size)
    dropStale(starts, buckets, changed)
    for (const [span, rows] of missingRows(buckets)) {
      written.set(span, { count: rows.rows.length, frame: frameOf(rows) })
    }
    writeSeries()
    return [...seriesFrames, ...[...written.values()].map(({ frame }) => frame)]
  }
}

/** The buckets of the frames of a {@link WriteBuckets}, as they were decompressed. */
export function readBucketFrames(texts: readonly string[], partition: number): SignalBucket[] {
  const parsed = texts.map((text) => JSON.parse(text) as Series[] | BucketRows)
  const series = parsed.flatMap((one) => (Array.isArray(one) ? one : []))
  return parsed.flatMap((one) => (Array.isArray(one) ? [] : bucketsOf(one, series, partition)))
}

function frameOf(value: unknown): Uint8Array {
  return compressed(JSON.stringify(value))
}

/** A power of two of seconds in which about so many buckets start as fit in a frame. */
function spanFor(starts: ReadonlyMap<number, number>, size: number): number {
  let [first, last] = [Infinity, -Infinity]
  for (const from of starts.keys()) {
    first = Math.min(first, from)
    last = Math.max(last, from)
  }
  const wantedMs = ((last - first) / size) * rowsPerFrame
  if (!(wantedMs > shortestSpanMs)) return shortestSpanMs
  return shortestSpanMs * 2 ** Math.round(Math.log2(wantedMs / shortestSpanMs))
}

/** Gives each series its place. A group is mostly the same object in all its buckets, and else has the same text in their keys. */
function openSeries() {
  const byGroup = new Map<Identity, Map<string, number>>()
  const byName = new Map<string, number>()
  const all: Series[] = []
  let told = 0

  function placeNamed(key: string, { signal, group }: SignalBucket): number {
    const name = signal + key.slice(key.indexOf(' ', signal.length + 1))
    const place = byName.get(name) ?? all.push([signal, group]) - 1
    byName.set(name, place)
    return place
  }

  return {
    all,
    placeOf(key: string, bucket: SignalBucket): number {
      let bySignal = byGroup.get(bucket.group)
      if (!bySignal) byGroup.set(bucket.group, (bySignal = new Map()))
      let place = bySignal.get(bucket.signal)
      if (place === undefined) bySignal.set(bucket.signal, (place = placeNamed(key, bucket)))
      return place
    },
    /** Those that were not there when it was last asked, in the order of their places. */
    news(): Series[] {
      const news = all.slice(told)
      told = all.length
      return news
    },
  }
}
