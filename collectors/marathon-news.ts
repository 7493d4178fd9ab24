import type { ChangeDoc } from '../pipeline/event.ts'
import type { Identity, ToldTask } from '../pipeline/identity.ts'
import type { QueueState, ServiceState } from '../pipeline/service-state.ts'
import type { MarathonApp } from './marathon-apps.ts'
import { askedChange, removedChange, versionChange } from './marathon-changes.ts'
import { differencesOf } from './marathon-definition.ts'
import type { MarathonDeployment } from './marathon-deployments.ts'
import type { MarathonEvent, StatusEvent } from './marathon-event.ts'
import { openHealthFlips, taskIn } from './marathon-health.ts'
import {
  openVersions,
  serviceIdentity,
  taskIdentity,
  type TaskOfIdentity,
} from './marathon-identity.ts'
import type { MarathonMemory, ToldDeployment } from './marathon-memory.ts'
import type { PodEnd } from './marathon-pods.ts'
import { openRollouts } from './marathon-rollouts.ts'
import { metricsOf, serviceState } from './marathon-state.ts'
import { openStatuses } from './marathon-statuses.ts'
import { openTasksTold } from './marathon-tasks-told.ts'
import type { PostureTold } from './posture-told.ts'
import type { Measured, Sampler } from './sampler.ts'
import { merge } from './pump.ts'
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
  postures: PostureTold
  stuckAfterMs: number
  /** Mesos' id of this Marathon, once it is known. */
  framework(): string | undefined
}

/** Makes of what Marathon tells, in answers and events, what is new of it. */
export interface MarathonNews {
  poll(reading: Reading): Collected
  event(event: MarathonEvent, nowMs: number): Collected
  /** See `Statuses.unheard`. */
  unheard(nowMs: number): ChangeDoc[]
}

