/** How many instances the load asks for: largest proposal, coverage, stabilization, limits; before Marathon's facts. */
import type { DecisionStep } from '../pipeline/decision.ts'
import type { Activity, Idle } from './activity.ts'
import type { DecideInput } from './decide.ts'
import type { Verdict } from './facts.ts'
import { gapAfter } from './gap.ts'
import { largest } from './hpa/combine.ts'
import { clamp, type Limit, type Limited } from './hpa/limits.ts'
import { isProposal } from './hpa/proposal.ts'
import { stabilize, type Recommendation } from './hpa/stabilize.ts'
import { isRateLimit, limit, rateWords } from './rates.ts'
import type { Situation } from './situation.ts'
import { taskSteps } from './task-steps.ts'
import { proposalStep, type TargetProposal } from './target-parts.ts'
import { rateContext, scaled, unknown, verdictOf, type Decisive } from './verdict.ts'
import { number, span } from './words.ts'
import { withInstance, zeroOutlook, zeroWish } from './zero.ts'

export interface Wish {
  /** As if nothing else stood in the way. */
  verdict: Verdict
  steps: DecisionStep[]
  recommendations: readonly Recommendation[]
  /** What holds back what is asked for, as far as it can be told. */
  limit?: Limit
}

export interface WishInput extends Pick<
  DecideInput,
  'policy' | 'state' | 'memory' | 'ts' | 'intervalMs'
> {
  situation: Situation
  targets: readonly TargetProposal[]
  activity: Activity | undefined
  idle: Idle | undefined
}

export function wishOf(input: WishInput): Wish {
  const zero = zeroWish(input)
  if (zero) return zero
  const wish = awakeWish(withInstance(input))
  const { verdict } = wish
  return { ...wish, verdict: { ...verdict, next: [...verdict.next, ...zeroOutlook(input)] } }
}

function awakeWish(input: WishInput): Wish {
  const { policy, memory, situation, targets } = input
  const { wanted } = situation
  const { min, max } = policy
  const { recommendations } = memory
  const steps = [...taskSteps(input), ...targets.map((target) => proposalStep(target, wanted))]
  const bounded = clamp(wanted, policy)
  if (bounded.replicas !== wanted) {
    const bound = wanted > max ? `its maximum is ${max}` : `its minimum is ${min}`
    const because = `${bound}, whatever the load`
    steps.push({ step: 'limits', before: wanted, after: bounded.replicas, why: because })
    const verdict = scaled(wanted, bounded.replicas, because)
    return { verdict, steps, recommendations, limit: bounded.limit }
  }
  const asking = targets.filter(({ abstains }) => !abstains)
  const raw = asking.length === 0 ? wanted : largest(proposals(asking), wanted)
  if (raw === undefined) return { verdict: unknown(input), steps, recommendations }
  return limited(input, { raw, steps, recommendations: recommendedBefore(input) })
}

/** At the first recommendation, and the first after a gap, what there is counts as recommended: a window begins there. */
function recommendedBefore({ memory, ts, intervalMs, situation }: WishInput) {
  const { recommendations } = memory
  const newest = recommendations.at(-1)
  if (newest && ts - newest.ts <= gapAfter(intervalMs)) return recommendations
  return [...recommendations, { ts, replicas: situation.wanted }]
}

interface Raw {
  raw: number
  steps: DecisionStep[]
  recommendations: readonly Recommendation[]
}

function limited(input: WishInput, { raw, steps, recommendations }: Raw): Wish {
  const { policy, ts, situation, targets } = input
  const { wanted } = situation
  const decisive = decisiveOf(targets, raw)
  if (targets.length > 1) {
    const why = `${decisive.target.input.signal} asks for most`
    steps.push({ step: 'maximum', before: wanted, after: raw, why })
  }
  if (decisive.proposal.kept === 'tolerance') {
    const why = `${number(decisive.proposal.ratio)} of the target is within ${number(policy.tolerance * 100)} %`
    steps.push({ step: 'tolerance', before: wanted, after: raw, why })
  }
  const thin = raw < wanted ? targets.find((target) => target.thin !== undefined)?.thin : undefined
  const covered = thin === undefined ? raw : wanted
  if (thin !== undefined) {
    const why = `${thin}: nothing is taken away`
    steps.push({ step: 'coverage', before: raw, after: covered, why })
  }
  const windows = { upMs: policy.stabilizationUpMs, downMs: policy.stabilizationDownMs }
  const stable = stabilize(covered, { current: wanted, recommendations, ...windows, ts })
  if (stable.replicas !== covered) {
    const why = stabilizationWords(stable.replicas, covered, policy)
    steps.push({ step: 'stabilization', before: covered, after: stable.replicas, why })
  }
  const limited = limit(stable.replicas, rateContext(input))
  const desired = limited.replicas
  if (desired !== stable.replicas) {
    steps.push({ ...limitStep(input, stable.replicas, limited), after: desired })
  }
  const draft = { raw, thin, covered, stable: stable.replicas, limited, decisive }
  const verdict = verdictOf(input, draft, stable.recommendations)
  return { verdict, steps, recommendations: stable.recommendations, limit: limited.limit }
}

function limitStep(input: WishInput, before: number, limited: Limited) {
  if (isRateLimit(limited))
    return { step: 'rate', before, why: rateWords(before, rateContext(input)) }
  const { min, max } = input.policy
  const why = limited.limit === 'TooManyReplicas' ? `at most ${max}` : `at least ${min}`
  return { step: 'limits', before, why }
}

const proposals = (targets: readonly TargetProposal[]) => targets.map(({ proposed }) => proposed)

/** One that asks for it; where none asks for anything, any. */
function decisiveOf(targets: readonly TargetProposal[], raw: number): Decisive {
  for (const target of targets.toSorted((a, b) => Number(!!a.abstains) - Number(!!b.abstains))) {
    const { proposed } = target
    if (isProposal(proposed) && proposed.replicas === raw) return { target, proposal: proposed }
  }
  throw new Error('no target asks for the largest proposal')
}

function stabilizationWords(stable: number, covered: number, policy: WishInput['policy']): string {
  return stable > covered
    ? `the highest recommendation of the last ${span(policy.stabilizationDownMs)}`
    : `the lowest recommendation of the last ${span(policy.stabilizationUpMs)}`
}
