import { zstdDecompressSync } from 'node:zlib'
import type { SignalBucket } from './event.ts'
import { encodeBody } from './record.ts'
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

/** The value of a `bucket` record: JSON, and Zstandard of it, since buckets are many and much alike. */
export function encodeBuckets(buckets: readonly SignalBucket[]): Uint8Array {
  return encodeBody(Buffer.from(JSON.stringify(buckets)))
}

/** The inverse of {@link encodeBuckets}; 0.1.0 wrote plain JSON. Throws where it is none. */
export function readBuckets(value: Uint8Array): SignalBucket[] {
  const json = isZstd(value) ? zstdDecompressSync(value, { maxOutputLength }) : value
  const parsed: unknown = JSON.parse(Buffer.from(json).toString('utf8'))
  if (!Array.isArray(parsed)) throw new TypeError('not a list of buckets')
  const buckets = parsed as SignalBucket[]
  const wrong = buckets.find((bucket) => !isBucket(bucket))
  if (wrong) throw new TypeError(`not a bucket: ${JSON.stringify(wrong).slice(0, 200)}`)
  return buckets
}

/** Far above any real record: a hostile one must not fill the memory. */
const maxOutputLength = 64 * 2 ** 20

function isZstd([a, b, c, d]: Uint8Array): boolean {
  return a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd
}

function isBucket(bucket: SignalBucket | null): boolean {
  const { signal, group, from, to, partition, count, lastMs } = (bucket ?? {}) as SignalBucket
  const named = typeof signal === 'string' && typeof group === 'object' && group !== null
  const counted = [from, to, partition, count, lastMs].every(Number.isSafeInteger)
  return named && counted && to > from && isTime(from) && isTime(to) && hasValues(bucket)
}

/** What a Date can hold, ms. */
const isTime = (ms: number) => Math.abs(ms) <= 8.64e15

/** Also true where it has none and need not have. */
function hasValues(bucket: SignalBucket | null): boolean {
  const values = bucket?.values
  if (values === undefined) return true
  if (typeof values !== 'object' || values === null) return false
  return [values.sum, values.min, values.max, values.last].every(Number.isFinite)
}

export const isWatermark = ({ headers }: Pick<SignalRecord, 'headers'>) =>
  headers['kind'] === 'watermark'

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
