import type { Agent, Offer } from '../mesos/model.ts'
import { answerSpec } from './answer-app.ts'
import { delayedUntil } from './back-off.ts'
import { waiting } from './launch-queue.ts'
import { iso, type Instance, type RunSpec } from './model.ts'
import { compact } from './normalise-app.ts'
import {
  lastRejects,
  newStatistics,
  rejectReasons,
  type OfferStatistics,
  type RejectReason,
} from './offer-statistics.ts'
import type { State } from './state.ts'

/** `/v2/queue`: what waits for offers, since when, and why none was used. */
export function answerQueue(state: State, withOffers: boolean): Record<string, unknown> {
  const queue = [...waiting(state)].flatMap(([id, instances]) => {
    const spec = state.root.specs.get(id)
    return spec ? [answerEntry(state, spec, instances, withOffers)] : []
  })
  return { queue }
}

function answerEntry(
  state: State,
  spec: RunSpec,
  instances: readonly Instance[],
  withOffers: boolean,
): Record<string, unknown> {
  const statistics = state.offers.get(spec.id) ?? newStatistics()
  const since = Math.min(...instances.map(({ scheduledAt }) => scheduledAt))
  return {
    count: instances.length,
    role: spec.role,
    delay: answerDelay(state, instances),
    since: iso(since),
    processedOffersSummary: answerSummary(statistics),
    ...(withOffers ? { lastUnusedOffers: answerUnused(statistics, spec.role) } : {}),
    ...answerSpec(spec),
  }
}

/** Overdue: it is offers that are waited for, not the end of a delay. */
function answerDelay(state: State, instances: readonly Instance[]): Record<string, unknown> {
  const ends = instances.map(({ spec }) => delayedUntil(state, spec) ?? 0)
  const leftMs = Math.max(0, ...ends) - state.clock.now()
  return { timeLeftSeconds: Math.max(0, Math.floor(leftMs / 1000)), overdue: leftMs <= 0 }
}

function answerSummary(statistics: OfferStatistics): Record<string, unknown> {
  const { processed, unused, lastUsedAt, lastUnusedAt, rejects, lastUnused } = statistics
  return compact({
    processedOffersCount: processed,
    unusedOffersCount: unused,
    lastUnusedOfferAt: lastUnusedAt === undefined ? undefined : iso(lastUnusedAt),
    lastUsedOfferAt: lastUsedAt === undefined ? undefined : iso(lastUsedAt),
    rejectSummaryLastOffers: answerFunnel(lastUnused.size, lastRejects(statistics)),
    rejectSummaryLaunchAttempt: answerFunnel(processed, rejects),
  })
}

/** Each reason processes what the ones before it let pass. */
function answerFunnel(processed: number, counts: ReadonlyMap<RejectReason, number>) {
  let left = processed
  return rejectReasons.map((reason) => {
    const declined = counts.get(reason) ?? 0
    const step = { reason, declined, processed: left }
    left -= declined
    return step
  })
}

function answerUnused({ lastUnused }: OfferStatistics, role: string) {
  return [...lastUnused.values()].map(({ offer, at, reasons }) => ({
    offer: answerOffer(offer, role),
    reason: reasons,
    timestamp: iso(at),
  }))
}

function answerOffer(offer: Offer, role: string): Record<string, unknown> {
  const { agent, cpus, mem, disk } = offer
  const [begin] = agent.ports
  const end = begin + offer.ports - 1
  return {
    id: offer.id,
    hostname: agent.hostname,
    agentId: agent.id,
    resources: [
      { name: 'cpus', role, scalar: cpus },
      { name: 'mem', role, scalar: mem },
      { name: 'disk', role, scalar: disk },
      { name: 'ports', role, ranges: offer.ports > 0 ? [{ begin, end }] : [] },
    ],
    attributes: answerAttributes(agent),
  }
}

function answerAttributes({ attributes }: Agent): Record<string, unknown>[] {
  return Object.entries(attributes).map(([name, value]) =>
    typeof value === 'number' ? { name, scalar: value } : { name, text: value },
  )
}
