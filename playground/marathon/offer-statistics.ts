import type { Offer } from '../mesos/model.ts'

/** Why an offer is of no use, in the order in which one reason is chosen for the summary. */
export const rejectReasons = [
  'UnfulfilledRole',
  'UnfulfilledConstraint',
  'NoCorrespondingReservationFound',
  'AgentMaintenance',
  'InsufficientCpus',
  'InsufficientMemory',
  'InsufficientDisk',
  'InsufficientGpus',
  'InsufficientPorts',
  'DeclinedScarceResources',
] as const
export type RejectReason = (typeof rejectReasons)[number]

export interface UnusedOffer {
  offer: Offer
  at: number
  /** All that apply. */
  reasons: RejectReason[]
}

/** What became of the offers since an app began to wait for some. */
export interface OfferStatistics {
  processed: number
  unused: number
  lastUsedAt: number | undefined
  lastUnusedAt: number | undefined
  rejects: Map<RejectReason, number>
  /** The last one of each agent. */
  lastUnused: Map<string, UnusedOffer>
}

export function newStatistics(): OfferStatistics {
  return {
    processed: 0,
    unused: 0,
    lastUsedAt: undefined,
    lastUnusedAt: undefined,
    rejects: new Map(),
    lastUnused: new Map(),
  }
}

export function countUsed(statistics: OfferStatistics, at: number): void {
  statistics.processed += 1
  statistics.lastUsedAt = at
}

export function countUnused(statistics: OfferStatistics, unused: UnusedOffer): void {
  const first = firstReason(unused.reasons)
  statistics.processed += 1
  statistics.unused += 1
  statistics.lastUnusedAt = unused.at
  statistics.lastUnused.set(unused.offer.agent.id, unused)
  if (first) statistics.rejects.set(first, (statistics.rejects.get(first) ?? 0) + 1)
}

export function firstReason(reasons: readonly RejectReason[]): RejectReason | undefined {
  return rejectReasons.find((reason) => reasons.includes(reason))
}

/** Of the last offer of each agent. */
export function lastRejects({ lastUnused }: OfferStatistics): Map<RejectReason, number> {
  const counts = new Map<RejectReason, number>()
  for (const { reasons } of lastUnused.values()) {
    const first = firstReason(reasons)
    if (first) counts.set(first, (counts.get(first) ?? 0) + 1)
  }
  return counts
}
