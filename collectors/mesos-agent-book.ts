import type { ChangeDoc } from '../pipeline/event.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { isObject } from './answer.ts'
import type { AgentsRead, MesosAgent } from './mesos-agents.ts'
import { clusterChange, isHistory, msToNs, type ClusterAction } from './mesos-changes.ts'
import { hostAndPort } from './mesos-values.ts'
import { joined } from './joined.ts'
import type { Collected, Sink } from './sink.ts'

export interface AgentBookOptions {
  /** Of the collector. */
  name: string
  cluster?: string | undefined
  sink: Pick<Sink, 'position' | 'positions'>
}

/** What is kept of an agent, over restarts as well. */
export interface KnownAgent {
  id: string
  hostname?: string
  /** `10.0.0.5:5051`; where nobody told it, it cannot be asked. */
  address?: string
  /** When it was lost, ms. */
  lostMs?: number
}

/** The agents of a cluster as they come and go. Each coming and going is told once, also over restarts. */
export interface AgentBook {
  /**
   * A complete list, as it was at `askedMs`: what events told since then is newer. `recovered` are known to a new master,
   * and not back yet.
   */
  list(list: Omit<AgentsRead, 'problems'>, nowMs: number, askedMs?: number): Collected
  added(agent: MesosAgent, nowMs: number): Collected
  removed(id: string, nowMs: number): Collected
  /** Those that are not lost. */
  present(): KnownAgent[]
  hostname(id: string | undefined): string | undefined
}

/** A master tells an agent as inactive as soon as its connection breaks; a restart of the agent is over by then. */
const inactiveMs = 30_000
/** So long a lost agent may come back and be known. */
const forgetMs = 14 * 86_400_000

