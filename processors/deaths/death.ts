import { isoToMs } from '../../pipeline/event.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { isOtherLife } from '../lives.ts'
import {
  isOfMesos,
  type DockerWord,
  type HealthKill,
  type Piece,
  type StatusWord,
  type Teller,
} from './piece.ts'

/** All that is known of one end of a task. */
export interface Death {
  name: string
  /** Of the piece that came first: it gives the id, and with it the day under which the store keeps it. */
  time: string
  identity: Identity
  docker?: DockerWord
  status?: StatusWord
  /** Who told of it, in the order of their names. */
  tellers: Teller[]
  /** Why its health checks failed, if it was killed for that; empty where nobody told. */
  unhealthy?: string
  context: Context
}

/** What the store tells about it. */
export interface Context {
  /** Oldest first; undefined where they were not looked for yet, or the store was away. */
  lastLines?: string[]
  /** Bytes, as measured last. */
  memoryUsage?: number
  memoryLimit?: number
  uptimeSeconds?: number
}

/** Pieces of one death are told within this time of each other, by the clocks of those who tell. */
export const togetherMs = 60_000

export const idOf = ({ name, time }: Pick<Death, 'name' | 'time'>) =>
  `change:task:${name}:${isoToMs(time)}`

export function openDeath({ name, time }: Piece): Death {
  return { name, time, identity: {}, tellers: [], context: {} }
}

/** How far apart, ms; undefined if the piece tells of another death. */
export function distance(death: Death, piece: Piece): number | undefined {
  const { name, time, docker, identity } = piece
  // An id that is used again is that of another task, which may end soon after.
  if (death.name !== name || isOtherLife(death.identity, identity)) return undefined
  if (docker && death.docker) return isSameEnd(docker, death.docker) ? 0 : undefined
  const apart = Math.abs(isoToMs(time) - isoToMs(death.time))
  return apart <= togetherMs ? apart : undefined
}

/** So long before its end Marathon may have begun to kill a task: its grace period is up to the app. */
const killingMs = 10 * 60_000

/** Whether it was this end of the task to which the kill led. */
export function isKilledBy({ name, time }: Pick<Death, 'name' | 'time'>, kill: HealthKill) {
  const before = isoToMs(time) - isoToMs(kill.time)
  return name === kill.name && before <= killingMs && before >= -togetherMs
}

export function addHealthKill(death: Death, { reason }: HealthKill): Death {
  return { ...death, unhealthy: death.unhealthy || reason }
}

function isSameEnd(a: DockerWord, b: DockerWord): boolean {
  return a.container === b.container && a.time === b.time
}

/** The death with what the piece tells; telling the same again changes nothing. */
export function addPiece(death: Death, piece: Piece): Death {
  const { docker, status, uptimeSeconds } = piece
  const tellers: Teller[] = [
    ...(docker ? ['docker' as const] : []),
    ...(status ? [status.teller] : []),
  ]
  return {
    ...death,
    // Docker's collector knows most of a task: what it stamped holds.
    identity: docker ? join(piece.identity, death.identity) : join(death.identity, piece.identity),
    ...(docker ? { docker: joinDocker(death.docker, docker) } : {}),
    ...(status ? { status: joinStatus(death.status, status) } : {}),
    tellers: [...new Set([...death.tellers, ...tellers])].toSorted(),
    ...(status?.unhealthy && death.unhealthy === undefined ? { unhealthy: '' } : {}),
    context: { ...(uptimeSeconds === undefined ? {} : { uptimeSeconds }), ...death.context },
  }
}

function join(first: Identity, second: Identity): Identity {
  const labels = first.labels || second.labels ? { ...second.labels, ...first.labels } : undefined
  return { ...second, ...first, ...(labels ? { labels } : {}) }
}

function joinDocker(before: DockerWord | undefined, told: DockerWord): DockerWord {
  return { ...before, ...told, oomKilled: told.oomKilled || (before?.oomKilled ?? false) }
}

/**
 * What is for good wins over what may come back, then Mesos (who knows) over Marathon (who was told), then the later
 * state; of the same state the first word, which has the cause: to be told of it again is reconciliation. Each adds
 * what the other does not tell.
 */
function joinStatus(before: StatusWord | undefined, told: StatusWord): StatusWord {
  if (!before) return told
  const same = before.state === told.state
  const ranks = [isForGood, isOfMesosItself, same ? isEarlier : isLater]
  const decided = ranks
    .map((rank) => Number(rank(told, before)) - Number(rank(before, told)))
    .find((difference) => difference !== 0)
  const [winner, other] = (decided ?? -1) > 0 ? [told, before] : [before, told]
  return same ? { ...other, ...winner } : winner
}

const uncertain = new Set(['TASK_LOST', 'TASK_GONE_BY_OPERATOR'])
const isForGood = ({ state }: StatusWord) => !uncertain.has(state)
const isOfMesosItself = ({ teller }: StatusWord) => teller === 'mesos'
const isEarlier = (a: StatusWord, b: StatusWord) => a.time < b.time
const isLater = (a: StatusWord, b: StatusWord) => a.time > b.time

/** Docker alone cannot tell `killed` from `died`: that Mesos knows. */
export function isEnough(death: Death): boolean {
  const { docker, status, identity } = death
  return status !== undefined || isOutOfMemory(death) || (!!docker && !isOfMesos(identity))
}

/**
 * Mesos says so, or Docker does of a container that failed. With exit code 0 only a child of its main process was
 * killed, which Docker tells in the same way.
 */
export function isOutOfMemory(death: Death): boolean {
  const { docker, status } = death
  const byDocker = (docker?.oomKilled ?? false) && exitCodeOf(death) !== 0
  return byDocker || status?.reason === 'REASON_CONTAINER_LIMITATION_MEMORY'
}

export type Ending = 'finished' | 'killed' | 'died'

export function endingOf(death: Death): Ending {
  if (isOutOfMemory(death) || death.unhealthy !== undefined) return 'died'
  const { status } = death
  if (!status) return exitCodeOf(death) === 0 ? 'finished' : 'died'
  if (status.state === 'TASK_FINISHED') return 'finished'
  return status.state === 'TASK_KILLED' ? 'killed' : 'died'
}

/** Docker's, or what Mesos or Marathon was told. */
export function exitCodeOf({ docker, status }: Death): number | undefined {
  return docker?.exitCode ?? status?.exitCode
}
