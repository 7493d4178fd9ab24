import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Clock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { Logger } from '../../pipeline/log.ts'
import { seededChance } from '../chance.ts'
import type { Rotation } from '../docker-config.ts'
import type { DockerModel } from '../docker/model.ts'
import { openListeners } from '../listeners.ts'
import type { Order, Ready } from '../orders.ts'
import type { Programs } from '../programs.ts'
import { openHistory } from './history.ts'
import { agentPlans, openHost, type AgentPlan, type Host } from './hosts.ts'
import { openLauncher } from './launcher.ts'
import { openMeter, type Meter } from './measure.ts'
import type { Framework, MesosCluster, MesosEvent, Offer, Task, TaskSpec } from './model.ts'
import { openReach } from './reach.ts'
import { watchUsage } from './watch-usage.ts'

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
    openHost(plan, { dir, masterId: master.id, index, rotation, chance, clock, log }),
  )
  const frameworks: Framework[] = []
  const history = openHistory(keptEnded)
  const events = openListeners<MesosEvent>(log)
  const ready = openListeners<{ task: Task; ready: Ready }>(log)
  const reach = openReach({ clock, emit: events.tell })
  const launcher = openLauncher({
    programs: options.programs,
    seed,
    rotation,
    stagingMs,
    keepEndedMs,
    chance,
    clock,
    log,
    update(task, told) {
      reach.update(task, { ...told, at: clock.now() })
      history.updated(task)
    },
    onReady: (task, message) => ready.tell({ task, ready: message }),
  })
  const closing = new AbortController()
  let scarce = false
  let offersMade = 0

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
    const tasks = launcher.launch(hostOf(agent.id), specs)
    for (const task of tasks) {
      history.add(task)
      events.tell({ type: 'TASK_ADDED', task })
    }
    return tasks
  }

  function registerFramework(
    framework: Omit<Framework, 'id' | 'registeredAt' | 'active'>,
  ): Framework {
    const id = `${master.id}-${String(frameworks.length).padStart(4, '0')}`
    const registered = { ...framework, id, registeredAt: clock.now(), active: true }
    frameworks.push(registered)
    events.tell({ type: 'FRAMEWORK_ADDED', framework: registered })
    return registered
  }

  function setReachable(agentId: string, reachable: boolean): void {
    const { agent } = hostOf(agentId)
    const tasks = history.all().filter((task) => task.agent === agent)
    if (!reachable) return reach.lost(agent, tasks)
    reach.regained(agent, tasks)
    for (const task of tasks) history.updated(task)
  }

  const lifeOf = (taskId: string) => {
    const task = history.latest(taskId)
    return task && launcher.life(task)
  }

  const watching = watchUsage({ meter, lives: launcher.lives, clock, signal: closing.signal })

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
    onEvent: events.add,
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
    setReachable,
    onReady: (listener) => void ready.add((told) => listener(told.task, told.ready)),
    async close() {
      closing.abort()
      await Promise.all([watching, launcher.close()])
      for (const host of hosts) host.close()
    },
  }
}
