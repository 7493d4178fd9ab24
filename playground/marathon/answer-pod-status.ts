import { answerPod } from './answer-app.ts'
import { mesosStateOf } from './answer-task.ts'
import { isActive, isTerminal, iso, type Instance, type InstanceTask } from './model.ts'
import { compact } from './normalise-app.ts'
import type { PodSpec } from './pods.ts'
import type { Pod } from './pod-schema.ts'
import { instancesOf, type State } from './state.ts'

type PodContainer = Pod['containers'][number]

/** `/v2/pods/{id}::status` */
export function answerPodStatus(state: State, spec: PodSpec): Record<string, unknown> {
  const launched = instancesOf(state, spec.id).filter(({ tasks }) => tasks.length > 0)
  const instances = launched.map((instance) => answerInstance(instance, spec))
  const now = iso(state.clock.now())
  const since = instances.map(({ statusSince }) => statusSince).toSorted()
  const stable = instances.filter(({ status }) => status === 'STABLE').length
  const statusSince = since.at(-1) ?? now
  return {
    id: spec.id,
    spec: answerPod(spec),
    status: stable >= spec.instances ? 'STABLE' : 'DEGRADED',
    statusSince,
    instances,
    terminationHistory: [],
    lastUpdated: now,
    lastChanged: statusSince,
  }
}

function answerInstance(instance: Instance, { definition }: PodSpec) {
  const { agent, tasks, since } = instance
  const containers = tasks.map((task) =>
    answerContainer(
      task,
      definition.containers.find(({ name }) => name === task.container),
    ),
  )
  const specReference = `/v2/pods${instance.spec.id}::versions/${instance.spec.version}`
  return compact({
    id: instance.id,
    status: stateOf(instance),
    statusSince: iso(since),
    conditions: [],
    message: messageOf(instance),
    agentHostname: agent?.hostname,
    agentId: agent?.id,
    resources: sumResources(instance),
    networks: [],
    containers,
    specReference,
    localVolumes: [],
    lastUpdated: iso(since),
    lastChanged: iso(since),
    role: instance.spec.role,
  })
}

function stateOf(instance: Instance): string {
  const { condition } = instance
  if (condition === 'Scheduled' || condition === 'Provisioned') return 'PENDING'
  if (condition === 'Staging' || condition === 'Starting') return 'STAGING'
  if (condition === 'Killing' || isTerminal(instance)) return 'TERMINAL'
  if (condition !== 'Running') return 'DEGRADED'
  return instance.spec.mesosChecked && instance.healthy !== true ? 'DEGRADED' : 'STABLE'
}

function messageOf(instance: Instance): string | undefined {
  if (stateOf(instance) !== 'DEGRADED') return undefined
  return instance.condition === 'Running'
    ? 'at least one container is not healthy'
    : 'pod instance has become unreachable'
}

function sumResources({ spec }: Instance): Record<string, number> {
  const sum = { ...spec.executorResources, gpus: 0 }
  for (const { resources } of spec.containers) {
    sum.cpus += resources.cpus
    sum.mem += resources.mem
    sum.disk += resources.disk
  }
  return sum
}

function answerContainer(task: InstanceTask, container: PodContainer | undefined) {
  const since = iso(task.since)
  const active = isActive(task)
  return compact({
    name: task.container ?? task.id,
    status: mesosStateOf(task),
    statusSince: since,
    conditions: container?.healthCheck && task.condition === 'Running' ? [conditionOf(task)] : [],
    containerId: active ? task.id : undefined,
    endpoints: active ? answerEndpoints(task, container) : [],
    resources: active ? container?.resources : undefined,
    lastUpdated: since,
    lastChanged: since,
  })
}

function conditionOf({ healthy, since }: InstanceTask): Record<string, string> {
  return {
    name: 'healthy',
    lastChanged: iso(since),
    lastUpdated: iso(since),
    value: String(healthy === true),
    reason: healthy === undefined ? 'health-unreported-by-mesos' : 'health-reported-by-mesos',
  }
}

function answerEndpoints({ ports, healthy }: InstanceTask, container: PodContainer | undefined) {
  const checked = container?.healthCheck?.http?.endpoint ?? container?.healthCheck?.tcp?.endpoint
  let next = 0
  return (container?.endpoints ?? []).map(({ name, hostPort }) =>
    compact({
      name,
      allocatedHostPort: hostPort === undefined ? undefined : ports[next++],
      healthy: name === checked ? healthy : undefined,
    }),
  )
}
