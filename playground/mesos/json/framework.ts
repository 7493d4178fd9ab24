import { executorsOf, isLive, isTerminal, isUnreachable, usedBy } from '../executors.ts'
import type { Framework, Task } from '../model.ts'
import { allocated } from './agent.ts'
import { executorV0 } from './executor.ts'
import { double, seconds, time } from './number.ts'
import { nothing, resources } from './resources.ts'
import { taskV0 } from './task.ts'

/** Those of Marathon 1.11, and those of older frameworks, which have one role and say so in another field. */
const marathonCapabilities = ['PARTITION_AWARE', 'TASK_KILLING_STATE', 'REGION_AWARE', 'MULTI_ROLE']
const olderCapabilities = ['TASK_KILLING_STATE']

function capabilities({ name }: Framework): string[] {
  return name === 'marathon' ? marathonCapabilities : olderCapabilities
}

function roles(framework: Framework): { roles: string[] } | { role: string } {
  const { role } = framework
  return capabilities(framework).includes('MULTI_ROLE') ? { roles: [role] } : { role }
}

const failoverSeconds = 604_800

/** What `/state-summary`, `/frameworks` and `/state` all tell of it. `tasks` are its own. */
export function frameworkHead(framework: Framework, tasks: readonly Task[]) {
  const { id, name, hostname, webuiUrl, active } = framework
  return {
    id,
    name,
    used_resources: resources(usedBy(tasks)),
    offered_resources: resources(nothing),
    capabilities: capabilities(framework),
    hostname,
    webui_url: webuiUrl,
    active,
    connected: active,
    recovered: false,
  }
}

/** As `/state` and `/frameworks` write it, with its tasks. */
export function frameworkV0(framework: Framework, tasks: readonly Task[]): Record<string, unknown> {
  const { registeredAt, principal } = framework
  const pods = executorsOf(tasks).filter((executor) => executor.pod && isLive(executor))
  const known = tasks.filter((task) => !isTerminal(task))
  return {
    ...frameworkHead(framework, tasks),
    user: 'root',
    failover_timeout: double(failoverSeconds),
    checkpoint: true,
    registered_time: seconds(registeredAt),
    unregistered_time: double(0),
    ...(principal === '' ? {} : { principal }),
    resources: resources(usedBy(tasks)),
    ...roles(framework),
    tasks: known.filter((task) => !isUnreachable(task)).map(taskV0),
    unreachable_tasks: known.filter(isUnreachable).map(taskV0),
    completed_tasks: tasks.filter(isTerminal).map(taskV0),
    offers: [],
    executors: pods.map(executorV0),
    offer_constraints: {},
  }
}

/** As the operator API of the master lists it. */
export function frameworkV1(framework: Framework, tasks: readonly Task[]): Record<string, unknown> {
  const used = allocated(tasks)
  return {
    ...frameworkState(framework),
    ...(used.length === 0 ? {} : { allocated_resources: used }),
    offer_constraints: {},
  }
}

/** As its events carry it: a time that is not set is zero there. */
export function frameworkEvent(framework: Framework): Record<string, unknown> {
  return { ...frameworkState(framework), unregistered_time: time(undefined) }
}

function frameworkState(framework: Framework): Record<string, unknown> {
  const { active, registeredAt } = framework
  return {
    framework_info: frameworkInfo(framework),
    active,
    connected: active,
    recovered: false,
    registered_time: time(registeredAt),
    reregistered_time: time(registeredAt),
  }
}

export function frameworkInfo(framework: Framework): Record<string, unknown> {
  const { id, name, hostname, principal, webuiUrl } = framework
  return {
    user: 'root',
    name,
    id: { value: id },
    failover_timeout: double(failoverSeconds),
    checkpoint: true,
    ...roles(framework),
    ...(hostname === '' ? {} : { hostname }),
    ...(principal === '' ? {} : { principal }),
    ...(webuiUrl === '' ? {} : { webui_url: webuiUrl }),
    capabilities: capabilities(framework).map((type) => ({ type })),
  }
}

/** What an agent knows of it, before its executors. */
export function frameworkOnAgent(framework: Framework): Record<string, unknown> {
  const { id, name, hostname, principal } = framework
  return {
    id,
    name,
    user: 'root',
    failover_timeout: double(failoverSeconds),
    checkpoint: true,
    hostname,
    ...(principal === '' ? {} : { principal }),
    ...roles(framework),
  }
}
