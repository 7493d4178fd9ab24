import type { TargetInput } from '../pipeline/decision.ts'
import { isAdditive } from '../pipeline/scaling-signal.ts'
import { fromAverage, fromTotal, fromValue, type Proposal, type Proposed } from './hpa/proposal.ts'
import { isPerTask, unitOfSignal, type SignalReading } from './reading.ts'
import {
  inputOf,
  measureTasks,
  milli,
  valueOf,
  whyMissing,
  whyThin,
  whyThinAsWhole,
  withoutValue,
  type TargetContext,
  type TargetProposal,
} from './target-parts.ts'
import { averageWords, howOf, totalWords, valueWords, type Target } from './target-words.ts'

/** What one target asks for, and the calculation in words. */
export function proposeFor(
  { signal, kind, target }: Pick<Target, 'signal' | 'kind' | 'target'>,
  reading: SignalReading | undefined,
  context: TargetContext,
): TargetProposal {
  const unit = reading && unitOfSignal(reading.declaration)
  const about = { signal, kind, target, unit }
  const missing = whyMissing(reading, context)
  if (!reading || missing !== undefined) return withoutValue(about, missing ?? '')
  if (kind === 'value') return fromWhole(about, reading, context)
  return isPerTask(reading.declaration)
    ? fromTasks(about, reading, context)
    : fromService(about, reading, context)
}

/** Kept per task: the average of those measured, as Kubernetes takes that of its pods. */
function fromTasks(about: Target, reading: SignalReading, context: TargetContext): TargetProposal {
  const { wanted, tolerance } = context
  const measured = measureTasks(about, reading, context)
  const { coverage, values, gaps, thin } = measured
  if (values.length === 0) return withoutValue(about, measured.none, coverage)
  const proposed = fromAverage(values.map(milli), gaps, milli(about.target), {
    current: wanted,
    ready: values.length,
    tolerance: { up: tolerance, down: tolerance },
  })
  const total = values.reduce((sum, value) => sum + value, 0)
  const value = total / values.length
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

/** Of the service as a whole, and no total: instances change in proportion, as with Kubernetes' `Value`. */
function fromWhole(about: Target, reading: SignalReading, context: TargetContext): TargetProposal {
  const { wanted, ready, tolerance } = context
  const value = valueOf(reading)
  if (value === undefined) return withoutValue(about, 'has no value')
  const proposal = fromValue(milli(value), milli(about.target), {
    current: wanted,
    ready,
    tolerance: { up: tolerance, down: tolerance },
  })
  const proposed = keptAsWanted(proposal, wanted)
  const thin = whyThinAsWhole(about, reading, context)
  return {
    input: { ...inputOf(about, value), ...proposalOf(proposed, about, value, context) },
    proposed,
    words: valueWords(about, value),
    ...(thin ? { thin } : {}),
  }
}

/** Kept per service: a total, of which each ready instance has its share. */
function fromService(
  about: Target,
  reading: SignalReading,
  context: TargetContext,
): TargetProposal {
  const { wanted, ready, tolerance } = context
  const total = valueOf(reading)
  if (total === undefined) return withoutValue(about, 'has no value')
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
