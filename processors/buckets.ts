import { addNumber, addTerm, distributionOf, emptyDistribution } from '../pipeline/distribution.ts'
import type { BucketValues, SignalBucket } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { quantileOf } from '../pipeline/measures.ts'
import type { SignalDeclaration } from '../pipeline/signals.ts'
import { openSlots } from './newest-buckets.ts'
import type { Partition } from './partition.ts'
import { openPlaces } from './places.ts'

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
  /** Of the events; their group is what the signal is measured by. */
  identity: Identity
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
  const placesBy = openPlaces()
  const slotOf = openSlots()
  const known = new Map(
    Object.entries(signals).map(([name, { by, measure = 'count' }]) => [
      name,
      { placeOf: placesBy(by), isDistributed: quantileOf(measure) !== undefined },
    ]),
  )

  return {
    startOf,
    /** Returns the start of the bucket; undefined where that is closed, or there is no such signal. */
    add(partition: Partition, { signal, identity, ms, count, value, term }: Counted) {
      const declared = known.get(signal)
      if (!declared) return undefined
      const from = startOf(ms)
      if (from < partition.closedBefore) {
        metrics.late_lines_total.inc({ signal }, count)
        return undefined
      }
      const place = declared.placeOf(identity)
      const slot = slotOf(partition, signal, from, place)
      const { key, bucket: before } = slot
      const opens = term !== undefined || (value !== undefined && declared.isDistributed)
      const open = opens ? openOne(partition, key, before) : undefined
      if (before) addTo(before, { ms, count, value })
      else {
        const times = { from, to: from + resolutionMs }
        const counted = { partition: partition.number, count, lastMs: Math.max(0, ms) }
        const bucket: SignalBucket = { signal, group: place.group, ...times, ...counted }
        if (value !== undefined) bucket.values = valuesOf(value)
        partition.buckets.set(key, bucket)
        slot.bucket = bucket
      }
      partition.changed.add(key)
      if (open && term !== undefined) addTerm(open, term)
      else if (open && value !== undefined) addNumber(open, value)
      return from
    },
  }
}

function openOne({ open }: Partition, key: string, before: SignalBucket | undefined) {
  const opened = open.get(key) ?? (before && distributionOf(before)) ?? emptyDistribution()
  open.set(key, opened)
  return opened
}

function addTo(
  bucket: SignalBucket,
  { ms, count, value }: { ms: number; count: number; value: number | undefined },
): void {
  if (value !== undefined) {
    if (bucket.values) addValue(bucket.values, value, ms >= bucket.lastMs)
    else bucket.values = valuesOf(value)
  }
  bucket.count += count
  bucket.lastMs = Math.max(bucket.lastMs, ms)
}

const valuesOf = (value: number): BucketValues => ({
  sum: value,
  min: value,
  max: value,
  last: value,
})

/** Of two samples of one ms the one that comes later is the newer. */
function addValue(values: BucketValues, value: number, isNewest: boolean): void {
  values.sum += value
  values.min = Math.min(values.min, value)
  values.max = Math.max(values.max, value)
  if (isNewest) values.last = value
}
