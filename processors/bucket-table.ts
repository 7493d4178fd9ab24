import type { BucketValues, SignalBucket } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'

/**
 * Buckets as rows of numbers, each signal and group written once: thousands are open at a time, and all of them are
 * written again with each snapshot.
 */
export interface BucketTable {
  groups: [signal: string, group: Identity][]
  /** Place in `groups`, start, length, count, newest; of samples also sum, min, max and last, or the one they all are. */
  rows: number[][]
  /** Of rows, by their place: how their values are distributed. */
  texts?: [row: number, texts: Pick<SignalBucket, 'sketch' | 'distinct'>][]
}

/** `buckets`: by {@link bucketKey}. */
export function tableOf(buckets: ReadonlyMap<string, SignalBucket>): BucketTable {
  const table: BucketTable = { groups: [], rows: [] }
  const texts: NonNullable<BucketTable['texts']> = []
  const places = new Map<string, number>()
  for (const [key, { signal, group, from, to, count, lastMs, values, ...more }] of buckets) {
    const name = signal + key.slice(key.indexOf(' ', signal.length + 1))
    let place = places.get(name)
    if (place === undefined) {
      place = table.groups.push([signal, group]) - 1
      places.set(name, place)
    }
    const row = [place, from, to - from, count, lastMs]
    if (values) row.push(...numbersOf(values))
    table.rows.push(row)
    const { sketch, distinct } = more
    if (sketch !== undefined || distinct !== undefined) {
      texts.push([table.rows.length - 1, withoutUndefined({ sketch, distinct })])
    }
  }
  return texts.length > 0 ? { ...table, texts } : table
}

/** The inverse of {@link tableOf}. */
export function bucketsOf(
  { groups, rows, texts = [] }: BucketTable,
  partition: number,
): SignalBucket[] {
  const buckets = rows.map((row): SignalBucket => {
    const [place, from, length, count, lastMs, sum, min, max, last] = row as Nine
    const [signal, group] = groups[place] as [string, Identity]
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
