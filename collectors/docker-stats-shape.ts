import { isoToNs } from '../pipeline/event.ts'
import { isObject, partOf, type Part, type Problem } from './answer.ts'
import type { Reading } from './container-metrics.ts'

export interface StatsRead {
  /** Undefined where nothing was measured: see `nothing`. */
  reading?: Reading
  /** Why there is no reading although the answer was understood. */
  nothing?: 'it does not run' | 'it runs on Windows, which counts in other units'
  problems: Problem[]
}

/**
 * The daemon's answer to `/containers/{id}/stats`, of cgroups v1 and v2. Zeros that stand for "not measured" are left
 * out: those of a stopped container, or where a controller is missing. Never throws.
 */
export function readStats(answer: unknown): StatsRead {
  const problems: Problem[] = []
  const part = partOf(answer, problems)
  if (!part) return { problems }
  const time = part.text('read')
  if (time?.startsWith('0001-')) return { nothing: 'it does not run', problems }
  const memory = part.part('memory_stats')
  if (memory?.has('commitbytes', 'privateworkingset')) {
    return { nothing: 'it runs on Windows, which counts in other units', problems }
  }
  const timeNs = time === undefined ? undefined : timeOf(time)
  if (timeNs === undefined) {
    part.note(time === undefined ? 'no time of reading' : 'is no time', 'read')
    return { problems }
  }
  const cpu = part.part('cpu_stats')
  const total = cpu?.part('cpu_usage')?.number('total_usage')
  const throttling = cpu?.part('throttling_data')
  const reading: Reading = {
    timeNs,
    // What runs has used some.
    cpuSeconds: total ? total / 1e9 : undefined,
    periods: throttling?.number('periods'),
    throttledPeriods: throttling?.number('throttled_periods'),
    memory: memory && memoryOf(memory),
    memoryLimit: memory?.number('limit'),
    ...networksOf(part),
    processes: part.part('pids_stats')?.number('current'),
  }
  return { reading, problems }
}

/** As `docker stats` counts it: without file cache that has not been used lately, which the kernel drops first. */
function memoryOf(memory: Part): number | undefined {
  const usage = memory.number('usage')
  if (usage === undefined) return undefined
  const stats = memory.part('stats')
  // The first is of cgroups v1, where the second counts this group without those below it.
  const inactive = stats?.number('total_inactive_file') ?? stats?.number('inactive_file') ?? 0
  return inactive < usage ? usage - inactive : usage
}

/** Of all interfaces together; the one of `network` is from before Docker 1.9. None where it shares the host's. */
function networksOf(part: Part): Pick<Reading, 'received' | 'sent'> {
  const one = part.part('network')
  const networks = part.part('networks')
  const names = Object.keys(networks?.fields ?? {})
  const all =
    names.length > 0 ? names.flatMap((name) => networks?.part(name) ?? []) : one ? [one] : []
  const sum = (key: string) =>
    all.reduce<number | undefined>((total, network) => {
      const value = network.number(key)
      return value === undefined ? total : (total ?? 0) + value
    }, undefined)
  return { received: sum('rx_bytes'), sent: sum('tx_bytes') }
}

/** With any offset, to the nanosecond. */
function timeOf(time: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:Z|([+-])(\d\d):(\d\d))$/.exec(
    time,
  )
  const local = match && isoToNs(`${match[1]}Z`)
  if (!match || local === null || local === undefined) return undefined
  const minutes = BigInt(Number(match[3] ?? 0) * 60 + Number(match[4] ?? 0))
  const offset = minutes * 60_000_000_000n
  return match[2] === '-' ? local + offset : local - offset
}

/** What a container may use, by `HostConfig` of its description. */
export interface DockerLimits {
  cpu?: number
  /** `none` where it is known that there is none: the daemon then tells the machine's memory as limit. */
  memory?: 'none' | undefined
}

/**
 * `NanoCpus` and the quota are hard limits. Mesos sets neither, but for CFS, and writes what a task asked for into the shares:
 * 1024 a core. Docker's own default is no shares at all.
 */
export function limitsOf(hostConfig: unknown): DockerLimits {
  if (!isObject(hostConfig)) return {}
  const part = partOf(hostConfig, []) as Part
  const nano = part.number('NanoCpus') ?? 0
  const quota = part.number('CpuQuota') ?? 0
  const shares = part.number('CpuShares') ?? 0
  const cpu =
    nano > 0
      ? nano / 1e9
      : quota > 0
        ? quota / (part.number('CpuPeriod') || usualPeriodUs)
        : shares / sharesPerCore
  const memory = part.number('Memory')
  return { ...(cpu > 0 ? { cpu } : {}), ...(memory === 0 ? { memory: 'none' } : {}) }
}

const usualPeriodUs = 100_000
const sharesPerCore = 1024
