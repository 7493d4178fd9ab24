import type { ServerResponse } from 'node:http'
import { cpus, totalmem } from 'node:os'
import { pause, type Clock } from '../../pipeline/clock.ts'
import { trimmedTime } from '../json-record.ts'
import { sendJson, startChunks } from './go-http.ts'
import type { DockerContainer, DockerModel } from './model.ts'
import { isSet } from './query.ts'
import { words } from '../words.ts'

export interface StatsOptions {
  model: DockerModel
  clock: Clock
  /** How often the daemon measures, ms. */
  everyMs: number
}

/** How Go writes "never". */
const never = '0001-01-01T00:00:00Z'

/**
 * `/containers/{id}/stats?stream&one-shot`, in the shape of cgroups v1. One answer takes a measurement (`one-shot`) or two;
 * a stopped container answers at once, with zeros.
 */
export async function sendStats(
  container: DockerContainer,
  query: URLSearchParams,
  response: ServerResponse,
  options: StatsOptions,
): Promise<void> {
  const { clock, everyMs } = options
  if (!query.has('stream') || isSet(query, 'stream')) {
    return streamStats(container, response, options)
  }
  if (container.status !== 'running') return sendJson(response, stopped(container), { clock })
  await pause(everyMs)
  const first = measure(container, clock.now())
  if (isSet(query, 'one-shot')) return sendJson(response, sample(container, first), { clock })
  await pause(everyMs)
  const second = measure(container, clock.now())
  return sendJson(response, sample(container, second, first), { clock })
}

/** One a measurement, until the client goes or the container is removed; the first has nothing before it. */
async function streamStats(
  container: DockerContainer,
  response: ServerResponse,
  { model, clock, everyMs }: StatsOptions,
): Promise<void> {
  // 20.10 says no type here, as with logs.
  startChunks(response, { clock })
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  let before: Measured | undefined
  while (!response.destroyed && model.container(container.id)) {
    await pause(everyMs, gone.signal)
    if (gone.signal.aborted) return
    const running = container.status === 'running'
    const now = running ? measure(container, clock.now()) : undefined
    const value = now ? sample(container, now, before) : stopped(container)
    response.write(`${JSON.stringify(value)}\n`)
    before = now
  }
  response.end()
}

interface Measured {
  read: string
  /** ns */
  user: number
  system: number
  host: number
  rss: number
  threads: number
}

const ns = 1_000_000_000

function measure({ usage }: DockerContainer, now: number): Measured {
  return {
    read: trimmedTime(BigInt(Math.trunc(now)) * 1_000_000n),
    user: Math.round((usage?.userSeconds ?? 0) * ns),
    system: Math.round((usage?.systemSeconds ?? 0) * ns),
    host: hostCpu(),
    rss: usage?.rss ?? 0,
    threads: usage?.threads ?? 0,
  }
}

/** What all CPUs of the host have done since it started, also nothing, ns. */
function hostCpu(): number {
  const times = cpus().flatMap(({ times: of }) => Object.values(of))
  return times.reduce((so, ms) => so + ms, 0) * 1_000_000
}

function sample(
  container: DockerContainer,
  now: Measured,
  before?: Measured,
): Record<string, unknown> {
  const { name, id, onlineCpus, hostConfig } = container
  return {
    read: now.read,
    preread: before?.read ?? never,
    pids_stats: { current: now.threads },
    blkio_stats: blkio([]),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu(now, onlineCpus),
    precpu_stats: before ? cpu(before, onlineCpus) : noCpu,
    memory_stats: memory(now.rss, hostConfig.Memory),
    name: `/${name}`,
    id,
  }
}

function stopped({ name, id }: DockerContainer): Record<string, unknown> {
  return {
    read: never,
    preread: never,
    pids_stats: {},
    blkio_stats: blkio(null),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: noCpu,
    precpu_stats: noCpu,
    memory_stats: {},
    name: `/${name}`,
    id,
  }
}

const throttling_data = { periods: 0, throttled_periods: 0, throttled_time: 0 }

const noCpu = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data,
}

/** The OS does not tell on which CPUs it was: all the same. */
function cpu({ user, system, host }: Measured, onlineCpus: number): Record<string, unknown> {
  const total = user + system
  const each = Math.trunc(total / onlineCpus)
  const percpu = Array.from({ length: onlineCpus }, (_, at) =>
    at === 0 ? total - each * (onlineCpus - 1) : each,
  )
  return {
    cpu_usage: {
      total_usage: total,
      percpu_usage: percpu,
      usage_in_kernelmode: system,
      usage_in_usermode: user,
    },
    system_cpu_usage: host,
    online_cpus: onlineCpus,
    throttling_data,
  }
}

function blkio(value: [] | null): Record<string, unknown> {
  const kinds = ['io_service_bytes', 'io_serviced', 'io_queue', 'io_service_time']
  const names = [...kinds, 'io_wait_time', 'io_merged', 'io_time', 'sectors']
  return Object.fromEntries(names.map((name) => [`${name}_recursive`, value]))
}

const memoryCounts = words(`
  active_anon active_file cache dirty inactive_anon inactive_file mapped_file pgfault pgmajfault
  pgpgin pgpgout rss rss_huge unevictable writeback
`)

/** Without a limit, cgroups have the largest number of pages, in bytes, and Docker the host's memory. */
const noLimit = 9_223_372_036_854_771_712

/** The OS tells what is resident, and nothing of files and pages. */
function memory(rss: number, limit: number): Record<string, unknown> {
  const own: Record<string, number> = Object.fromEntries(memoryCounts.map((name) => [name, 0]))
  own['active_anon'] = rss
  own['rss'] = rss
  const total = Object.entries(own).map(([name, value]) => [`total_${name}`, value] as const)
  const limits = {
    hierarchical_memory_limit: limit === 0 ? noLimit : limit,
    hierarchical_memsw_limit: limit === 0 ? noLimit : limit * 2,
  }
  const all = Object.entries({ ...own, ...limits, ...Object.fromEntries(total) })
  const stats = Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return { usage: rss, max_usage: rss, stats, limit: limit === 0 ? totalmem() : limit }
}
