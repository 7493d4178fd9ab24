import { isObject } from './answer.ts'
import type { Sink } from './sink.ts'

/** What was told of a service: its states replace each other, but changes are told once. */
export interface ToldService {
  /** Pods are asked for apart, so they may be missing for another reason. */
  pod?: boolean
  /** Undefined before an answer had it. */
  version?: string
  config?: string
  instances?: number
  /** When the last failure was that was told, ms. */
  failureMs?: number
  /** The ends of a pod's containers that were told, of those that Marathon still shows: `<task> <state> <ms>`. */
  ends?: string[]
  /** By task: what was told last, or was so when it was first seen. */
  health: Record<string, boolean>
  /** By task: the deployment that started it. */
  deployments: Record<string, string>
}

export interface ToldDeployment {
  version?: string
  /** When it was begun, ms. */
  sinceMs: number
  affected: string[]
  /** Services that it takes away. */
  stopped: string[]
  /** It only changes how many instances there are: none is replaced. */
  scalesOnly?: true
  total: number
  /** The step that was told last, from 1, and when it was begun, ms. */
  step: number
  stepMs: number
  /** The step at which it was told to be stuck. */
  stuck?: number
  /** When an answer lacked it first, ms. */
  leftMs?: number
  /** How it ended, once that was told; `sure`: by an event. */
  end?: { action: 'succeeded' | 'failed' | 'ended'; ms: number; sure: boolean }
}

export interface ToldLeader {
  leader?: string
  /** It was told that there is none. */
  lost?: boolean
}

/**
 * What a Marathon collector has told, in positions of the sink: they go into the batch of what is told, so that a restart
 * neither tells it again nor leaves it out.
 */
export interface MarathonMemory {
  services: ReadonlyMap<string, ToldService>
  deployments: ReadonlyMap<string, ToldDeployment>
  leader(): ToldLeader
  /** The one of this service, made where there is none; `touch` it after a change. */
  service(id: string): ToldService
  touch(id: string): void
  forget(id: string): void
  setDeployment(id: string, told: ToldDeployment): void
  setLeader(told: ToldLeader): void
  /** The positions that have changed since it was called last. */
  take(): Record<string, unknown>
}

/** Deployments that have ended are kept for tasks that they started, and for events that come late. */
const maxEnded = 200

export function openMarathonMemory(name: string, sink: Sink): MarathonMemory {
  const serviceKey = (id: string) => `${name}:service:${id}`
  const deploymentKey = (id: string) => `${name}:deployment:${id}`
  const leaderKey = `${name}:leader`
  const services = new Map(stored(sink, serviceKey(''), readService))
  const deployments = new Map(stored(sink, deploymentKey(''), readDeployment))
  let leader = readLeader(sink.position(leaderKey))
  let changed: Record<string, unknown> = {}

  function forgetEnded(): void {
    const ended = [...deployments].filter(([, { end }]) => end !== undefined)
    const tooMany = ended
      .sort(([, a], [, b]) => (a.end?.ms ?? 0) - (b.end?.ms ?? 0))
      .slice(0, Math.max(0, ended.length - maxEnded))
    for (const [id] of tooMany) {
      deployments.delete(id)
      changed[deploymentKey(id)] = null
    }
  }

  return {
    services,
    deployments,
    leader: () => leader,
    service(id) {
      const known = services.get(id)
      if (known) return known
      const made: ToldService = { health: byTask(), deployments: byTask() }
      services.set(id, made)
      changed[serviceKey(id)] = made
      return made
    },
    touch: (id) => (changed[serviceKey(id)] = services.get(id) ?? null),
    forget(id) {
      services.delete(id)
      changed[serviceKey(id)] = null
    },
    setDeployment(id, told) {
      deployments.set(id, told)
      changed[deploymentKey(id)] = told
      if (told.end) forgetEnded()
    },
    setLeader(told) {
      leader = told
      changed[leaderKey] = told
    },
    take() {
      const taken = changed
      changed = {}
      // As they are now: they go on changing while the batch waits for the disk.
      return structuredClone(taken)
    },
  }
}

function stored<T>(sink: Sink, prefix: string, read: (position: unknown) => T | undefined) {
  return sink.positions(prefix).flatMap((key): [string, T][] => {
    const told = read(sink.position(key))
    return told ? [[key.slice(prefix.length), told]] : []
  })
}

/** What another version of the program left, or damage, is nothing. */
function readService(position: unknown): ToldService | undefined {
  if (!isObject(position)) return undefined
  const { health, deployments } = position
  return {
    ...(structuredClone(position) as Partial<ToldService>),
    health: byTask(health),
    deployments: byTask(deployments),
  }
}

/** The ids of tasks are somebody else's text: one by the name of `constructor` must find nothing. */
function byTask<T>(stored?: unknown): Record<string, T> {
  const empty = Object.create(null) as Record<string, T>
  return isObject(stored) ? Object.assign(empty, stored) : empty
}

function readDeployment(position: unknown): ToldDeployment | undefined {
  if (!isObject(position)) return undefined
  const { sinceMs, stepMs, step, affected, stopped } = position
  const isWhole = [sinceMs, stepMs, step].every(Number.isFinite)
  const hasLists = [affected, stopped].every(Array.isArray)
  return isWhole && hasLists ? (structuredClone(position) as unknown as ToldDeployment) : undefined
}

function readLeader(position: unknown): ToldLeader {
  return isObject(position) ? position : {}
}
