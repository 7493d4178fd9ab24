import { usedBy } from '../executors.ts'
import type { Agent, Task } from '../model.ts'
import { double, seconds, time } from './number.ts'
import { agentAmount, nothing, resourceList, resources } from './resources.ts'

export const agentCapabilities = [
  'MULTI_ROLE',
  'HIERARCHICAL_ROLE',
  'RESERVATION_REFINEMENT',
  'RESOURCE_PROVIDER',
  'RESIZE_VOLUME',
  'AGENT_OPERATION_FEEDBACK',
  'AGENT_DRAINING',
  'TASK_RESOURCE_LIMITS',
]

export function agentPid({ port }: Agent): string {
  return `slave(1)@127.0.0.1:${port}`
}

/** As the master's `/state`, `/state-summary` and `/slaves` write it. `tasks` are those on it. */
export function agentV0(agent: Agent, tasks: readonly Task[]): Record<string, unknown> {
  const { id, hostname, port, registeredAt, reregisteredAt, active } = agent
  return {
    id,
    hostname,
    port,
    attributes: attributes(agent),
    pid: agentPid(agent),
    registered_time: seconds(registeredAt),
    ...(reregisteredAt === undefined ? {} : { reregistered_time: seconds(reregisteredAt) }),
    resources: resources(agentAmount(agent)),
    used_resources: resources(usedBy(tasks)),
    offered_resources: resources(nothing),
    reserved_resources: {},
    unreserved_resources: resources(agentAmount(agent)),
    active,
    deactivated: false,
    version: '1.11.0',
    capabilities: agentCapabilities,
  }
}

/** What `/slaves` tells beyond that: resources as protobuf writes them. */
export function agentDetails(agent: Agent, tasks: readonly Task[]): Record<string, unknown> {
  return {
    reserved_resources_full: {},
    unreserved_resources_full: resourceList(agentAmount(agent), { role: '*' }),
    used_resources_full: allocated(tasks),
    offered_resources_full: [],
  }
}

/** What is used, for each role. */
export function allocated(tasks: readonly Task[]): unknown[] {
  const roles = [...new Set(tasks.map(({ spec }) => spec.framework.role))].toSorted()
  return roles.flatMap((role) => {
    const used = usedBy(tasks.filter(({ spec }) => spec.framework.role === role))
    return resourceList(used, { role: '*', allocatedTo: role })
  })
}

/** As the agent's own `/state` writes them: numbers stay numbers. */
export function attributes({ attributes: of }: Agent): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(of).map(([name, value]) => [
      name,
      typeof value === 'number' ? double(value) : value,
    ]),
  )
}

/** As the operator API of the master writes it. */
export function agentV1(agent: Agent, tasks: readonly Task[]): Record<string, unknown> {
  return { ...agentEvent(agent, tasks), agent_info: { ...agentInfo(agent), checkpoint: true } }
}

/** As its events carry it; that it checkpoints is not in them. */
export function agentEvent(agent: Agent, tasks: readonly Task[]): Record<string, unknown> {
  const { active, registeredAt, reregisteredAt } = agent
  const used = allocated(tasks)
  return {
    agent_info: agentInfo(agent),
    active,
    deactivated: false,
    version: '1.11.0',
    pid: agentPid(agent),
    registered_time: time(registeredAt),
    ...(reregisteredAt === undefined ? {} : { reregistered_time: time(reregisteredAt) }),
    total_resources: resourceList(agentAmount(agent), { role: '*' }),
    ...(used.length === 0 ? {} : { allocated_resources: used }),
    capabilities: agentCapabilities.map((type) => ({ type })),
  }
}

export function agentInfo(agent: Agent): Record<string, unknown> {
  const named = Object.entries(agent.attributes).map(([name, value]) =>
    typeof value === 'number'
      ? { name, type: 'SCALAR', scalar: { value: double(value) } }
      : { name, type: 'TEXT', text: { value } },
  )
  return {
    hostname: agent.hostname,
    port: agent.port,
    resources: resourceList(agentAmount(agent), {}),
    ...(named.length === 0 ? {} : { attributes: named }),
    id: { value: agent.id },
  }
}
