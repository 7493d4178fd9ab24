/** How many instances the load asks for: largest proposal, coverage, stabilization, limits; before Marathon's facts. */
import type { DecisionReason, DecisionStep, Outlook } from '../pipeline/decision.ts'
import type { DecideInput } from './decide.ts'
import type { Verdict } from './facts.ts'
import { largest } from './hpa/combine.ts'
import { clamp } from './hpa/limits.ts'
import { isProposal, type Proposal } from './hpa/proposal.ts'
import { stabilize, type Recommendation } from './hpa/stabilize.ts'
import { stabilizing, turningPoints } from './outlook.ts'
import type { Situation } from './situation.ts'
import type { TargetProposal } from './target.ts'
import { counted, listed, number, span } from './words.ts'

export interface Wish {
  /** As if nothing else stood in the way. */
  verdict: Verdict
  steps: DecisionStep[]
  recommendations: readonly Recommendation[]
}

export interface WishInput extends Pick<DecideInput, 'policy' | 'memory' | 'ts' | 'intervalMs'> {
  situation: Situation
  targets: readonly TargetProposal[]
}

export function wishOf(input: WishInput): Wish {
  const { policy, memory, situation, targets } = input
  const { wanted } = situation
  const { min, max } = policy
  const { recommendations } = memory
  const steps = targets.map((target) => proposalStep(target, wanted))
  const bounded = clamp(wanted, policy)
  if (bounded.replicas !== wanted) {
    const bound = wanted > max ? `its maximum is ${max}` : `its minimum is ${min}`
    const because = `${bound}, whatever the load`
    steps.push({ step: 'limits', before: wanted, after: bounded.replicas, why: because })
    return { verdict: scaled(wanted, bounded.replicas, because), steps, recommendations }
  }
  const raw = largest(
    targets.map(({ proposed }) => proposed),
    wanted,
  )
  if (raw === undefined) return { verdict: unknown(input), steps, recommendations }
  return limited(input, { raw, steps, recommendations: recommendedBefore(input) })
}

/** Without a recommendation for so long, or three intervals, nobody knows what the load asked for meanwhile, ms. */
const gapMs = 20_000

/** At the first recommendation, and the first after a gap, what there is counts as recommended: a window begins there. */
function recommendedBefore({ memory, ts, intervalMs, situation }: WishInput) {
  const { recommendations } = memory
  const newest = recommendations.at(-1)
  if (newest && ts - newest.ts <= Math.max(3 * intervalMs, gapMs)) return recommendations
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
  const { replicas: desired, limit } = clamp(stable.replicas, policy)
  if (desired !== stable.replicas) {
    const why = limit === 'TooManyReplicas' ? `at most ${policy.max}` : `at least ${policy.min}`
    steps.push({ step: 'limits', before: stable.replicas, after: desired, why })
  }
  const draft = { raw, thin, covered, stable: stable.replicas, desired, decisive }
  const verdict = verdictOf(input, draft, stable.recommendations)
  return { verdict, steps, recommendations: stable.recommendations }
}

interface Decisive {
  target: TargetProposal
  proposal: Proposal
}

interface Draft {
  raw: number
  thin: string | undefined
  covered: number
  stable: number
  desired: number
  decisive: Decisive
}

function decisiveOf(targets: readonly TargetProposal[], raw: number): Decisive {
  for (const target of targets) {
    const { proposed } = target
    if (isProposal(proposed) && proposed.replicas === raw) return { target, proposal: proposed }
  }
  throw new Error('no target asks for the largest proposal')
}

function verdictOf(
  input: WishInput,
  draft: Draft,
  recommendations: readonly Recommendation[],
): Verdict {
  const { policy, situation } = input
  const { wanted } = situation
  const { raw, desired, stable, decisive } = draft
  const { words } = decisive.target
  if (desired !== wanted) {
    const bound = desired === stable ? '' : ` (asks for ${stable}, limited by its policy)`
    return scaled(wanted, desired, words + bound)
  }
  const stays = (reason: DecisionReason, because: string, next: Outlook[]): Verdict => {
    return { outcome: 'held', reason, to: wanted, because, step: 'outcome', next }
  }
  if (draft.thin !== undefined) {
    return stays('thin-data', `${draft.thin}: nothing is taken away`, [
      { change: `scales down to ${raw}`, when: 'all its tasks are ready and measured' },
    ])
  }
  const ideal = clamp(draft.covered, policy)
  if (ideal.replicas === wanted && ideal.limit === 'TooManyReplicas') {
    return stays('at-maximum', `the maximum; ${words}, asks for ${draft.covered}`, [
      { change: `scales up to ${draft.covered}`, when: 'its policy allows more' },
    ])
  }
  if (ideal.replicas === wanted && ideal.limit === 'TooFewReplicas') {
    const because = `the minimum; ${words}, would do with ${draft.covered}`
    return stays('at-minimum', because, turningPoints(input))
  }
  if (stable !== draft.covered) {
    return stabilizing(input, { ideal: ideal.replicas, words }, recommendations, stays)
  }
  const { reason, because } = calm(input, decisive)
  return stays(reason, because, turningPoints(input))
}

/** Why the load asks for as many as there are. */
function calm(
  { policy, situation }: WishInput,
  { target, proposal }: Decisive,
): { reason: DecisionReason; because: string } {
  const { words } = target
  const { kept, refilled, ratio } = proposal
  if (kept === undefined) return { reason: 'no-change', because: words }
  const { unready } = situation.groups
  if (refilled && ratio < 1) {
    return {
      reason: 'thin-data',
      because: `${words}; with those not measured it is no reason to shrink`,
    }
  }
  if (refilled && unready.length > 0) {
    const because = `${words}; ${counted(unready.length, 'instance')} not ready yet will take a part`
    return { reason: 'not-running', because }
  }
  if (kept !== 'tolerance') return { reason: 'no-change', because: words }
  const because = `${words}: within ${number(policy.tolerance * 100)} %`
  return { reason: 'within-tolerance', because }
}

function unknown({ situation, targets }: WishInput): Verdict {
  const { wanted } = situation
  const failed = targets.filter(({ proposed }) => !isProposal(proposed))
  const names = listed(failed.map(({ input }) => input.signal))
  const words = listed(failed.map((target) => target.words))
  const others = failed.length < targets.length
  const because = others ? `${words}, and the others alone may not take instances away` : words
  const next = [{ change: 'goes on', when: `${names} has a value` }]
  return { outcome: 'held', reason: 'no-data', to: wanted, because, step: 'outcome', next }
}

function scaled(wanted: number, to: number, because: string): Verdict {
  const reason = to > wanted ? 'scaled-up' : 'scaled-down'
  return { outcome: 'scaled', reason, to, because, step: 'outcome', next: [] }
}

function proposalStep({ input, proposed }: TargetProposal, wanted: number): DecisionStep {
  const after = isProposal(proposed) ? proposed.replicas : wanted
  return { step: 'proposal', before: wanted, after, why: `${input.signal}: ${input.how}` }
}

function stabilizationWords(stable: number, covered: number, policy: WishInput['policy']): string {
  return stable > covered
    ? `the highest recommendation of the last ${span(policy.stabilizationDownMs)}`
    : `the lowest recommendation of the last ${span(policy.stabilizationUpMs)}`
}
