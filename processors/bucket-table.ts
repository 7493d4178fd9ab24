import type { BucketValues, SignalBucket } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'

/** A signal and one of its groups: what the buckets of all times have in common. */
export type Series = [signal: string, group: Identity]

/** Buckets as rows of numbers: thousands are open at a time, and all of them stand in each snapshot. */
export interface BucketRows {
  /** Place among the series, start, length, count, newest; of samples also sum, min, max and last, or the one they all are. */
  rows: number[][]
  /** Of rows, by their place: how their values are distributed. */
  texts?: [row: number, texts: Pick<SignalBucket, 'sketch' | 'distinct'>][]
}

/** `place`: of the bucket's series. */
export function addRow(table: BucketRows, bucket: SignalBucket, place: number): void {
  const { from, to, count, lastMs, values, sketch, distinct } = bucket
  const row = [place, from, to - from, count, lastMs]
  if (values) row.push(...numbersOf(values))
  table.rows.push(row)
  if (sketch === undefined && distinct === undefined) return
  table.texts ??= []
  table.texts.push([table.rows.length - 1, withoutUndefined({ sketch, distinct })])
}

/** The buckets of these rows. */
export function bucketsOf(
  { rows, texts = [] }: BucketRows,
  series: readonly Series[],
  partition: number,
): SignalBucket[] {
  const buckets = rows.map((row): SignalBucket => {
    const [place, from, length, count, lastMs, sum, min, max, last] = row as Nine
    const [signal, group] = series[place] as Series
    const bucket = { signal, group, from, to: from + length, partition, count, lastMs }
    if (row.length === 5) return bucket
    if (row.length === 6) return { ...bucket, values: { sum, min: sum, max: sum, last: sum } }
    return { ...bucket, values: { sum, min, max, last } }
  })
  for (const [row, text] of texts) Object.assign(buckets[row] as SignalBucket, text)
  return buckets
}

/** Most buckets hold one sample. */
function numbersOf({ sum, min, max, last }: BucketValues): number[] {
  return sum === min && min === max && max === last ? [sum] : [sum, min, max, last]
}

type Nine = [number, number, number, number, number, number, number, number, number]
