import { randomUUID } from 'node:crypto'
import { Trouble } from '../../pipeline/errors.ts'
import type { Agent, Task, TaskSpec } from './model.ts'
import { sandboxPath } from './sandbox.ts'

/** A task that is staging. */
export function newTask(
  agent: Agent,
  spec: TaskSpec,
  ports: number[],
  parentContainerId: string | undefined,
): Task {
  const containerId = randomUUID()
  const executorId = spec.executorId ?? spec.id
  const sandbox = sandboxPath({
    workDir: agent.workDir,
    agentId: agent.id,
    frameworkId: spec.framework.id,
    executorId,
    containerId,
    parentContainerId,
  })
  return {
    spec,
    agent,
    executorId,
    containerId,
    ports,
    sandbox,
    ...(parentContainerId === undefined ? {} : { parentContainerId }),
    statuses: [],
    state: 'TASK_STAGING',
    usage: undefined,
  }
}

/** Ids are names of directories. Mesos refuses the same ones. Throws a {@link Trouble}. */
export function checkId({ id, executorId = id }: TaskSpec): void {
  for (const name of [id, executorId]) {
    if (!/^\.{0,2}$|[/\0]/.test(name)) continue
    throw new Trouble(`${JSON.stringify(name)} cannot be the id of a task or executor`, {
      remedy: "leave out '/', and do not name it '.' or '..'",
    })
  }
}
