import { containerAmount, executorsOf, isLive, isTerminal, type Executor } from '../executors.ts'
import type { Agent, Framework, Task } from '../model.ts'
import { agentCapabilities, agentInfo, agentPid, attributes } from './agent.ts'
import { build } from './build.ts'
import { executorInfo, executorOnAgent } from './executor.ts'
import { agentFlags, flagList } from './flags.ts'
import { frameworkInfo, frameworkOnAgent } from './framework.ts'
import { versionInfo } from './master-operator.ts'
import { seconds } from './number.ts'
import { agentAmount, resourceList, resources, sum } from './resources.ts'
import { taskV1 } from './task.ts'

/** An agent and what is on it. */
export interface OnAgent {
  agent: Agent
  tasks: readonly Task[]
  /** Of its process, ms since the epoch. */
  startedAt: number
  masterHostname: string
  version: string
  cfs: boolean
}

/** How many ended executors of a framework an agent remembers. */
const completedExecutors = 150

/** `/state` of an agent. */
export function agentState(on: OnAgent): Record<string, unknown> {
  const { agent, cfs } = on
  const running = executorsOf(on.tasks).filter(isLive)
  const allocated = sum(running.map(containerAmount))
  const { active, ended } = frameworksOn(on)
  return {
    version: on.version,
    ...build,
    start_time: seconds(on.startedAt),
    id: agent.id,
    pid: agentPid(agent),
    hostname: agent.hostname,
    capabilities: agentCapabilities,
    resources: resources(agentAmount(agent)),
    reserved_resources: {},
    unreserved_resources: resources(agentAmount(agent)),
    reserved_resources_full: {},
    unreserved_resources_full: resourceList(agentAmount(agent), { role: '*' }),
    reserved_resources_allocated: {},
    unreserved_resources_allocated: resources(allocated),
    resource_providers: [],
    attributes: attributes(agent),
    master_hostname: on.masterHostname,
    flags: agentFlags(agent, cfs),
    frameworks: active.map(frameworkState),
    completed_frameworks: ended.map(frameworkState),
  }
}

interface OfFramework {
  framework: Framework
  running: Executor[]
  completed: Executor[]
}

/** A framework without running executors is over for an agent. */
function frameworksOn({ tasks }: OnAgent): { active: OfFramework[]; ended: OfFramework[] } {
  const byId = Map.groupBy(executorsOf(tasks), ({ framework }) => framework.id)
  const all = [...byId.values()].map((executors): OfFramework => {
    const completed = executors.filter((executor) => !isLive(executor))
    return {
      framework: (executors[0] as Executor).framework,
      running: executors.filter(isLive),
      completed: completed.slice(-completedExecutors),
    }
  })
  const runs = ({ running }: OfFramework) => running.length > 0
  return { active: all.filter(runs), ended: all.filter((one) => !runs(one)) }
}

function frameworkState({ framework, running, completed }: OfFramework): Record<string, unknown> {
  return {
    ...frameworkOnAgent(framework),
    executors: running.map(executorOnAgent),
    completed_executors: completed.map(executorOnAgent),
  }
}

/** What the agent answers to a call, by its type. */
export const agentAnswers: Readonly<Record<string, (on: OnAgent) => unknown>> = {
  GET_HEALTH: () => ({ healthy: true }),
  GET_FLAGS: ({ agent, cfs }) => ({ flags: flagList(agentFlags(agent, cfs)) }),
  GET_VERSION: ({ version }) => versionInfo(version),
  GET_LOGGING_LEVEL: () => ({ level: 0 }),
  GET_STATE: (on) => ({
    get_tasks: tasksV1(on),
    get_executors: executorsV1(on),
    get_frameworks: frameworksV1(on),
  }),
  GET_TASKS: tasksV1,
  GET_EXECUTORS: executorsV1,
  GET_FRAMEWORKS: frameworksV1,
  GET_AGENT: ({ agent }) => ({ agent_info: agentInfo(agent) }),
  GET_OPERATIONS: () => ({}),
  GET_RESOURCE_PROVIDERS: () => ({}),
}

/** Ended tasks are terminated as long as their executor runs, and completed then. */
function tasksV1({ tasks }: OnAgent): Record<string, unknown> {
  const executors = executorsOf(tasks)
  const of = (live: boolean) =>
    executors.filter((one) => isLive(one) === live).flatMap((one) => one.tasks)
  const isOver = isTerminal
  return {
    pending_tasks: [],
    queued_tasks: [],
    launched_tasks: of(true)
      .filter((task) => !isOver(task))
      .map(taskV1),
    terminated_tasks: of(true).filter(isOver).map(taskV1),
    completed_tasks: of(false).map(taskV1),
  }
}

function executorsV1({ tasks }: OnAgent): Record<string, unknown> {
  const executors = executorsOf(tasks)
  const told = (executor: Executor) => ({ executor_info: executorInfo(executor) })
  return {
    executors: executors.filter(isLive).map(told),
    completed_executors: executors.filter((executor) => !isLive(executor)).map(told),
  }
}

function frameworksV1(on: OnAgent): Record<string, unknown> {
  const { active, ended } = frameworksOn(on)
  const told = ({ framework }: OfFramework) => ({ framework_info: frameworkInfo(framework) })
  return { frameworks: active.map(told), completed_frameworks: ended.map(told) }
}
