/**
 * The lease: while a deployment of Marathon touches a service its alerts are held, since tasks that are replaced one by one end,
 * and fail their checks at first. It goes on while the deployment is seen, ends by itself when it is seen no more, and after
 * a cap at the latest; a deployment that runs on beyond it is an alert of its own. No clock is read: the caller asks
 * `nextDue`, calls `advance` then and posts what it gives. Times in ms; `now` never falls.
 */
import type { PostedAlert } from './alerts.ts'
import { createDueQueue } from './due.ts'
import { compareText, labelOf, type Labels } from './labels.ts'
import type { LeaseFact } from './lease-facts.ts'
import {
  forgottenAt,
  heldSince,
  heldUntil,
  learn,
  leaseText,
  metDeployment,
  plainOf,
  restoredFrom,
  type LeasedDeployment,
  type PlainDeployment,
} from './leased-deployment.ts'
import { stuckNews, stuckNewsAt, type StuckSettings } from './stuck-deployment.ts'

/** Plain data. */
export interface LeaseState {
  deployments: PlainDeployment[]
}

export interface Lease {
  /** News of a deployment, in the order in which they come. Late and repeated ones do no harm. */
  take(fact: LeaseFact, now: number): void
  /**
   * The deployment because of which alerts with these labels are held, as a sentence: one that touches their `service`. With
   * the label `during_deployment: tell` they never are.
   */
  heldBy(labels: Labels, now: number): string | undefined
  /** When `advance` is to be called next. */
  nextDue(): number | undefined
  /** What is to be posted now of deployments that are stuck, or are no more. */
  advance(now: number): PostedAlert[]
  state(): LeaseState
}

const usual: StuckSettings = {
  unseenMs: 120_000,
  graceMs: 30_000,
  capMs: 900_000,
  stuckLabels: { severity: 'page' },
}
/** Of more deployments those of which was heard longest ago are forgotten. */
const maxDeployments = 10_000

export function createLease(settings: Partial<StuckSettings> = {}, restored?: LeaseState): Lease {
  const all = { ...usual, ...settings }
  /** By id, the one that was heard of last at the end. */
  const deployments = new Map<string, LeasedDeployment>()
  const byService = new Map<string, Set<LeasedDeployment>>()
  const due = createDueQueue()

  function keep(one: LeasedDeployment, now: number): void {
    deployments.delete(one.id)
    deployments.set(one.id, one)
    due.set(one.id, stuckNewsAt(one, now, all) ?? forgottenAt(one, all))
  }

  function touch(service: string, one: LeasedDeployment): void {
    const touching = byService.get(service)
    if (touching) touching.add(one)
    else byService.set(service, new Set([one]))
  }

  function forget(one: LeasedDeployment): void {
    deployments.delete(one.id)
    due.delete(one.id)
    for (const service of one.services.keys()) {
      const touching = byService.get(service)
      touching?.delete(one)
      if (touching?.size === 0) byService.delete(service)
    }
  }

  function take(told: LeaseFact, now: number): void {
    // Marathon's clock may be ahead of ours.
    const fact = { ...told, at: Math.min(told.at, now) }
    const one = deployments.get(fact.deployment) ?? metDeployment(fact)
    learn(one, fact, all)
    for (const service of fact.services) {
      one.services.set(service, heldSince(service, one, byService.get(service) ?? [], all))
      touch(service, one)
    }
    keep(one, now)
    const [oldest] = deployments.values()
    if (oldest && deployments.size > maxDeployments) forget(oldest)
  }

  function advance(now: number): PostedAlert[] {
    const posts: PostedAlert[] = []
    for (let id = due.take(now); id !== undefined; id = due.take(now)) {
      const one = deployments.get(id)
      if (!one) continue
      const post = stuckNews(one, now, all)
      if (post) posts.push(post)
      if (now >= forgottenAt(one, all)) forget(one)
      else due.set(id, stuckNewsAt(one, now, all) ?? forgottenAt(one, all))
    }
    return posts
  }

  for (const plain of restored?.deployments ?? []) {
    const one = restoredFrom(plain)
    for (const service of one.services.keys()) touch(service, one)
    // What is due of it by now the first `advance` sees.
    keep(one, -Infinity)
  }
  return {
    take,
    heldBy(labels, now) {
      if (labelOf(labels, 'during_deployment') === 'tell') return undefined
      const service = labelOf(labels, 'service')
      const holding = [...(byService.get(service) ?? [])]
        .filter((one) => now < heldUntil(one, service, all))
        .toSorted(oldestFirst)
      return holding[0] && leaseText(holding[0], service)
    },
    nextDue: () => due.earliest(),
    advance,
    state: () => ({ deployments: [...deployments.values()].map(plainOf) }),
  }
}

/** The same one is named before and after a restart. */
function oldestFirst(a: LeasedDeployment, b: LeasedDeployment): number {
  return a.sinceMs - b.sinceMs || compareText(a.id, b.id)
}
