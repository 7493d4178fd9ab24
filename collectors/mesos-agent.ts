import { explain } from '../pipeline/errors.ts'
import type { Clock } from '../pipeline/clock.ts'
import type { HttpClient } from '../pipeline/http.ts'
import type { Logger } from '../pipeline/log.ts'
import { mesosMetric } from '../pipeline/metric-names.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { openReadings } from './container-metrics.ts'
import { openExecutors } from './mesos-executors.ts'
import { containerIdentity, withContainer } from './mesos-identity.ts'
import { openMesosApi, type Answer } from './mesos-ask.ts'
import { readMetrics } from './mesos-metrics.ts'
import { readAgentState } from './mesos-state.ts'
import { readContainers, readingOf, type MesosContainer } from './mesos-statistics.ts'
import { openMisunderstood } from './misunderstood.ts'
import { openPoller } from './poller.ts'
import { merge } from './pump.ts'
import { openSampler, type Measured } from './sampler.ts'
import type { Collected, Collector, Sink } from './sink.ts'

export interface MesosAgentOptions {
  /** Part of the keys of its positions: must not change between starts. */
  name: string
  /** Where it listens, as a part of the name of its samples: `10.0.0.5:5051`. */
  place: string
  /** Closed with the collector. */
  client: HttpClient
  /** How often it is measured, ms. */
  intervalMs: number
  cluster?: string | undefined
  /** Its host name, where it is known before it was asked. */
  hostname?: string | undefined
  /** False where somebody else tells its tasks, as the collector of the master does. */
  tellTasks: boolean
  /** Mesos containers that are measured by way of Docker in this process: left out here. */
  measured: { has(container: string): boolean }
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
}

/** Identities change with tasks; a container that is not known yet is asked for at once. */
const stateMs = { alone: 15_000, beside: 60_000 }
const soonestStateMs = 1_000
/** An agent that recovers its containers after a start answers 503 for so long without being in trouble. */
const recoveryMs = 60_000

const paths = {
  containers: ['/containers', '/monitor/statistics', '/monitor/statistics.json'],
  state: ['/state', '/state.json'],
  // A gauge that hangs would otherwise hold up the whole answer.
  metrics: ['/metrics/snapshot?timeout=5secs'],
}
type What = keyof typeof paths

/**
 * Measures the containers of one Mesos agent, and the agent itself. Two requests an interval, at most two a second, which is
 * what agents grant; `/state` every quarter of a minute, beside a master, whose agents are many, every minute. Never
 * fails because the agent is away: that is told by `trouble()`, and tried again.
 */
export function openMesosAgentCollector(options: MesosAgentOptions): Promise<Collector> {
  const { name, place, client, cluster, measured, sink, clock, metrics, log } = options
  const api = openMesosApi(client, `the Mesos agent at ${place}`)
  const sampler = openSampler({ source: `${name}:${place}`, sink, clock })
  const misunderstood = openMisunderstood({ name, cluster, clock, metrics, log })
  const readings = openReadings()
  const executors = openExecutors({ cluster })
  const troubles = new Map<What, string>()
  let hostname = options.hostname
  let askedStateMs = -Infinity
  let unknownBefore = new Set<string>()
  let recoveringSinceMs: number | undefined

  /** The answer, or undefined where it refuses, which is told. */
  async function ask(what: What): Promise<unknown> {
    const nowMs = clock.now()
    const answer = await api.get(nowMs, ...paths[what])
    if ('value' in answer) {
      troubles.delete(what)
      if (what === 'state') recoveringSinceMs = undefined
      return answer.value
    }
    if (answer.refused === 503) recoveringSinceMs ??= nowMs
    if (isPassing(answer, nowMs)) troubles.delete(what)
    else troubles.set(what, explain(answer.trouble))
    return undefined
  }

  function isPassing(answer: Answer, nowMs: number): boolean {
    if (!('refused' in answer) || answer.refused !== 503) return false
    return recoveringSinceMs !== undefined && nowMs - recoveringSinceMs < recoveryMs
  }

  async function poll(): Promise<Collected> {
    const batch: Collected = {}
    const [containers, own] = await Promise.all([ask('containers'), ask('metrics')])
    const nowMs = clock.now()
    const listed = containers === undefined ? undefined : readContainers(containers)
    if (listed) merge(batch, { changes: misunderstood.note('containers', listed.problems) })
    const isNew = hasNew(listed?.containers ?? [])
    const sinceMs = nowMs - askedStateMs
    const dueMs = options.tellTasks ? stateMs.alone : stateMs.beside
    if (sinceMs >= dueMs || (isNew && sinceMs >= soonestStateMs)) merge(batch, await readState())
    const samples = [
      ...(listed?.containers ?? []).flatMap((container) => sample(container, nowMs)),
      ...(own === undefined ? [] : ownSample(own, nowMs, batch)),
    ]
    readings.prune(nowMs)
    merge(batch, sampler.take(samples))
    return batch
  }

  /** Whether there is one that is neither known nor was unknown the last time already. */
  function hasNew(containers: readonly MesosContainer[]): boolean {
    const unknown = containers.filter((container) => !executors.find(container)).map(keyOf)
    const isNew = unknown.some((key) => !unknownBefore.has(key))
    unknownBefore = new Set(unknown)
    return isNew
  }

  async function readState(): Promise<Collected> {
    askedStateMs = clock.now()
    const answer = await ask('state')
    if (answer === undefined) return {}
    const state = readAgentState(answer)
    hostname = state.hostname ?? hostname
    const told = executors.update(state, hostname)
    const tasks = options.tellTasks ? told.tasks : []
    return {
      changes: misunderstood.note('state', state.problems),
      tasks,
      identities: [...told.containers, ...withContainer(tasks)],
    }
  }

  function sample(container: MesosContainer, nowMs: number): Measured[] {
    const { usage, framework } = container
    const known = executors.find(container)
    // Agents before 1.0 tell the container in their state alone.
    const id = container.container ?? known?.container
    // Of a failed measurement there is nothing to tell; nested containers are a part of the one around them.
    if (!usage || container.parent !== undefined || (id && measured.has(id))) return []
    const reading = readingOf(usage, BigInt(nowMs) * 1_000_000n)
    const values = readings.measure(keyOf(container), reading, nowMs)
    const around = { cluster, agent: hostname, framework: executors.framework(framework) }
    const identity = containerIdentity(
      withoutUndefined({ ...container, container: id }),
      known,
      around,
    )
    return [{ timeMs: Number(reading.timeNs / 1_000_000n), metrics: values, identity }]
  }

  function ownSample(answer: unknown, nowMs: number, batch: Collected): Measured[] {
    const read = readMetrics(answer)
    merge(batch, { changes: misunderstood.note('metrics', read.problems) })
    const named = Object.entries(read.metrics).map(([key, value]) => [mesosMetric(key), value])
    const identity = { ...(cluster ? { cluster } : {}), ...(hostname ? { agent: hostname } : {}) }
    return [{ timeMs: nowMs, metrics: Object.fromEntries(named), identity }]
  }

  const { intervalMs, tellTasks } = options
  const asked = tellTasks ? name : `${name}:agents`
  const poller = openPoller({ name: asked, intervalMs, clock, sink, metrics, log, poll })
  return Promise.resolve({
    name,
    through: poller.through,
    trouble: () => poller.trouble() ?? troubles.values().next().value,
    async close() {
      const closed = poller.close()
      client.close()
      await closed
    },
  })
}

/** `/monitor/statistics` does not tell the container. */
function keyOf({ framework, executor, container }: MesosContainer): string {
  return JSON.stringify([framework, executor, container])
}
