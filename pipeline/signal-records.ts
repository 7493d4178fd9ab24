import type { SignalBucket } from './event.ts'
import { signalTopics, type SignalTopic } from './signals.ts'

/** A record of the topic `signals`. */
export interface SignalRecord {
  offset: number
  value: Uint8Array
  headers: Record<string, string>
}

/** Everything of this partition was measured up to this event time (ms). */
export interface Watermark {
  topic: SignalTopic
  partition: number
  through: number
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
  const counted = to > from && [from, to, partition, count, lastMs].every(Number.isFinite)
  return named && counted && hasValues(bucket)
}

/** Also true where it has none and need not have. */
function hasValues({ values }: SignalBucket): boolean {
  if (values === undefined) return true
  if (typeof values !== 'object' || values === null) return false
  return [values.sum, values.min, values.max, values.last].every(Number.isFinite)
}

/** The value of a `watermark` record; one without a topic is of `logs`. Throws where it is none of these partitions. */
export function readWatermark(
  value: Uint8Array,
  partitions: (topic: SignalTopic) => number,
): Watermark {
  const parsed = JSON.parse(Buffer.from(value).toString('utf8')) as Record<string, unknown>
  const { topic = 'logs', partition, through } = parsed
  if (typeof partition !== 'number' || typeof through !== 'number' || !Number.isFinite(through)) {
    throw new Error('not a watermark')
  }
  const known = signalTopics.find((name) => name === topic)
  if (!known) throw new Error(`a watermark of the topic ${JSON.stringify(topic)}`)
  const count = partitions(known)
  if (!Number.isInteger(partition) || partition < 0 || partition >= count) {
    throw new Error(`a watermark of partition ${partition}, there are ${count}`)
  }
  return { topic: known, partition, through }
}
