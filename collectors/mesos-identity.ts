import type { Identity } from '../pipeline/identity.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { clean, keptLabels, withoutUnknown } from './docker-identity.ts'
import { cleanLabels } from './marathon-identity.ts'
import type { MesosExecutor } from './mesos-state.ts'
import type { MesosContainer } from './mesos-statistics.ts'
import { marathonExecutor, marathonTask } from './mesos-task-id.ts'
import { containerOf, isEnded, type MesosTask } from './mesos-tasks.ts'

/** What is known beside the answer itself. */
export interface Surroundings {
  cluster?: string | undefined
  /** Host name of the agent. */
  agent?: string | undefined
  /** Name of the framework, where it is known. */
  framework?: string | undefined
}

/**
 * Who a task is, as Mesos knows it. `service`, first found wins: label `mesoscope.service`, Marathon's task id, the
 * executor of a pod, framework and name (`/chronos/nightly-report`).
 */
export function taskIdentity(
  task: MesosTask,
  { cluster, agent, framework }: Surroundings,
): Identity {
  const labels = labelMap(task.labels)
  const marathon =
    marathonTask(task.id) ??
    (task.executor === undefined ? undefined : marathonExecutor(task.executor))
  return withoutUnknown({
    cluster,
    service: labels.get('mesoscope.service') ?? marathon?.service ?? named(framework, task.name),
    task: clean(task.id),
    ...containerParts(task.containerizer, containerOf(task).container),
    agent: clean(agent),
    // Marathon's version is another, and in the environment; of other frameworks this is the only one.
    version: marathon ? undefined : clean(task.version),
    image: clean(task.image),
    framework: clean(task.framework),
    ...labelParts(labels),
  })
}

/**
 * Who a task of an executor is. A command task runs in its executor's container, also where no status told that:
 * before it was launched, and by agents before 0.28.
 */
export function executedIdentity(
  task: MesosTask,
  { id, container }: MesosExecutor,
  around: Surroundings,
): Identity {
  const identity = taskIdentity(task, around)
  const isTold = containerOf(task).container !== undefined
  if (isTold || id !== task.id) return identity
  return { ...identity, ...containerParts(task.containerizer, container) }
}

/**
 * Who a measured container is. Where one executor runs several tasks its measurements cannot be divided: they belong
 * to the executor, whose service is known (of a pod), and to no task.
 */
export function containerIdentity(
  container: MesosContainer,
  executor: MesosExecutor | undefined,
  around: Surroundings,
): Identity {
  const { executor: id = '', framework } = container
  const [task, ...others] = tasksOf(executor)
  if (task && others.length === 0) {
    const identity = taskIdentity(task, around)
    return { ...identity, ...containerParts(task.containerizer, container.container) }
  }
  const labels = labelMap(executor?.labels ?? {})
  const marathon = marathonExecutor(id)
  const isCommand = container.executorName?.startsWith(`Command Executor (Task: ${id})`)
  const single = marathon?.task ?? (isCommand ? id : undefined)
  return withoutUnknown({
    cluster: around.cluster,
    service:
      labels.get('mesoscope.service') ??
      marathon?.service ??
      (executor ? named(around.framework, executorName(executor)) : undefined),
    // Known before the agent tells more of it.
    task: others.length === 0 ? clean(single) : undefined,
    ...containerParts(undefined, container.container),
    agent: clean(around.agent),
    framework: clean(framework),
    ...labelParts(labels),
  })
}

/**
 * Who an executor's own container is: it starts the containers of its tasks, and is none of them. Undefined where Mesos
 * does not tell its container.
 */
export function executorIdentity(
  executor: MesosExecutor,
  around: Surroundings,
): Identity | undefined {
  const { container, id, framework, name } = executor
  if (container === undefined) return undefined
  const of = withoutUndefined({ container, executor: id, framework, executorName: name })
  return containerIdentity(of, { ...executor, tasks: [] }, around)
}

/**
 * Those that are known by a container of their own: not of Docker, whose collectors tell more. They are told on by the
 * container as well, since their sandboxes do not tell the task.
 */
export const withContainer = (identities: readonly Identity[]) =>
  identities.filter(({ container }) => container !== undefined)

/** Those that run; where none does, all: the container may outlive its last task by a moment. */
function tasksOf(executor: MesosExecutor | undefined): MesosTask[] {
  const all = executor?.tasks ?? []
  const running = all.filter(({ state }) => !isEnded(state))
  return running.length > 0 ? running : all
}

const executorName = ({ name, id }: MesosExecutor) =>
  name === undefined || name.startsWith('Command Executor (') ? id : name

/** Undefined before the framework is known. */
function named(framework: string | undefined, name: string | undefined): string | undefined {
  const [first, second] = [clean(framework), clean(name)]
  if (first === undefined) return undefined
  return second === undefined ? `/${first}` : `/${first}/${second}`
}

/**
 * `container` is Docker's id everywhere; of a Docker task Mesos knows only the name that it gave the container.
 * Other containers exist for Mesos alone, and are known by its id.
 */
function containerParts(
  containerizer: string | undefined,
  container: string | undefined,
): Identity {
  const id = clean(container)
  if (id === undefined) return {}
  return containerizer === 'DOCKER' ? { containerName: `mesos-${id}` } : { container: id }
}

/** What stands in labels of Mesos of who a task is. */
export function labelIdentity(labels: Readonly<Record<string, string>>) {
  const all = labelMap(labels)
  return { service: all.get('mesoscope.service'), ...labelParts(all) }
}

const labelMap = (labels: Readonly<Record<string, string>>) =>
  cleanLabels(new Map(Object.entries(labels)))

function labelParts(labels: ReadonlyMap<string, string>) {
  const find = (part: string) =>
    labels.get(`mesoscope.${part}`) ??
    [...labels].find(([name]) => name.toLowerCase() === part)?.[1]
  return {
    owner: find('owner'),
    runbook: find('runbook'),
    retention: labels.get('mesoscope.retention'),
    labels: keptLabels(labels),
  }
}