export function openMarathonNews(options: NewsOptions): MarathonNews {
  const { name, cluster, memory, sampler, postures, stuckAfterMs, framework } = options
  const versions = openVersions()
  const tasksTold = openTasksTold()
  const statesTold = new Map<string, string>()
  let apps = new Map<string, MarathonApp>()
  /** Of the poll before. */
  let appsBefore = apps

  const identityOf = (service: string): Identity =>
    versions.current(service) ?? { ...(cluster === undefined ? {} : { cluster }), service }
  const baseOf = (service: string, version: string | undefined): Identity =>
    versions.at(service, version)?.identity ?? identityOf(service)

  function deploymentOf(service: string, task: TaskOfIdentity): string | undefined {
    const told = memory.services.get(service)
    return told?.deployments[task.id] ?? rollouts.startedBy(service, task)
  }

  const taskOf = (service: string, task: TaskOfIdentity): Identity =>
    taskIdentity(baseOf(service, task.version), task, deploymentOf(service, task))

  const rollouts = openRollouts({ memory, stuckAfterMs, identityOf, isDone })
  const health = openHealthFlips({ memory, identityOf: taskOf })
  const statuses = openStatuses({ memory, identityOf: taskOf })

  function isDone(service: string, told: ToldDeployment): boolean {
    const app = apps.get(service)
    if (!app) return told.stopped.includes(service)
    const { version, instances, running, staged = 0, hasChecks, healthy } = app
    const isThere = running === instances && staged === 0
    return version === told.version && isThere && (!hasChecks || healthy === instances)
  }

  /** What changed in the app itself since it was told. */
  function appChanges(app: MarathonApp, reading: Reading): ChangeDoc[] {
    const { id, kind, version, configVersion = version, instances } = app
    const told = memory.service(id)
    const before = appsBefore.get(id)
    // After a start, what changed meanwhile is not known field by field.
    const isWhole = before?.version !== undefined && before.version === told.version
    const differences = () => (isWhole ? differencesOf(before, app) : [])
    const at = { nowMs: reading.atMs, differences }
    const change = versionChange(app, told, identityOf(id), at)
    if (told.pod !== (kind === 'pod')) {
      told.pod = kind === 'pod'
      memory.touch(id)
    }
    if (version !== undefined && (told.version === undefined || change)) {
      Object.assign(told, { version, config: configVersion, instances })
      memory.touch(id)
    }
    return [
      ...(change ? [change] : []),
      ...statuses.failure(app, reading.atMs),
      ...health.poll(app, reading.startMs, reading.atMs),
    ]
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
  function newTask(service: string, task: TaskOfIdentity, nowMs: number): ToldTask[] {
    const of = baseOf(service, task.version)
    const deployment = deploymentOf(service, task)
    const isNew = tasksTold.isNew({ ...task, deployment }, of, nowMs)
    return isNew ? [taskIdentity(of, task, deployment)] : []
  }

  function gone({ hasPods, atMs }: Reading) {
    const missing = [...memory.services].filter(
      ([id, { pod }]) => !apps.has(id) && (hasPods || !pod),
    )
    const changes = missing.map(([id]) => removedChange(id, atMs, identityOf(id)))
    const services = missing.map(([service]) => {
      memory.forget(service)
      versions.forget(service)
      statesTold.delete(service)
      return { service, gone: true } as const
    })
    return { services, changes }
  }

  function changedStates(states: readonly ServiceState[]): ServiceState[] {
    return states.filter((state) => {
      const json = JSON.stringify({ ...state, atMs: 0 })
      if (statesTold.get(state.service) === json) return false
      statesTold.set(state.service, json)
      return true
    })
  }

  function statesOf(all: readonly MarathonApp[], reading: Reading): ServiceState[] {
    const deployments = byService(reading.deployments)
    const { atMs, queue } = reading
    return all.flatMap((app) => {
      const { owner, runbook, retention } = identityOf(app.id)
      const around = { marathon: name, atMs, deployments, queue, owner, runbook, retention }
      return serviceState(app, around) ?? []
    })
  }

  function poll(reading: Reading): Collected {
    const { atMs, startMs, queue } = reading
    appsBefore = apps
    apps = new Map(reading.apps.map((app) => [app.id, app]))
    // Each once, whatever the answer says.
    const all = [...apps.values()]
    for (const app of all) {
      versions.put(app, serviceIdentity(app, { cluster, framework: framework() }))
    }
    const isRead = ({ kind }: MarathonApp) => kind === 'pod' && reading.hasPods
    const endsByPod = Map.groupBy(reading.ends, ({ pod }) => pod)
    const deployments = rollouts.poll(reading.deployments, { ...reading, nowMs: atMs })
    const forgotten = gone(reading)
    for (const app of all) tieTasks(app)
    const states = statesOf(all, reading)
    const changes = all.flatMap((app) => [
      ...appChanges(app, reading),
      ...(isRead(app) ? statuses.ends(app, endsByPod.get(app.id) ?? []) : []),
    ])
    const tasks = all.flatMap((app) =>
      (app.tasks ?? []).flatMap((task) => newTask(app.id, task, atMs)),
    )
    tasksTold.keep(presentTasks(all), startMs)
    const told = all.map((app) => postureOf(app))
    const samples = sampler.take(states.map((state) => measuredOf(state, queue !== undefined)))
    const batch: Collected = {
      tasks,
      services: [...forgotten.services, ...changedStates(states)],
      changes: [...deployments, ...forgotten.changes, ...changes],
      ...samples,
      positions: { ...samples.positions, ...memory.take() },
    }
    const goneToo = forgotten.services.map(({ service }) => postures.gone(service))
    for (const part of [...goneToo, ...told, postures.due()]) merge(batch, part)
    return batch
  }

  /** A definition of which nothing was told, as old Marathons embed it, says nothing. */
  function postureOf({ id, posture }: MarathonApp): Collected {
    return posture ? postures.tell(id, identityOf(id), posture) : {}
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
    const changes = statuses.event(event, task)
    // Of a version that no answer had yet, the next one tells more: whoever waits for an identity gets a whole one.
    const isSure = versions.at(service, event.version)?.sure === true
    const tasks = isSure ? newTask(service, task, nowMs) : []
    return { changes, tasks, positions: memory.take() }
  }

  return {
    poll,
    unheard: statuses.unheard,
    event(event, nowMs) {
      switch (event.kind) {
        case 'status':
          return statusNews(event, nowMs)
        case 'health': {
          const tasks = apps.get(event.service)?.tasks ?? []
          const changes = health.event(event, tasks, nowMs)
          return { changes, positions: memory.take() }
        }
        case 'kill': {
          // Where it names the instance, the task is the one that runs in it.
          const task = taskIn(apps.get(event.service)?.tasks ?? [], event.task)
          const changes = statuses.kill({ ...event, task })
          return { changes, positions: memory.take() }
        }
        case 'asked':
          return { changes: [askedChange(event, identityOf(event.service))] }
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
