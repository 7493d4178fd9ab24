/** From and to zero, as KEDA has it: between zero and one decides whether there is anything to do, beyond that the load. */
import type { DecisionStep, Outlook } from '../pipeline/decision.ts'
import type { Verdict } from './facts.ts'
import { isProposal } from './hpa/proposal.ts'
import { isRateLimit, limit, rateOutlook, rateWords } from './rates.ts'
import { proposalStep } from './target-parts.ts'
import { rateContext, scaled } from './verdict.ts'
import type { Wish, WishInput } from './wish.ts'
import { span } from './words.ts'

/** Undefined where the load decides. */
export function zeroWish(input: WishInput): Wish | undefined {
  const { policy, situation, activity } = input
  if (!policy.activation || !activity) return undefined
  if (situation.wanted === 0) return activity.is === 'active' ? wakeUp(input) : sleepOn(input)
  return zeroAt(input) <= input.ts ? goToSleep(input) : undefined
}

/** As long as there are instances the load alone leaves one; what is idle says when it goes to zero. */
export function withInstance(input: WishInput): WishInput {
  const { policy } = input
  return { ...input, policy: { ...policy, min: Math.max(1, policy.min) } }
}

/** When it goes to zero if nothing happens, ms. */
function zeroAt({ policy, idle }: WishInput): number {
  return (idle?.sinceTs ?? Infinity) + (policy.idleAfterMs ?? Infinity)
}

function wakeUp(input: WishInput): Wish {
  const { targets, activity, ts, policy } = input
  const asked = targets.flatMap(({ proposed }) => (isProposal(proposed) ? proposed.replicas : []))
  const most = Math.max(1, ...asked)
  const to = Math.min(policy.max, Math.max(1, limit(most, rateContext(input)).replicas))
  const because = activity?.because ?? ''
  const steps = [...targets.map((target) => proposalStep(target, 0)), activityStep(input, to)]
  return { verdict: scaled(0, to, because), steps, recommendations: [{ ts, replicas: to }] }
}

function sleepOn(input: WishInput): Wish {
  const { activity, memory } = input
  const { is, because } = activity ?? { is: 'unknown', because: '' }
  const words =
    is === 'unknown' ? `${because}: whether there is anything to do is not known` : because
  const next = [{ change: 'scales up', when: activeWhen(input) }]
  const verdict = { outcome: 'held', reason: 'idle', to: 0, because: words } as const
  const steps = [activityStep(input, 0)]
  return {
    verdict: { ...verdict, step: 'activity', next },
    steps,
    recommendations: memory.recommendations,
  }
}

function goToSleep(input: WishInput): Wish {
  const { policy, situation, memory, activity } = input
  const { wanted } = situation
  const context = rateContext(input)
  const limited = limit(0, context)
  const rate = isRateLimit(limited) ? rateWords(0, context) : undefined
  const steps = [activityStep(input, 0)]
  if (rate !== undefined) {
    steps.push({ step: 'rate', before: 0, after: limited.replicas, why: rate })
  }
  const next = rate === undefined ? [] : rateOutlook(0, context)
  const words = `${activity?.because}, for ${span(policy.idleAfterMs ?? 0)}`
  const because = rate === undefined ? words : `${words} (${rate})`
  const verdict: Verdict =
    limited.replicas === wanted
      ? { outcome: 'held', reason: 'rate-limited', to: wanted, because, step: 'rate', next }
      : scaled(wanted, limited.replicas, because, next)
  return { verdict, steps, recommendations: memory.recommendations, limit: limited.limit }
}

function activityStep({ situation, activity }: WishInput, after: number): DecisionStep {
  return { step: 'activity', before: situation.wanted, after, why: activity?.because ?? '' }
}

function activeWhen({ policy }: WishInput): string {
  const each = Object.entries(policy.activation ?? {})
  return each.map(([signal, above]) => `${signal} is above ${above}`).join(' or ')
}

/** What is told beside all else while it is idle and not at zero yet. */
export function zeroOutlook(input: WishInput): Outlook[] {
  const atMs = zeroAt(input)
  if (!Number.isFinite(atMs)) return []
  return [{ change: 'scales down to 0', when: 'there is nothing to do until then', atMs }]
}
