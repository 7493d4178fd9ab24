/** Each service as Marathon tells it: the value of a record of the compacted topic `services`, keyed by its id. */
export interface ServiceState {
  v: 1
  /** The Marathon app or pod id. */
  service: string
  kind: 'app' | 'pod'
  /** Name of the Marathon collector that tells it. */
  marathon: string
  /** When Marathon answered so, ms. */
  atMs: number
  /** Wanted. */
  instances: number
  staged: number
  running: number
  /** Without health checks all that run. */
  healthy: number
  unhealthy: number
  hasChecks: boolean
  tasks: TaskState[]
  /** Deployments under way that touch it. */
  deployments: { id: string; sinceMs?: number }[]
  /** Set while it waits in the launch queue. */
  queue?: QueueState
  version?: string
  /** When anything but `instances` was changed last, in Marathon's own form. */
  configVersion?: string
  image?: string
  /** Of one instance: cores and MiB. */
  cpus?: number
  mem?: number
  /** Keeps its volumes: stateful. */
  resident: boolean
  /** After how long Marathon replaces a task that is unreachable, ms; absent where it does not tell. */
  replaceUnreachable?: number | 'never'
  owner?: string
  runbook?: string
  retention?: string
  labels: Record<string, string>
  /** Environment variables that start with `autoscale`, lower case; nothing else of the environment is kept. */
  env: Record<string, string>
}

export interface TaskState {
  id: string
  /** `TASK_RUNNING` … as Mesos names them. */
  state: string
  stagedMs?: number
  startedMs?: number
  version?: string
  /** Host name. */
  agent?: string
  /** On its agent, in the order in which the app names them. */
  ports?: number[]
  /** Undefined before the first check, and without checks. */
  healthy?: boolean
}

export interface QueueState {
  /** Instances that wait. */
  count: number
  delaySeconds?: number
  /** The back-off is over and still nothing fits. */
  overdue?: boolean
  /** Resources or constraints that offers lack, the most frequent first: `cpus`, `mem`, `ports` … */
  waitingFor?: string[]
}

/**
 * How fresh all states of one Marathon are: key `marathon:<collector>` of the same topic, written at least every half
 * minute and whenever `trouble` changes.
 */
export interface MarathonState {
  v: 1
  marathon: string
  /** When the last complete reading was begun, ms; undefined before the first. */
  atMs?: number
  /** How often it is read, ms. */
  intervalMs: number
  trouble?: string
  /** `host:port` of the leader, where it is known. */
  leader?: string
  version?: string
}

export const marathonKey = (collector: string) => `marathon:${collector}`
