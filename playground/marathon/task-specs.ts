import type { TaskSpec } from '../mesos/model.ts'
import { environmentOf } from './environment.ts'
import type { ContainerSpec, Instance } from './model.ts'
import type { State } from './state.ts'
import { executorIdOf, taskIdOf, taskNameOf } from './task-ids.ts'

/** What Mesos is asked to run for the next launch of an instance: one task, or all of a pod. */
export function taskSpecsOf(state: State, instance: Instance): TaskSpec[] {
  return instance.spec.containers.map((container) => taskSpecOf(state, instance, container))
}

function taskSpecOf({ framework }: State, instance: Instance, container: ContainerSpec): TaskSpec {
  const { spec, incarnation } = instance
  const id = taskIdOf(instance.id, container.name, incarnation + 1)
  return {
    id,
    name: spec.kind === 'pod' ? (container.name ?? id) : taskNameOf(spec.id),
    framework,
    resources: container.resources,
    ports: container.ports,
    program: container.program,
    env: environmentOf(instance, container, id),
    labels: Object.entries({ ...spec.labels, ...container.labels }).map(([key, value]) => ({
      key,
      value,
    })),
    discovery: { name: taskNameOf(spec.id) },
    container:
      container.image === undefined
        ? { type: 'MESOS' }
        : { type: 'DOCKER', image: container.image, labels: { MESOS_TASK_ID: id } },
    ...(spec.kind === 'pod' ? { executorId: executorIdOf(instance.id) } : {}),
    ...(instance.volumes.length > 0 ? { resident: true } : {}),
  }
}
