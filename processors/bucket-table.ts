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
  const placeOf = openPlacesIn(table)
  for (const [key, { signal, group, from, to, count, lastMs, values, ...more }] of buckets) {
    const row = [placeOf(signal, group, key), from, to - from, count, lastMs]
    if (values) row.push(...numbersOf(values))
    table.rows.push(row)
    const { sketch, distinct } = more
    if (sketch !== undefined || distinct !== undefined) {
      texts.push([table.rows.length - 1, withoutUndefined({ sketch, distinct })])
    }
  }
  return texts.length > 0 ? { ...table, texts } : table
}

/** Groups are mostly the same object in all their buckets, and else have the same key but for the time. */
function openPlacesIn({ groups }: BucketTable) {
  const byGroup = new Map<Identity, Map<string, number>>()
  const byName = new Map<string, number>()

  function placeNamed(signal: string, group: Identity, key: string): number {
    const name = signal + key.slice(key.indexOf(' ', signal.length + 1))
    const place = byName.get(name) ?? groups.push([signal, group]) - 1
    byName.set(name, place)
    return place
  }

  return (signal: string, group: Identity, key: string): number => {
    const bySignal = byGroup.get(group) ?? new Map<string, number>()
    if (bySignal.size === 0) byGroup.set(group, bySignal)
    const place = bySignal.get(signal) ?? placeNamed(signal, group, key)
    if (bySignal.get(signal) === undefined) bySignal.set(signal, place)
    return place
  }
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
