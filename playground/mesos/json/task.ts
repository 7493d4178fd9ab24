import type { Task, TaskSpec } from '../model.ts'
import { resourceList, resources, taskAmount } from './resources.ts'
import { statusesOf, statusUuid, statusV0, statusV1 } from './status.ts'

/** As `/state`, `/tasks` and the agent's `/state` write it. */
export function taskV0(task: Task): Record<string, unknown> {
  const { spec } = task
  return {
    id: spec.id,
    name: spec.name,
    framework_id: spec.framework.id,
    // A command task has none of its own.
    executor_id: spec.executorId ?? '',
    slave_id: task.agent.id,
    state: task.state,
    resources: resources(taskAmount(task)),
    role: spec.framework.role,
    statuses: statusesOf(task).map((status) => statusV0(task, status)),
    ...(spec.labels.length === 0 ? {} : { labels: spec.labels }),
    ...described(task),
  }
}

/** As the operator API writes it. */
export function taskV1(task: Task): Record<string, unknown> {
  const { spec, agent } = task
  const statuses = statusesOf(task)
  return {
    name: spec.name,
    task_id: { value: spec.id },
    framework_id: { value: spec.framework.id },
    ...(spec.executorId === undefined ? {} : { executor_id: { value: spec.executorId } }),
    agent_id: { value: agent.id },
    state: task.state,
    resources: resourceList(taskAmount(task), { allocatedTo: spec.framework.role }),
    ...(statuses.length === 0
      ? {}
      : { statuses: statuses.map((status) => statusV1(task, status)) }),
    ...latestUpdate(task),
    ...(spec.labels.length === 0 ? {} : { labels: { labels: spec.labels } }),
    ...described(task),
  }
}

/** The last status that came from the agent; those of the master have no uuid. */
function latestUpdate(task: Task): Record<string, unknown> {
  const latest = statusesOf(task).findLast(({ source }) => source !== 'SOURCE_MASTER')
  if (latest === undefined) return {}
  return { status_update_state: latest.state, status_update_uuid: statusUuid(task, latest) }
}

/** `discovery` and `container`, which v0 and v1 write alike. */
function described(task: Task): Record<string, unknown> {
  return {
    ...(task.spec.discovery ? { discovery: discovery(task, task.spec.discovery) } : {}),
    ...container(task.spec),
  }
}

/** Labels are nested here, also in v0. */
export function discovery(
  task: Task,
  { name, labels }: NonNullable<TaskSpec['discovery']>,
): Record<string, unknown> {
  const ports = task.ports.map((number, index) => ({
    number,
    name: index === 0 ? 'default' : `port${index}`,
    protocol: 'tcp',
  }))
  return {
    visibility: 'FRAMEWORK',
    name,
    ...(ports.length === 0 ? {} : { ports: { ports } }),
    ...(labels === undefined ? {} : { labels: { labels } }),
  }
}

/** A task of Mesos' own containerizer, without an image, has none. */
export function container({ container: of, id }: TaskSpec): Record<string, unknown> {
  if (of.type === 'MESOS') return {}
  const parameters = Object.entries({ ...of.labels, MESOS_TASK_ID: id }).map(([key, value]) => ({
    key: 'label',
    value: `${key}=${value}`,
  }))
  const docker = {
    image: of.image,
    network: 'HOST',
    privileged: false,
    parameters,
    force_pull_image: false,
  }
  return { container: { type: 'DOCKER', docker } }
}
