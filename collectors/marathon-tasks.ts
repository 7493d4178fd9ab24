import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { partOf, type Part, type Problem } from './answer.ts'
import { idOf, pathOf, timeOf } from './marathon-values.ts'

export interface MarathonTask {
  /** The Mesos task id. */
  id: string
  app?: string
  /** Host name of the agent. */
  agent?: string
  /** On its agent, in the order in which the app names them. */
  ports?: number[]
  /** `TASK_RUNNING` …; of Marathons that do not tell it, what its times say. */
  state: string
  stagedMs?: number
  startedMs?: number
  /** Of the app's definition that it runs. */
  version?: string
  /** Of a container of a pod; tasks of apps have that of the app. */
  image?: string
  /** Undefined before the first check, and without checks. */
  healthy?: boolean
  /** When the last check that decided this was made, where it is told. */
  healthMs?: number
}

/** The last failure of an app, as Marathon keeps it. */
export interface MarathonFailure {
  task: string
  state: string
  timeMs: number
  message?: string
  agent?: string
  version?: string
}

export interface TasksRead {
  /** Undefined where there is no list of tasks at all. */
  tasks: MarathonTask[] | undefined
  problems: Problem[]
}

/** `/v2/tasks`, `/v2/apps/{id}/tasks`, and a single task where one was killed. Never throws. */
export function readTasks(answer: unknown): TasksRead {
  const problems: Problem[] = []
  const part = partOf(answer, problems)
  if (part && !part.has('tasks', 'task')) part.note('no list of tasks')
  if (!part?.has('task')) return { tasks: part && tasksIn(part, problems), problems }
  const task = part.part('task')
  return { tasks: task && tasksOf([task], problems), problems }
}

/** The tasks of an app; undefined where they were not asked for, or are no list. */
export function tasksIn(part: Part, problems: Problem[], app?: string): MarathonTask[] | undefined {
  const parts = part.parts('tasks')
  return Array.isArray(part.fields['tasks']) ? tasksOf(parts ?? [], problems, app) : undefined
}

function tasksOf(parts: readonly Part[], problems: Problem[], app?: string): MarathonTask[] {
  return parts.flatMap((part) => readTask(part, problems, app) ?? [])
}

function readTask(part: Part, problems: Problem[], app?: string): MarathonTask | undefined {
  const id = idOf(part, 'id')
  if (id === undefined) {
    if (!part.has('id')) part.note('a task without id')
    return undefined
  }
  const stagedMs = timeOf(part, 'stagedAt')
  const startedMs = timeOf(part, 'startedAt')
  return {
    id,
    state: part.text('state') ?? (startedMs === undefined ? 'TASK_STAGING' : 'TASK_RUNNING'),
    ...withoutUndefined({
      app: app ?? pathOf(part, 'appId'),
      agent: part.text('host'),
      stagedMs,
      startedMs,
      version: part.text('version'),
    }),
    ...portsOf(part),
    ...healthOf(part, problems),
  }
}

function portsOf(part: Part): Pick<MarathonTask, 'ports'> {
  const list: unknown = part.fields['ports']
  return Array.isArray(list) && list.length > 0 && list.every(isPort) ? { ports: list } : {}
}

const isPort = (port: unknown): port is number =>
  Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536

/** Healthy: all its checks pass. */
function healthOf(part: Part, problems: Problem[]): Pick<MarathonTask, 'healthy' | 'healthMs'> {
  const results = resultsOf(part, problems).filter(wasMade)
  if (results.length === 0) return {}
  const failing = results.filter((result) => result.flag('alive') === false)
  const healthy = failing.length === 0
  const times = healthy
    ? results.flatMap((result) => timeOf(result, 'lastSuccess') ?? [])
    : failing.flatMap((result) => timeOf(result, 'lastFailure') ?? [])
  return { healthy, ...(times.length > 0 ? { healthMs: Math.max(...times) } : {}) }
}

/** Marathon writes null for a check that was not made yet. */
function resultsOf(part: Part, problems: Problem[]): Part[] {
  const list = part.fields['healthCheckResults']
  if (!Array.isArray(list)) return part.parts('healthCheckResults') ?? []
  return list.flatMap((item: unknown, index) => {
    if (item === null) return []
    return partOf(item, problems, `${part.path}.healthCheckResults[${index}]`) ?? []
  })
}

/** One that has neither passed nor failed yet says nothing. */
function wasMade(result: Part): boolean {
  const alive = result.flag('alive')
  if (alive !== false) return alive === true
  return result.has('lastSuccess', 'lastFailure') || result.number('consecutiveFailures') !== 0
}

/** `lastTaskFailure` of an app. */
export function failureOf(part: Part): MarathonFailure | undefined {
  const failure = part.part('lastTaskFailure')
  if (!failure) return undefined
  const task = idOf(failure, 'taskId')
  const timeMs = timeOf(failure, 'timestamp')
  const state = failure.text('state')
  if (task === undefined || timeMs === undefined || state === undefined) {
    failure.note('a failure without task, state or time')
    return undefined
  }
  return {
    task,
    state,
    timeMs,
    ...withoutUndefined({
      message: failure.text('message'),
      agent: failure.text('host'),
      version: failure.text('version'),
    }),
  }
}
