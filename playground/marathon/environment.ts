import type { ContainerSpec, Instance } from './model.ts'
import { executorIdOf } from './task-ids.ts'

/** Longer labels are left out. */
const longest = 512
const prefix = 'MARATHON_APP_LABEL_'

/** What Marathon puts into a task's environment beside the ports. */
export function environmentOf(
  instance: Instance,
  container: ContainerSpec,
  taskId: string,
): Record<string, string> {
  const { spec } = instance
  const labels = labelVariables({ ...spec.labels, ...container.labels })
  const common = {
    MESOS_TASK_ID: taskId,
    MARATHON_APP_ID: spec.id,
    MARATHON_APP_VERSION: spec.version,
  }
  if (spec.kind === 'app') {
    return { ...common, ...appVariables(container), ...labels, ...container.env }
  }
  return { ...container.env, ...common, ...podVariables(instance, container), ...labels }
}

function appVariables({ image, resources }: ContainerSpec): Record<string, string> {
  return {
    ...(image === undefined ? {} : { MARATHON_APP_DOCKER_IMAGE: image }),
    MARATHON_APP_RESOURCE_CPUS: scalaDouble(resources.cpus),
    MARATHON_APP_RESOURCE_MEM: scalaDouble(resources.mem),
    MARATHON_APP_RESOURCE_DISK: scalaDouble(resources.disk),
    MARATHON_APP_RESOURCE_GPUS: '0',
    MARATHON_APP_ENFORCE_GROUP_ROLE: 'FALSE',
  }
}

function podVariables(instance: Instance, { name, resources }: ContainerSpec) {
  return {
    MESOS_EXECUTOR_ID: executorIdOf(instance.id),
    MARATHON_CONTAINER_ID: name ?? '',
    MARATHON_APP_ENFORCE_GROUP_ROLE: 'FALSE',
    MARATHON_CONTAINER_RESOURCE_CPUS: scalaDouble(resources.cpus),
    MARATHON_CONTAINER_RESOURCE_MEM: scalaDouble(resources.mem),
    MARATHON_CONTAINER_RESOURCE_DISK: scalaDouble(resources.disk),
    MARATHON_CONTAINER_RESOURCE_GPUS: '0',
  }
}

/** `MARATHON_APP_LABELS` names them, `MARATHON_APP_LABEL_<NAME>` has the value. */
export function labelVariables(labels: Record<string, string>): Record<string, string> {
  const kept = Object.entries(labels)
    .filter(([name, value]) => name.length < longest - prefix.length && value.length < longest)
    .map(([name, value]) => [name.replace(/[^a-zA-Z0-9_]+/g, '_').toUpperCase(), value] as const)
  const variables = kept.map(([name, value]) => [prefix + name, value])
  return {
    MARATHON_APP_LABELS: kept.map(([name]) => name).join(' '),
    ...Object.fromEntries(variables),
  }
}

/** `128.0`, as Scala writes a Double. */
function scalaDouble(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value)
}
