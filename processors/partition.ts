import stringify from 'fast-json-stable-stringify'
import type { SignalBucket } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Distribution } from '../pipeline/distribution.ts'
import type { Measured } from './buckets.ts'
import { bucketsOf, type BucketRows, type Series } from './bucket-table.ts'
import { openBucketWriter, readBucketFrames, type WriteBuckets } from './bucket-writer.ts'
import { compressed, joinFrames, readFrames } from './frames.ts'
import { addRange, missingFrom, type Ranges } from './marks.ts'

/** What the measurer holds of one partition of a topic. Times are ms. */
export interface Partition {
  number: number
  /** Offset of the next record to take. */
  position: number
  collectors: Map<string, CollectorMark>
  /** Never goes back; undefined before the first mark. */
  watermark: number | undefined
  /** By source and lineage: what was counted, and when (bus time) it was last heard of, by which it is forgotten. */
  marks: Map<string, { ranges: Ranges; lastMs: number }>
  /** By {@link bucketKey}. */
  buckets: Map<string, SignalBucket>
  /** Buckets that were not published since they changed. */
  changed: Set<string>
  /** Of `buckets`, by the same key: what is added to before it is written as text. */
  open: Map<string, Distribution>
  /** By signal and source: of counters that only grow. */
  readings: Map<string, CounterReading>
  /** Changes that were counted, by signal and id, with the start of the bucket: known as long as that is open. */
  counted: Map<string, number>
  /** By the identity that their lines came with: counts that wait until more is known of it. */
  parked: Map<string, Parked>
  /** Buckets that start before this are final. */
  closedBefore: number
}

/** What was counted of lines whose identity was not known when they came. Times are ms. */
export interface Parked {
  identity: Identity
  /** Of the first line, fixed-width ISO: which life of its task it belongs to. */
  time: string
  /** When the first of them came to the bus. */
  sinceMs: number
  counts: ParkedCount[]
}

/** Signal, start of the bucket, newest event, count; where it measures a field, what that was. */
export type ParkedCount = [
  signal: string,
  from: number,
  lastMs: number,
  count: number,
  measured?: Measured,
]

/** How far a counter was when it was read last, and when its record came to the bus, ms. */
export interface CounterReading {
  value: number
  lastMs: number
}

export interface CollectorMark {
  through: number
  /** When its newest mark came to the bus. */
  seenMs: number
}

/** The state as it is written whole, and read whole by the next owner, who goes on at its position. */
interface Snapshot {
  v: 1 | 2 | 3
  position: number
  collectors: [name: string, mark: CollectorMark][]
  watermark?: number
  marks: [key: string, ranges: Ranges, lastMs: number][]
  /** Those of version 1 (of 0.1.0) are a list, of version 2 a table; of version 3 they stand behind it, in frames of their own. */
  buckets?: (BucketRows & { groups: Series[] }) | SignalBucket[]
  /** Absent in snapshots of 0.1.0, which counted lines alone. */
  counted?: [key: string, from: number][]
  parked?: [key: string, parked: Parked][]
  readings?: [key: string, value: number, lastMs: number][]
  closedBefore: number
}

export function bucketKey({
  signal,
  from,
  group,
}: Pick<SignalBucket, 'signal' | 'from' | 'group'>): string {
  return keyIn(signal, from, stringify(group))
}

/** The same; `group`: its text. */
export function keyIn(signal: string, from: number, group: string): string {
  return `${signal} ${from} ${group}`
}

export function openPartition(number: number): Partition {
  return {
    number,
    position: 0,
    collectors: new Map(),
    watermark: undefined,
    marks: new Map(),
    buckets: new Map(),
    changed: new Set(),
    open: new Map(),
    readings: new Map(),
    counted: new Map(),
    parked: new Map(),
    closedBefore: 0,
  }
}

/** What was written of a partition before. */
const writers = new WeakMap<Partition, WriteBuckets>()

/**
 * Zstandard of JSON: thousands of much alike buckets and sources. Buckets that were in its last snapshot, and have not
 * changed since, cost next to nothing.
 */
export function encodePartition(partition: Partition): Uint8Array {
  const { position, collectors, watermark, marks, buckets, counted, parked } = partition
  const { readings, closedBefore } = partition
  const snapshot: Snapshot = {
    v: 3,
    position,
    collectors: [...collectors],
    ...(watermark === undefined ? {} : { watermark }),
    marks: [...marks].map(([key, { ranges, lastMs }]) => [key, ranges, lastMs]),
    ...(counted.size === 0 ? {} : { counted: [...counted] }),
    ...(parked.size === 0 ? {} : { parked: [...parked] }),
    ...(readings.size === 0
      ? {}
      : { readings: [...readings].map(([key, { value, lastMs }]) => [key, value, lastMs]) }),
    closedBefore,
  }
  const write = writers.get(partition) ?? openBucketWriter()
  writers.set(partition, write)
  return joinFrames([compressed(JSON.stringify(snapshot)), ...write(buckets, partition.changed)])
}

/** Buckets for which `wanted` is false (of signals that were changed since) are left out. */
export function decodePartition(
  number: number,
  value: Uint8Array,
  wanted: (bucket: SignalBucket) => boolean,
): Partition {
  const [head = '', ...frames] = readFrames(value)
  const snapshot = JSON.parse(head) as Snapshot
  const { position, collectors, watermark, marks, counted, parked, closedBefore } = snapshot
  const { readings = [] } = snapshot
  const buckets = [...bucketsIn(snapshot, number), ...readBucketFrames(frames, number)]
  return {
    number,
    position,
    collectors: new Map(collectors),
    watermark,
    marks: new Map(marks.map(([key, ranges, lastMs]) => [key, { ranges, lastMs }])),
    buckets: new Map(buckets.filter(wanted).map((bucket) => [bucketKey(bucket), bucket])),
    changed: new Set(),
    open: new Map(),
    readings: new Map(readings.map(([key, value, lastMs]) => [key, { value, lastMs }])),
    counted: new Map(counted),
    parked: new Map(parked),
    closedBefore,
  }
}

/** Of snapshots before version 3. */
function bucketsIn({ buckets = [] }: Snapshot, number: number): SignalBucket[] {
  return Array.isArray(buckets) ? buckets : bucketsOf(buckets, buckets.groups, number)
}

/** The sequences of a record that were not counted yet; from now on they are. `busMs`: when it came to the bus. */
export function takeFresh(
  { marks }: Partition,
  { source, lineage, sequence }: { source: string; lineage: string; sequence: [number, number] },
  busMs: number,
): Ranges {
  const key = `${source} ${lineage}`
  const { ranges, lastMs } = marks.get(key) ?? { ranges: [], lastMs: 0 }
  const fresh = missingFrom(ranges, sequence[0], sequence[1])
  marks.set(key, {
    ranges: fresh.length === 0 ? ranges : addRange(ranges, sequence[0], sequence[1]),
    lastMs: Math.max(lastMs, busMs),
  })
  return fresh
}

/** How far a partition is, where nothing else has changed since its snapshot. */
export function encodeWatermark({ watermark }: Pick<Partition, 'watermark'>): Uint8Array {
  return Buffer.from(JSON.stringify({ v: 1, watermark }))
}

/** Undefined where it tells of none. */
export function decodeWatermark(value: Uint8Array): number | undefined {
  return (JSON.parse(Buffer.from(value).toString('utf8')) as { watermark?: number }).watermark
}
