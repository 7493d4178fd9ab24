import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { partOf, type Part, type Problem } from './answer.ts'
import { idOf, labelsOf, timeOf } from './mesos-values.ts'

/** One state of a task, as Mesos was told it. */
export interface MesosStatus {
  /** `TASK_RUNNING` … */
  state: string
  /** When it came to be, ns since the epoch. */
  timeNs?: bigint
  /** `SOURCE_EXECUTOR`, `SOURCE_AGENT`, `SOURCE_MASTER`; these three only the operator API tells. */
  source?: string
  reason?: string
  message?: string
  /** Where Mesos runs health checks. */
  healthy?: boolean
  /** Mesos' container id, and that of the pod around it. */
  container?: string
  parent?: string
}

export interface MesosTask {
  id: string
  name?: string
  framework?: string
  /** Undefined for command tasks, whose executor has the task's id. */
  executor?: string
  /** Id of the agent. */
  agent?: string
  /** The newest that is known; may be newer than the last status. */
  state?: string
  /** In the order of their times. */
  statuses: MesosStatus[]
  labels: Record<string, string>
  /** Of the discovery information, `/web` or `web.shop`. */
  discovery?: string
  /** Likewise: the version that the framework gives. */
  version?: string
  /** `DOCKER` or `MESOS`; undefined without a container. */
  containerizer?: string
  image?: string
}

export interface TasksRead {
  tasks: MesosTask[]
  problems: Problem[]
}

/** Lists of tasks in the answers of master (first three) and agent. */
const lists = [
  'tasks',
  'unreachable_tasks',
  'completed_tasks',
  'orphan_tasks',
  'launched_tasks',
  'queued_tasks',
  'pending_tasks',
  'terminated_tasks',
]

/** The master's `/tasks` and the operator API's GET_TASKS, of master and agent. Never throws. */
export function readTasks(answer: unknown): TasksRead {
  const problems: Problem[] = []
  const part = partOf(answer, problems)
  const holder = part?.has('get_tasks') ? part.part('get_tasks') : part
  if (!holder) return { tasks: [], problems }
  const isV1 = holder !== part
  if (!isV1 && !holder.has(...lists)) holder.note('no list of tasks')
  return { tasks: tasksIn(holder), problems }
}

/** All tasks in the lists of an object. Agents tell a pending task as a `TaskInfo`, whose fields are the same here. */
export function tasksIn(holder: Part): MesosTask[] {
  return lists.flatMap((list) => (holder.parts(list) ?? []).flatMap((part) => readTask(part) ?? []))
}

/** Undefined, and noted, for what has no id. */
export function readTask(part: Part): MesosTask | undefined {
  const id = idOf(part, 'id', 'task_id')
  if (id === undefined) {
    part.note('a task without an id')
    return undefined
  }
  const discovery = part.part('discovery')
  const container = part.part('container')
  return {
    ...withoutUndefined({
      name: part.text('name'),
      framework: idOf(part, 'framework_id'),
      executor: idOf(part, 'executor_id'),
      agent: idOf(part, 'slave_id', 'agent_id'),
      state: part.text('state'),
      discovery: discovery?.text('name'),
      version: discovery?.text('version'),
      containerizer: container?.text('type'),
      image: container && imageOf(container),
    }),
    id,
    statuses: statusesOf(part),
    labels: { ...dockerLabels(container), ...labelsOf(part) },
  }
}

/** Labels that the framework gives the container (`docker run --label …`): Docker's collectors see them as well. */
function dockerLabels(container: Part | undefined): Record<string, string> {
  const parameters = container?.part('docker')?.parts('parameters') ?? []
  const labels = parameters.flatMap((parameter) => {
    const value = parameter.text('key') === 'label' ? parameter.text('value') : undefined
    const at = value?.indexOf('=') ?? -1
    const name = value?.slice(0, at)
    // It is the task's id once more.
    return at < 1 || name === 'MESOS_TASK_ID' ? [] : [[name, value?.slice(at + 1)] as const]
  })
  return Object.fromEntries(labels) as Record<string, string>
}

function imageOf(container: Part): string | undefined {
  const docker = container.part('docker')?.text('image')
  if (docker !== undefined) return docker
  return container.part('mesos')?.part('image')?.part('docker')?.text('name')
}

/** Sorted: Mesos appends them as they arrive, which is not always the order in which they came to be. */
function statusesOf(task: Part): MesosStatus[] {
  const read = (task.parts('statuses') ?? []).flatMap((part) => readStatus(part) ?? [])
  return read.toSorted((a, b) => Number((a.timeNs ?? 0n) - (b.timeNs ?? 0n)))
}

/** Undefined, and noted, for one without a state. */
export function readStatus(part: Part): MesosStatus | undefined {
  const state = part.text('state')
  if (state === undefined) {
    part.note('a status without a state')
    return undefined
  }
  const container = part.part('container_status')?.part('container_id')
  return {
    ...withoutUndefined({
      timeNs: timeOf(part, 'timestamp'),
      source: part.text('source'),
      reason: part.text('reason'),
      message: part.text('message'),
      healthy: part.flag('healthy'),
      container: container?.text('value'),
      parent: container?.part('parent')?.text('value'),
    }),
    state,
  }
}

/** A task of these has ended for good. */
const ended = new Set([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_DROPPED',
  'TASK_GONE',
])

/** False also for LOST, UNREACHABLE, GONE_BY_OPERATOR and UNKNOWN: such a task may come back. */
export const isEnded = (state: string | undefined) => state !== undefined && ended.has(state)

/** The newest container that the statuses of a task name. */
export function containerOf(task: MesosTask): Pick<MesosStatus, 'container' | 'parent'> {
  return task.statuses.findLast(({ container }) => container !== undefined) ?? {}
}
