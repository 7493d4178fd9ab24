import type { SignalBucket } from '../pipeline/event.ts'

type Starting = Pick<SignalBucket, 'from'>

/** How many buckets start at a time. */
export function countByStart(buckets: Iterable<Starting>): Map<number, number> {
  const starts = new Map<number, number>()
  for (const { from } of buckets) starts.set(from, (starts.get(from) ?? 0) + 1)
  return starts
}

/** Sorted by their starts, the start of the bucket that has so many before it; undefined where there are not so many. */
export function startBehind(buckets: Iterable<Starting>, count: number): number | undefined {
  let left = count
  for (const [from, those] of [...countByStart(buckets)].toSorted(([a], [b]) => a - b)) {
    if (left < those) return from
    left -= those
  }
  return undefined
}
