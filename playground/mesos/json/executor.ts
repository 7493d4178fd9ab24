import {
  containerAmount,
  executorDirectory,
  executorName,
  executorShare,
  isTerminal,
  type Executor,
} from '../executors.ts'
import { resourceList, resources } from './resources.ts'
import { container, discovery, taskV0 } from './task.ts'

/** Where the agent has its programs. */
export const launcherDir = '/usr/libexec/mesos'

/** As the master's `/state` writes it; command tasks have none there. */
export function executorV0(executor: Executor): Record<string, unknown> {
  const { id, framework, agent } = executor
  return {
    executor_id: id,
    name: '',
    framework_id: framework.id,
    command: { argv: [], uris: [] },
    resources: resources(executorShare(executor)),
    role: framework.role,
    type: 'DEFAULT',
    slave_id: agent.id,
  }
}

/** As the agent's `/state` writes it; here a command task has one, with the task's id. */
export function executorOnAgent(executor: Executor): Record<string, unknown> {
  const { id, pod, framework, containerId, tasks } = executor
  const ended = tasks.filter(isTerminal)
  const labels = executorLabels(executor)
  return {
    id,
    name: executorName(executor),
    source: pod ? '' : id,
    container: containerId,
    directory: executorDirectory(executor),
    resources: resources(containerAmount(executor)),
    role: framework.role,
    ...(labels.length === 0 ? {} : { labels }),
    ...(pod ? { type: 'DEFAULT' } : {}),
    tasks: tasks.filter((task) => !isTerminal(task)).map(taskV0),
    queued_tasks: [],
    completed_tasks: ended.map(taskV0),
  }
}

/** As the operator API of master and agent writes it. */
export function executorInfo(executor: Executor): Record<string, unknown> {
  const { id, pod, framework } = executor
  const ids = { executor_id: { value: id }, framework_id: { value: framework.id } }
  const share = resourceList(executorShare(executor), { allocatedTo: framework.role })
  if (pod) return { type: 'DEFAULT', ...ids, resources: share }
  return { ...ids, ...commandExecutor(executor, share) }
}

function commandExecutor(executor: Executor, share: unknown[]): Record<string, unknown> {
  const { id, tasks } = executor
  const [task] = tasks
  const labels = executorLabels(executor)
  const found = task?.spec.discovery
  return {
    command: {
      ...environment(executor),
      shell: false,
      value: `${launcherDir}/mesos-executor`,
      arguments: ['mesos-executor', `--launcher_dir=${launcherDir}`],
    },
    resources: share,
    name: executorName(executor),
    source: id,
    ...(task ? container(task.spec) : {}),
    ...(task && found ? { discovery: discovery(task, found) } : {}),
    ...(labels.length === 0 ? {} : { labels: { labels } }),
  }
}

function environment({ tasks }: Executor): Record<string, unknown> {
  const variables = Object.entries(tasks[0]?.spec.env ?? {}).map(([name, value]) => ({
    name,
    type: 'VALUE',
    value,
  }))
  return variables.length === 0 ? {} : { environment: { variables } }
}

/** Those of the task, for authorizers. */
function executorLabels({ pod, tasks }: Executor) {
  return pod ? [] : (tasks[0]?.spec.labels ?? [])
}
