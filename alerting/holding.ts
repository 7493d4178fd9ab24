import type { Bus } from '../pipeline/bus/bus.ts'
import type { Clock } from '../pipeline/clock.ts'
import type { ChangeDoc } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'
import type { PostedAlert } from './stages/alerts.ts'
import { createDependency, type DependencyState } from './stages/dependency.ts'
import { agentFactOf } from './stages/dependency-facts.ts'
import { createLease, type LeaseState } from './stages/lease.ts'
import { leaseFactOf, leaseFactsOf } from './stages/lease-facts.ts'
import type { Held } from './stages/muting.ts'

/** Plain data. */
export interface HoldingState {
  lease: LeaseState
  dependency: DependencyState
  /** Where to read the topic `changes` on. */
  position: number
}

export interface HoldingOptions {
  bus: Pick<Bus, 'read' | 'ends'>
  /** Each service as Marathon tells it. */
  services: () => readonly ServiceState[]
  marathons: () => readonly MarathonState[]
  restored: HoldingState | undefined
  clock: Clock
  log: Logger
}

const readLimits = { maxBytes: 1 << 20 }
/** So often it is looked which deployments Marathon still shows, ms. */
const renewMs = 10_000
/** Of so many tasks it is remembered where they ran. */
const maxTasks = 50_000

/**
 * What holds alerts back for a while: a deployment that touches their service, an agent that was lost. It learns from the topic
 * `changes`, and from what Marathon shows.
 */
export function openHolding(options: HoldingOptions) {
  const { bus, services, marathons, restored, clock, log } = options
  /** The agent of each task, also of those that are gone. */
  const places = new Map<string, string>()
  let agents = agentsByService(services())
  const lease = createLease({}, restored?.lease)
  const dependency = createDependency(
    {
      agentOf: (task) => places.get(task),
      agentsOf: (service) => agents.get(service) ?? [],
    },
    {},
    restored?.dependency,
  )
  /** Deployments that replace tasks; of others nothing is held. */
  const replacing = new Set(restored?.lease.deployments.map(({ id }) => id))
  let position = restored?.position
  let isChanged = false
  let nextRenewal = 0

  function take(change: ChangeDoc, now: number): void {
    const agent = agentFactOf(change)
    if (agent) dependency.take(agent, now)
    const fact = change['deployment.scales_only'] === true ? undefined : leaseFactOf(change)
    if (fact) {
      replacing.add(fact.deployment)
      lease.take(fact, now)
    }
    isChanged ||= agent !== undefined || fact !== undefined
  }

  function renew(now: number): void {
    if (now < nextRenewal) return
    nextRenewal = now + renewMs
    const byName = new Map(marathons().map((one) => [one.marathon, one]))
    const shown = new Set<string>()
    const all = services()
    agents = agentsByService(all)
    for (const state of all) {
      for (const { id, agent } of state.tasks) if (agent !== undefined) place(id, agent)
      for (const fact of leaseFactsOf(state, byName.get(state.marathon))) {
        if (!replacing.has(fact.deployment)) continue
        shown.add(fact.deployment)
        lease.take(fact, now)
      }
    }
    isChanged ||= shown.size > 0
    const known = new Set(lease.state().deployments.map(({ id }) => id))
    for (const id of replacing) if (!known.has(id)) replacing.delete(id)
  }

  function place(task: string, agent: string): void {
    places.delete(task)
    places.set(task, agent)
    const [oldest] = places.keys()
    if (places.size > maxTasks && oldest !== undefined) places.delete(oldest)
  }

  const heldBy: Held = (labels, now) => lease.heldBy(labels, now) ?? dependency.heldBy(labels, now)

  return {
    heldBy,
    /** Takes what has come; gives what is to be posted. Rejects when the bus is away. */
    async advance(): Promise<PostedAlert[]> {
      position ??= (await bus.ends('changes'))[0] ?? 0
      for (;;) {
        const batch = await bus.read('changes', 0, position, readLimits)
        if (batch.from > position && position > 0) {
          log.warn({ from: position, to: batch.from }, 'changes were trimmed before they were seen')
        }
        for (const { value } of batch.records) {
          const change = readChange(value)
          if (change) take(change, clock.now())
        }
        position = batch.next
        if (batch.records.length === 0) break
      }
      renew(clock.now())
      return lease.advance(clock.now())
    },
    /** Undefined where it is as it was written down last. */
    takeState(): HoldingState | undefined {
      if (!isChanged || position === undefined) return undefined
      isChanged = false
      return { lease: lease.state(), dependency: dependency.state(), position }
    },
  }
}

/** The agents of each service: they are asked for with each alert. */
function agentsByService(services: readonly ServiceState[]): Map<string, string[]> {
  const agentsIn = ({ tasks }: ServiceState) => tasks.flatMap(({ agent }) => agent ?? [])
  return new Map(services.map((one) => [one.service, [...new Set(agentsIn(one))]]))
}

/** Marks are no changes; of what cannot be read the indexer makes a dead letter. */
function readChange(value: Uint8Array): ChangeDoc | undefined {
  if (value.length === 0) return undefined
  try {
    const doc = JSON.parse(Buffer.from(value).toString('utf8')) as ChangeDoc | null
    const isOne = typeof doc?.['event.kind'] === 'string' && typeof doc['@timestamp'] === 'string'
    return isOne ? doc : undefined
  } catch {
    return undefined
  }
}
