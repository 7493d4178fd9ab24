import type { Clock } from '../../pipeline/clock.ts'
import { explain } from '../../pipeline/errors.ts'
import type { Logger } from '../../pipeline/log.ts'
import type { MesosCluster, MesosEvent } from '../mesos/model.ts'
import { advanceDeployments, restartDeployments } from './deployments.ts'
import { watchEndpoints, type EndpointListener } from './endpoints.ts'
import { openEventBus } from './event-bus.ts'
import { events } from './events.ts'
import { openHealthChecker } from './health.ts'
import { killAgain } from './instances.ts'
import { mayLaunch, processOffers, waiting } from './launch-queue.ts'
import { iso } from './model.ts'
import { probeTask, type Probe } from './probe.ts'
import { checkScales } from './scale-check.ts'
import { killOverdue } from './launch-timeout.ts'
import { defaultFlags, type MarathonFlags, type State } from './state.ts'
import { takeStatus } from './statuses.ts'
import { giveUpLost } from './unreachable.ts'

export interface CoreOptions {
  cluster: MesosCluster
  clock: Clock
  log: Logger
  flags?: Partial<MarathonFlags>
  /** How tasks are asked for their health; over HTTP and TCP unless set. */
  probe?: Probe
  /** Numbers in [0, 1), for events that go astray. */
  random?: () => number
  /** Of the leader: `http://127.0.0.1:8080`. */
  webuiUrl?: string
}

/** The scheduler: it does something when it is told to look (`tick`), and whenever Mesos or a client tells it something. */
export interface Core {
  state: State
  /** Looks what is due by the clock. */
  tick(): void
  /** Something was changed: looks as soon as the caller is done. */
  kick(): void
  /** Nobody leads: nothing is done, what Mesos tells waits. */
  pause(): void
  /** Another one leads: deployments begin anew, health is found anew. */
  resume(): void
  onEndpoints(app: string, listener: EndpointListener): () => void
  close(): void
}

/** Registers the framework `marathon` and takes over. */
export function openCore(options: CoreOptions): Core {
  const state = newState(options, kick)
  const inbox: MesosEvent[] = []
  const endpoints = watchEndpoints(state)
  const unsubscribe = options.cluster.onEvent((event) => {
    inbox.push(event)
    kick()
  })
  let paused = false
  let busy = false
  let kicked = false
  const due = { offers: 0, reconcile: 0, scale: 0 }

  function kick(): void {
    if (kicked) return
    kicked = true
    queueMicrotask(() => {
      kicked = false
      attempt(state.log, tick)
    })
  }

  /** What is done may make more possible, and Mesos may tell of it at once: until nothing changes. */
  function tick(): void {
    if (paused || busy) return
    busy = true
    try {
      do {
        takeInbox()
        work()
      } while (inbox.length > 0)
      endpoints.tell()
    } finally {
      busy = false
    }
  }

  function takeInbox(): void {
    for (const event of inbox.splice(0)) {
      const ours =
        event.type === 'TASK_UPDATED' && event.task.spec.framework.id === state.framework.id
      if (ours) takeStatus(state, event.task, event.status)
    }
  }

  function work(): void {
    const now = state.clock.now()
    if (isDue('reconcile', state.flags.reconcileEveryMs)) giveUpLost(state)
    if (isDue('scale', state.flags.scaleEveryMs)) {
      for (const id of state.root.specs.keys()) state.toScale.add(id)
    }
    checkScales(state)
    advanceDeployments(state)
    if (hasNewDemand() || isDue('offers', state.flags.offerEveryMs)) {
      due.offers = now + state.flags.offerEveryMs
      processOffers(state)
    }
    state.checker.probeDue(state)
    killAgain(state)
    killOverdue(state)
  }

  function isDue(what: keyof typeof due, everyMs: number): boolean {
    const now = state.clock.now()
    if (due[what] > now) return false
    due[what] = now + everyMs
    return true
  }

  /** Mesos is asked for offers when there is something to launch that was not there the last time. */
  let demand = new Set<string>()
  function hasNewDemand(): boolean {
    const ready = [...waiting(state).values()].flat().filter((one) => mayLaunch(state, one))
    const before = demand
    demand = new Set(ready.map(({ id }) => id))
    return ready.some(({ id }) => !before.has(id))
  }

  function resume(): void {
    state.checker.forgetAll()
    restartDeployments(state)
    const { masterId } = state.cluster
    state.events.publish(events.schedulerReregistered(state.clock.now(), masterId))
    paused = false
    tick()
  }

  return {
    state,
    tick,
    kick,
    pause: () => void (paused = true),
    resume,
    onEndpoints: endpoints.watch,
    close() {
      paused = true
      unsubscribe()
    },
  }
}

/** Our own mistake in one round must not end the process, nor the rounds after it. */
export function attempt(log: Logger, work: () => void): void {
  try {
    work()
  } catch (error) {
    log.error({ error }, `Marathon of the playground failed: ${explain(error)}`)
  }
}

function newState(options: CoreOptions, changed: () => void): State {
  const { cluster, clock, log } = options
  const framework = cluster.registerFramework({
    name: 'marathon',
    hostname: 'marathon.playground',
    webuiUrl: options.webuiUrl ?? '',
    principal: 'marathon',
    role: '*',
  })
  return {
    cluster,
    clock,
    log,
    flags: { ...defaultFlags, ...options.flags },
    framework,
    events: openEventBus(options.random ?? Math.random),
    checker: openHealthChecker(options.probe ?? probeTask, changed),
    root: { version: iso(clock.now()), specs: new Map() },
    versions: new Map(),
    instances: new Map(),
    deployments: new Map(),
    delays: new Map(),
    offers: new Map(),
    failures: new Map(),
    toScale: new Set(),
    counts: {
      deployments: 0,
      deploymentsDismissed: 0,
      deploymentsForced: 0,
      tasksLaunched: 0,
      offersProcessed: 0,
    },
    writes: [],
  }
}
