import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import type { Addresses } from '../../playground/addresses.ts'
import type { ControlClient } from '../../playground/control-client.ts'
import type { LoadSecond } from '../../playground/orders.ts'
import { spawnPlayground } from '../../playground/spawn.ts'
import type { Cluster, Instance } from './cluster.ts'
import { openHistory } from './history.ts'
import { capacity, type Sample } from './reckoning.ts'
import type { Scaler } from './scalers.ts'

export const service = '/shop/web'

/** A playground by itself, with the service that is scaled. */
export interface Site {
  addresses: Addresses
  client: ControlClient
  /** A second has passed: looks what there is. */
  look(): Promise<Sample>
  /** Lets it look at the cluster if it is time; resolves when Marathon has answered what it asked for. */
  turnOf(scaler: Scaler): Promise<void>
  /** Of the requests since then (second since the epoch): how many were made, and how many were in vain. */
  requestsSince(second: number): Promise<{ all: number; lost: number }>
  /** Changes that Marathon refused since then, ms since the epoch. */
  refusedSince(ms: number): Promise<number>
  close(): Promise<void>
}

interface App {
  instances: number
  tasksHealthy: number
  deployments: unknown[]
  tasks: { id: string; state: string; healthCheckResults: { alive: boolean }[] }[]
}

/** CPU that a page costs, ms: little, since the machine has to bear several of these sites. */
const pageCpuMs = 1
/** What an instance can carry is a matter of its share of a core; who asks for more waits and is refused. */
const limits = {
  cpus: (capacity * pageCpuMs) / 1000,
  env: { PAGE_CPU_MS: String(pageCpuMs) },
}

/** Resolves when `instances` of the service are healthy under the usual load. */
export async function openSite(dir: string, load: number, instances: number): Promise<Site> {
  await using stack = new AsyncDisposableStack()
  const playground = await spawnPlayground({ dir, load, batchEveryMs: 3_600_000 })
  stack.defer(() => playground.close())
  const { addresses, client } = playground
  const url = `${addresses.marathons[0]}/v2/apps${service}`
  const headers = { 'content-type': 'application/json' }
  const put = (body: object) => fetch(url, { method: 'PUT', headers, body: JSON.stringify(body) })
  const app = async () => ((await (await fetch(url)).json()) as { app: App }).app
  const isWell = async () => {
    const { tasksHealthy, deployments } = await app()
    return tasksHealthy === instances && deployments.length === 0
  }
  await until(isWell)
  const { ok, status } = await put({ ...limits, instances })
  if (!ok) throw new Error(`Marathon does not take the limits of the bench: ${status}`)
  await until(isWell)

  let asked: Promise<unknown> | undefined
  // A deployment that is under way makes Marathon refuse it, as it does to all.
  const cluster = openLiveCluster((instances) => {
    asked = put({ instances })
  })
  const opened = stack.move()
  return {
    addresses,
    client,
    async look() {
      const [now, { ledger }] = await Promise.all([app(), client.load()])
      return cluster.pass(now, ledger.at(-1))
    },
    async turnOf(scaler) {
      if (cluster.t % scaler.everySeconds === 0) scaler.look(cluster)
      await asked
    },
    async requestsSince(second) {
      const { ledger } = await client.load()
      const since = ledger.filter((one) => one.second >= second)
      const sum = (of: (one: LoadSecond) => number) => since.reduce((all, one) => all + of(one), 0)
      return {
        all: sum(({ sent, dropped }) => sent + dropped),
        lost: sum(({ failed, unanswered, dropped }) => failed + unanswered + dropped),
      }
    },
    async refusedSince(ms) {
      const writes = await client.writes()
      return writes.filter(({ at, status }) => at >= ms && status >= 400).length
    },
    close: () => opened.disposeAsync(),
  }
}

/** Of an app in Marathon, looked at once a second, and the ledger of its visitors: nothing is late, nothing is missing. */
function openLiveCluster(scale: (wanted: number) => void) {
  const history = openHistory()
  /** By task. */
  const readyAt = new Map<string, number>()
  let instances: Instance[] = []
  let wanted = 0
  const ready = () => instances.filter((one) => one.readyAt <= history.t)

  return {
    get t() {
      return history.t
    },
    get wanted() {
      return wanted
    },
    get instances() {
      return instances
    },
    ready,
    isSettled: () => ready().length === wanted,
    scale,
    totalOver: history.totalOver,
    eachOver: (one: Instance, seconds: number) => history.eachOver(one.readyAt, seconds),
    pass(app: App, last: LoadSecond | undefined): Sample {
      const tasks = app.tasks.filter(({ state }) => state !== 'TASK_KILLING')
      const healthy = tasks.filter(isHealthy)
      history.add(last ? last.sent + last.dropped : 0, healthy.length)
      for (const { id } of healthy) if (!readyAt.has(id)) readyAt.set(id, history.t)
      instances = tasks.map((task) => {
        return { id: task.id, readyAt: (isHealthy(task) && readyAt.get(task.id)) || Infinity }
      })
      wanted = app.instances
      return { load: last?.wanted ?? 0, wanted, ready: healthy.length }
    },
  } satisfies Cluster & Record<string, unknown>
}

function isHealthy({ state, healthCheckResults }: App['tasks'][number]): boolean {
  return state === 'TASK_RUNNING' && healthCheckResults.some(({ alive }) => alive)
}

/** Where a collector finds the cluster of a playground. */
export function collectorsOf({ agents, marathons }: Addresses) {
  return {
    docker: agents.map(({ dockerRoot, dockerSocket }) => ({
      root: join(dockerRoot, 'containers'),
      socket: dockerSocket,
    })),
    marathon: [{ urls: marathons }],
  }
}

const patienceMs = 120_000

export async function until(
  done: () => Promise<boolean>,
  otherwise = 'the playground did not come to rest',
): Promise<void> {
  const end = performance.now() + patienceMs
  while (!(await done().catch(() => false))) {
    if (performance.now() > end) throw new Error(otherwise)
    await sleep(100)
  }
}
