import { addNumber, addTerm, distributionOf, emptyDistribution } from '../pipeline/distribution.ts'
import type { BucketValues, SignalBucket } from '../pipeline/event.ts'
import { unresolvedService, type Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { quantileOf } from '../pipeline/measures.ts'
import type { SignalDeclaration } from '../pipeline/signals.ts'
import { bucketKey, type Partition } from './partition.ts'

/** What counting goes by of a signal's declaration; without a measure it counts. */
export type CountedSignal = Pick<SignalDeclaration, 'from' | 'metric' | 'where' | 'by'> &
  Partial<Pick<SignalDeclaration, 'measure' | 'field' | 'counter'>>

export interface CounterOptions {
  signals: Record<string, CountedSignal>
  /** Length of a bucket, ms. */
  resolutionMs: number
  metrics: Metrics
  log: Logger
}

/** Of one line, sample or change: a number, or the value of a field of which the different ones are counted. */
export interface Measured {
  value?: number
  term?: string
}

/** What is counted into one bucket at once. */
export interface Counted extends Measured {
  signal: string
  group: Identity
  /** Of the event, or of the newest of them, ms. */
  ms: number
  count: number
}

/** Adds to the buckets of a partition; what comes for one that is closed is counted as late. */
export function openBuckets({
  signals,
  resolutionMs,
  metrics,
}: Pick<CounterOptions, 'signals' | 'resolutionMs' | 'metrics'>) {
  const startOf = (ms: number) => Math.floor(ms / resolutionMs) * resolutionMs
  const distributed = new Set(
    Object.entries(signals)
      .filter(([, { measure = 'count' }]) => quantileOf(measure) !== undefined)
      .map(([name]) => name),
  )

  return {
    startOf,
    /** Returns the start of the bucket; undefined where that is closed. */
    add(partition: Partition, { signal, group, ms, count, value, term }: Counted) {
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
      if (term !== undefined) addTerm(openOne(partition, key, before), term)
      else if (value !== undefined && distributed.has(signal)) {
        addNumber(openOne(partition, key, before), value)
      }
      return from
    },
  }
}

function openOne({ open }: Partition, key: string, before: SignalBucket | undefined) {
  const opened = open.get(key) ?? (before && distributionOf(before)) ?? emptyDistribution()
  open.set(key, opened)
  return opened
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
