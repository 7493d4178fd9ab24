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
import type { ScalingPause } from '../pipeline/scaling-desk.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { activityOf, idleAfter } from './activity.ts'
import { conditionsOf } from './conditions.ts'
import { heldBack, leftAlone, type Verdict } from './facts.ts'
import { trim, type ServiceMemory } from './memory.ts'
import { notice, resetWords, type Reset } from './override.ts'
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
  /** Those that concern the service, its own first; also ones that are over. */
  pauses?: readonly ScalingPause[]
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

/** What an evaluation knows of a service beside its policy, its load and what Marathon tells of it. */
export type Given = Pick<DecideInput, 'pauses'>

export interface Decided {
  /** With the outcome `scaled` it is to be carried out; Marathon may still refuse. */
  decision: Decision
  memory: ServiceMemory
}

export function decide(given: DecideInput): Decided {
  const situation = situationOf(given)
  const memory = notice(given, situation)
  const input = { ...given, memory }
  const { policy } = input
  const alone = leftAlone(input, situation)
  const settled = asSeen(input, situation)
  if (alone) {
    const conditions = conditionsOf(alone, [])
    const decision = decisionOf(input, situation, { targets: [], steps: [], conditions }, alone)
    return { decision, memory: settled }
  }
  const stepsNow = stepMemory(input, situation)
  const targets = proposalsOf(input, situation, stepsNow)
  const activity = activityOf(input, situation)
  const idle = idleAfter(input, activity)
  const wish = wishOf({ ...input, situation, targets, activity, idle })
  const held = heldBack(input, situation, wish)
  const { reset } = memory
  const verdict = withReset(held ?? wish.verdict, reset)
  const steps = [
    ...(reset ? [resetStep(reset)] : []),
    ...wish.steps,
    ...(held ? [heldStep(held, wish, situation)] : []),
  ]
  const conditions = conditionsOf(verdict, targets, wish)
  const decision = decisionOf(input, situation, { targets, steps, conditions }, verdict)
  const { stabilizationUpMs: upMs, stabilizationDownMs: downMs } = policy
  const recommendations = trim(wish.recommendations, { upMs, downMs, ts: input.ts })
  const { idle: _before, ...kept } = remembered(settled, decision, input.nowMs, held)
  return {
    decision,
    memory: {
      ...kept,
      ...withoutUndefined({ idle, steps: stepsNow }),
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

/** Once nothing is wished for any more, what Marathon refused and what a deployment has set is forgotten. */
function remembered(
  memory: ServiceMemory,
  { outcome, from, to }: Decision,
  nowMs: number,
  held: Verdict | undefined,
): ServiceMemory {
  const { backoff, reset, ...rest } = memory
  const isKept = backoff !== undefined && (from !== to || nowMs < backoff.untilMs)
  const isOpen = reset !== undefined && (held !== undefined || from !== to)
  return {
    ...rest,
    ...(isKept ? { backoff } : {}),
    ...(isOpen ? { reset } : {}),
    ...(outcome === 'scaled' ? { asked: to } : {}),
  }
}

function withReset(verdict: Verdict, reset: Reset | undefined): Verdict {
  if (!reset || verdict.to === reset.to) return verdict
  return { ...verdict, because: `${verdict.because}; ${resetWords(reset)}` }
}

function resetStep(reset: Reset): DecisionStep {
  const { from, to, by } = reset
  const why = `${resetWords(reset)}: the load decides`
  return { step: by, before: from, after: to, why }
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
  const { outcome, reason, to, because, next, would, pause, override } = verdict
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
    ...(would === undefined ? {} : { would }),
    ...(pause ? { pause } : {}),
    ...(override ? { override } : {}),
    ...(next.length > 0 ? { next } : {}),
  }
}

/** One sentence that can be read at two in the morning. */
function messageOf(verdict: Verdict, wanted: number | undefined): string {
  const { outcome, to, because, otherwise } = verdict
  if (outcome === 'refused') return `not scaled: ${because}`
  if (wanted === undefined) return `left alone: ${because}`
  if (outcome === 'scaled') return `scaled ${wanted} → ${to}: ${because}`
  if (outcome === 'would-scale') return `would scale ${wanted} → ${to}: ${because}`
  return `stays at ${wanted}: ${because}${otherwise === undefined ? '' : `; ${otherwise}`}`
}
