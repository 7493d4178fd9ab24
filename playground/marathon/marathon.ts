import { Trouble } from '../../pipeline/errors.ts'
import type { EventsFault, EventsHook, Face, Leading } from '../misbehave.ts'
import { createApp, findApp, updateApp } from './apps.ts'
import { attempt, openCore, type Core, type CoreOptions } from './core.ts'
import type { EndpointListener } from './endpoints.ts'
import { noEventFaults, type EventFaults } from './event-bus.ts'
import { events } from './events.ts'
import { openFaces, type FacesOptions } from './http/faces.ts'
import { createPod } from './pods.ts'
import { Refusal } from './refusal.ts'
import type { WriteRequest } from './state.ts'

export interface MarathonOptions extends CoreOptions, FacesOptions {
  /** Definitions as they would be posted to `/v2/apps`; `cmd` begins with the name of a program of `services/`. */
  apps?: readonly unknown[]
  /** As for `/v2/pods`; without health checks, which the playground's Mesos does not make. */
  pods?: readonly unknown[]
  /** How often it looks what is due, ms, 200 unless set; 0: only when `tick` is called. */
  tickMs?: number
}

export interface Deployed {
  deploymentId: string
  version: string
}

/** A Marathon of two instances, of which one leads; the other one hands requests on to it. */
export interface Marathon extends Leading, EventsHook {
  core: Core
  /** One of each instance. */
  faces: Face[]
  /** `host:port` of the leading instance; undefined while there is none. */
  leader(): string | undefined
  onEndpoints(app: string, listener: EndpointListener): () => void
  /** A rolling deployment, by a change of the app's environment. Throws a {@link Trouble} where it is refused. */
  deploy(appId: string): Deployed
  /** By percent; what is not named is as it should be. */
  misdeliverEvents(faults: Partial<EventFaults>): void
  /** What clients asked to be changed, the last thousand, oldest first. */
  writes(): readonly WriteRequest[]
  /** How often a client said `force=true`. */
  forcedDeployments(): number
  /** Looks what is due by the clock. */
  tick(): void
  /** Its tasks go on, as with a real Marathon. */
  close(): Promise<void>
}

/** Of a hundred events, of those that `disturbEvents` is about. */
const disturbedPercent = 50

/** Rejects where a port is taken, or with a Refusal where a definition is not valid. */
export async function openMarathon(options: MarathonOptions): Promise<Marathon> {
  const { tickMs = 200, apps = [], pods = [] } = options
  const core = openCore(options)
  const { state } = core
  await using stack = new AsyncDisposableStack()
  stack.defer(core.close)
  const { faces, leadership, close } = await openFaces(core, options)
  stack.defer(close)
  const { framework, cluster, clock } = state
  state.events.publish(events.schedulerRegistered(clock.now(), framework.id, cluster.masterId))
  for (const app of apps) createApp(state, app, false)
  for (const pod of pods) createPod(state, pod, false)
  core.kick()
  if (tickMs > 0) {
    const timer = setInterval(() => attempt(state.log, tick), tickMs)
    stack.defer(() => clearInterval(timer))
  }
  const open = stack.move()

  function tick(): void {
    leadership.tick()
    core.tick()
  }

  return {
    core,
    faces,
    leader: leadership.leader,
    onEndpoints: core.onEndpoints,
    deploy: (appId) => deploy(core, appId),
    loseLeader: leadership.lose,
    disturbEvents: (fault) => state.events.misdeliver(faultsOf(fault)),
    misdeliverEvents: (faults) => state.events.misdeliver({ ...noEventFaults, ...faults }),
    writes: () => state.writes,
    forcedDeployments: () => state.counts.deploymentsForced,
    tick,
    close: () => open.disposeAsync(),
  }
}

function faultsOf(fault: EventsFault | undefined): EventFaults {
  const percent = (what: EventsFault) => (what === fault ? disturbedPercent : 0)
  return {
    dropPercent: percent('drop'),
    doublePercent: percent('double'),
    reorderPercent: percent('reorder'),
  }
}

function deploy(core: Core, appId: string): Deployed {
  const { state } = core
  const app = findApp(state, appId)
  if (!app) {
    const known = [...state.root.specs.keys()].join(', ')
    throw new Trouble(`Marathon has no app ${appId}`, { remedy: `choose one of ${known}` })
  }
  const env = { ...app.definition.env, DEPLOYED_AT: String(state.clock.now()) }
  try {
    const options = { force: false, partial: true, create: false }
    const { id, version } = updateApp(state, appId, { env }, options)
    core.kick()
    return { deploymentId: id, version }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Trouble(`Marathon refuses to deploy ${appId}: ${error.message}`, { retryable: true })
  }
}