export function openAgentBook({ name, cluster, sink }: AgentBookOptions): AgentBook {
  const prefix = `${name}:agent:`
  const known = new Map<string, KnownAgent>()
  /** When they were shown last, ms. */
  const seenMs = new Map<string, number>()
  /** Since when agents are inactive. */
  const inactiveSince = new Map<string, number>()
  for (const key of sink.positions(prefix)) {
    const id = key.slice(prefix.length)
    known.set(id, readPosition(id, sink.position(key)))
  }
  /** Nothing was ever told: this is the first start. */
  let isFirst = known.size === 0

  function change(
    action: ClusterAction,
    agent: KnownAgent,
    message: string,
    timeNs: bigint,
  ): ChangeDoc {
    const fields = withoutUndefined({
      'mesos.agent.id': agent.id,
      'mesos.agent.address': agent.address,
    })
    return clusterChange({
      action,
      id: agent.id,
      message,
      timeNs,
      cluster,
      host: agent.hostname,
      fields,
    })
  }

  function put(agent: KnownAgent, changes: ChangeDoc[]): Collected {
    known.set(agent.id, agent)
    const { id, ...position } = agent
    return { changes, positions: { [prefix + id]: position } }
  }

  function see(agent: MesosAgent, nowMs: number): Collected {
    const before = known.get(agent.id)
    const now = keptOf(agent, before)
    seenMs.set(agent.id, nowMs)
    inactiveSince.delete(agent.id)
    if (!before) return meet(agent, now, nowMs)
    if (before.lostMs !== undefined) {
      const came = agent.reregisteredNs ?? agent.registeredNs
      const atNs = came !== undefined && came > msToNs(before.lostMs) ? came : msToNs(nowMs)
      return put(now, [change('agent-returned', now, `${nameOf(now)} is back`, atNs)])
    }
    return same(before, now) ? {} : put(now, [])
  }

  /** An agent under a new id may be an old one: its id goes with its state on disk. */
  function meet(agent: MesosAgent, now: KnownAgent, nowMs: number): Collected {
    const atNs = agent.reregisteredNs ?? agent.registeredNs ?? msToNs(nowMs)
    const old = [...known.values()].find(
      ({ address }) => address !== undefined && address === now.address,
    )
    if (isFirst && isHistory(atNs, nowMs)) return put(now, [])
    if (!old)
      return put(now, [change('agent-added', now, `${nameOf(now)} joined the cluster`, atNs)])
    known.delete(old.id)
    const message = `${nameOf(now)} is back under the new id ${now.id}; it was ${old.id}`
    const { changes, positions } = put(now, [change('agent-returned', now, message, atNs)])
    return { changes: changes ?? [], positions: { ...positions, [prefix + old.id]: null } }
  }

  function lose(agent: KnownAgent, why: string, nowMs: number): Collected {
    inactiveSince.delete(agent.id)
    const lost = { ...agent, lostMs: nowMs }
    const message = `${nameOf(agent)} is lost: ${why}`
    return put(lost, [change('agent-lost', lost, message, msToNs(nowMs))])
  }

  function listed(agent: MesosAgent, nowMs: number, askedMs: number): Collected {
    const before = known.get(agent.id)
    // Events told of its end since then.
    if (before?.lostMs !== undefined && before.lostMs > askedMs) return {}
    const isInactive = agent.active === false && agent.deactivated !== true
    if (!isInactive || !before) return see(agent, nowMs)
    const sinceMs = inactiveSince.get(agent.id) ?? nowMs
    inactiveSince.set(agent.id, sinceMs)
    if (nowMs - sinceMs < inactiveMs || before.lostMs !== undefined) return {}
    return lose(before, 'the master has lost the connection to it', nowMs)
  }

  function forget(nowMs: number): Collected {
    const positions: Record<string, null> = {}
    for (const { id, address, lostMs } of known.values()) {
      if (lostMs === undefined || nowMs - lostMs < forgetMs) continue
      known.delete(id)
      seenMs.delete(id)
      positions[prefix + id] = null
      if (address !== undefined) positions[`${name}:samples:${address}`] = null
    }
    return { positions }
  }

  return {
    list({ agents, recovered }, nowMs, askedMs = nowMs) {
      const batches = agents.map((agent) => listed(agent, nowMs, askedMs))
      // A new master knows them from its registry: no news, when they come.
      for (const agent of recovered) if (!known.has(agent.id)) batches.push(put(keptOf(agent), []))
      const there = new Set([...agents, ...recovered].map(({ id }) => id))
      for (const agent of known.values()) {
        const isNewer = (seenMs.get(agent.id) ?? 0) > askedMs
        if (there.has(agent.id) || agent.lostMs !== undefined || isNewer) continue
        batches.push(lose(agent, 'the master does not list it any more', nowMs))
      }
      isFirst &&= known.size === 0
      return joined([...batches, forget(nowMs)])
    },
    added: (agent, nowMs) => see(agent, nowMs),
    removed(id, nowMs) {
      const agent = known.get(id) ?? { id }
      return agent.lostMs === undefined ? lose(agent, 'it was removed from the cluster', nowMs) : {}
    },
    present: () => [...known.values()].filter(({ lostMs }) => lostMs === undefined),
    hostname: (id) => (id === undefined ? undefined : known.get(id)?.hostname),
  }
}

function nameOf({ hostname, address, id }: KnownAgent): string {
  const place = address === undefined ? id : address
  return hostname === undefined ? `agent ${place}` : `agent ${hostname} (${place})`
}

function keptOf({ id, hostname, address }: MesosAgent, before?: KnownAgent): KnownAgent {
  return {
    ...withoutUndefined({
      hostname: hostname ?? before?.hostname,
      address: address ? hostAndPort(address) : before?.address,
    }),
    id,
  }
}

function same(a: KnownAgent, b: KnownAgent): boolean {
  return a.hostname === b.hostname && a.address === b.address
}

function readPosition(id: string, stored: unknown): KnownAgent {
  const { hostname, address, lostMs } = isObject(stored) ? stored : {}
  return {
    ...withoutUndefined({
      hostname: typeof hostname === 'string' ? hostname : undefined,
      address: typeof address === 'string' ? address : undefined,
      lostMs: typeof lostMs === 'number' ? lostMs : undefined,
    }),
    id,
  }
}
