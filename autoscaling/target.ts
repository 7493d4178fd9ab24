import type { TargetInput } from '../pipeline/decision.ts'
import { isAdditive } from '../pipeline/scaling-signal.ts'
import { fromAverage, fromTotal, type Proposal, type Proposed } from './hpa/proposal.ts'
import {
  byTask,
  isPerTask,
  isSilent,
  isSilentValue,
  unitOfSignal,
  type SignalReading,
} from './reading.ts'
import type { TaskGroups } from './tasks.ts'
import {
  averageWords,
  howOf,
  thinWords,
  totalWords,
  unreadyWords,
  type Target,
} from './target-words.ts'
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
}

/** What one target asks for, and the calculation in words. */
export function proposeFor(
  signal: string,
  target: number,
  reading: SignalReading | undefined,
  context: TargetContext,
): TargetProposal {
  const unit = reading && unitOfSignal(reading.declaration)
  const about = { signal, target, unit }
  const missing =
    context.unmeasured ?? (reading ? whyMissing(reading, context.ts) : 'is not measured')
  if (!reading || missing !== undefined) return withoutValue(about, missing ?? '')
  return isPerTask(reading.declaration)
    ? fromTasks(about, reading, context)
    : fromService(about, reading, context)
}

function whyMissing(reading: SignalReading, ts: number): string | undefined {
  const { declaration, values } = reading
  const window = span(declaration.overMs)
  if (values.length === 0) return `has no value within ${window}`
  if (!isSilent(reading, ts)) return undefined
  const what = declaration.from === 'changes' ? 'change' : 'line'
  return `counted no ${what} within ${window}: idle, or not collected`
}

/** Kept per task: the average of those measured, as Kubernetes takes that of its pods. */
function fromTasks(about: Target, reading: SignalReading, context: TargetContext): TargetProposal {
  const { wanted, groups, ts, unsure, tolerance } = context
  const { ready, unready, missing } = groups
  const tasks = byTask(reading)
  const values = ready.flatMap(({ id }) => {
    const measured = tasks.get(id)
    const doubtful = unsure !== undefined && measured && isQuiet(measured, reading, ts)
    return measured && !doubtful ? measured.value : []
  })
  const expected = ready.length + missing.length
  const coverage = { measured: values.length, expected }
  if (values.length === 0) {
    const none =
      ready.length === 0 ? 'no task is ready' : `of ${counted(expected, 'task')} none was`
    return withoutValue(about, ready.length === 0 ? none : `${none} measured`, coverage)
  }
  const gaps = { missing: expected - values.length, unready: unready.length }
  const proposed = fromAverage(values.map(milli), gaps, milli(about.target), {
    current: wanted,
    ready: values.length,
    tolerance: { up: tolerance, down: tolerance },
  })
  const total = values.reduce((sum, value) => sum + value, 0)
  const value = total / values.length
  const thin =
    gaps.missing > 0
      ? thinWords(about.signal, coverage, unsure)
      : gaps.unready > 0
        ? unreadyWords(about.signal, gaps.unready)
        : undefined
  return {
    input: {
      ...inputOf(about, value),
      ...coverage,
      ...proposalOf(proposed, about, value, context),
    },
    proposed,
    words: isAdditive(reading.declaration)
      ? totalWords(about, total, values.length, coverage)
      : averageWords(about, value, coverage),
    ...(thin === undefined ? {} : { thin }),
  }
}

function isQuiet(value: { value: number; lastMs: number }, reading: SignalReading, ts: number) {
  return reading.declaration.from !== 'metrics' && isSilentValue(value, reading.declaration, ts)
}

/** Kept per service: a total, of which each ready instance has its share. */
function fromService(
  about: Target,
  reading: SignalReading,
  context: TargetContext,
): TargetProposal {
  const { wanted, ready, tolerance } = context
  const known = reading.values.filter(({ unknown }) => !unknown)
  if (known.length === 0) return withoutValue(about, 'has no value')
  const total = known.reduce((sum, { value }) => sum + value, 0)
  const held = Math.max(1, ready)
  const proposal = fromTotal(milli(total), milli(about.target), {
    status: held,
    tolerance: { up: tolerance, down: tolerance },
  })
  const proposed = keptAsWanted(proposal, wanted)
  const each = total / held
  const thin = whyThin(about, reading, context)
  return {
    input: { ...inputOf(about, each), ...proposalOf(proposed, about, each, context, total) },
    proposed,
    words: totalWords(about, total, ready),
    ...(thin ? { thin } : {}),
  }
}

/** Those that are ready have more than their share: that some are not ready is no reason to take any away. */
function keptAsWanted(proposal: Proposal, wanted: number): Proposal {
  const isAgainst = proposal.ratio > 1 && proposal.replicas < wanted
  const kept = proposal.kept ?? (isAgainst ? 'against' : undefined)
  return kept === undefined ? proposal : { ...proposal, replicas: wanted, kept }
}

function whyThin({ signal }: Target, { declaration }: SignalReading, context: TargetContext) {
  const { ready, unsure } = context
  if (ready === 0) return 'no instance is ready'
  const isCounted = declaration.from !== 'metrics'
  return isCounted && unsure !== undefined ? `${signal} may be incomplete (${unsure})` : undefined
}

function withoutValue(
  about: Target,
  why: string,
  coverage: { measured?: number; expected?: number } = {},
): TargetProposal {
  const words = `${about.signal} ${why}`
  return { input: { ...inputOf(about), ...coverage, how: why }, proposed: { error: words }, words }
}

function inputOf({ signal, target, unit }: Target, value?: number) {
  return {
    signal,
    target,
    ...(unit === undefined ? {} : { unit }),
    ...(value === undefined ? {} : { value }),
  }
}

function proposalOf(
  proposed: Proposed,
  about: Target,
  value: number,
  context: TargetContext,
  total?: number,
): Pick<TargetInput, 'proposal' | 'how'> {
  if ('error' in proposed) return { how: proposed.error }
  const { replicas: proposal } = proposed
  return { proposal, how: howOf(proposed, about, value, context, total) }
}

/** Kubernetes counts in thousandths. */
const milli = (value: number) => Math.round(value * 1000)
