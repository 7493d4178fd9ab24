import type { MetricName } from '../pipeline/metric-names.ts'
import type { QueueState, ServiceState, TaskState } from '../pipeline/service-state.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { clean, keptLabels } from './docker-identity.ts'
import type { MarathonApp } from './marathon-apps.ts'
import type { MarathonDeployment } from './marathon-deployments.ts'
import { cleanLabels } from './marathon-identity.ts'
import type { MarathonTask } from './marathon-tasks.ts'

/** What is known beside the app itself. */
export interface Around {
  /** Name of the collector. */
  marathon: string
  /** When Marathon answered, ms. */
  atMs: number
  /** By the service that they touch. */
  deployments: ReadonlyMap<string, readonly MarathonDeployment[]>
  /** Undefined where the queue could not be read. */
  queue: ReadonlyMap<string, QueueState> | undefined
  owner?: string | undefined
  runbook?: string | undefined
  retention?: string | undefined
}

/** Undefined where it is not known how many instances are wanted: a guess could be acted upon. */
export function serviceState(app: MarathonApp, around: Around): ServiceState | undefined {
  const { id, kind, instances, hasChecks, tasks = [], resident, env } = app
  if (instances === undefined) return undefined
  const queue = around.queue?.get(id)
  return {
    v: 1,
    service: id,
    kind,
    marathon: around.marathon,
    atMs: around.atMs,
    instances,
    ...countsOf(app, tasks),
    hasChecks,
    tasks: tasks.map(taskState),
    deployments: deploymentsOf(app, around),
    ...(queue ? { queue } : {}),
    ...withoutUndefined({
      version: app.version,
      configVersion: app.configVersion,
      image: clean(app.image),
      cpus: app.cpus,
      mem: app.mem,
      replaceUnreachable: app.replaceUnreachable,
    }),
    resident,
    ...withoutUndefined({
      owner: around.owner,
      runbook: around.runbook,
      retention: around.retention,
    }),
    labels: keptLabels(cleanLabels(app.labels)) ?? {},
    env,
  }
}

/** Marathon's own counts; where it tells none, those of its tasks. */
function countsOf(app: MarathonApp, tasks: readonly MarathonTask[]) {
  const { hasChecks } = app
  const count = (is: (task: MarathonTask) => boolean) => tasks.filter(is).length
  const runs = ({ state }: MarathonTask) => state === 'TASK_RUNNING'
  const running = app.running ?? count(runs)
  return {
    staged: app.staged ?? count(({ state }) => ['TASK_STAGING', 'TASK_STARTING'].includes(state)),
    running,
    healthy: hasChecks
      ? (app.healthy ?? count((task) => runs(task) && task.healthy === true))
      : running,
    unhealthy: hasChecks ? (app.unhealthy ?? count(({ healthy }) => healthy === false)) : 0,
  }
}

function taskState({ id, state, agent, ...task }: MarathonTask): TaskState {
  const { stagedMs, startedMs, version, ports, healthy } = task
  return { id, state, ...withoutUndefined({ stagedMs, startedMs, version, agent, ports, healthy }) }
}

/** The app itself knows best what locks it; pods and old Marathons do not tell. */
function deploymentsOf({ id, deployments }: MarathonApp, around: Around) {
  const known = around.deployments.get(id) ?? []
  const ids = deployments ?? known.map((one) => one.id)
  return ids.map((deployment) => {
    const sinceMs = known.find((one) => one.id === deployment)?.sinceMs
    return { id: deployment, ...(sinceMs === undefined ? {} : { sinceMs }) }
  })
}

/** What is measured of a service; a queue that could not be read is absent, one without the service is 0. */
export function metricsOf(
  state: ServiceState,
  hasQueue: boolean,
): Partial<Record<MetricName, number>> {
  const { instances, staged, running, healthy, unhealthy, queue, deployments, atMs } = state
  const begun = deployments.flatMap(({ sinceMs }) => sinceMs ?? [])
  return {
    'service.instances.wanted': instances,
    'service.instances.staged': staged,
    'service.instances.running': running,
    'service.instances.healthy': healthy,
    'service.instances.unhealthy': unhealthy,
    ...(hasQueue ? { 'service.queue.waiting': queue?.count ?? 0 } : {}),
    ...delayOf(queue, hasQueue),
    ...ageOf(deployments.length, begun, atMs),
  }
}

/** 0 where nothing of it waits. */
function delayOf(queue: QueueState | undefined, hasQueue: boolean) {
  const seconds = queue ? queue.delaySeconds : hasQueue ? 0 : undefined
  return seconds === undefined ? {} : { 'service.queue.delay': seconds }
}

/** 0 where none touches it; absent where one does whose beginning is not known. */
function ageOf(count: number, begun: readonly number[], atMs: number) {
  if (count > 0 && begun.length === 0) return {}
  const seconds = count === 0 ? 0 : (atMs - Math.min(...begun)) / 1000
  return { 'service.deployment.age': Math.max(0, seconds) }
}
