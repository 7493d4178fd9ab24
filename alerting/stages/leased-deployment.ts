/** What is known of one deployment, and until when it holds the alerts of its services. Times in ms. */
import type { LeaseFact } from './lease-facts.ts'

export interface LeasedDeployment {
  id: string
  sinceMs: number
  /** When it was seen under way last. */
  seenMs: number
  /** When it ended, as far as is known. */
  endedMs?: number
  step?: number
  steps?: number
  /** The services it touches, each with the time since when one deployment after the other has touched it. */
  services: Map<string, number>
  /** Set while it is told to be stuck: its alert's own time and service, and what was told last. */
  stuck?: { sinceMs: number; service: string; toldMs: number; step?: number }
}

/** The same as plain data. */
export type PlainDeployment = Omit<LeasedDeployment, 'services'> & { services: [string, number][] }

export interface LeaseTimes {
  /** A lease that was not renewed for so long is over. */
  unseenMs: number
  /** After the end of a deployment tasks that have just been started may not be healthy yet. */
  graceMs: number
  /** No service is held longer than this at a stretch; a deployment that runs longer is stuck. */
  capMs: number
}

/** One that has ended is known for so long, so that late news of it do not begin it anew. */
const endedKnownMs = 600_000
/** One of which nobody tells any more is known for so long: whether it has ended is not known. */
const unseenKnownMs = 86_400_000

/** Until when it holds, but for the cap. */
export function openUntil(one: LeasedDeployment, { graceMs, unseenMs }: LeaseTimes): number {
  return one.endedMs === undefined ? one.seenMs + unseenMs : one.endedMs + graceMs
}

/** Until when it holds a service that it touches. */
export function heldUntil(one: LeasedDeployment, service: string, times: LeaseTimes): number {
  const sinceMs = one.services.get(service) ?? -Infinity
  return Math.min(openUntil(one, times), sinceMs + times.capMs)
}

export function forgottenAt(one: LeasedDeployment, times: LeaseTimes): number {
  const known = one.endedMs === undefined ? unseenKnownMs : endedKnownMs
  return Math.max(openUntil(one, times), (one.endedMs ?? one.seenMs) + known)
}

/** From a fact of a deployment of which nothing was known. */
export function metDeployment({ deployment: id, at }: LeaseFact): LeasedDeployment {
  return { id, sinceMs: at, seenMs: at, services: new Map() }
}

/** Takes what a fact tells of the deployment itself. */
export function learn(one: LeasedDeployment, fact: LeaseFact, times: LeaseTimes): void {
  one.sinceMs = Math.min(one.sinceMs, fact.at, fact.sinceMs ?? fact.at)
  if (fact.what === 'ended') one.endedMs ??= fact.at
  else {
    // An answer of Marathon may be older than the news of the end; one long after it shows that they were wrong.
    if (one.endedMs !== undefined && fact.at > one.endedMs + times.graceMs) delete one.endedMs
    one.seenMs = Math.max(one.seenMs, fact.at)
  }
  if (fact.step !== undefined) one.step = Math.max(one.step ?? 0, fact.step)
  if (fact.steps !== undefined) one.steps = fact.steps
}

/**
 * Since when a service that `one` touches is held: without a gap before it, since an earlier deployment. Otherwise deployments
 * that follow each other (an autoscaler's, a pipeline's) would hold it for ever.
 */
export function heldSince(
  service: string,
  one: LeasedDeployment,
  others: Iterable<LeasedDeployment>,
  times: LeaseTimes,
): number {
  let sinceMs = Math.min(one.sinceMs, one.services.get(service) ?? Infinity)
  for (const other of others) {
    const since = other === one ? undefined : other.services.get(service)
    if (since !== undefined && openUntil(other, times) >= one.sinceMs) {
      sinceMs = Math.min(sinceMs, since)
    }
  }
  return sinceMs
}

/** `step 2 of 3`, undefined where it is not known. */
export function stepText({ step, steps }: LeasedDeployment): string | undefined {
  if (step === undefined) return undefined
  return steps === undefined ? `step ${step}` : `step ${step} of ${steps}`
}

/** `deployment 5ed4… of /shop/web since 18:03 UTC (step 2 of 3)` */
export function leaseText(one: LeasedDeployment, service: string): string {
  const step = stepText(one)
  const time = new Date(one.sinceMs).toISOString().slice(11, 16)
  return `deployment ${one.id} of ${service} since ${time} UTC${step === undefined ? '' : ` (${step})`}`
}

export function plainOf(one: LeasedDeployment): PlainDeployment {
  return structuredClone({ ...one, services: [...one.services] })
}

export function restoredFrom(plain: PlainDeployment): LeasedDeployment {
  return { ...structuredClone(plain), services: new Map(plain.services) }
}
