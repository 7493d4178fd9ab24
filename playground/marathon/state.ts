import type { Clock } from '../../pipeline/clock.ts'
import type { Logger } from '../../pipeline/log.ts'
import type { Framework, MesosCluster } from '../mesos/model.ts'
import type { EventBus } from './event-bus.ts'
import type { HealthChecker } from './health.ts'
import type { Deployment, Instance, Root, RunSpec, TaskFailure } from './model.ts'
import type { Delay } from './back-off.ts'
import type { OfferStatistics } from './offer-statistics.ts'

/** The flags of Marathon's command line that matter here; durations in ms. */
export interface MarathonFlags {
  /** `--max_running_deployments` */
  maxRunningDeployments: number
  /** `--local_port_min`, `--local_port_max`: service ports. */
  servicePorts: readonly [number, number]
  /** `--max_instances_per_offer` */
  maxInstancesPerOffer: number
  /** How often Mesos makes its offers to who waits for them. */
  offerEveryMs: number
  /** `--reconciliation_interval`: how often Mesos is asked about every task, which is when lost ones become inactive. */
  reconcileEveryMs: number
  /** `--scale_apps_interval`: how often counts are compared without a cause. */
  scaleEveryMs: number
  /** `--task_launch_timeout`: a task that does not run after this is killed. */
  launchTimeoutMs: number
}

/** Marathon's own would be 10 and 5 minutes for the two last; nobody waits for that in a demo. */
export const defaultFlags: MarathonFlags = {
  maxRunningDeployments: 100,
  servicePorts: [10_000, 20_000],
  maxInstancesPerOffer: 5,
  offerEveryMs: 1000,
  reconcileEveryMs: 10_000,
  scaleEveryMs: 30_000,
  launchTimeoutMs: 300_000,
}

/** What survives a change of the leader, and what a leader knows beside it. One thread, one writer: the leader. */
export interface State {
  readonly cluster: MesosCluster
  readonly clock: Clock
  readonly log: Logger
  readonly flags: MarathonFlags
  readonly framework: Framework
  readonly events: EventBus
  readonly checker: HealthChecker
  root: Root
  /** Of every app and pod, oldest first; those that were deleted have none. */
  readonly versions: Map<string, RunSpec[]>
  readonly instances: Map<string, Instance>
  /** In the order of their start. */
  readonly deployments: Map<string, Deployment>
  /** By id and last change of the config. */
  readonly delays: Map<string, Delay>
  /** Of apps that wait for offers. */
  readonly offers: Map<string, OfferStatistics>
  readonly failures: Map<string, TaskFailure>
  /** Apps whose count has to be compared with what is wanted. */
  readonly toScale: Set<string>
  /** Counted for `/metrics`. */
  readonly counts: MarathonCounts
  /** What clients asked to be changed, the last thousand, oldest first. */
  readonly writes: WriteRequest[]
}

/** A request that is more than a question, and what became of it. */
export interface WriteRequest {
  /** ms since the epoch. */
  at: number
  method: string
  /** Decoded, without its query. */
  path: string
  force: boolean
  /** Cut after a thousand characters. */
  body: string
  status: number
}

export interface MarathonCounts {
  deployments: number
  deploymentsDismissed: number
  deploymentsForced: number
  tasksLaunched: number
  offersProcessed: number
}

export function instancesOf(state: State, specId: string): Instance[] {
  return [...state.instances.values()].filter(({ spec }) => spec.id === specId)
}

/** An app or pod is locked while a deployment is about it. */
export function deploymentsOf(state: State, specId: string): Deployment[] {
  return [...state.deployments.values()].filter(({ plan }) =>
    plan.steps.some((step) => step.some(({ spec }) => spec.id === specId)),
  )
}
