import type { ChangeDoc } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { QueueState, ServiceState } from '../pipeline/service-state.ts'
import type { MarathonApp } from './marathon-apps.ts'
import { statusChange, versionChange, type Status } from './marathon-changes.ts'
import type { MarathonDeployment } from './marathon-deployments.ts'
import type { MarathonEvent, StatusEvent } from './marathon-event.ts'
import { openHealthFlips } from './marathon-health.ts'
import { openVersions, serviceIdentity, taskIdentity } from './marathon-identity.ts'
import type { MarathonMemory, ToldDeployment } from './marathon-memory.ts'
import type { PodEnd } from './marathon-pods.ts'
import { openRollouts } from './marathon-rollouts.ts'
import { metricsOf, serviceState } from './marathon-state.ts'
import { openTasksTold } from './marathon-tasks-told.ts'
import type { MarathonTask } from './marathon-tasks.ts'
import type { Measured, Sampler } from './sampler.ts'
import type { Collected } from './sink.ts'

/** All that Marathon answered to one poll. */
export interface Reading {
  /** When it was asked for, and when the apps were answered, ms. */
  startMs: number
  atMs: number
  /** Apps and pods. */
  apps: MarathonApp[]
  /** False: pods could not be read, which does not mean that there are none. */
  hasPods: boolean
  ends: PodEnd[]
  deployments: MarathonDeployment[]
  /** Undefined where it could not be read. */
  queue: Map<string, QueueState> | undefined
  /** Whether events come as well. */
  hearsEvents: boolean
}

export interface NewsOptions {
  name: string
  cluster: string | undefined
  memory: MarathonMemory
  sampler: Sampler
  stuckAfterMs: number
  /** Mesos' id of this Marathon, once it is known. */
  framework(): string | undefined
}

/** Makes of what Marathon tells, in answers and events, what is new of it. */
export interface MarathonNews {
  poll(reading: Reading): Collected
  event(event: MarathonEvent, nowMs: number): Collected
}

/** Of statuses that were told, so that what comes twice is told once. */
const maxRecent = 10_000
const failures = new Set(['TASK_FAILED', 'TASK_ERROR', 'TASK_LOST', 'TASK_DROPPED', 'TASK_GONE'])

/** What of a task makes its identity. */
type Told = Pick<MarathonTask, 'id' | 'agent' | 'version' | 'stagedMs'>

