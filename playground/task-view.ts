import type { TaskView } from './addresses.ts'
import type { Task } from './mesos/model.ts'

/** The Marathon app or pod of a task; that of another framework says it in a label. */
export function serviceOf({ spec }: Task): string | undefined {
  const { env, container } = spec
  const label = container.type === 'DOCKER' ? container.labels['mesoscope.service'] : undefined
  return label ?? env['MARATHON_APP_ID']
}

export function viewTask(task: Task): TaskView {
  const { spec, agent, containerId, docker, pid, ports, sandbox, state, exit, usage } = task
  const message = task.statuses.at(-1)?.message
  return {
    id: spec.id,
    service: serviceOf(task) ?? '',
    framework: spec.framework.name,
    state,
    agent: agent.hostname,
    containerId,
    ports,
    sandbox,
    ...(docker && { docker: docker.id }),
    ...(pid !== undefined && { pid }),
    ...(message !== undefined && { message }),
    ...(exit && { exit }),
    ...(usage && { rss: usage.rss, cpuSeconds: usage.userSeconds + usage.systemSeconds }),
  }
}
