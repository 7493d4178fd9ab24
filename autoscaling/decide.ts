/**
 * One evaluation of a scaling policy: what the load asks for as Kubernetes' autoscaler would, then what Marathon's
 * facts allow. Pure: the same live, in tests and in simulations.
 */
import {
  decisionReasons,
  type Conditions,
  type Decision,
  type DecisionStep,
} from '../pipeline/decision.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { activityOf, idleAfter } from './activity.ts'
import { conditionsOf } from './conditions.ts'
import { heldBack, leftAlone, type Verdict } from './facts.ts'
import { trim, type ServiceMemory } from './memory.ts'
import { shownPolicy, type ScalingPolicy } from './policy.ts'
import { proposalsOf } from './proposals.ts'
import type { SignalReading } from './reading.ts'
import { stepMemory } from './settling.ts'
import { situationOf, underWayMs, type Situation } from './situation.ts'
import type { TargetProposal } from './target-parts.ts'
import { wishOf, type Wish } from './wish.ts'

export interface DecideInput {
  policy: ScalingPolicy
  /** Undefined where Marathon told of no such service. */
  state: ServiceState | undefined
  /** Of the Marathon that tells of it. */
  marathon: MarathonState | undefined
  signals: (name: string) => SignalReading | undefined
  memory: ServiceMemory
  /** Evaluation time, ms of event time. */
  ts: number
  /** By the clock, ms. */
  nowMs: number
  /** Distance of evaluation times, ms. */
  intervalMs: number
  /** Why lines may be missing without a sign of it: a collector is in trouble. */
  unsure?: string | undefined
  /** Why nothing is known of any signal. */
  unmeasured?: string | undefined
}

export interface Decided {
  /** With the outcome `scaled` it is to be carried out; Marathon may still refuse. */
  decision: Decision
  memory: ServiceMemory
}

export function decide(input: DecideInput): Decided {
  const { policy } = input
  const situation = situationOf(input)
  const alone = leftAlone(input, situation)
  const settled = asSeen(input, situation)
  if (alone) {
    const conditions = conditionsOf(alone, [])
    const decision = decisionOf(input, situation, { targets: [], steps: [], conditions }, alone)
    return { decision, memory: settled }
  }
  const targets = proposalsOf(input, situation)
  const activity = activityOf(input, situation)
  const idle = idleAfter(input, activity)
  const wish = wishOf({ ...input, situation, targets, activity, idle })
  const held = heldBack(input, situation, wish)
  const verdict = held ?? wish.verdict
  const steps = [...wish.steps, ...(held ? [heldStep(held, wish, situation)] : [])]
  const conditions = conditionsOf(verdict, targets, wish)
  const decision = decisionOf(input, situation, { targets, steps, conditions }, verdict)
  const { stabilizationUpMs: upMs, stabilizationDownMs: downMs } = policy
  const recommendations = trim(wish.recommendations, { upMs, downMs, ts: input.ts })
  const { idle: _before, ...kept } = withoutBackoff(settled, decision, input.nowMs)
  return {
    decision,
    memory: {
      ...kept,
      ...withoutUndefined({ idle, steps: stepMemory(input, situation) }),
      recommendations,
    },
  }
}

/** What Marathon was read to tell after a change was sent is the truth. */
function asSeen({ memory, state }: DecideInput, { inFlight }: Situation): ServiceMemory {
  if (inFlight) return memory
  const { inFlight: _seen, asleepMs, idle: _idle, ...rest } = memory
  if (asleepMs === undefined || isWoken(asleepMs, state)) return rest
  return { ...rest, asleepMs }
}

/** Somebody gave it instances; what was told before, or was being read, shows those from before. */
function isWoken(asleepMs: number, state: ServiceState | undefined): boolean {
  return state !== undefined && state.instances > 0 && state.atMs > asleepMs + underWayMs
}

/** Once nothing is wished for any more, what Marathon refused is forgotten. */
function withoutBackoff(memory: ServiceMemory, { from, to }: Decision, nowMs: number) {
  const { backoff, ...rest } = memory
  return backoff && from === to && nowMs >= backoff.untilMs ? rest : memory
}

function heldStep({ step, to, because }: Verdict, wish: Wish, { wanted }: Situation): DecisionStep {
  return { step, before: wish.verdict.to, after: step === 'dry-run' ? to : wanted, why: because }
}

interface Reasons {
  targets: readonly TargetProposal[]
  steps: readonly DecisionStep[]
  conditions: Conditions
}

function decisionOf(
  { policy, ts }: DecideInput,
  { wanted, inputs }: Situation,
  { targets, steps, conditions }: Reasons,
  verdict: Verdict,
): Decision {
  const { outcome, reason, to, because, next } = verdict
  const why: string = decisionReasons[reason]
  return {
    service: policy.service,
    ts,
    outcome,
    reason,
    message: messageOf(verdict, inputs.wanted === undefined ? undefined : wanted),
    from: wanted,
    to,
    inputs: { ...inputs, targets: targets.map(({ input }) => input) },
    steps: [
      ...steps,
      { step: 'outcome', before: wanted, after: to, why: steps.length > 0 ? why : because },
    ],
    policy: shownPolicy(policy),
    conditions,
    ...(next.length > 0 ? { next } : {}),
  }
}

/** One sentence that can be read at two in the morning. */
function messageOf({ outcome, to, because }: Verdict, wanted: number | undefined): string {
  if (outcome === 'refused') return `not scaled: ${because}`
  if (wanted === undefined) return `left alone: ${because}`
  if (outcome === 'scaled') return `scaled ${wanted} → ${to}: ${because}`
  if (outcome === 'would-scale') return `would scale ${wanted} → ${to}: ${because}`
  return `stays at ${wanted}: ${because}`
}
