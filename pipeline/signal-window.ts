import type { SignalBucket } from './event.ts'
import type { SignalDeclaration } from './signals.ts'

/** What one partition holds of one group in one bucket. */
export type Part = Pick<SignalBucket, 'count' | 'lastMs' | 'values'>

/** The buckets of a window, merged. */
export interface Window {
  /** Lines, samples or changes. */
  count: number
  /** Newest event known of the group, also before the window, ms. */
  lastMs: number
  values: MergedValues | undefined
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
  return { count: 0, lastMs, values: undefined }
}

/** Adds a bucket's part to the window it lies in. The order in which parts are added makes no difference. */
export function addPart(window: Window, part: Part, partition: number): void {
  window.count += part.count
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

/** A group that is known has the value 0 while nothing is counted; what is measured of samples then has none. */
export function countsZero({ from, measure }: Pick<SignalDeclaration, 'from' | 'measure'>) {
  return from !== 'metrics' && measure !== 'absent'
}

/** Undefined where the window holds nothing that has a value. */
export function valueOf(
  declaration: Pick<SignalDeclaration, 'from' | 'measure' | 'overMs'>,
  window: Window,
): number | undefined {
  const { measure, overMs } = declaration
  const { count, values } = window
  if (measure === 'absent') return count > 0 ? 0 : 1
  if (count === 0 && !countsZero(declaration)) return undefined
  switch (measure) {
    case 'rate':
      return (count * 1000) / overMs
    case 'count':
      return count
    case 'avg':
      return values && values.sum / values.count
    default:
      return values?.[measure]
  }
}
