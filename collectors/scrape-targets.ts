import type { Identity } from '../pipeline/identity.ts'
import { ownLabel } from '../pipeline/own-label.ts'
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
    const labels = Object.fromEntries(app.labels)
    const path = pathOf(ownLabel(labels, 'metrics'))
    if (path === undefined) return []
    const service = serviceIdentity(app, around)
    return (app.tasks ?? []).flatMap((task): ScrapeTarget[] => {
      const at = task.state === 'TASK_RUNNING' ? addressOf(task, labels) : undefined
      if (at === undefined) return []
      return [{ url: `http://${at}${path}`, identity: taskIdentity(service, task, undefined) }]
    })
  })
}

/** `true` stands for the usual path. */
function pathOf(label: string | undefined): string | undefined {
  if (label === undefined || label === 'false') return undefined
  if (label === 'true') return '/metrics'
  return /^\/[\w./~%?&=+:,@-]*$/.test(label) ? label : undefined
}

/** The label `mesoscope.metrics_port` counts the task's ports from 0. */
function addressOf(
  { agent, ports = [] }: MarathonTask,
  labels: Record<string, string>,
): string | undefined {
  const port = ports[Number(ownLabel(labels, 'metrics_port') ?? 0)]
  if (agent === undefined || port === undefined) return undefined
  if (!/^[\w.:-]+$/.test(agent)) return undefined
  return agent.includes(':') ? `[${agent}]:${port}` : `${agent}:${port}`
}
