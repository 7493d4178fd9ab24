import { countOf } from './distinct.ts'
import {
  distributionOf,
  emptyDistribution,
  mergeDistribution,
  type Distribution,
} from './distribution.ts'
import type { SignalBucket } from './event.ts'
import { quantileOf } from './measures.ts'
import type { SignalDeclaration } from './signals.ts'
import { quantileOf as valueAt } from './sketch.ts'

/** What one partition holds of one group in one bucket. */
export type Part = Pick<SignalBucket, 'count' | 'lastMs' | 'values'> & {
  distribution?: Distribution
}

/** Throws TypeError where it holds a distribution that is none. */
export function partOf(bucket: SignalBucket): Part {
  const { count, lastMs, values } = bucket
  const distribution = distributionOf(bucket)
  return {
    count,
    lastMs,
    ...(values ? { values } : {}),
    ...(distribution ? { distribution } : {}),
  }
}

/** The buckets of a window, merged. */
export interface Window {
  /** Lines, samples or changes. */
  count: number
  /** Newest event known of the group, also before the window, ms. */
  lastMs: number
  values: MergedValues | undefined
  distribution: Distribution | undefined
}

interface MergedValues {
  count: number
  sum: number
  min: number
  max: number
  /** The newest value, and where it is from. */
  last: number
  lastMs: number
  partition: number
}

export function openWindow(lastMs: number): Window {
  return { count: 0, lastMs, values: undefined, distribution: undefined }
}

/** Adds a bucket's part to the window it lies in. The order in which parts are added makes no difference. */
export function addPart(window: Window, part: Part, partition: number): void {
  window.count += part.count
  if (part.distribution) {
    mergeDistribution((window.distribution ??= emptyDistribution()), part.distribution)
  }
  if (!part.values) return
  const { count, lastMs, values } = part
  const { sum, min, max, last } = values
  const merged = window.values
  if (!merged) {
    window.values = { count, sum, min, max, last, lastMs, partition }
    return
  }
  merged.count += count
  merged.sum += sum
  if (min < merged.min) merged.min = min
  if (max > merged.max) merged.max = max
  // Of two partitions that have one of the same ms any will do, as long as it is always the same.
  if (lastMs > merged.lastMs || (lastMs === merged.lastMs && partition > merged.partition)) {
    Object.assign(merged, { last, lastMs, partition })
  }
}

/** A group that is known has the value 0 while nothing is counted; what is measured of numbers then has none. */
export function countsZero({
  from,
  measure,
  counter,
}: Pick<SignalDeclaration, 'from' | 'measure' | 'counter'>): boolean {
  if (from === 'metrics' || from === 'signals' || counter) return false
  return measure === 'rate' || measure === 'count' || measure === 'cardinality'
}

/** Undefined where the window holds nothing that has a value. */
export function valueOf(
  declaration: Pick<SignalDeclaration, 'from' | 'measure' | 'overMs' | 'counter'>,
  window: Window,
): number | undefined {
  const { measure, overMs, counter } = declaration
  const { count, values, distribution } = window
  if (measure === 'absent') return count > 0 ? 0 : 1
  if (count === 0 && !countsZero(declaration)) return undefined
  const quantile = quantileOf(measure)
  if (quantile !== undefined) return values && distributedAt(quantile, values, distribution)
  switch (measure) {
    case 'rate':
      return ((counter ? (values?.sum ?? 0) : count) * 1000) / overMs
    case 'count':
      return count
    case 'cardinality':
      return distribution?.distinct ? countOf(distribution.distinct) : 0
    case 'avg':
      return values && values.sum / values.count
    default:
      return values?.[measure as 'sum']
  }
}

/** A sketch is off by a hundredth; never beyond what was measured. */
function distributedAt(
  quantile: number,
  { min, max }: MergedValues,
  distribution: Distribution | undefined,
): number | undefined {
  const value = distribution?.sketch && valueAt(distribution.sketch, quantile)
  return value === undefined ? undefined : Math.min(max, Math.max(min, value))
}
