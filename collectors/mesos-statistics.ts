import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { note, partOf, partsOf, type Part, type Problem } from './answer.ts'
import type { Reading } from './container-metrics.ts'
import { idOf, timeOf } from './mesos-values.ts'

/**
 * What Mesos measured of one container. Every field is optional, since an isolator that fails or is not there leaves
 * its fields out: absent is never zero.
 */
export interface ContainerUsage {
  /** When it was measured, ns since the epoch; undefined where the containerizer does not tell. */
  timeNs?: bigint
  /** Counters, seconds. */
  cpuUserSeconds?: number
  cpuSystemSeconds?: number
  /** Cores: the hard limit, and what was asked for. */
  cpuLimit?: number
  cpuSoftLimit?: number
  /** 32-bit counters. */
  periods?: number
  throttledPeriods?: number
  /** Bytes. */
  memTotal?: number
  memRss?: number
  memAnon?: number
  memCache?: number
  memLimit?: number
  diskUsed?: number
  /** Counters, bytes. */
  netReceived?: number
  netSent?: number
  processes?: number
  threads?: number
}

/** One container of an agent's list. */
export interface MesosContainer {
  /** A UUID; undefined in `/monitor/statistics`, which does not tell it. */
  container?: string
  /** Of a nested container. */
  parent?: string
  /** Undefined for standalone and nested containers. */
  executor?: string
  executorName?: string
  framework?: string
  source?: string
  /** Undefined where the measurement failed. */
  usage?: ContainerUsage
}

export interface ContainersRead {
  containers: MesosContainer[]
  problems: Problem[]
}

/**
 * `/containers` (since 1.0), `/monitor/statistics` (before, without container ids) and the operator API's
 * GET_CONTAINERS, nested containers too. Never throws.
 */
export function readContainers(answer: unknown): ContainersRead {
  const problems: Problem[] = []
  const parts = Array.isArray(answer)
    ? partsOf(answer, problems)
    : (partOf(answer, problems)?.part('get_containers')?.parts('containers') ??
      missing(answer, problems))
  return { containers: parts.flatMap((part) => readContainer(part) ?? []), problems }
}

/** An agent without containers answers GET_CONTAINERS with an empty object. */
function missing(answer: unknown, problems: Problem[]): Part[] {
  const inner = (answer as { get_containers?: unknown } | null)?.get_containers
  const isEmpty = typeof inner === 'object' && inner !== null && !('containers' in inner)
  if (problems.length === 0 && !(isEmpty && Object.keys(inner).length === 0)) {
    note(problems, '$', 'no list of containers')
  }
  return []
}

function readContainer(part: Part): MesosContainer | undefined {
  const status = part.part('status', 'container_status')
  const inStatus = status?.part('container_id')
  const container = idOf(part, 'container_id') ?? inStatus?.text('value')
  const executor = idOf(part, 'executor_id')
  if (container === undefined && executor === undefined) {
    part.note('has neither container_id nor executor_id')
    return undefined
  }
  const parent = parentOf(inStatus) ?? parentOf(v1Id(part))
  const statistics = part.part('statistics', 'resource_statistics')
  return withoutUndefined({
    container,
    parent,
    executor,
    executorName: part.text('executor_name'),
    framework: idOf(part, 'framework_id'),
    source: part.text('source'),
    usage: statistics && readUsage(statistics),
  })
}

function v1Id(part: Part): Part | undefined {
  return typeof part.fields['container_id'] === 'object' ? part.part('container_id') : undefined
}

/** Of the outermost parent only: there is one level in practice. */
function parentOf(id: Part | undefined): string | undefined {
  return id?.part('parent')?.text('value')
}

/** Mesos' `ResourceStatistics`. */
export function readUsage(part: Part): ContainerUsage {
  return withoutUndefined({
    timeNs: timeOf(part, 'timestamp'),
    cpuUserSeconds: amount(part, 'cpus_user_time_secs'),
    cpuSystemSeconds: amount(part, 'cpus_system_time_secs'),
    cpuLimit: amount(part, 'cpus_limit'),
    cpuSoftLimit: amount(part, 'cpus_soft_limit'),
    periods: amount(part, 'cpus_nr_periods'),
    throttledPeriods: amount(part, 'cpus_nr_throttled'),
    memTotal: amount(part, 'mem_total_bytes'),
    memRss: amount(part, 'mem_rss_bytes'),
    memAnon: amount(part, 'mem_anon_bytes'),
    // `file` is its name before 0.23, and a deprecated alias since.
    memCache: amount(part, 'mem_cache_bytes', 'mem_file_bytes'),
    memLimit: amount(part, 'mem_limit_bytes'),
    diskUsed: amount(part, 'disk_used_bytes'),
    netReceived: amount(part, 'net_rx_bytes'),
    netSent: amount(part, 'net_tx_bytes'),
    processes: amount(part, 'processes'),
    threads: amount(part, 'threads'),
  })
}

function amount(part: Part, ...keys: string[]): number | undefined {
  const value = part.number(...keys)
  if (value === undefined || value >= 0) return value
  part.note(
    'is negative',
    keys.find((key) => part.has(key)),
  )
  return undefined
}

/** `nowNs` is when it was received, for containerizers that do not tell their time. */
export function readingOf(usage: ContainerUsage, nowNs: bigint): Reading {
  const { cpuUserSeconds: user, cpuSystemSeconds: system } = usage
  return {
    timeNs: usage.timeNs ?? nowNs,
    cpuSeconds: user === undefined || system === undefined ? undefined : user + system,
    // Without the hard limit a container may use more than it asked for, while others rest.
    cpuLimit: usage.cpuLimit ?? usage.cpuSoftLimit,
    periods: usage.periods,
    throttledPeriods: usage.throttledPeriods,
    memory: memoryOf(usage),
    memoryLimit: usage.memLimit,
    disk: usage.diskUsed,
    received: usage.netReceived,
    sent: usage.netSent,
    processes: usage.processes ?? usage.threads,
  }
}

/**
 * What cannot be taken from it when memory becomes short. The cgroup's total holds page cache, which the kernel drops
 * before it kills: a task that only reads files would look full. What the total holds beyond anonymous memory (the
 * kernel's own, for this container) counts against the limit, so it comes before `rss`. Docker's and posix'
 * containers tell `rss` alone. Before 0.23 `rss` was the total and `anon` what `rss` is since.
 */
function memoryOf({ memTotal, memCache, memRss, memAnon }: ContainerUsage): number | undefined {
  if (memTotal !== undefined && memCache !== undefined && memTotal >= memCache) {
    return memTotal - memCache
  }
  return memAnon ?? memRss ?? memTotal
}
