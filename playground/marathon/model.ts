import type { Agent, TaskStateName } from '../mesos/model.ts'
import type { App } from './app-schema.ts'
import type { Pod } from './pod-schema.ts'

/**
 * What the playground's Marathon keeps. Names are Marathon's own (`condition`, `goal`, `runSpec`), so that its
 * documents explain them. Versions are ISO times, all others ms since the epoch.
 */

export interface VersionInfo {
  lastScalingAt: string
  lastConfigChangeAt: string
}

/** An app or a pod as the scheduler sees it; `definition` is what a client sees and changes. */
export type RunSpec = SpecBase &
  ({ kind: 'app'; definition: App } | { kind: 'pod'; definition: Pod })

export interface SpecBase {
  id: string
  version: string
  versionInfo: VersionInfo
  instances: number
  role: string
  containers: ContainerSpec[]
  /** What a pod's executor takes for itself. */
  executorResources: SpecResources
  backoff: { seconds: number; factor: number; maxSeconds: number }
  upgrade: { minimumHealthCapacity: number; maximumOverCapacity: number }
  killSelection: 'YOUNGEST_FIRST' | 'OLDEST_FIRST'
  unreachable: 'disabled' | { inactiveAfterSeconds: number; expungeAfterSeconds: number }
  /** `[field, operator, value?]` each. */
  constraints: string[][]
  dependencies: string[]
  labels: Record<string, string>
  /** Those that Marathon itself makes, over HTTP or TCP. */
  healthChecks: SpecHealthCheck[]
  /** Mesos makes health checks of it and tells the result in its statuses. */
  mesosChecked: boolean
  /** Paths of persistent volumes: such an app is resident. */
  volumes: string[]
}

export interface SpecResources {
  /** Cores, MiB, MiB. */
  cpus: number
  mem: number
  disk: number
}

export interface ContainerSpec {
  /** Undefined for the one of an app. */
  name?: string
  /** A file of `services/`. */
  program: string
  /** Undefined: it runs in Mesos' own containerizer. */
  image?: string
  resources: SpecResources
  ports: number
  env: Record<string, string>
  labels: Record<string, string>
  killGraceMs: number
}

export interface SpecHealthCheck {
  protocol: 'HTTP' | 'HTTPS' | 'TCP'
  path: string
  portIndex: number
  /** A fixed port instead. */
  port?: number
  gracePeriodSeconds: number
  intervalSeconds: number
  timeoutSeconds: number
  maxConsecutiveFailures: number
  ignoreHttp1xx: boolean
}

export type Condition =
  | 'Scheduled'
  | 'Provisioned'
  | 'Staging'
  | 'Starting'
  | 'Running'
  | 'Killing'
  | 'Killed'
  | 'Finished'
  | 'Failed'
  | 'Error'
  | 'Gone'
  | 'Dropped'
  | 'Unknown'
  | 'Unreachable'
  | 'UnreachableInactive'

/** Decommissioned ones go away once they are over; stopped ones keep their volume and wait to be used again. */
export type Goal = 'Running' | 'Stopped' | 'Decommissioned'

export interface Instance {
  /** `shop_web.instance-<uuid>` */
  id: string
  spec: RunSpec
  goal: Goal
  condition: Condition
  /** When the condition last changed. */
  since: number
  /** Undefined where nothing is checked, or not yet. */
  healthy: boolean | undefined
  /** Counts its launches, from 1; 0 before the first. */
  incarnation: number
  scheduledAt: number
  agent: Agent | undefined
  tasks: InstanceTask[]
  volumes: LocalVolume[]
  killedAt: number | undefined
}

export interface InstanceTask {
  /** The Mesos task id. */
  id: string
  /** Of a pod. */
  container?: string
  condition: Condition
  /** Undefined before Mesos' first word. */
  mesosState: TaskStateName | undefined
  /** Since when it has `condition`. */
  since: number
  stagedAt: number
  startedAt: number | undefined
  ports: number[]
  healthy: boolean | undefined
  message: string
}

export interface LocalVolume {
  containerPath: string
  uuid: string
  /** `<safe id>#<path>#<uuid>` */
  persistenceId: string
}

/** All apps and pods at one time, by id. */
export interface Root {
  version: string
  specs: ReadonlyMap<string, RunSpec>
}

export const actionNames = [
  'StartApplication',
  'StopApplication',
  'ScaleApplication',
  'RestartApplication',
] as const
export type ActionName = (typeof actionNames)[number]

export interface Action {
  name: ActionName
  spec: RunSpec
  /** Instances that have to be among the killed ones of a scale-down. */
  toKill: string[]
}

export interface Plan {
  id: string
  version: string
  original: Root
  target: Root
  /** The actions of one step run side by side. */
  steps: Action[][]
}

export interface Deployment {
  plan: Plan
  /** From 1; 0 before the first step. */
  step: number
  running: ActionRun[]
}

/** An action under way. */
export interface ActionRun {
  action: Action
  /** Does what can be done now; true once it is over. */
  advance(): boolean
}

/** The last task of an app that failed. */
export interface TaskFailure {
  appId: string
  host: string
  message: string
  state: string
  taskId: string
  at: number
  version: string
  slaveId: string | undefined
}

const active: ReadonlySet<Condition> = new Set([
  'Provisioned',
  'Staging',
  'Starting',
  'Running',
  'Killing',
  'Unreachable',
])

const over: ReadonlySet<Condition> = new Set([
  'Killed',
  'Finished',
  'Failed',
  'Error',
  'Gone',
  'Dropped',
  'Unknown',
])

export function isActive({ condition }: { condition: Condition }): boolean {
  return active.has(condition)
}

export function isTerminal({ condition }: { condition: Condition }): boolean {
  return over.has(condition)
}

/** It waits for an offer: never launched, or to be launched again. */
export function isScheduled(instance: Instance): boolean {
  return instance.goal === 'Running' && (instance.condition === 'Scheduled' || isTerminal(instance))
}

export function isChecked({ healthChecks, mesosChecked }: RunSpec): boolean {
  return mesosChecked || healthChecks.length > 0
}

/** As far as a deployment cares: it runs, and is healthy where that is checked. */
export function isReady(instance: Instance): boolean {
  if (instance.condition !== 'Running') return false
  return !isChecked(instance.spec) || instance.healthy === true
}

export function iso(ms: number): string {
  return new Date(ms).toISOString()
}
