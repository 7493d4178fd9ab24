/**
 * The Mesos of the playground as the rest of it sees it: the cluster core (`cluster.ts`) keeps it, frameworks (Marathon,
 * the batch scheduler) launch and kill tasks through it, and the HTTP faces (master, agents, Docker) show it.
 * Tasks are real processes. All times are ms since the epoch.
 */

export const taskStates = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_UNREACHABLE',
  'TASK_GONE',
] as const
export type TaskStateName = (typeof taskStates)[number]

export const terminalStates: ReadonlySet<TaskStateName> = new Set([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_GONE',
])

export interface Resources {
  /** Cores, MiB, MiB. */
  cpus: number
  mem: number
  disk: number
}

export interface Agent {
  /** `<master id>-S0` */
  id: string
  /** `agent-1.playground` */
  hostname: string
  /** Where its API listens, on 127.0.0.1; it is in its `pid`: `slave(1)@127.0.0.1:<port>`. */
  port: number
  attributes: Record<string, string | number>
  total: Resources
  /** First and last port that tasks can have, inclusive. */
  ports: [number, number]
  registeredAt: number
  reregisteredAt?: number
  /** False: it is unreachable (its process was "taken away" by a fault). */
  active: boolean
  /** Root of its Docker daemon, laid out as `/var/lib/docker` (`containers/` below it), and that daemon's socket. */
  dockerRoot: string
  dockerSocket: string
  /** `<work_dir>`: sandboxes are below, as API.md §5.4 tells. */
  workDir: string
}

export interface Framework {
  /** `<master id>-0000` */
  id: string
  name: string
  hostname: string
  webuiUrl: string
  principal: string
  role: string
  registeredAt: number
  active: boolean
}

export interface TaskStatus {
  state: TaskStateName
  at: number
  /** `SOURCE_EXECUTOR`, `SOURCE_AGENT`, `SOURCE_MASTER`. */
  source: string
  /** `REASON_CONTAINER_LIMITATION_MEMORY`, `REASON_COMMAND_EXECUTOR_FAILED` … */
  reason?: string
  message?: string
  /** Set by Mesos health checks. */
  healthy?: boolean
}

/** What a framework asks to be run. */
export interface TaskSpec {
  /** The Mesos task id. */
  id: string
  /** The Mesos task name (Marathon writes `/shop/web` as `web.shop`). */
  name: string
  framework: Framework
  resources: Resources
  /** How many ports of the agent it gets; they are in `PORT0` … of its environment. */
  ports: number
  /** A file of `services/`, without its extension. */
  program: string
  /** Beyond what Mesos adds itself (`MESOS_TASK_ID`, `MESOS_CONTAINER_NAME`, `MESOS_SANDBOX`, `HOST`, `PORT*`). */
  env: Record<string, string>
  labels: { key: string; value: string }[]
  /** Mesos' labels under `discovery`. */
  discovery?: { name: string; labels?: { key: string; value: string }[] }
  container:
    | { type: 'DOCKER'; image: string; labels: Record<string, string> }
    /** Mesos' own containerizer: a sandbox with `stdout` and `stderr`, no Docker. */
    | { type: 'MESOS' }
  /** Tasks of one executor are a pod: same id, same agent. Absent: a command task, its executor has the task's id. */
  executorId?: string
  /** Keeps a persistent volume. */
  resident?: boolean
}

export interface Task {
  spec: TaskSpec
  agent: Agent
  executorId: string
  /** Mesos' container id, a UUID; nested containers of a pod have a parent. */
  containerId: string
  parentContainerId?: string
  /** Docker's id (64 hex) and name (`mesos-<containerId>`), for `DOCKER` ones, once it was created. */
  docker?: { id: string; name: string }
  ports: number[]
  pid?: number
  sandbox: string
  /** Ascending by time; none yet while it is staging, of which no executor tells. */
  statuses: TaskStatus[]
  state: TaskStateName
  /** Last measurement of its process by the OS; undefined before the first, or where the OS does not tell. */
  usage: Usage | undefined
  exit?: { code: number; signal?: string; oomKilled: boolean }
}

export interface Usage {
  at: number
  /** Seconds of CPU since its start. */
  userSeconds: number
  systemSeconds: number
  /** Bytes. */
  rss: number
  threads: number
}

/** What an agent has left. */
export interface Offer extends Resources {
  id: string
  agent: Agent
  ports: number
}

export type MesosEvent =
  | { type: 'TASK_ADDED'; task: Task }
  | { type: 'TASK_UPDATED'; task: Task; status: TaskStatus }
  | { type: 'AGENT_ADDED' | 'AGENT_REMOVED'; agent: Agent }
  | { type: 'FRAMEWORK_ADDED' | 'FRAMEWORK_UPDATED' | 'FRAMEWORK_REMOVED'; framework: Framework }

export interface MesosCluster {
  /** UUID of the leading master. */
  masterId: string
  name: string
  version: '1.11.0'
  startedAt: number
  electedAt: number
  agents(): Agent[]
  frameworks(): Framework[]
  /** Running and staging, and the last 1000 ended ones of each framework, oldest first. */
  tasks(): Task[]
  task(id: string): Task | undefined
  /** Of active agents; empty for all while offers are made scarce. */
  offers(): Offer[]
  /** Why nothing is offered although agents have room, while that is so. */
  scarce(): boolean
  registerFramework(framework: Omit<Framework, 'id' | 'registeredAt' | 'active'>): Framework
  /**
   * Runs the tasks (several: a pod) on the offer's agent; they are `TASK_STAGING` when it returns. Throws a Trouble
   * where the agent has not got the resources (any more).
   */
  launch(offer: Offer, specs: TaskSpec[]): Task[]
  /** SIGTERM, then SIGKILL after the grace; the task becomes `TASK_KILLING`, then `TASK_KILLED`. */
  kill(id: string, graceMs?: number): void
  /** Told in order, before the faces show it. Returns what ends it. */
  onEvent(listener: (event: MesosEvent) => void): () => void
  /** Ends every process. */
  close(): Promise<void>
}
