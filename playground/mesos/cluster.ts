import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { pause, type Clock } from '../../pipeline/clock.ts'
import { explain, Trouble } from '../../pipeline/errors.ts'
import type { Logger } from '../../pipeline/log.ts'
import { seededChance } from '../chance.ts'
import type { Rotation } from '../docker-config.ts'
import type { DockerModel } from '../docker/model.ts'
import type { Order, Ready } from '../orders.ts'
import type { Programs } from '../programs.ts'
import { noSuchProgram, type Told } from './ending.ts'
import { openHistory } from './history.ts'
import { agentPlans, openHost, type AgentPlan, type Host } from './hosts.ts'
import { liveTask, type Life } from './life.ts'
import { openMeter, type Meter } from './measure.ts'
import type { Framework, MesosCluster, MesosEvent, Offer, Task, TaskSpec } from './model.ts'
import { openPod } from './pod.ts'
import { openReach } from './reach.ts'
import { sandboxPath } from './sandbox.ts'
import { watchUsage } from './watch-usage.ts'
import { startWorkload } from './workload.ts'

/** The cluster with what the playground itself can do to it. */
export interface Cluster extends MesosCluster {
  /** The Docker daemon of an agent. */
  docker(agentId: string): DockerModel
  /** Tells the process of a task something; nothing happens if it has none. */
  send(taskId: string, order: Order): Promise<void>
  /** SIGKILL, which no framework asked for. */
  crash(taskId: string): void
  /** Nothing is offered while it is so. */
  setScarce(scarce: boolean): void
  /** Another master leads; undefined: none does, and nothing is offered. */
  elect(masterId: string | undefined): void
  /**
   * False: the master has lost the agent, whose tasks become `TASK_UNREACHABLE`. True: it is back, and what happened to its
   * tasks meanwhile is told.
   */
  setReachable(agentId: string, reachable: boolean): void
  /** Told when a task's process says that it works. */
  onReady(listener: (task: Task, ready: Ready) => void): void
}

export interface ClusterOptions {
  /** Everything is written below it. */
  dir: string
  programs: Programs
  clock: Clock
  log: Logger
  /** Fixes what happens by chance, and is in the environment of all processes as `PLAYGROUND_SEED`. */
  seed?: string
  agents?: readonly AgentPlan[]
  /** Pulling and fetching takes between these, ms. */
  stagingMs?: [number, number]
  /** Sandboxes and Docker folders of ended tasks are kept that long, ms. */
  keepEndedMs?: number
  /** Of logs; enough to keep a burst (4 MB) until it was read. */
  rotation?: Rotation
}

const keptEnded = 1000
const stopWithinMs = 2000
const defaultGraceMs = 3000

/** Opens it with all agents registered and nothing running. Throws what the disk throws. */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  return startCluster(options, await openMeter())
}

