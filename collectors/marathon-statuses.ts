import type { ChangeDoc } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { MarathonApp } from './marathon-apps.ts'
import { healthKillChange, statusChange, type Status } from './marathon-changes.ts'
import type { HealthKill, StatusEvent } from './marathon-event.ts'
import type { TaskOfIdentity } from './marathon-identity.ts'
import type { MarathonMemory } from './marathon-memory.ts'
import type { PodEnd } from './marathon-pods.ts'

export interface StatusesOptions {
  memory: MarathonMemory
  identityOf(service: string, task: TaskOfIdentity): Identity
}

/** Tells the states of tasks, each once, whether an event, the last failure of an app or the history of a pod has it first. */
export interface Statuses {
  event(event: StatusEvent, task: TaskOfIdentity): ChangeDoc[]
  /** That a task is killed for its checks, which Marathon remembers as a failure as well. */
  kill(event: HealthKill): ChangeDoc[]
  failure(app: MarathonApp, nowMs: number): ChangeDoc[]
  ends(pod: MarathonApp, ends: readonly PodEnd[]): ChangeDoc[]
  /** Failures that answers told some time before `nowMs` and that no event has told since; each once. */
  unheard(nowMs: number): ChangeDoc[]
}

/** An event that comes later than this after the answer that shows the same is none, ms. */
const eventPatienceMs = 10_000

const maxRecent = 10_000
/** Those of which Marathon remembers the last. */
const failures = new Set(['TASK_FAILED', 'TASK_ERROR', 'TASK_LOST', 'TASK_DROPPED', 'TASK_GONE'])

const killedFor = /^Task was killed since health check failed\. Reason: /

export function openStatuses({ memory, identityOf }: StatusesOptions): Statuses {
  const recent = new Set<string>()
  /** By id: told by an answer and by no event yet. */
  const unheard = new Map<string, { change: ChangeDoc; atMs: number }>()

  const onceStatus = (status: Status, identity: Identity) => once(statusChange(status, identity))

  function heard(change: ChangeDoc): ChangeDoc[] {
    unheard.delete(change['event.id'])
    return once(change)
  }

  function found(change: ChangeDoc, atMs: number): ChangeDoc[] {
    const fresh = once(change)
    if (fresh.length > 0) unheard.set(change['event.id'], { change, atMs })
    return fresh
  }

  function once(change: ChangeDoc): ChangeDoc[] {
    if (recent.has(change['event.id'])) return []
    recent.add(change['event.id'])
    if (recent.size > maxRecent) recent.delete(recent.values().next().value as string)
    return [change]
  }

  /** False if one as new was told already. */
  function isNewFailure(service: string, timeMs: number): boolean {
    const told = memory.services.get(service)
    if (!told || timeMs <= (told.failureMs ?? -Infinity)) return false
    told.failureMs = timeMs
    memory.touch(service)
    return true
  }

  return {
    event(event, task) {
      if (failures.has(event.state)) isNewFailure(event.service, event.timeMs)
      return heard(statusChange(event, identityOf(event.service, task)))
    },
    kill(event) {
      isNewFailure(event.service, event.timeMs)
      return heard(healthKillChange(event, identityOf(event.service, { ...event, id: event.task })))
    },
    failure({ id, failure }, nowMs) {
      if (!failure || !isNewFailure(id, failure.timeMs)) return []
      const { task, agent, version } = failure
      const parts = { ...(agent ? { agent } : {}), ...(version ? { version } : {}) }
      const identity = identityOf(id, { id: task, ...parts })
      if (failure.state !== 'TASK_KILLED') return found(statusChange(failure, identity), nowMs)
      // What it says is in front of the reason; a task that was asked to end is no failure to Marathon.
      const reason = failure.message?.replace(killedFor, '')
      return found(healthKillChange({ ...failure, ...(reason ? { reason } : {}) }, identity), nowMs)
    },
    ends(pod, ends) {
      const told = memory.service(pod.id)
      const keys = ends.map(({ task, state, timeMs }) => `${task} ${state} ${timeMs}`)
      const before = new Set(told.ends)
      if (keys.length === before.size && keys.every((key) => before.has(key))) return []
      told.ends = keys
      memory.touch(pod.id)
      return ends
        .filter((_, i) => !before.has(keys[i] as string))
        .flatMap((end) => onceStatus(end, identityOf(pod.id, { id: end.task })))
    },
    unheard(nowMs) {
      const due = [...unheard].filter(([, { atMs }]) => nowMs - atMs >= eventPatienceMs)
      for (const [id] of due) unheard.delete(id)
      return due.map(([, { change }]) => change)
    },
  }
}
