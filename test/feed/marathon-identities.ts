import type { MarathonApp } from '../../collectors/marathon-apps.ts'
import type { MarathonEvent } from '../../collectors/marathon-event.ts'
import { openVersions, serviceIdentity, taskIdentity } from '../../collectors/marathon-identity.ts'
import type { MarathonTask } from '../../collectors/marathon-tasks.ts'
import type { Identity } from '../../pipeline/identity.ts'

/** Of services, and of their tasks by the version that each runs: as a poll does. */
export function identitiesOfApps(apps: readonly MarathonApp[]): Identity[] {
  return apps.flatMap((app) => {
    const versions = openVersions()
    const service = serviceIdentity(app, {})
    versions.put(app, service)
    const base = (version: string | undefined) => versions.at(app.id, version)?.identity ?? service
    const tasks = app.tasks ?? []
    return [service, ...tasks.map((task) => taskIdentity(base(task.version), task, undefined))]
  })
}

/** Of a list of tasks alone. */
export const identitiesOfTasks = (tasks: readonly MarathonTask[]) =>
  tasks.map((task) =>
    taskIdentity(task.app === undefined ? {} : { service: task.app }, task, undefined),
  )

/** Of events that tell of a task's state; others name tasks only. */
export function identitiesOfEvents(events: readonly MarathonEvent[]): Identity[] {
  return events.flatMap((event) =>
    event.kind === 'status'
      ? [taskIdentity({ service: event.service }, { ...event, id: event.task }, undefined)]
      : [],
  )
}