export function openMarathonNews(options: NewsOptions): MarathonNews {
  const { name, cluster, memory, sampler, stuckAfterMs, framework } = options
  const versions = openVersions()
  const tasksTold = openTasksTold()
  const statesTold = new Map<string, string>()
  const recent = new Set<string>()
  let apps = new Map<string, MarathonApp>()

  const identityOf = (service: string): Identity =>
    versions.current(service) ?? { ...(cluster === undefined ? {} : { cluster }), service }
  const baseOf = (service: string, version: string | undefined): Identity =>
    versions.at(service, version) ?? identityOf(service)

  function deploymentOf(service: string, task: Told): string | undefined {
    const told = memory.services.get(service)
    return told?.deployments[task.id] ?? rollouts.startedBy(service, task)
  }

  const taskOf = (service: string, task: Told): Identity =>
    taskIdentity(baseOf(service, task.version), task, deploymentOf(service, task))

  const rollouts = openRollouts({ memory, stuckAfterMs, identityOf, isDone })
  const health = openHealthFlips({ memory, identityOf: taskOf })

  function isDone(service: string, told: ToldDeployment): boolean {
    const app = apps.get(service)
    if (!app) return told.stopped.includes(service)
    const { version, instances, running, staged = 0, hasChecks, healthy } = app
    const isThere = running === instances && staged === 0
    return version === told.version && isThere && (!hasChecks || healthy === instances)
  }

  function statusOnce(status: Status, identity: Identity): ChangeDoc[] {
    const change = statusChange(status, identity)
    if (recent.has(change['event.id'])) return []
    recent.add(change['event.id'])
    if (recent.size > maxRecent) recent.delete(recent.values().next().value as string)
    return [change]
  }

  /** What changed in the app itself since it was told. */
  function appChanges(app: MarathonApp, reading: Reading): ChangeDoc[] {
    const { id, version, configVersion = version, instances } = app
    const told = memory.service(id)
    const change = versionChange(app, told, identityOf(id), reading.atMs)
    if (version !== undefined && (told.version === undefined || change)) {
      Object.assign(told, { version, config: configVersion, instances })
      memory.touch(id)
    }
    return [
      ...(change ? [change] : []),
      ...failureChanges(app),
      ...health.poll(app, reading.startMs, reading.atMs),
    ]
  }

  function failureChanges({ id, failure }: MarathonApp): ChangeDoc[] {
    const told = memory.service(id)
    if (!failure || failure.timeMs <= (told.failureMs ?? -Infinity)) return []
    told.failureMs = failure.timeMs
    memory.touch(id)
    const { task, version } = failure
    return statusOnce(
      failure,
      taskOf(id, { ...failure, id: task, ...(version ? { version } : {}) }),
    )
  }

  function endChanges(pod: MarathonApp, ends: readonly PodEnd[]): ChangeDoc[] {
    const told = memory.service(pod.id)
    if (!told.pod) {
      told.pod = true
      memory.touch(pod.id)
    }
    const keys = ends.map(({ task, state, timeMs }) => `${task} ${state} ${timeMs}`)
    const before = new Set(told.ends)
    const isSame = keys.length === before.size && keys.every((key) => before.has(key))
    if (isSame) return []
    told.ends = keys
    memory.touch(pod.id)
    return ends
      .filter((_, i) => !before.has(keys[i] as string))
      .flatMap((end) => statusOnce(end, taskOf(pod.id, { id: end.task })))
  }

  /** The deployment of a task is remembered as long as the task is there. */
  function tieTasks({ id: service, tasks = [] }: MarathonApp): void {
    const { deployments } = memory.service(service)
    let tied = 0
    for (const task of tasks) {
      const known = deployments[task.id]
      const deployment = known ?? rollouts.startedBy(service, task)
      if (deployment === undefined) continue
      tied++
      if (known !== undefined) continue
      deployments[task.id] = deployment
      memory.touch(service)
    }
    const gone = Object.keys(deployments).length > tied
    if (!gone) return
    const present = new Set(tasks.map(({ id }) => id))
    for (const id of Object.keys(deployments)) if (!present.has(id)) delete deployments[id]
    memory.touch(service)
  }

  /** Its identity, if that was not told yet. */
  function newTask(service: string, task: Told, nowMs: number): Identity[] {
    const of = baseOf(service, task.version)
    const deployment = deploymentOf(service, task)
    const isNew = tasksTold.isNew({ ...task, deployment }, of, nowMs)
    return isNew ? [taskIdentity(of, task, deployment)] : []
  }

  function gone({ hasPods }: Reading): NonNullable<Collected['services']> {
    const missing = [...memory.services].filter(
      ([id, { pod }]) => !apps.has(id) && (hasPods || !pod),
    )
    return missing.map(([service]) => {
      memory.forget(service)
      versions.forget(service)
      statesTold.delete(service)
      return { service, gone: true }
    })
  }

  function changedStates(states: readonly ServiceState[]): ServiceState[] {
    return states.filter((state) => {
      const json = JSON.stringify({ ...state, atMs: 0 })
      if (statesTold.get(state.service) === json) return false
      statesTold.set(state.service, json)
      return true
    })
  }

  function statesOf(reading: Reading): ServiceState[] {
    const deployments = byService(reading.deployments)
    const { atMs, queue } = reading
    return reading.apps.flatMap((app) => {
      const { owner, runbook } = identityOf(app.id)
      const around = { marathon: name, atMs, deployments, queue, owner, runbook }
      return serviceState(app, around) ?? []
    })
  }

  function poll(reading: Reading): Collected {
    const { atMs, startMs, queue } = reading
    apps = new Map(reading.apps.map((app) => [app.id, app]))
    for (const app of reading.apps) {
      versions.put(app, serviceIdentity(app, { cluster, framework: framework() }))
    }
    const endsByPod = Map.groupBy(reading.ends, ({ pod }) => pod)
    const forgotten = gone(reading)
    const deployments = rollouts.poll(reading.deployments, { ...reading, nowMs: atMs })
    for (const app of reading.apps) tieTasks(app)
    const states = statesOf(reading)
    const changes = reading.apps.flatMap((app) => [
      ...appChanges(app, reading),
      ...(app.kind === 'pod' ? endChanges(app, endsByPod.get(app.id) ?? []) : []),
    ])
    const tasks = reading.apps.flatMap(({ id, tasks: all = [] }) =>
      all.flatMap((task) => newTask(id, task, atMs)),
    )
    tasksTold.keep(presentTasks(reading.apps), startMs)
    const samples = sampler.take(states.map((state) => measuredOf(state, queue !== undefined)))
    return {
      tasks,
      services: [...forgotten, ...changedStates(states)],
      changes: [...deployments, ...changes],
      ...samples,
      positions: { ...samples.positions, ...memory.take() },
    }
  }

  const measuredOf = (state: ServiceState, hasQueue: boolean): Measured => ({
    timeMs: state.atMs,
    metrics: metricsOf(state, hasQueue),
    identity: identityOf(state.service),
  })

  function statusNews(event: StatusEvent, nowMs: number): Collected {
    const { service, state, timeMs } = event
    const staged = state === 'TASK_STAGING' || state === 'TASK_STARTING' ? { stagedMs: timeMs } : {}
    const task = { ...event, id: event.task, ...staged }
    const changes = statusOnce(event, taskOf(service, task))
    const told = memory.services.get(service)
    if (told && failures.has(state) && timeMs > (told.failureMs ?? -Infinity)) {
      told.failureMs = timeMs
      memory.touch(service)
    }
    return { changes, tasks: newTask(service, task, nowMs), positions: memory.take() }
  }

  return {
    poll,
    event(event, nowMs) {
      switch (event.kind) {
        case 'status':
          return statusNews(event, nowMs)
        case 'health': {
          const tasks = apps.get(event.service)?.tasks ?? []
          const changes = health.event(event, tasks, nowMs)
          return { changes, positions: memory.take() }
        }
        case 'deployment': {
          const changes = rollouts.event(event, nowMs)
          return { changes, positions: memory.take() }
        }
        default:
          return {}
      }
    },
  }
}

function byService(deployments: readonly MarathonDeployment[]): Map<string, MarathonDeployment[]> {
  const touching = new Map<string, MarathonDeployment[]>()
  for (const deployment of deployments) {
    for (const service of deployment.affected) {
      const others = touching.get(service)
      if (others) others.push(deployment)
      else touching.set(service, [deployment])
    }
  }
  return touching
}

function presentTasks(apps: readonly MarathonApp[]): Set<string> {
  const present = new Set<string>()
  for (const { tasks = [] } of apps) for (const { id } of tasks) present.add(id)
  return present
}
