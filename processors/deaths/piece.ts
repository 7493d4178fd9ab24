import { isoToNs } from '../../pipeline/event.ts'
import { identityFromEcs, type Identity } from '../../pipeline/identity.ts'
import { readIdentity } from '../identities.ts'

/** Who tells of the end of a task. */
export type Teller = 'docker' | 'mesos' | 'marathon'

/** One thing told of the end of a task. */
export interface Piece {
  /** The task's id; of a container that is not known the container's. */
  name: string
  /** `@timestamp` of what was told. */
  time: string
  identity: Identity
  docker?: DockerWord
  status?: StatusWord
  uptimeSeconds?: number
}

export interface DockerWord {
  container: string
  /** When Docker says it ended: a container that is started again ends again. */
  time: string
  /** Undefined where it was taken away before it could be asked. */
  exitCode?: number
  /** Something in the container was killed for memory; with exit code 0 that was not its main process. */
  oomKilled: boolean
}

export interface StatusWord {
  teller: 'mesos' | 'marathon'
  state: string
  time: string
  reason?: string
  message?: string
  source?: string
  exitCode?: number
  /** Mesos says that it was killed for its health checks. */
  unhealthy?: boolean
}

/** A task in one of these has ended; the last four may, rarely, come back. */
const ends = new Set([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_LOST',
])

const maxText = 1000

type Doc = Record<string, unknown>

/** Undefined for what tells of no end. Never throws. */
export function readPiece(doc: Doc): Piece | undefined {
  const { 'event.kind': kind, 'event.action': action, '@timestamp': time } = doc
  if (!isTime(time)) return undefined
  const identity = readIdentity(identityFromEcs(doc))
  const name = nameOf(identity)
  if (name === undefined) return undefined
  if (kind === 'container' && action === 'died') {
    if (isExecutor(identity)) return undefined
    return { name, time, identity, docker: dockerWord(doc, identity, time) }
  }
  const state = text(doc['task.state']) ?? text(action)
  if (kind !== 'status' || state === undefined || !ends.has(state)) return undefined
  const uptime = doc['task.uptime_seconds']
  const uptimeSeconds = typeof uptime === 'number' && uptime >= 0 ? { uptimeSeconds: uptime } : {}
  return { name, time, identity, status: statusWord(doc, state, time), ...uptimeSeconds }
}

/** Marathon kills a task for its health checks: its end was not asked for, whatever Mesos then says. */
export interface HealthKill {
  name: string
  /** When the last check failed: before the end. */
  time: string
  /** Empty where Marathon did not tell. */
  reason: string
}

/** Undefined for what tells of no such thing. */
export function readHealthKill(doc: Doc): HealthKill | undefined {
  const { 'event.kind': kind, 'event.action': action, '@timestamp': time } = doc
  if (kind !== 'health' || action !== 'killed' || !isTime(time)) return undefined
  const name = nameOf(readIdentity(identityFromEcs(doc)))
  return name === undefined ? undefined : { name, time, reason: text(doc['task.message']) ?? '' }
}

/** When a task, or a container of that name, began to run. */
export interface Start {
  name: string
  time: string
  /** As Docker tells it; else that Mesos or Marathon said that it runs. */
  ofContainer: boolean
  container?: string
}

/** Undefined for what tells of no beginning. */
export function readStart(doc: Doc): Start | undefined {
  const { 'event.kind': kind, 'event.action': action, '@timestamp': time } = doc
  const ofContainer = kind === 'container' && action === 'started'
  const runs = action === 'TASK_RUNNING' || doc['task.state'] === 'TASK_RUNNING'
  if (!ofContainer && !(kind === 'status' && runs)) return undefined
  const identity = readIdentity(identityFromEcs(doc))
  const name = nameOf(identity)
  if (name === undefined || !isTime(time)) return undefined
  const { container } = identity
  return { name, time, ofContainer, ...(container === undefined ? {} : { container }) }
}

function nameOf({ task, container }: Identity): string | undefined {
  return task ?? container
}

function dockerWord(doc: Doc, { container = '' }: Identity, time: string): DockerWord {
  const exitCode = exitCodeOf(doc)
  return {
    container,
    time,
    ...(exitCode === undefined ? {} : { exitCode }),
    oomKilled: doc['container.oom_killed'] === true,
  }
}

function statusWord(doc: Doc, state: string, time: string): StatusWord {
  const word: StatusWord = {
    teller: doc['event.provider'] === 'marathon' ? 'marathon' : 'mesos',
    state,
    time,
  }
  for (const part of ['reason', 'message', 'source'] as const) {
    const value = text(doc[`task.${part}`])
    if (value !== undefined) word[part] = value
  }
  const exitCode = word.message === undefined ? exitCodeOf(doc) : exitCodeIn(word.message)
  return {
    ...word,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(state === 'TASK_KILLED' && doc['task.healthy'] === false ? { unhealthy: true } : {}),
  }
}

const signals: Record<string, number> = {
  Hangup: 1,
  Interrupt: 2,
  Aborted: 6,
  Killed: 9,
  'Segmentation fault': 11,
  Terminated: 15,
}

/** What the executor's sentence tells; other sentences hold the exit codes of other programs. */
function exitCodeIn(message: string): number | undefined {
  const code = /^(?:Command|Container) exited with status (\d{1,3})$/.exec(message)?.[1]
  if (code !== undefined) return Number(code)
  const name = /^Command terminated with signal ([A-Za-z ]{1,40})$/.exec(message)?.[1]
  const signal = name === undefined ? undefined : signals[name]
  return signal === undefined ? undefined : 128 + signal
}

function exitCodeOf(doc: Doc): number | undefined {
  const code = doc['process.exit_code']
  return typeof code === 'number' && Number.isInteger(code) ? code : undefined
}

function text(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  return value.slice(0, maxText).toWellFormed()
}

function isTime(time: unknown): time is string {
  return typeof time === 'string' && isoToNs(time) !== undefined
}

/** Where the agent runs in Docker itself, each task has a second container, of its executor, which ends with it. */
function isExecutor({ task, containerName = '' }: Identity): boolean {
  return /^mesos-.+\.executor$/.test(containerName) && (task ?? containerName) === containerName
}

/** Mesos names the containers of its tasks; elsewhere a container's name is that of its task. */
export function isOfMesos({ framework, task, containerName }: Identity): boolean {
  if (framework !== undefined || containerName?.startsWith('mesos-')) return true
  return task !== undefined && containerName !== undefined && task !== containerName
}
