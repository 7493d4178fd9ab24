/** What holds a recommendation back: minimum, maximum, and how fast it may change. */

/** As the HPA's condition `ScalingLimited` names it. */
export type Limit =
  'DesiredWithinRange' | 'TooFewReplicas' | 'TooManyReplicas' | 'ScaleUpLimit' | 'ScaleDownLimit'

export interface Limited {
  replicas: number
  limit: Limit
}

export interface Range {
  min: number
  max: number
}

export interface ScalingRule {
  type: 'Pods' | 'Percent'
  value: number
  periodMs: number
}

/** How fast it may go in one direction: the rule that allows most (`Max`), least (`Min`), or not at all. */
export interface ScalingRules {
  select: 'Max' | 'Min' | 'Disabled'
  rules: readonly ScalingRule[]
}

/** Replicas that were added or taken away at a time. */
export interface ScaleEvent {
  ts: number
  change: number
  /** Older than the longest period: the next event takes its place. */
  outdated: boolean
}

export interface Rates {
  up: ScalingRules
  down: ScalingRules
  upEvents: readonly ScaleEvent[]
  downEvents: readonly ScaleEvent[]
  ts: number
}

/** Kubernetes' defaults: up by four or by as many as there are within 15 s, whatever is more; down without limit. */
export const usualRates: Pick<Rates, 'up' | 'down'> = {
  up: {
    select: 'Max',
    rules: [
      { type: 'Pods', value: 4, periodMs: 15_000 },
      { type: 'Percent', value: 100, periodMs: 15_000 },
    ],
  },
  down: { select: 'Max', rules: [{ type: 'Percent', value: 100, periodMs: 15_000 }] },
}

export function clamp(replicas: number, { min, max }: Range): Limited {
  if (replicas < min) return { replicas: min, limit: 'TooFewReplicas' }
  if (replicas > max) return { replicas: max, limit: 'TooManyReplicas' }
  return { replicas, limit: 'DesiredWithinRange' }
}

/** Without `behavior`: up to `factor` times as many, but to `atLeast` in any case. */
export function clampToFactor(
  replicas: number,
  range: Range,
  { current, factor, atLeast }: { current: number; factor: number; atLeast: number },
): Limited {
  const fastest = Math.trunc(Math.max(factor * current, atLeast))
  const limited = clamp(replicas, { ...range, max: Math.min(range.max, fastest) })
  const slowed = limited.limit === 'TooManyReplicas' && range.max > fastest
  return slowed ? { ...limited, limit: 'ScaleUpLimit' } : limited
}

export function clampToRates(
  replicas: number,
  { min, max }: Range,
  current: number,
  rates: Rates,
): Limited {
  if (replicas > current) {
    const fastest = Math.max(current, highestAllowed(current, rates))
    const most = Math.min(max, fastest)
    const limit = max > fastest ? 'ScaleUpLimit' : 'TooManyReplicas'
    if (replicas > most) return { replicas: most, limit }
  } else if (replicas < current) {
    const fastest = Math.min(current, lowestAllowed(current, rates))
    const least = Math.max(min, fastest)
    const limit = min < fastest ? 'ScaleDownLimit' : 'TooFewReplicas'
    if (replicas < least) return { replicas: least, limit }
  }
  return { replicas, limit: 'DesiredWithinRange' }
}

function highestAllowed(current: number, rates: Rates): number {
  const { select, rules } = rates.up
  if (select === 'Disabled') return current
  const allowed = rules.map(({ type, value, periodMs }) => {
    const start = periodStart(current, periodMs, rates)
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100))
  })
  return select === 'Min' ? Math.min(...allowed) : Math.max(...allowed)
}

function lowestAllowed(current: number, rates: Rates): number {
  const { select, rules } = rates.down
  if (select === 'Disabled') return current
  const allowed = rules.map(({ type, value, periodMs }) => {
    const start = periodStart(current, periodMs, rates)
    return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100))
  })
  return select === 'Min' ? Math.max(...allowed) : Math.min(...allowed)
}

/** How many there were when the period began. */
function periodStart(current: number, periodMs: number, { upEvents, downEvents, ts }: Rates) {
  return current - changeWithin(upEvents, periodMs, ts) + changeWithin(downEvents, periodMs, ts)
}

export function changeWithin(events: readonly ScaleEvent[], periodMs: number, ts: number): number {
  return events.reduce((sum, event) => (event.ts > ts - periodMs ? sum + event.change : sum), 0)
}

/** The events of a direction with a new one, which takes the place of one that no rule looks at any more. */
export function storeScaleEvent(
  events: readonly ScaleEvent[],
  change: number,
  { rules }: ScalingRules,
  ts: number,
): ScaleEvent[] {
  const longest = Math.max(0, ...rules.map(({ periodMs }) => periodMs))
  const marked = events.map((event) =>
    event.ts < ts - longest ? { ...event, outdated: true } : event,
  )
  const added = { ts, change, outdated: false }
  const old = marked.findLastIndex(({ outdated }) => outdated)
  return old < 0 ? [...marked, added] : marked.with(old, added)
}
