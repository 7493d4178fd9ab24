import type { Clock } from '../pipeline/clock.ts'
import type { Identity } from '../pipeline/identity.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { openReadings } from './container-metrics.ts'
import type { DockerApi } from './docker-api.ts'
import { limitsOf, readStats } from './docker-stats-shape.ts'
import { containerOfDockerName } from './mesos-task-id.ts'
import { openMisunderstood } from './misunderstood.ts'
import { openPoller, type Poller } from './poller.ts'
import { openSampler, type Measured } from './sampler.ts'
import type { Collected, Sink } from './sink.ts'

/** A container that runs. */
export interface RunningContainer {
  id: string
  identity: Identity
  /** Of its description, once that is known. */
  hostConfig?: unknown
}

export interface DockerStatsOptions {
  /** Of the collector. */
  name: string
  api: Pick<DockerApi, 'stats'>
  /** How often each container is measured, ms. */
  intervalMs: number
  running(): readonly RunningContainer[]
  /** Mesos ids of the containers that are measured here: nobody else needs to. */
  measured: Pick<Set<string>, 'add' | 'delete'>
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
}

/**
 * Measures running containers by asking the daemon. A daemon takes a second for each answer, since it measures all that are
 * asked for once a second, so many are asked at once: 30 containers every 5 s cost it half a percent of a core, where
 * streams, which it fills every second, cost three times as much. Daemons before 20.10 do not know `one-shot` and
 * take two seconds. CPU comes from readings of our own: across a restart of the container the counter falls, and says nothing.
 */
export function openDockerStats(options: DockerStatsOptions): Poller {
  const { name, api, running, measured, sink, clock, metrics, log } = options
  const sampler = openSampler({ source: `${name}:stats`, sink, clock })
  const misunderstood = openMisunderstood({ name, clock, metrics, log })
  const readings = openReadings()
  /** Of containers that could not be measured: how often in a row, and why. */
  const refused = new Map<string, { times: number; why: string }>()
  /** Mesos ids that were registered. */
  let registered = new Set<string>()

  async function poll(_nowMs: number, signal: AbortSignal): Promise<Collected> {
    const containers = running()
    register(containers)
    const changes: Collected['changes'] = []
    const wasRefused = ({ id }: RunningContainer) => Number(refused.has(id))
    const ordered = containers.toSorted((a, b) => wasRefused(a) - wasRefused(b))
    const samples = await inParallel(ordered, async (container) => {
      const answer = await ask(container.id, signal)
      if (answer === undefined) return undefined
      const { reading, problems } = readStats(answer)
      changes.push(...misunderstood.note('stats', problems))
      return reading && sample(container, reading)
    })
    const ids = new Set(containers.map(({ id }) => id))
    for (const id of refused.keys()) if (!ids.has(id)) refused.delete(id)
    readings.prune(clock.now())
    return { changes, ...sampler.take(samples.filter((one) => one !== undefined)) }
  }

  async function ask(id: string, signal: AbortSignal): Promise<unknown> {
    try {
      const answer = await api.stats(id, signal)
      refused.delete(id)
      return answer
    } catch (error) {
      refused.set(id, { times: (refused.get(id)?.times ?? 0) + 1, why: explain(error) })
      throw error
    }
  }

  /** One that has just ended may be refused once. */
  function refusal(): string | undefined {
    const all = [...refused.values()].filter(({ times }) => times > 1)
    const more = all.length > 1 ? ` (and ${all.length - 1} more containers)` : ''
    return all[0] && `${all[0].why}${more}`
  }

  function sample(
    { id, identity, hostConfig }: RunningContainer,
    reading: NonNullable<ReturnType<typeof readStats>['reading']>,
  ): Measured {
    const { cpu, memory } = limitsOf(hostConfig)
    const limited = { ...reading, cpuLimit: cpu }
    if (memory === 'none') delete limited.memoryLimit
    const values = readings.measure(id, limited, clock.now())
    return { timeMs: Number(reading.timeNs / 1_000_000n), metrics: values, identity }
  }

  function register(containers: readonly RunningContainer[]): void {
    const names = containers.map(({ identity }) => identity.containerName ?? '')
    const now = new Set(names.flatMap((one) => containerOfDockerName(one) ?? []))
    for (const id of now) measured.add(id)
    for (const id of registered) if (!now.has(id)) measured.delete(id)
    registered = now
  }

  const { intervalMs } = options
  const poller = openPoller({ name: `${name}:stats`, intervalMs, clock, sink, metrics, log, poll })
  return {
    ...poller,
    trouble: () => poller.trouble() ?? refusal(),
    async close() {
      await poller.close()
      register([])
    },
  }
}

/** Connections to the daemon at a time. */
const maxAtOnce = 50

/**
 * Runs the work for all items, so many at a time. What fails is left out, as long as anything succeeds: one container
 * that the daemon cannot measure is no reason to measure none. Rejects with the first failure where all failed.
 */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const failures: unknown[] = []
  const waiting = items.values()
  const worker = async () => {
    for (const item of waiting) {
      // Nobody answers: the others need not be tried.
      if (failures.length >= maxAtOnce && results.length === 0) return
      await work(item).then(
        (result) => results.push(result),
        (error: unknown) => failures.push(error),
      )
    }
  }
  await Promise.all(Array.from({ length: Math.min(maxAtOnce, items.length) }, worker))
  if (failures.length > 0 && results.length === 0) throw failures[0]
  return results
}
