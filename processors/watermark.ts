import type { BusRecord } from '../pipeline/bus/bus.ts'
import type { Partition } from './partition.ts'

/** How far a partition has come. */
export type Reach = Pick<Partition, 'collectors' | 'watermark'>

/** A collector whose marks have stayed away this long, while those of others came, no longer holds the watermark. */
export const collectorGoneMs = 10 * 60_000

/**
 * Takes a collector's mark, and moves the partition's watermark to what all living collectors have passed, never
 * back: the lines of one that returns, or of a new one with old lines, are late. Returns the names of collectors
 * that are given up with this.
 */
export function takeMark(partition: Reach, { headers, time }: BusRecord): string[] {
  const through = Number(headers['through'])
  const name = headers['collector']
  if (name === undefined || !Number.isFinite(through)) return []
  const { collectors } = partition
  const before = collectors.get(name)?.through ?? -Infinity
  collectors.set(name, { through: Math.max(through, before), seenMs: time })
  const gone = [...collectors].flatMap(([other, { seenMs }]) =>
    seenMs < time - collectorGoneMs ? other : [],
  )
  for (const other of gone) collectors.delete(other)
  let slowest = Infinity
  for (const mark of collectors.values()) slowest = Math.min(slowest, mark.through)
  partition.watermark = Math.max(slowest, partition.watermark ?? -Infinity)
  return gone
}

export const isMark = ({ headers }: BusRecord) => headers['kind'] === 'mark'
