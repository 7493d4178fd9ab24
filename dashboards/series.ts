import type { SignalBucket } from '../pipeline/event.ts'
import type { SignalFacts } from './api.ts'

/** Equal steps over a time range, ms. */
export interface Steps {
  /** Start of the first step, a multiple of `stepMs`. */
  from: number
  stepMs: number
  length: number
}

/** The steps that cover a range. */
export function stepsOver(range: { from: number; to: number }, stepMs: number): Steps {
  const from = Math.floor(range.from / stepMs) * stepMs
  return { from, stepMs, length: Math.floor((range.to - 1 - from) / stepMs) + 1 }
}

/** The newest value; undefined where all are null. */
export function newestOf(values: readonly (number | null)[]): number | undefined {
  return values.findLast((value) => value !== null) ?? undefined
}

interface Slot {
  count: number
  sum: number
  min: number
  max: number
  last: number
  lastMs: number
  /** Buckets of metrics have values, those of lines and changes only a count. */
  hasValues: boolean
}

/**
 * A signal's buckets merged to one value a step, over all groups that `wanted` chooses. The step is the window: a
 * chart of an hour shows means of half a minute, whatever `over` the rules use. Steps without a bucket are null,
 * except for counts and rates of lines and changes between the first and the last bucket: nothing came then.
 */
export function seriesOf(
  { measure, overMs = 0 }: SignalFacts,
  buckets: readonly SignalBucket[],
  { from, stepMs, length }: Steps,
): (number | null)[] {
  const slots: (Slot | undefined)[] = Array.from({ length })
  for (const bucket of buckets) {
    const at = Math.floor((bucket.from - from) / stepMs)
    if (at >= 0 && at < length) slots[at] = merged(slots[at], bucket)
  }
  const values = slots.map((slot) => (slot ? valueOf(measure, slot, stepMs) : null))
  if (measure === 'rate' || measure === 'count') return zeroBetween(values, slots)
  return measure === 'absent' ? values : bridged(values, Math.ceil(overMs / stepMs))
}

/** Between two measurements the earlier one holds, as it does in the signal's window; a longer silence stays a gap. */
function bridged(values: (number | null)[], most: number): (number | null)[] {
  const filled = [...values]
  let last = -1
  for (const [at, value] of values.entries()) {
    if (value === null) continue
    if (last >= 0 && at - last <= most) filled.fill(values[last] ?? null, last, at)
    last = at
  }
  return filled
}

/** A step that has not ended counts too little: it is left out of what is added up. */
export function withoutOpenStep(values: (number | null)[], { from, stepMs }: Steps, toMs: number) {
  return values.map((value, at) => (from + (at + 1) * stepMs > toMs ? null : value))
}

function merged(slot: Slot | undefined, { count, lastMs, values }: SignalBucket): Slot {
  const before = slot ?? {
    count: 0,
    sum: 0,
    min: Infinity,
    max: -Infinity,
    last: 0,
    lastMs: -Infinity,
    hasValues: false,
  }
  const newer = lastMs >= before.lastMs
  return {
    count: before.count + count,
    sum: before.sum + (values?.sum ?? 0),
    min: Math.min(before.min, values?.min ?? Infinity),
    max: Math.max(before.max, values?.max ?? -Infinity),
    last: newer && values ? values.last : before.last,
    lastMs: Math.max(before.lastMs, lastMs),
    hasValues: before.hasValues || values !== undefined,
  }
}

function valueOf(measure: string, slot: Slot, stepMs: number): number | null {
  switch (measure) {
    case 'rate':
      return (slot.count * 1000) / stepMs
    case 'count':
      return slot.count
    case 'absent':
      return slot.count > 0 ? 0 : 1
  }
  if (!slot.hasValues || slot.count === 0) return null
  if (measure === 'avg') return slot.sum / slot.count
  return { sum: slot.sum, min: slot.min, max: slot.max, last: slot.last }[measure] ?? null
}

function zeroBetween(values: (number | null)[], slots: readonly (Slot | undefined)[]) {
  const first = slots.findIndex((slot) => slot !== undefined)
  const last = slots.findLastIndex((slot) => slot !== undefined)
  return values.map((value, at) => value ?? (first >= 0 && at >= first && at <= last ? 0 : null))
}