function startCluster(options: ClusterOptions, meter: Meter): Cluster {
  const { clock, log, seed = randomUUID(), stagingMs = [200, 800] } = options
  const { agents: plans = agentPlans, keepEndedMs = 120_000 } = options
  const { rotation = { maxSize: 1_000_000, maxFile: 6 } } = options
  const dir = resolve(options.dir)
  mkdirSync(dir, { recursive: true })
  const chance = seededChance(seed)
  const firstMaster: string = randomUUID()
  const master = { id: firstMaster, leads: true, electedAt: clock.now() }
  const hosts = plans.map((plan, index) =>
    openHost(plan, { dir, masterId: firstMaster, index, rotation, chance, clock, log }),
  )
  const frameworks: Framework[] = []
  const history = openHistory(keptEnded)
  const lives = new Map<Task, Life>()
  const listeners = new Set<(event: MesosEvent) => void>()
  const readyListeners = new Set<(task: Task, ready: Ready) => void>()
  const closing = new AbortController()
  setMaxListeners(0, closing.signal)
  let scarce = false
  let offersMade = 0
  let started = 0
  let launched = 0

  function emit(event: MesosEvent): void {
    for (const listener of listeners) attempt(() => listener(event))
  }

  /** One listener's mistake must not keep the others from hearing. */
  function attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      log.error({ error }, `a listener of the playground's cluster failed: ${explain(error)}`)
    }
  }

  const reach = openReach({ clock, emit })

  function hostOf(agentId: string): Host {
    const host = hosts.find(({ agent }) => agent.id === agentId)
    if (!host) throw new Trouble(`there is no agent ${agentId}`)
    return host
  }

  function offers(): Offer[] {
    if (scarce || !master.leads) return []
    return hosts
      .filter(({ agent }) => agent.active)
      .map(({ agent, ledger }) => ({
        id: `${master.id}-O${offersMade++}`,
        agent,
        ...ledger.left(),
      }))
  }

  function launch({ agent }: Offer, specs: TaskSpec[]): Task[] {
    if (closing.signal.aborted) throw new Trouble('the cluster is closing')
    if (!agent.active) throw new Trouble(`${agent.hostname} is unreachable`, { retryable: true })
    for (const spec of specs) checkId(spec)
    const host = hostOf(agent.id)
    const taken = host.ledger.take(specs)
    const pod = openPod({ host, specs, rotation, clock, log })
    const tasks = specs.map((spec, index) => newTask(host, spec, taken.ports[index] ?? [], pod?.id))
    for (const task of tasks) {
      history.add(task)
      emit({ type: 'TASK_ADDED', task })
    }
    const staging = between(stagingMs)
    const group = tasks.map((task, index) => {
      const life = begin(task, host, staging)
      lives.set(task, life)
      void life.over.then(() => taken.release(index))
      return life
    })
    pod?.watch(group)
    const forgotten = group.map(forget)
    void Promise.all(forgotten).then(() => {
      if (!closing.signal.aborted) void pod?.remove()
    })
    return tasks
  }

  function begin(task: Task, host: Host, staging: number): Life {
    const argv = options.programs(task.spec.program)
    const privateEnv = [`PLAYGROUND_SEED=${seed}/${launched++}`]
    return liveTask({
      task,
      stagingMs: staging,
      refusal: () => (argv ? undefined : noSuchProgram(task)),
      start: () =>
        startWorkload(task, {
          argv: argv ?? ['', ''],
          privateEnv,
          engine: host.engine,
          rotation,
          clock,
          log,
          onReady: (ready) => {
            for (const listener of readyListeners) attempt(() => listener(task, ready))
          },
        }),
      update: (told) => update(task, told),
    })
  }

  function update(task: Task, told: Told): void {
    reach.update(task, { ...told, at: clock.now() })
    history.updated(task)
  }

  /** Late readers find what it left for a while; what is there when the cluster closes stays. */
  async function forget(life: Life): Promise<void> {
    await life.over
    await pause(keepEndedMs, closing.signal)
    if (closing.signal.aborted) return
    lives.delete(life.task)
    await life.remove()
  }

  function between([from, to]: [number, number]): number {
    return from + chance() * (to - from)
  }

  function registerFramework(
    framework: Omit<Framework, 'id' | 'registeredAt' | 'active'>,
  ): Framework {
    const id = `${master.id}-${String(started++).padStart(4, '0')}`
    const registered = { ...framework, id, registeredAt: clock.now(), active: true }
    frameworks.push(registered)
    emit({ type: 'FRAMEWORK_ADDED', framework: registered })
    return registered
  }

  const lifeOf = (taskId: string) => {
    const task = history.latest(taskId)
    return task && lives.get(task)
  }

  const watching = watchUsage({
    meter,
    lives: () => [...lives.values()],
    clock,
    signal: closing.signal,
  })

  async function close(): Promise<void> {
    closing.abort()
    const left = [...lives.values()]
    for (const life of left) life.kill(stopWithinMs)
    await Promise.all([watching, ...left.map(({ over }) => over)])
    for (const host of hosts) host.close()
  }

  return {
    get masterId() {
      return master.id
    },
    name: 'playground',
    version: '1.11.0',
    startedAt: master.electedAt,
    get electedAt() {
      return master.electedAt
    },
    agents: () => hosts.map(({ agent }) => agent),
    frameworks: () => [...frameworks],
    tasks: history.all,
    task: history.latest,
    offers,
    scarce: () => scarce,
    registerFramework,
    launch,
    kill: (id, graceMs = defaultGraceMs) => lifeOf(id)?.kill(graceMs),
    onEvent(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    docker: (agentId) => hostOf(agentId).engine,
    send: async (id, order) => lifeOf(id)?.send(order),
    crash: (id) => lifeOf(id)?.crash(),
    setScarce: (now) => {
      scarce = now
    },
    elect(masterId) {
      master.leads = masterId !== undefined
      if (masterId === undefined) return
      master.id = masterId
      master.electedAt = clock.now()
    },
    setReachable(agentId, reachable) {
      const { agent } = hostOf(agentId)
      const tasks = history.all().filter((task) => task.agent === agent)
      if (reachable) reach.regained(agent, tasks)
      else reach.lost(agent, tasks)
    },
    onReady: (listener) => void readyListeners.add(listener),
    close,
  }
}

function newTask(
  { agent }: Host,
  spec: TaskSpec,
  ports: number[],
  parentContainerId: string | undefined,
): Task {
  const containerId = randomUUID()
  const executorId = spec.executorId ?? spec.id
  const sandbox = sandboxPath({
    workDir: agent.workDir,
    agentId: agent.id,
    frameworkId: spec.framework.id,
    executorId,
    containerId,
    parentContainerId,
  })
  return {
    spec,
    agent,
    executorId,
    containerId,
    ports,
    sandbox,
    ...(parentContainerId === undefined ? {} : { parentContainerId }),
    statuses: [],
    state: 'TASK_STAGING',
    usage: undefined,
  }
}

/** Ids are names of directories. Mesos refuses the same ones. */
function checkId({ id, executorId = id }: TaskSpec): void {
  for (const name of [id, executorId]) {
    if (!/^\.{0,2}$|[/\0]/.test(name)) continue
    throw new Trouble(`${JSON.stringify(name)} cannot be the id of a task or executor`, {
      remedy: "leave out '/', and do not name it '.' or '..'",
    })
  }
}
