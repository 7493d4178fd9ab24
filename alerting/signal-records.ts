import type { SignalBucket } from '../pipeline/event.ts'

/** A record of the topic `signals`. */
export interface SignalRecord {
  offset: number
  value: Uint8Array
  headers: Record<string, string>
}

/** The value of a `bucket` record. Throws where it is none. */
export function readBuckets(value: Uint8Array): SignalBucket[] {
  const parsed: unknown = JSON.parse(Buffer.from(value).toString('utf8'))
  if (!Array.isArray(parsed)) throw new Error('not a list of buckets')
  const buckets = parsed as SignalBucket[]
  const wrong = buckets.find((bucket) => !isBucket(bucket))
  if (wrong) throw new Error(`not a bucket: ${JSON.stringify(wrong).slice(0, 200)}`)
  return buckets
}

function isBucket(bucket: SignalBucket): boolean {
  const { signal, group, from, to, partition, count, lastMs } = bucket
  const named = typeof signal === 'string' && typeof group === 'object' && group !== null
  return named && to > from && [from, to, partition, count, lastMs].every(Number.isFinite)
}

/** The value of a `watermark` record. Throws where it is none of these partitions. */
export function readWatermark(value: Uint8Array, partitions: number) {
  const parsed = JSON.parse(Buffer.from(value).toString('utf8')) as Record<string, unknown>
  const { partition, through } = parsed
  if (typeof partition !== 'number' || typeof through !== 'number' || !Number.isFinite(through)) {
    throw new Error('not a watermark')
  }
  if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) {
    throw new Error(`a watermark of partition ${partition}, there are ${partitions}`)
  }
  return { partition, through }
}
