import { words } from '../../words.ts'
import { isTerminal, usedBy } from '../executors.ts'
import type { MesosCluster, Task } from '../model.ts'
import { agentDetails, agentV0 } from './agent.ts'
import { build } from './build.ts'
import { masterFlags } from './flags.ts'
import { frameworkHead, frameworkV0 } from './framework.ts'
import { double, seconds } from './number.ts'
import { quantities } from './resources.ts'
import { statusesOf } from './status.ts'
import { taskV0 } from './task.ts'

/** The leading master, and what it knows. */
export interface Leader {
  cluster: MesosCluster
  hostname: string
  port: number
}

/** Of an unreachable agent the master knows only that there is one. */
function reachable({ cluster }: Leader) {
  return cluster.agents().filter(({ active }) => active)
}

function tasksOn(cluster: MesosCluster, agentId: string): Task[] {
  return cluster.tasks().filter(({ agent }) => agent.id === agentId)
}

function tasksOf(cluster: MesosCluster, frameworkId: string): Task[] {
  return cluster.tasks().filter(({ spec }) => spec.framework.id === frameworkId)
}

/** `/state` */
export function state(leader: Leader): Record<string, unknown> {
  const { cluster, hostname, port } = leader
  const pid = `master@127.0.0.1:${port}`
  const active = reachable(leader)
  return {
    version: cluster.version,
    ...build,
    start_time: seconds(cluster.startedAt),
    elected_time: seconds(cluster.electedAt),
    id: cluster.masterId,
    pid,
    hostname,
    capabilities: ['AGENT_UPDATE', 'AGENT_DRAINING', 'QUOTA_V2'],
    activated_slaves: double(active.length),
    deactivated_slaves: double(0),
    unreachable_slaves: double(cluster.agents().length - active.length),
    leader: pid,
    leader_info: { id: cluster.masterId, pid, port, hostname },
    cluster: cluster.name,
    flags: masterFlags({ cluster: cluster.name, port }),
    slaves: active.map((agent) => agentV0(agent, tasksOn(cluster, agent.id))),
    recovered_slaves: [],
    ...frameworks(leader),
    orphan_tasks: [],
  }
}

/** `/frameworks` */
export function frameworks({ cluster }: Leader): Record<string, unknown> {
  const all = cluster.frameworks()
  return {
    frameworks: all.map((framework) => frameworkV0(framework, tasksOf(cluster, framework.id))),
    completed_frameworks: [],
    unregistered_frameworks: [],
  }
}

/** `/slaves?slave_id=` */
export function slaves(leader: Leader, slaveId: string | null): Record<string, unknown> {
  const wanted = reachable(leader).filter(({ id }) => slaveId === null || id === slaveId)
  const list = wanted.map((agent) => {
    const tasks = tasksOn(leader.cluster, agent.id)
    return { ...agentV0(agent, tasks), ...agentDetails(agent, tasks) }
  })
  return { slaves: list, recovered_slaves: [] }
}

/** `/state-summary`: counts of all tasks that are remembered, also of ended ones. */
export function stateSummary(leader: Leader): Record<string, unknown> {
  const { cluster, hostname } = leader
  return {
    hostname,
    cluster: cluster.name,
    slaves: reachable(leader).map((agent) => {
      const tasks = tasksOn(cluster, agent.id)
      const ids = tasks.map(({ spec }) => spec.framework.id)
      return { ...agentV0(agent, tasks), ...counts(tasks), framework_ids: [...new Set(ids)] }
    }),
    frameworks: cluster.frameworks().map((framework) => {
      const tasks = tasksOf(cluster, framework.id)
      const ids = tasks.map(({ agent }) => agent.id)
      return {
        ...frameworkHead(framework, tasks),
        ...counts(tasks),
        slave_ids: [...new Set(ids)],
      }
    }),
  }
}

const counted = words(`
  TASK_STAGING TASK_STARTING TASK_RUNNING TASK_KILLING TASK_FINISHED TASK_KILLED TASK_FAILED
  TASK_LOST TASK_ERROR TASK_UNREACHABLE
`)

function counts(tasks: readonly Task[]): Record<string, number> {
  return Object.fromEntries(
    counted.map((name) => [name, tasks.filter(({ state: now }) => now === name).length]),
  )
}

const defaultLimit = 100

/** `/tasks?limit&offset&order&framework_id&task_id`: by the time of the first status, the newest first. */
export function tasksPage({ cluster }: Leader, query: URLSearchParams): Record<string, unknown> {
  const frameworkId = query.get('framework_id')
  const taskId = query.get('task_id')
  const wanted = cluster.tasks().filter(({ spec }) => {
    const ofFramework = frameworkId === null || spec.framework.id === frameworkId
    return ofFramework && (taskId === null || spec.id === taskId)
  })
  const sorted = wanted.toSorted((a, b) => firstTold(b) - firstTold(a))
  if (query.get('order') === 'asc') sorted.reverse()
  const offset = whole(query.get('offset')) ?? 0
  const limit = whole(query.get('limit')) ?? defaultLimit
  return { tasks: sorted.slice(offset, offset + limit).map(taskV0) }
}

function firstTold(task: Task): number {
  return statusesOf(task)[0]?.at ?? 0
}

function whole(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

/** `/roles` */
export function roles({ cluster }: Leader): Record<string, unknown> {
  return {
    roles: roleNames(cluster).map((name) => {
      const { frameworkIds, used } = roleOf(cluster, name)
      const consumed = quantities(used)
      return {
        name,
        weight: double(1),
        quota: { role: name, guarantee: {}, limit: {}, consumed },
        resources: consumed,
        allocated: consumed,
        offered: {},
        reserved: {},
        frameworks: frameworkIds,
      }
    }),
  }
}

export function roleNames(cluster: MesosCluster): string[] {
  return [...new Set(cluster.frameworks().map(({ role }) => role))].toSorted()
}

export function roleOf(cluster: MesosCluster, name: string) {
  const frameworkIds = cluster.frameworks().flatMap(({ id, role }) => (role === name ? [id] : []))
  const tasks = cluster.tasks().filter(({ spec }) => spec.framework.role === name)
  return { frameworkIds, used: usedBy(tasks.filter((task) => !isTerminal(task))) }
}
