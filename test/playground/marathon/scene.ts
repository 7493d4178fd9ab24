import { setImmediate } from 'node:timers/promises'
import { manualClock } from '../../../pipeline/clock.ts'
import { silentLog } from '../../../pipeline/log.ts'
import { createApp } from '../../../playground/marathon/apps.ts'
import { openCore, type Core } from '../../../playground/marathon/core.ts'
import {
  openMarathon,
  type Marathon,
  type MarathonOptions,
} from '../../../playground/marathon/marathon.ts'
import type { MarathonEvent } from '../../../playground/marathon/events.ts'
import type { Instance } from '../../../playground/marathon/model.ts'
import type { Probe } from '../../../playground/marathon/probe.ts'
import { instancesOf, type MarathonFlags } from '../../../playground/marathon/state.ts'
import type { Task } from '../../../playground/mesos/model.ts'
import { openRandom } from '../../helpers/random.ts'
import { fakeCluster, type FakeCluster, type FakeOptions } from './fake-cluster.ts'

export const startMs = Date.parse('2026-11-25T08:00:00.000Z')

/** Marathon over a cluster without processes, on simulated time. */
export interface Scene {
  core: Core
  cluster: FakeCluster
  clock: ReturnType<typeof manualClock>
  /** All that were published so far. */
  events: MarathonEvent[]
  /** The ids of tasks that answer their health checks with 500. */
  sick: Set<string>
  probe: Probe
  /** Lets time go by in steps of 100 ms; `each` looks after each of them. */
  pass(ms: number, each?: () => void): Promise<void>
  /** Lets time go by until it is so. Rejects where it is not so within five minutes. */
  until(what: string, condition: () => boolean, each?: () => void): Promise<void>
  /** Deploys an app and waits until it is there. */
  deployed(app: Record<string, unknown>): Promise<void>
  instances(app: string): Instance[]
  /** Those that run, in the order of their launch. */
  running(app: string): Task[]
  eventTypes(): string[]
}

export interface SceneOptions extends Omit<FakeOptions, 'clock'> {
  flags?: Partial<MarathonFlags>
  /** From running to healthy. */
  warmUpMs?: number
}

interface Setting {
  clock: Scene['clock']
  cluster: FakeCluster
  sick: Set<string>
  probe: Probe
}

function openSetting(options: SceneOptions): Setting {
  const { warmUpMs = 0 } = options
  const clock = manualClock(startMs)
  const cluster = fakeCluster({ ...options, clock })
  const sick = new Set<string>()
  const probe: Probe = ({ port }) => {
    const task = cluster.tasks().find(({ ports }) => ports.includes(port))
    const runningAt = task?.statuses.find(({ state }) => state === 'TASK_RUNNING')?.at ?? Infinity
    const well = task && !sick.has(task.spec.id) && clock.now() >= runningAt + warmUpMs
    return Promise.resolve(well ? 'healthy' : { cause: '500 Internal Server Error' })
  }
  return { clock, cluster, sick, probe }
}

/** Without its HTTP face. */
export function openScene(options: SceneOptions = {}): Scene {
  const setting = openSetting(options)
  const { cluster, clock, probe } = setting
  const { flags = {} } = options
  const core = openCore({ cluster, clock, log: silentLog, flags, probe, random: openRandom(7) })
  return sceneOf(setting, core, core.tick)
}

export interface ServedScene extends Scene {
  marathon: Marathon
  /** The base URLs of its instances; the first one leads. */
  urls: string[]
  close(): Promise<void>
}

/** With it: real HTTP, simulated time. */
export async function openServedScene(
  options: SceneOptions & Partial<MarathonOptions> = {},
): Promise<ServedScene> {
  const setting = openSetting(options)
  const { cluster, clock, probe } = setting
  const random = openRandom(7)
  const marathon = await openMarathon({
    ...options,
    cluster,
    clock,
    probe,
    random,
    log: silentLog,
    tickMs: 0,
  })
  return {
    ...sceneOf(setting, marathon.core, marathon.tick),
    marathon,
    urls: marathon.faces.map(({ url }) => url),
    close: marathon.close,
  }
}

function sceneOf({ clock, cluster, sick, probe }: Setting, core: Core, tick: () => void): Scene {
  const events: MarathonEvent[] = []
  core.state.events.subscribe((event) => void events.push(event))

  async function look(): Promise<void> {
    cluster.step()
    tick()
    await setImmediate()
  }

  async function pass(ms: number, each: () => void = () => {}): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.set(clock.now() + 100)
      await look()
      each()
    }
  }

  async function until(what: string, condition: () => boolean, each?: () => void): Promise<void> {
    await look()
    for (let passed = 0; !condition(); passed += 100) {
      if (passed > 300_000) throw new Error(`it did not come to ${what}`)
      await pass(100, each)
    }
  }

  return {
    core,
    cluster,
    clock,
    events,
    sick,
    probe,
    pass,
    until,
    async deployed(app) {
      const plan = createApp(core.state, app, false)
      await until('a deployed app', () => !core.state.deployments.has(plan.id))
    },
    instances: (app) => instancesOf(core.state, app),
    running: (app) => cluster.running().filter((task) => task.spec.env['MARATHON_APP_ID'] === app),
    eventTypes: () => events.map(({ eventType }) => eventType),
  }
}

/** An app with a health check every 2 s. */
export const web = {
  id: '/shop/web',
  cmd: 'web',
  instances: 2,
  cpus: 0.25,
  mem: 128,
  labels: { OWNER: 'team-shop' },
  container: { type: 'DOCKER', docker: { image: 'shop/web:2.4.1' } },
  portDefinitions: [{ port: 0, name: 'http' }],
  healthChecks: [
    {
      protocol: 'HTTP',
      path: '/health',
      intervalSeconds: 2,
      gracePeriodSeconds: 10,
      maxConsecutiveFailures: 3,
    },
  ],
}

/** One without a health check. */
export const worker = { id: '/shop/worker', cmd: 'worker', instances: 1, cpus: 0.1, mem: 64 }
