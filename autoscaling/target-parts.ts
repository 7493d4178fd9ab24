/** What all targets of a policy have in common, whatever their arithmetic. */
import type { DecisionStep, TargetInput } from '../pipeline/decision.ts'
import { isProposal, type Proposed } from './hpa/proposal.ts'
import { isAdditive } from '../pipeline/scaling-signal.ts'
import { byTask, isSilent, isSilentValue, type SignalReading } from './reading.ts'
import type { Wait } from './settling.ts'
import type { TaskGroups } from './tasks.ts'
import { thinWords, unreadyWords, type Coverage, type Target } from './target-words.ts'
import { counted, span } from './words.ts'

/** What a target is held against. */
export interface TargetContext {
  /** Instances as they are wanted now. */
  wanted: number
  /** Ready ones, and how the tasks are divided. */
  ready: number
  groups: TaskGroups
  tolerance: number
  /** Evaluation time, ms. */
  ts: number
  /** Why nothing is known of any signal. */
  unmeasured: string | undefined
  /** Why lines may be missing without a sign of it: a collector is in trouble. */
  unsure: string | undefined
}

export interface TargetProposal {
  input: TargetInput
  proposed: Proposed
  /** What is, against what shall be: `requests 71.3/s over 2 ready instances is 35.7 each, target 15`. */
  words: string
  /** Set where some tasks were not measured, or are not ready: then it may not take any away. */
  thin?: string
  /** A step that asks for nothing, and leaves it to the others. */
  abstains?: true
  /** Steps: beyond these something happens. */
  bounds?: { above?: number | undefined; below?: number | undefined }
  /** A step that waits for what the last change did. */
  waits?: Wait
}

export function whyMissing(
  reading: SignalReading | undefined,
  { unmeasured, ts }: Pick<TargetContext, 'unmeasured' | 'ts'>,
): string | undefined {
  if (unmeasured !== undefined) return unmeasured
  if (!reading) return 'is not measured'
  const { declaration, values } = reading
  const window = span(declaration.overMs)
  if (values.length === 0) return `has no value within ${window}`
  if (!isSilent(reading, ts)) return undefined
  const what = declaration.from === 'changes' ? 'change' : 'line'
  return `counted no ${what} within ${window}: idle, or not collected`
}

export interface MeasuredTasks {
  /** Of the ready tasks. */
  values: number[]
  coverage: Coverage
  /** How many were not measured, and how many are not ready. */
  gaps: { missing: number; unready: number }
  /** Why these values are no reason to take any away. */
  thin: string | undefined
  /** Why there is no value, where there is none. */
  none: string
}

/** What was measured of the tasks that are ready. */
export function measureTasks(
  { signal }: Target,
  reading: SignalReading,
  { groups, ts, unsure }: TargetContext,
): MeasuredTasks {
  const { ready, unready, missing } = groups
  const tasks = byTask(reading)
  const values = ready.flatMap(({ id }) => {
    const measured = tasks.get(id)
    const doubtful = unsure !== undefined && measured && isQuiet(measured, reading, ts)
    return measured && !doubtful ? measured.value : []
  })
  const expected = ready.length + missing.length
  const coverage = { measured: values.length, expected }
  const gaps = { missing: expected - values.length, unready: unready.length }
  const few = gaps.missing > 0 ? thinWords(signal, coverage, unsure) : undefined
  const ill = gaps.unready > 0 ? unreadyWords(signal, gaps.unready) : undefined
  const none =
    ready.length === 0 ? 'no task is ready' : `of ${counted(expected, 'task')} none was measured`
  return { values, coverage, gaps, thin: few ?? ill, none }
}

/** Of a signal that is kept per service; of several groups, whose totals add up, the sum. */
export function valueOf({ declaration, values }: SignalReading): number | undefined {
  const known = values.flatMap(({ unknown, value }) => (unknown ? [] : value))
  if (known.length === 0) return undefined
  if (!isAdditive(declaration)) return Math.max(...known)
  return known.reduce((sum, value) => sum + value, 0)
}

function isQuiet(value: { value: number; lastMs: number }, reading: SignalReading, ts: number) {
  return reading.declaration.from !== 'metrics' && isSilentValue(value, reading.declaration, ts)
}

export function whyThin(
  { signal }: Target,
  { declaration }: SignalReading,
  context: TargetContext,
) {
  const { ready, unsure } = context
  if (ready === 0) return 'no instance is ready'
  const isCounted = declaration.from !== 'metrics'
  return isCounted && unsure !== undefined ? `${signal} may be incomplete (${unsure})` : undefined
}

/** What the service has as a whole says nothing of those that are not ready, either. */
export function whyThinAsWhole(about: Target, reading: SignalReading, context: TargetContext) {
  const { unready, missing } = context.groups
  const others = unready.length + missing.length
  const ill = others > 0 ? unreadyWords(about.signal, others) : undefined
  return whyThin(about, reading, context) ?? ill
}

export function withoutValue(
  about: Target,
  why: string,
  coverage: { measured?: number; expected?: number } = {},
): TargetProposal {
  const words = `${about.signal} ${why}`
  return { input: { ...inputOf(about), ...coverage, how: why }, proposed: { error: words }, words }
}

export function inputOf({ signal, kind, target, unit }: Target, value?: number) {
  return {
    signal,
    ...(kind === undefined ? {} : { kind }),
    target,
    ...(unit === undefined ? {} : { unit }),
    ...(value === undefined ? {} : { value }),
  }
}

export function proposalStep({ input, proposed }: TargetProposal, wanted: number): DecisionStep {
  const after = isProposal(proposed) ? proposed.replicas : wanted
  return { step: 'proposal', before: wanted, after, why: `${input.signal}: ${input.how}` }
}

/** Kubernetes counts in thousandths. */
export const milli = (value: number) => Math.round(value * 1000)
