/** How fast a policy lets instances change, in words and in time. */
import type { DecisionPolicy, Outlook, RatePolicies, RatePolicy } from '../pipeline/decision.ts'
import {
  changeWithin,
  clampToRates,
  storeScaleEvent,
  type Limited,
  type ScalingRules,
} from './hpa/limits.ts'
import type { ScaleEvents } from './memory.ts'
import { amountWords, span } from './words.ts'

export interface RateContext {
  policy: Pick<DecisionPolicy, 'min' | 'max' | 'scaleUp' | 'scaleDown'>
  events: ScaleEvents
  /** Instances as they are wanted now. */
  current: number
  ts: number
}

const unlimited: ScalingRules = {
  select: 'Max',
  rules: [{ type: 'Pods', value: Infinity, periodMs: 1 }],
}
const selects = { max: 'Max', min: 'Min', disabled: 'Disabled' } as const

/** Minimum, maximum, and how fast it may change. */
export function limit(replicas: number, { policy, events, current, ts }: RateContext): Limited {
  const { up: upEvents, down: downEvents } = events
  const [up, down] = [rulesOf(policy.scaleUp), rulesOf(policy.scaleDown)]
  const rates = { up, down, upEvents, downEvents, ts }
  return clampToRates(replicas, policy, current, rates)
}

export function rulesOf(rates: RatePolicies | undefined): ScalingRules {
  if (!rates) return unlimited
  const rules = rates.policies.map((policy) => {
    const periodMs = policy.perMs
    return 'count' in policy
      ? ({ type: 'Pods', value: policy.count, periodMs } as const)
      : ({ type: 'Percent', value: policy.percent, periodMs } as const)
  })
  return { select: selects[rates.select], rules }
}

export const isRateLimit = ({ limit: by }: Limited) =>
  by === 'ScaleUpLimit' || by === 'ScaleDownLimit'

/** The policy that held it back: `at most 4 more within 15s, 3 of them added already`. */
export function rateWords(wished: number, context: RateContext): string {
  const { policy, events, current, ts } = context
  const isUp = wished > current
  const rates = isUp ? policy.scaleUp : policy.scaleDown
  if (!rates || rates.select === 'disabled')
    return `its policy never scales ${isUp ? 'up' : 'down'}`
  const { replicas } = limit(wished, context)
  const alone = (one: RatePolicy): RatePolicies => ({ select: 'max', policies: [one] })
  const binding = rates.policies.find((one) => {
    const only = isUp ? { scaleUp: alone(one) } : { scaleDown: alone(one) }
    return limit(wished, { ...context, policy: { ...policy, ...only } }).replicas === replicas
  })
  if (!binding) return ratesWords(rates, isUp)
  const done = changeWithin(isUp ? events.up : events.down, binding.perMs, ts)
  const already = done > 0 ? `, ${done} of them ${isUp ? 'added' : 'taken away'} already` : ''
  return ratesWords({ select: 'max', policies: [binding] }, isUp) + already
}

/** `at most 4 more within 15s or 100 % more within 15s, whichever is more` */
export function ratesWords({ select, policies }: RatePolicies, isUp: boolean): string {
  if (select === 'disabled') return 'never'
  const each = policies.map((policy) => {
    return `${amountWords(policy)} ${isUp ? 'more' : 'fewer'} within ${span(policy.perMs)}`
  })
  const of = each.length > 1 ? `, whichever allows ${select === 'max' ? 'most' : 'least'}` : ''
  return `at most ${each.join(' or ')}${of}`
}

/** When earlier changes leave the times of the policies so that more is possible. */
export function rateOutlook(wished: number, context: RateContext): Outlook[] {
  const { policy, current, ts } = context
  const isUp = wished > current
  const rates = isUp ? policy.scaleUp : policy.scaleDown
  const now = limit(wished, context).replicas
  const side = isUp ? 'up' : 'down'
  // By then what is done now is in the way too.
  const done = storeScaleEvent(context.events[side], Math.abs(now - current), rulesOf(rates), ts)
  const events = now === current ? context.events : { ...context.events, [side]: done }
  const later = [...events.up, ...events.down]
    .flatMap((event) => rates?.policies.map(({ perMs }) => event.ts + perMs) ?? [])
    .filter((atMs) => atMs > ts)
    .toSorted((a, b) => a - b)
  for (const atMs of later) {
    const then = limit(wished, { ...context, events, current: now, ts: atMs }).replicas
    if (isUp ? then <= now : then >= now) continue
    const change = `scales ${isUp ? 'up' : 'down'} to ${then}`
    return [{ change, when: 'its rate policy lets it go on', atMs }]
  }
  return []
}
