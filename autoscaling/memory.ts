import type { Decision, DecisionReason, Override } from '../pipeline/decision.ts'
import type { ScaleEvent } from './hpa/limits.ts'
import type { Recommendation } from './hpa/stabilize.ts'
import { readSightings, type Reset, type Sighting } from './override.ts'

/** What the autoscaler remembers of a service: a record of the compacted topic `scaling`, keyed by it. */
export interface ServiceMemory {
  v: 1
  service: string
  /** What the load asked for, before limits: within the stabilization windows. */
  recommendations: Recommendation[]
  /** The decision that was written last, by {@link wordOf}, and when, ms of event time. */
  told?: { word: string; ts: number }
  /** The newest that changed instances, or would have. */
  lastChange?: Decision
  /** A change that was sent and is not seen in Marathon yet. */
  inFlight?: InFlight
  /** The newest change of ours that Marathon took. */
  taken?: TakenChange
  /** All of them that rate policies look back on. */
  events?: ScaleEvents
  steps?: StepMemory
  /** Since when nothing is to be done, and when that was seen last; ms of event time. */
  idle?: { sinceTs: number; seenTs: number }
  /** Scaled to zero by us, and by nobody since: when, by the clock, ms. */
  asleepMs?: number
  backoff?: Backoff
  /** The instances that we set last, or tried to. */
  asked?: number
  seen?: Sighting
  /** Set by hand, and respected. */
  override?: Override
  /** Set by a deployment, and not. */
  reset?: Reset
}

export interface InFlight {
  /** By the clock, ms. */
  sentMs: number
  /** As it was decided; what Marathon answered is in it once it has. */
  decision: Decision
  /** False from before the request until its answer is known. */
  answered: boolean
}

export interface ScaleEvents {
  up: ScaleEvent[]
  down: ScaleEvent[]
}

export interface TakenChange {
  /** When it was decided, ms of event time. */
  ts: number
  from: number
  to: number
}

export interface StepMemory {
  /** When all instances were ready after the newest change, ms of event time; absent while they are not. */
  settledTs?: number
  /** How many there were before what the newest changes, not measured yet, have added or taken away. */
  from: number
}

export interface Backoff {
  /** By the clock, ms. */
  untilMs: number
  /** In a row. */
  failures: number
  reason: DecisionReason
  /** What happened: `Marathon answered 409 …`. */
  because: string
}

export const freshMemory = (service: string): ServiceMemory => ({
  v: 1,
  service,
  recommendations: [],
})

/** Only recommendations that a later maximum (or minimum) over a window can still need, oldest first. */
export function trim(
  recommendations: readonly Recommendation[],
  { upMs, downMs, ts }: { upMs: number; downMs: number; ts: number },
): Recommendation[] {
  let highest = -Infinity
  let lowest = Infinity
  const kept: Recommendation[] = []
  for (const one of recommendations.toSorted((a, b) => b.ts - a.ts)) {
    const forDown = one.ts > ts - downMs && one.replicas > highest
    const forUp = one.ts > ts - upMs && one.replicas < lowest
    highest = Math.max(highest, one.replicas)
    lowest = Math.min(lowest, one.replicas)
    // The newest always: without any the next evaluation would count as the first.
    if (forDown || forUp || kept.length === 0) kept.push(one)
  }
  return kept.toReversed()
}

/** Two decisions of the same word tell a person nothing new. */
export function wordOf(decision: Decision): string {
  const { outcome, reason, from, to, inputs, message, pause, override } = decision
  const details: Partial<Record<DecisionReason, readonly string[] | undefined>> = {
    'waiting-for-offers': inputs.waitingFor,
    'deployment-running': inputs.deployments,
    'bad-policy': [message],
    paused: pause && [pause.id],
    override: override && [String(override.sinceMs)],
  }
  return [outcome, reason, from, to, ...(details[reason] ?? [])].join(' ')
}

/** The value of a record; undefined where it is none of this version. Never throws. */
export function decodeMemory(service: string, value: Uint8Array): ServiceMemory | undefined {
  try {
    const memory = JSON.parse(Buffer.from(value).toString('utf8')) as Partial<ServiceMemory> | null
    if (memory?.v !== 1 || memory.service !== service) return undefined
    if (!Array.isArray(memory.recommendations)) return undefined
    const { recommendations, events, taken, steps, idle } = memory
    const isSound =
      recommendations.every((one) => Number.isFinite(one?.ts) && Number.isInteger(one.replicas)) &&
      [...(events?.up ?? []), ...(events?.down ?? [])].every(
        (one) => Number.isFinite(one?.ts) && Number.isInteger(one.change),
      ) &&
      [taken, steps, idle].every((one) => Object.values(one ?? {}).every(Number.isFinite))
    if (!isSound) return undefined
    const { asked: _a, seen: _s, override: _o, reset: _r, ...rest } = memory as ServiceMemory
    return { ...rest, ...readSightings(memory) }
  } catch {
    return undefined
  }
}
