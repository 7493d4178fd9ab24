import { executorsOf, isLive, isTerminal, isUnreachable } from '../executors.ts'
import type { MesosCluster, MesosEvent } from '../model.ts'
import { agentEvent, agentV1 } from './agent.ts'
import { build } from './build.ts'
import { executorInfo } from './executor.ts'
import { flagList, masterFlags } from './flags.ts'
import { frameworkEvent, frameworkInfo, frameworkV1 } from './framework.ts'
import { roleNames, roleOf, type Leader } from './master-state.ts'
import { double, seconds } from './number.ts'
import { resourceList } from './resources.ts'
import { statusV1 } from './status.ts'
import { taskV1 } from './task.ts'

export const heartbeatSeconds = 15

/** What the master answers to a call, by its type: the value below `get_state` and so on. */
export const masterAnswers: Readonly<Record<string, (leader: Leader) => unknown>> = {
  GET_HEALTH: () => ({ healthy: true }),
  GET_FLAGS: ({ cluster, port }) => ({
    flags: flagList(masterFlags({ cluster: cluster.name, port })),
  }),
  GET_VERSION: ({ cluster }) => versionInfo(cluster.version),
  GET_LOGGING_LEVEL: () => ({ level: 0 }),
  GET_STATE: (leader) => stateV1(leader),
  GET_AGENTS: (leader) => agents(leader),
  GET_FRAMEWORKS: (leader) => frameworks(leader),
  GET_EXECUTORS: (leader) => executors(leader),
  GET_OPERATIONS: () => ({}),
  GET_TASKS: (leader) => tasks(leader),
  GET_ROLES: ({ cluster }) => ({ roles: roleNames(cluster).map((name) => role(cluster, name)) }),
  GET_WEIGHTS: () => ({}),
  GET_MASTER: (leader) => master(leader),
  GET_MAINTENANCE_STATUS: () => ({ status: {} }),
  GET_MAINTENANCE_SCHEDULE: () => ({ schedule: {} }),
  GET_QUOTA: () => ({ status: {} }),
}

export function versionInfo(version: string): Record<string, unknown> {
  return { version_info: { version, ...build } }
}

/** Of `GET_STATE` and of the first event of a subscriber. */
export function stateV1(leader: Leader): Record<string, unknown> {
  return {
    get_tasks: tasks(leader),
    get_executors: executors(leader),
    get_frameworks: frameworks(leader),
    get_agents: agents(leader),
  }
}

function tasks({ cluster }: Leader): Record<string, unknown> {
  const known = cluster.tasks().filter((task) => !isTerminal(task))
  return {
    tasks: known.filter((task) => !isUnreachable(task)).map(taskV1),
    unreachable_tasks: known.filter(isUnreachable).map(taskV1),
    completed_tasks: cluster.tasks().filter(isTerminal).map(taskV1),
  }
}

/** Those of pods; the executors of command tasks are the agent's own affair. */
function executors({ cluster }: Leader): Record<string, unknown> {
  const pods = executorsOf(cluster.tasks()).filter((executor) => executor.pod && isLive(executor))
  return {
    executors: pods.map((executor) => ({
      executor_info: executorInfo(executor),
      agent_id: { value: executor.agent.id },
    })),
  }
}

function frameworks({ cluster }: Leader): Record<string, unknown> {
  const of = (id: string) => cluster.tasks().filter(({ spec }) => spec.framework.id === id)
  return {
    frameworks: cluster.frameworks().map((framework) => frameworkV1(framework, of(framework.id))),
    completed_frameworks: [],
  }
}

function agents({ cluster }: Leader): Record<string, unknown> {
  const active = cluster.agents().filter((agent) => agent.active)
  const on = (id: string) => cluster.tasks().filter(({ agent }) => agent.id === id)
  return { agents: active.map((agent) => agentV1(agent, on(agent.id))), recovered_agents: [] }
}

function role(cluster: MesosCluster, name: string): Record<string, unknown> {
  const { frameworkIds, used } = roleOf(cluster, name)
  const resources = resourceList({ ...used, ports: [] }, {})
  return {
    name,
    weight: double(1),
    frameworks: frameworkIds.map((value) => ({ value })),
    ...(resources.length === 0 ? {} : { resources }),
  }
}

function master({ cluster, hostname, port }: Leader): Record<string, unknown> {
  return {
    master_info: {
      id: cluster.masterId,
      // 127.0.0.1 in network order, read as one number.
      ip: 16_777_343,
      port,
      pid: `master@127.0.0.1:${port}`,
      hostname,
      version: cluster.version,
      address: { hostname, ip: '127.0.0.1', port },
      // The third is newer than what v1 has names for.
      capabilities: [{ type: 'AGENT_UPDATE' }, { type: 'AGENT_DRAINING' }, {}],
    },
    start_time: seconds(cluster.startedAt),
    elected_time: seconds(cluster.electedAt),
  }
}

export function subscribed(leader: Leader): Record<string, unknown> {
  return {
    type: 'SUBSCRIBED',
    subscribed: {
      get_state: stateV1(leader),
      heartbeat_interval_seconds: double(heartbeatSeconds),
    },
  }
}

/** As subscribers are told it. */
export function eventV1(event: MesosEvent): Record<string, unknown> {
  const { type } = event
  const key = type.toLowerCase()
  switch (type) {
    case 'TASK_ADDED':
      return { type, [key]: { task: taskV1(event.task) } }
    case 'TASK_UPDATED':
      return { type, [key]: updated(event) }
    case 'AGENT_ADDED':
      return { type, [key]: { agent: agentEvent(event.agent, []) } }
    case 'AGENT_REMOVED':
      return { type, [key]: { agent_id: { value: event.agent.id } } }
    case 'FRAMEWORK_REMOVED':
      return { type, [key]: { framework_info: frameworkInfo(event.framework) } }
    default:
      return { type, [key]: { framework: frameworkEvent(event.framework) } }
  }
}

/** `state` is the task's latest, which can be newer than that of the status. */
function updated({ task, status }: MesosEvent & { type: 'TASK_UPDATED' }): Record<string, unknown> {
  return {
    framework_id: { value: task.spec.framework.id },
    status: statusV1(task, status),
    state: task.state,
  }
}
