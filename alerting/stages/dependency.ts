/**
 * Dependency: an agent that is lost takes its tasks with it. One alert tells of it; those about what ran there are held for a
 * while, until Marathon has started it elsewhere or the agent is back, and are told if they go on beyond. Times in ms; `now`
 * never falls.
 */
import type { AgentFact } from './dependency-facts.ts'
import { labelOf, type Labels } from './labels.ts'

/** What the identity catalog knows. */
export interface Placement {
  /** The agent on which a task runs, or ran. */
  agentOf(task: string): string | undefined
  /**
   * The agents on which the instances of a service ran at a time, ms. Who tells those of now instead holds a service no longer
   * as soon as its instances are started elsewhere.
   */
  agentsOf(service: string, at: number): readonly string[]
}

export interface DependencySettings {
  /** So long after the loss of an agent alerts are held at most. */
  holdMs: number
}

/** Plain data. */
export interface DependencyState {
  lost: Times
  back: Times
}

/** By agent, about the oldest first. */
type Times = [agent: string, at: number][]

export interface Dependency {
  /** In the order in which they come. Late and repeated ones do no harm. */
  take(fact: AgentFact, now: number): void
  /**
   * The lost agent because of which alerts with these labels are held, as a sentence: those about a task (label `task`) that
   * ran on it, or a `service` of which all instances did. What is about the agent itself is not.
   */
  heldBy(labels: Labels, now: number): string | undefined
  state(): DependencyState
}

const usual: DependencySettings = { holdMs: 600_000 }

export function createDependency(
  { agentOf, agentsOf }: Placement,
  settings: Partial<DependencySettings> = {},
  restored?: DependencyState,
): Dependency {
  const { holdMs } = { ...usual, ...settings }
  const lost = new Map(restored?.lost)
  /** What is told of a loss from before is no news. */
  const back = new Map(restored?.back)
  const isOver = (at: number, now: number) => at + holdMs <= now

  /** What is too old to hold anything. */
  function forget(now: number): void {
    for (const times of [lost, back]) {
      for (const [agent, at] of times) {
        if (!isOver(at, now)) break
        times.delete(agent)
      }
    }
  }

  function isLost(agent: string, now: number): boolean {
    const at = lost.get(agent)
    return at !== undefined && !isOver(at, now)
  }

  /** Several tell one loss, some until it is over: the first counts. */
  function lose(agent: string, at: number, now: number): void {
    if (isLost(agent, now) || at <= (back.get(agent) ?? -Infinity)) return
    move(agent, at, back, lost)
  }

  function comeBack(agent: string, at: number): void {
    if (at >= Math.max(lost.get(agent) ?? at, back.get(agent) ?? at)) move(agent, at, lost, back)
  }

  /** Asked of the time of the first loss: then nothing had been moved yet. */
  function placesOf(labels: Labels, lostMs: number): readonly string[] {
    const [task, service, agent] = [
      labelOf(labels, 'task'),
      labelOf(labels, 'service'),
      labelOf(labels, 'agent'),
    ]
    if (task === '' && service === '') return []
    if (agent !== '') return [agent]
    if (task === '') return agentsOf(service, lostMs)
    const place = agentOf(task)
    return place === undefined ? [] : [place]
  }

  return {
    take({ agent, what, at: told }, now) {
      const at = Math.min(told, now)
      forget(now)
      if (isOver(at, now)) return
      if (what === 'lost') lose(agent, at, now)
      else comeBack(agent, at)
    },
    heldBy(labels, now) {
      forget(now)
      const [first] = lost.values()
      if (first === undefined) return undefined
      const places = placesOf(labels, first)
      const [place] = places
      if (place === undefined || !places.every((agent) => isLost(agent, now))) return undefined
      return sentence(place, lost.get(place) ?? first, places.length - 1)
    },
    state: () => ({ lost: [...lost], back: [...back] }),
  }
}

function move(agent: string, at: number, from: Map<string, number>, to: Map<string, number>) {
  from.delete(agent)
  to.delete(agent)
  to.set(agent, at)
}

function sentence(agent: string, at: number, others: number): string {
  const more = others > 0 ? ` and ${others} more, where all of it ran, are` : ', where it ran, is'
  return `agent ${agent}${more} lost since ${new Date(at).toISOString().slice(11, 16)} UTC`
}
