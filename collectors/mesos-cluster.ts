import { openAgentBook, type KnownAgent } from './mesos-agent-book.ts'
import type { AgentsRead } from './mesos-agents.ts'
import type { MasterEvent } from './mesos-events.ts'
import { openFrameworkBook } from './mesos-framework-book.ts'
import type { FrameworksRead } from './mesos-frameworks.ts'
import { openLeaderBook } from './mesos-leader-book.ts'
import type { Leader } from './mesos-operator.ts'
import type { MasterState } from './mesos-state.ts'
import { openTaskBook } from './mesos-task-book.ts'
import type { MesosTask } from './mesos-tasks.ts'
import { joined } from './joined.ts'
import type { Collected, Sink } from './sink.ts'

export interface ClusterOptions {
  /** Of the collector. */
  name: string
  /** Name of the cluster. */
  cluster?: string | undefined
  sink: Pick<Sink, 'position' | 'positions'>
}

/**
 * What is known of a Mesos cluster. Lists and events may come in any order and as often as they like: what is returned
 * is what was not told before.
 */
export interface Cluster {
  event(event: MasterEvent, nowMs: number): Collected
  leads(leader: Leader | undefined, address: string, nowMs: number): Collected
  leaderless(why: string, nowMs: number): Collected
  /** `askedMs`: since when the list may be out of date. */
  agentsListed(list: Omit<AgentsRead, 'problems'>, nowMs: number, askedMs: number): Collected
  frameworksListed(
    list: Pick<FrameworksRead, 'frameworks' | 'completed'>,
    nowMs: number,
    askedMs: number,
  ): Collected
  tasksListed(
    tasks: readonly MesosTask[],
    how: { nowMs: number; patient: boolean; complete: boolean },
  ): Collected
  /** Those that are there. */
  agents(): KnownAgent[]
  leaderHost(): string | undefined
}

export function openCluster({ name, cluster, sink }: ClusterOptions): Cluster {
  const agents = openAgentBook({ name, cluster, sink })
  const frameworks = openFrameworkBook({ name, cluster, sink })
  const leader = openLeaderBook({ name, cluster, sink })
  const tasks = openTaskBook({
    name,
    sink,
    around: ({ agent, framework }) => ({
      cluster,
      agent: agents.hostname(agent),
      framework: frameworks.nameOf(framework),
    }),
  })
  let leaderHost: string | undefined

  function snapshot(state: Omit<MasterState, 'problems'>, nowMs: number): Collected {
    // Agents and frameworks first: tasks are identified by them.
    const hasAgents = state.agents.length + state.recovered.length > 0
    return joined([
      hasAgents ? agents.list(state, nowMs) : {},
      frameworks.list(state, nowMs),
      tasks.list(state.tasks, { nowMs, patient: false, complete: true }),
    ])
  }

  return {
    event(event, nowMs) {
      switch (event.type) {
        case 'SUBSCRIBED':
          return snapshot(event.state, nowMs)
        case 'TASK_ADDED':
          return tasks.added(event.task, nowMs)
        case 'TASK_UPDATED':
          return tasks.updated(event.update, nowMs)
        case 'AGENT_ADDED':
          return agents.added(event.agent, nowMs)
        case 'AGENT_REMOVED':
          return agents.removed(event.agent, nowMs)
        case 'FRAMEWORK_ADDED':
        case 'FRAMEWORK_UPDATED':
          return frameworks.added(event.framework, nowMs)
        case 'FRAMEWORK_REMOVED':
          return frameworks.removed(event.framework, nowMs)
        case 'HEARTBEAT':
          return {}
      }
    },
    leads(who, address, nowMs) {
      leaderHost = who?.hostname ?? leaderHost
      return leader.leads(who, address, nowMs)
    },
    leaderless: leader.lost,
    agentsListed: agents.list,
    frameworksListed: frameworks.list,
    tasksListed: tasks.list,
    agents: agents.present,
    leaderHost: () => leaderHost,
  }
}
