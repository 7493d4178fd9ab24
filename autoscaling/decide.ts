/**
 * One evaluation of a scaling policy: what the load asks for as Kubernetes' autoscaler would, then what Marathon's
 * facts allow. Pure: the same live, in tests and in simulations.
 */
import { decisionReasons, type Decision, type DecisionStep } from '../pipeline/decision.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'
import { heldBack, leftAlone, type Verdict } from './facts.ts'
import { trim, type ServiceMemory } from './memory.ts'
import { shownPolicy, type ScalingPolicy } from './policy.ts'
import type { SignalReading } from './reading.ts'
import { situationOf, type Situation } from './situation.ts'
import { proposeFor, type TargetProposal } from './target.ts'
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
  const { policy, memory } = input
  const situation = situationOf(input)
  const alone = leftAlone(input, situation)
  const { inFlight: _seen, ...rest } = memory
  // What Marathon was read to tell after it was sent is the truth.
  const settled: ServiceMemory = situation.inFlight ? memory : rest
  if (alone) return { decision: decisionOf(input, situation, [], [], alone), memory: settled }
  const targets = proposals(input, situation)
  const wish = wishOf({ ...input, situation, targets })
  const held = heldBack(input, situation, wish)
  const verdict = held ?? wish.verdict
  const steps = [...wish.steps, ...(held ? [heldStep(held, wish, situation)] : [])]
  const decision = decisionOf(input, situation, targets, steps, verdict)
  const { stabilizationUpMs: upMs, stabilizationDownMs: downMs } = policy
  const recommendations = trim(wish.recommendations, { upMs, downMs, ts: input.ts })
  return {
    decision,
    memory: { ...withoutBackoff(settled, decision, input.nowMs), recommendations },
  }
}

/** Once nothing is wished for any more, what Marathon refused is forgotten. */
function withoutBackoff(memory: ServiceMemory, { from, to }: Decision, nowMs: number) {
  const { backoff, ...rest } = memory
  return backoff && from === to && nowMs >= backoff.untilMs ? rest : memory
}

function proposals(
  { policy, signals, ts, unsure }: DecideInput,
  { wanted, ready, groups, unmeasured }: Situation,
): TargetProposal[] {
  const { targets, tolerance } = policy
  const context = { wanted, ready, groups, tolerance, ts, unmeasured, unsure }
  return Object.entries(targets).map(([signal, target]) =>
    proposeFor(signal, target, signals(signal), context),
  )
}

function heldStep({ step, to, because }: Verdict, wish: Wish, { wanted }: Situation): DecisionStep {
  return { step, before: wish.verdict.to, after: step === 'dry-run' ? to : wanted, why: because }
}

function decisionOf(
  { policy, ts }: DecideInput,
  { wanted, inputs }: Situation,
  targets: readonly TargetProposal[],
  steps: readonly DecisionStep[],
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
