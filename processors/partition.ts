import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import stringify from 'fast-json-stable-stringify'
import type { SignalBucket } from '../pipeline/event.ts'
import type { Ranges } from './marks.ts'

/** What the measurer holds of one partition of `logs`. Times are ms. */
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
  /** Buckets that start before this are final. */
  closedBefore: number
}

export interface CollectorMark {
  through: number
  /** When its newest mark came to the bus. */
  seenMs: number
}

/** The state as it is written whole, and read whole by the next owner, who goes on at its position. */
interface Snapshot {
  v: 1
  position: number
  collectors: [name: string, mark: CollectorMark][]
  watermark?: number
  marks: [key: string, ranges: Ranges, lastMs: number][]
  buckets: SignalBucket[]
  closedBefore: number
}

export function bucketKey({
  signal,
  from,
  group,
}: Pick<SignalBucket, 'signal' | 'from' | 'group'>): string {
  return `${signal} ${from} ${stringify(group)}`
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
    closedBefore: 0,
  }
}

/** Zstandard of JSON: thousands of much alike buckets and sources. */
export function encodePartition(partition: Partition): Uint8Array {
  const { position, collectors, watermark, marks, buckets, closedBefore } = partition
  const snapshot: Snapshot = {
    v: 1,
    position,
    collectors: [...collectors],
    ...(watermark === undefined ? {} : { watermark }),
    marks: [...marks].map(([key, { ranges, lastMs }]) => [key, ranges, lastMs]),
    buckets: [...buckets.values()],
    closedBefore,
  }
  return new Uint8Array(zstdCompressSync(JSON.stringify(snapshot)))
}

/** Buckets for which `wanted` is false (of signals that were changed since) are left out. */
export function decodePartition(
  number: number,
  value: Uint8Array,
  wanted: (bucket: SignalBucket) => boolean,
): Partition {
  const snapshot = JSON.parse(zstdDecompressSync(value).toString('utf8')) as Snapshot
  const { position, collectors, watermark, marks, buckets, closedBefore } = snapshot
  return {
    number,
    position,
    collectors: new Map(collectors),
    watermark,
    marks: new Map(marks.map(([key, ranges, lastMs]) => [key, { ranges, lastMs }])),
    buckets: new Map(buckets.filter(wanted).map((bucket) => [bucketKey(bucket), bucket])),
    changed: new Set(),
    closedBefore,
  }
}
