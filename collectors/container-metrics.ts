import { withoutUndefined } from '../pipeline/without-undefined.ts'
import type { MetricName } from '../pipeline/metric-names.ts'

/** One look at a container's counters and levels. What was not told is absent, never zero. */
export interface Reading {
  /** When, ns since the epoch. */
  timeNs: bigint
  /** Counter: CPU seconds since its start. */
  cpuSeconds?: number | undefined
  /** Cores that it may use. */
  cpuLimit?: number | undefined
  /** Counters of the kernel's scheduling periods. */
  periods?: number | undefined
  throttledPeriods?: number | undefined
  /** Bytes that count against the limit. */
  memory?: number | undefined
  memoryLimit?: number | undefined
  disk?: number | undefined
  /** Counters, bytes. */
  received?: number | undefined
  sent?: number | undefined
  processes?: number | undefined
}

export type ContainerMetrics = Partial<Record<MetricName, number>>

/** Two readings further apart say nothing of now. */
const maxSeconds = 300
/** Limits near 2^63 are the kernel's way to write "none". */
const noLimitBytes = 2 ** 53
/** Mesos' counters of periods are 32 bits wide. */
const wrap = 2 ** 32
/** The kernel's shortest period is 1 ms. */
const maxPeriodsPerSecond = 1000

/**
 * What one reading of a container says, and together with the one before it. What cannot be said is absent: a field that
 * was left out, a counter that fell (the container began anew), rates of a first reading.
 */
export function containerMetrics(now: Reading, before: Reading | undefined): ContainerMetrics {
  const seconds = before ? Number(now.timeNs - before.timeNs) / 1e9 : 0
  const isPair = before !== undefined && seconds > 0 && seconds <= maxSeconds
  const rate = (key: 'cpuSeconds' | 'received' | 'sent') =>
    isPair ? divided(rise(now[key], before[key]), seconds) : undefined
  const cpu = rate('cpuSeconds')
  const cpuLimit = positive(now.cpuLimit)
  const memoryLimit = limitOf(now.memoryLimit)
  return withoutUndefined({
    'container.cpu.usage': cpu,
    'container.cpu.limit': cpuLimit,
    'container.cpu.utilization': divided(cpu, cpuLimit),
    'container.cpu.throttled': isPair ? throttled(now, before, seconds) : undefined,
    'container.memory.usage': now.memory,
    'container.memory.limit': memoryLimit,
    'container.memory.utilization': divided(now.memory, memoryLimit),
    'container.disk.usage': now.disk,
    'container.network.receive': rate('received'),
    'container.network.transmit': rate('sent'),
    'container.processes': now.processes,
  })
}

function throttled(now: Reading, before: Reading, seconds: number): number | undefined {
  const periods = rise32(now.periods, before.periods)
  if (periods === undefined || periods > seconds * maxPeriodsPerSecond) return undefined
  const share = divided(rise32(now.throttledPeriods, before.throttledPeriods), periods)
  return share !== undefined && share <= 1 ? share : undefined
}

function limitOf(bytes: number | undefined): number | undefined {
  return bytes !== undefined && bytes < noLimitBytes ? positive(bytes) : undefined
}

const positive = (value: number | undefined) =>
  value !== undefined && value > 0 ? value : undefined

/** Undefined where the counter fell or one of both is not known. */
function rise(now: number | undefined, before: number | undefined): number | undefined {
  return now === undefined || before === undefined || now < before ? undefined : now - before
}

function rise32(now: number | undefined, before: number | undefined): number | undefined {
  if (now === undefined || before === undefined) return undefined
  return now >= before ? now - before : now + wrap - before
}

function divided(value: number | undefined, by: number | undefined): number | undefined {
  return value === undefined || by === undefined || by <= 0 ? undefined : value / by
}

/** Remembers the last reading of each container. */
export interface Readings {
  /** Empty for a reading that was told already: its time has not moved. */
  measure(key: string, reading: Reading, nowMs: number): ContainerMetrics
  /** Forgets containers that were not read for so long that two readings would say nothing. */
  prune(nowMs: number): void
}

export function openReadings(): Readings {
  const last = new Map<string, { reading: Reading; readMs: number }>()
  return {
    measure(key, reading, nowMs) {
      const before = last.get(key)?.reading
      last.set(key, { reading, readMs: nowMs })
      return before?.timeNs === reading.timeNs ? {} : containerMetrics(reading, before)
    },
    prune(nowMs) {
      for (const [key, { readMs }] of last) if (nowMs - readMs > maxSeconds * 1000) last.delete(key)
    },
  }
}
