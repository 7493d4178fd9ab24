import type { BucketValues, SignalBucket } from '../pipeline/event.ts'
import { unresolvedService, type Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { SignalDeclaration } from '../pipeline/signals.ts'
import { bucketKey, type Partition } from './partition.ts'

/** What counting goes by of a signal's declaration. */
export type CountedSignal = Pick<SignalDeclaration, 'from' | 'metric' | 'where' | 'by'>

export interface CounterOptions {
  signals: Record<string, CountedSignal>
  /** Length of a bucket, ms. */
  resolutionMs: number
  metrics: Metrics
  log: Logger
}

/** What is counted into one bucket at once. */
export interface Counted {
  signal: string
  group: Identity
  /** Of the event, or of the newest of them, ms. */
  ms: number
  count: number
  /** Of one sample. */
  value?: number
}

/** Adds to the buckets of a partition; what comes for one that is closed is counted as late. */
export function openBuckets({
  resolutionMs,
  metrics,
}: Pick<CounterOptions, 'resolutionMs' | 'metrics'>) {
  const startOf = (ms: number) => Math.floor(ms / resolutionMs) * resolutionMs
  return {
    startOf,
    /** Returns the start of the bucket; undefined where that is closed. */
    add(partition: Partition, { signal, group, ms, count, value }: Counted): number | undefined {
      const from = startOf(ms)
      if (from < partition.closedBefore) {
        metrics.late_lines_total.inc({ signal }, count)
        return undefined
      }
      const key = bucketKey({ signal, from, group })
      const before = partition.buckets.get(key)
      const bucket: SignalBucket = {
        signal,
        group,
        from,
        to: from + resolutionMs,
        partition: partition.number,
        count: (before?.count ?? 0) + count,
        lastMs: Math.max(before?.lastMs ?? 0, ms),
      }
      if (value !== undefined) bucket.values = merged(before, value, ms)
      partition.buckets.set(key, bucket)
      partition.changed.add(key)
      return from
    },
  }
}

/** Of two samples of one ms the one that comes later is the newer. */
function merged(before: SignalBucket | undefined, value: number, ms: number): BucketValues {
  if (!before?.values) return { sum: value, min: value, max: value, last: value }
  const { sum, min, max, last } = before.values
  return {
    sum: sum + value,
    min: Math.min(min, value),
    max: Math.max(max, value),
    last: ms >= before.lastMs ? value : last,
  }
}

/** Parts that are not known are left out; what has no service counts for all that are unresolved. */
export function groupOf({ by }: Pick<CountedSignal, 'by'>, identity: Identity): Identity {
  const known = { ...identity, service: identity.service ?? unresolvedService }
  return Object.fromEntries(
    by.flatMap((part) => (known[part] === undefined ? [] : [[part, known[part]]])),
  )
}
