import type { SignalBucket } from '../pipeline/event.ts'
import { quantileOf, type Measure } from '../pipeline/measures.ts'
import { addPart, openWindow, partOf, valueOf, type Window } from '../pipeline/signal-window.ts'
import type { SignalFacts } from './api.ts'

/** Equal steps over a time range, ms. */
export interface Steps {
  /** Start of the first step, a multiple of `stepMs`. */
  from: number
  stepMs: number
  length: number
}

/** Of these nothing is 0. */
const countedMeasures: readonly Measure[] = ['rate', 'count', 'cardinality']

/** What has to be asked for where more than sums is needed of its buckets. */
export function distributed(facts: Pick<SignalFacts, 'measure'> | undefined): {
  distributed?: boolean
} {
  const isDistributed = facts?.measure === 'cardinality' || quantileOf(facts?.measure) !== undefined
  return isDistributed ? { distributed: true } : {}
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

/**
 * A signal's buckets merged to one value a step. The step is the window: a chart of an hour shows means of half a
 * minute, whatever `over` the rules use. Steps without a bucket are null, except for counts and rates between the first
 * and the last bucket: nothing came then.
 */
export function seriesOf(
  facts: SignalFacts,
  buckets: readonly SignalBucket[],
  { from, stepMs, length }: Steps,
): (number | null)[] {
  const { from: topic, measure, overMs, counter = false } = facts
  const windows: (Window | undefined)[] = Array.from({ length })
  for (const bucket of buckets) {
    const at = Math.floor((bucket.from - from) / stepMs)
    if (at < 0 || at >= length) continue
    const window = (windows[at] ??= openWindow(bucket.lastMs))
    addPart(window, partOf(bucket), bucket.partition)
  }
  const measured = { from: topic, measure, overMs: stepMs, counter }
  const values = windows.map((window) => (window && valueOf(measured, window)) ?? null)
  if (isCounted(facts)) return zeroBetween(values)
  return measure === 'absent' ? values : bridged(values, Math.ceil(overMs / stepMs))
}

/** Nothing measured means that none came. Of a counter it means that nobody looked. */
export function isCounted({ from: topic, measure, counter = false }: SignalFacts): boolean {
  return topic !== 'signals' && !counter && countedMeasures.includes(measure)
}

/** A step that has not ended counts too little: it is left out of what is added up. */
export function withoutOpenStep(values: (number | null)[], { from, stepMs }: Steps, toMs: number) {
  return values.map((value, at) => (from + (at + 1) * stepMs > toMs ? null : value))
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

function zeroBetween(values: (number | null)[]): (number | null)[] {
  const first = values.findIndex((value) => value !== null)
  const last = values.findLastIndex((value) => value !== null)
  return values.map((value, at) => value ?? (at > first && at < last ? 0 : null))
}
