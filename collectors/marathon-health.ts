import type { ChangeDoc } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { MarathonApp } from './marathon-apps.ts'
import { healthChange } from './marathon-changes.ts'
import type { HealthEvent } from './marathon-event.ts'
import type { MarathonMemory } from './marathon-memory.ts'
import type { MarathonTask } from './marathon-tasks.ts'

export interface HealthOptions {
  memory: MarathonMemory
  identityOf(service: string, task: MarathonTask): Identity
}

export interface HealthFlips {
  /** `tasks`: those of the service in the last answer. */
  event(event: HealthEvent, tasks: readonly MarathonTask[], nowMs: number): ChangeDoc[]
  /** The app in an answer that was asked for at `startMs`. */
  poll(app: MarathonApp, startMs: number, nowMs: number): ChangeDoc[]
}

/**
 * Since 1.4 events name the instance. Since 1.8 task ids begin with it; before, that of the task `web.<uuid>` is
 * `web.marathon-<uuid>`.
 */
const isOf = ({ id: task }: MarathonTask, id: string) =>
  task === id || task.startsWith(`${id}.`) || task === id.replace('.marathon-', '.')

/** The id of the task of which an event tells: its own, or that of the one task in the instance. */
export function taskIn(tasks: readonly MarathonTask[], id: string): string {
  const [task, ...others] = tasks.filter((one) => isOf(one, id))
  return task && others.length === 0 ? task.id : id
}

/**
 * Tells when the checks of a task change their mind, and when its first ones fail; that they begin to pass is no news. An
 * answer that was asked for before an event came knows less than it, and an event that is older than what was told is
 * late: both are passed over, the next answer is right.
 */
export function openHealthFlips({ memory, identityOf }: HealthOptions): HealthFlips {
  /** By task, of events: Marathon's time, and ours. */
  const heard = new Map<string, { timeMs: number; atMs: number }>()

  function learn(service: string, task: MarathonTask, healthy: boolean, timeMs: number) {
    const told = memory.service(service)
    const before = told.health[task.id]
    if (before === healthy) return []
    told.health[task.id] = healthy
    memory.touch(service)
    if (before === undefined && healthy) return []
    return [healthChange(task.id, healthy, timeMs, identityOf(service, task))]
  }

  function forgetGone({ id: service, tasks = [] }: MarathonApp): void {
    const told = memory.services.get(service)
    const known = tasks.reduce((count, { id }) => count + (told && id in told.health ? 1 : 0), 0)
    if (!told || Object.keys(told.health).length === known) return
    const present = new Set(tasks.map(({ id }) => id))
    for (const task of Object.keys(told.health)) {
      if (present.has(task)) continue
      delete told.health[task]
      heard.delete(task)
      memory.touch(service)
    }
  }

  return {
    event({ task: id, service, healthy, timeMs }, tasks, nowMs) {
      return tasks
        .filter((task) => isOf(task, id))
        .flatMap((task) => {
          if (timeMs < (heard.get(task.id)?.timeMs ?? -Infinity)) return []
          heard.set(task.id, { timeMs, atMs: nowMs })
          return learn(service, task, healthy, timeMs)
        })
    },
    poll(app, startMs, nowMs) {
      forgetGone(app)
      return (app.tasks ?? []).flatMap((task) => {
        const { healthy, healthMs, id } = task
        const before = heard.get(id)
        if (healthy === undefined || (before && before.atMs >= startMs)) return []
        // Its last check may be older than the event that was told.
        const timeMs = Math.max(healthMs ?? nowMs, before?.timeMs ?? 0)
        return learn(app.id, task, healthy, timeMs)
      })
    },
  }
}
