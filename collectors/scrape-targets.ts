import type { Identity } from '../pipeline/identity.ts'
import { hostAndPort, servesMetrics } from '../pipeline/serves-metrics.ts'
import { serviceIdentity, taskIdentity } from './marathon-identity.ts'
import type { MarathonApp } from './marathon-apps.ts'
import type { MarathonTask } from './marathon-tasks.ts'

/** Something that serves an exposition. */
export interface ScrapeTarget {
  /** Whole, with its path. */
  url: string
  identity: Identity
}

/** Where collectors that know tasks tell which of them serve metrics. */
export interface FoundTargets {
  /** Takes the place of what this one told before. */
  put(by: string, targets: readonly ScrapeTarget[]): void
  all(): ScrapeTarget[]
}

export function openFoundTargets(): FoundTargets {
  const told = new Map<string, readonly ScrapeTarget[]>()
  return {
    put: (by, targets) => void told.set(by, targets),
    all: () => [...told.values()].flat(),
  }
}

/** Running tasks of apps whose label `mesoscope.metrics` says that they serve metrics, and under which path. */
export function targetsOf(
  apps: readonly MarathonApp[],
  around: Pick<Identity, 'cluster' | 'framework'>,
): ScrapeTarget[] {
  return apps.flatMap((app) => {
    const serves = servesMetrics(Object.fromEntries(app.labels))
    if (!serves) return []
    const service = serviceIdentity(app, around)
    return (app.tasks ?? []).flatMap((task): ScrapeTarget[] => {
      const at = task.state === 'TASK_RUNNING' ? addressOf(task, serves.port) : undefined
      if (at === undefined) return []
      return [
        { url: `http://${at}${serves.path}`, identity: taskIdentity(service, task, undefined) },
      ]
    })
  })
}

function addressOf({ agent, ports = [] }: MarathonTask, index: number): string | undefined {
  const port = ports[index]
  return agent === undefined || port === undefined ? undefined : hostAndPort(agent, port)
}
