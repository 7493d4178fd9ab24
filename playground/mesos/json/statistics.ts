import { statSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { executorDirectory, executorName, isTerminal, type Executor } from '../executors.ts'
import { containerAmount } from '../executors.ts'
import type { Task, Usage } from '../model.ts'
import { double, seconds } from './number.ts'
import { sum, taskAmount, type Amount } from './resources.ts'
import { containerId } from './status.ts'

/**
 * What an agent measures of its containers. Fields stand in the order of the protobuf; v0 sorts them.
 * Mesos' own containerizer tells what cgroups v1 tell it (`fixtures/mesos-1.11/cgroups`); Docker's, much less.
 */

const mib = 1024 * 1024

/** Undefined: it could not be measured, and Mesos leaves it out. `cfs`: containers have hard limits for CPU. */
export function statistics(executor: Executor, cfs: boolean): Record<string, unknown> | undefined {
  const live = executor.tasks.filter((task) => !isTerminal(task))
  const usage = total(live)
  if (usage === undefined) return undefined
  const docker = live.some(({ spec }) => spec.container.type === 'DOCKER')
  return docker
    ? dockerStatistics(usage, sum(live.map(taskAmount)), cfs)
    : cgroupStatistics(executor, usage, cfs)
}

/** Limits are those of the task, without the executor's share, which Mesos 1.11 takes off. */
function dockerStatistics(
  usage: Usage,
  { cpus, mem }: Amount,
  cfs: boolean,
): Record<string, unknown> {
  return {
    ...cpuStatistics(usage),
    ...(cfs ? { cpus_limit: double(cpus) } : {}),
    cpus_soft_limit: double(cpus),
    ...(cfs ? throttling(usage) : {}),
    mem_limit_bytes: mem * mib,
    mem_rss_bytes: usage.rss,
  }
}

function cgroupStatistics(executor: Executor, usage: Usage, cfs: boolean): Record<string, unknown> {
  const { cpus, mem, disk } = containerAmount(executor)
  return {
    ...cpuStatistics(usage),
    ...(cfs ? { cpus_limit: double(cpus) } : {}),
    cpus_soft_limit: double(cpus),
    ...(cfs ? throttling(usage) : {}),
    mem_total_bytes: usage.rss,
    mem_limit_bytes: mem * mib,
    mem_soft_limit_bytes: mem * mib,
    // The OS tells what is resident, and not which of it is of files.
    mem_file_bytes: 0,
    mem_anon_bytes: usage.rss,
    mem_cache_bytes: 0,
    mem_rss_bytes: usage.rss,
    mem_mapped_file_bytes: 0,
    mem_swap_bytes: 0,
    mem_unevictable_bytes: 0,
    mem_low_pressure_counter: 0,
    mem_medium_pressure_counter: 0,
    mem_critical_pressure_counter: 0,
    ...(disk === 0 ? {} : diskStatistics(executor, disk * mib)),
  }
}

/** Only what was given disk is measured. */
function diskStatistics(executor: Executor, limit: number): Record<string, unknown> {
  const used = directoryBytes(executorDirectory(executor))
  return {
    disk_limit_bytes: limit,
    disk_used_bytes: used,
    disk_statistics: [{ limit_bytes: limit, used_bytes: used }],
  }
}

function cpuStatistics({ at, userSeconds, systemSeconds }: Usage): Record<string, unknown> {
  return {
    timestamp: seconds(at),
    cpus_user_time_secs: double(userSeconds),
    cpus_system_time_secs: double(systemSeconds),
  }
}

/** Nothing is throttled here; there is a period for each 100 ms in which it ran, as far as CPU time tells. */
function throttling({ userSeconds, systemSeconds }: Usage): Record<string, unknown> {
  return {
    cpus_nr_periods: Math.ceil((userSeconds + systemSeconds) * 10),
    cpus_nr_throttled: 0,
    cpus_throttled_time_secs: double(0),
  }
}

/** Of all its tasks together; the container of a pod cannot be split. */
function total(tasks: readonly Task[]): Usage | undefined {
  const known = tasks.flatMap(({ usage }) => usage ?? [])
  const [first] = known
  if (first === undefined) return undefined
  return known.slice(1).reduce(
    (so, next) => ({
      at: Math.max(so.at, next.at),
      userSeconds: round(so.userSeconds + next.userSeconds),
      systemSeconds: round(so.systemSeconds + next.systemSeconds),
      rss: so.rss + next.rss,
      threads: so.threads + next.threads,
    }),
    first,
  )
}

/** Ticks of 10 ms. */
function round(secs: number): number {
  return Math.round(secs * 100) / 100
}

function directoryBytes(directory: string): number {
  try {
    const names = readdirSync(directory, { recursive: true }) as string[]
    return names.reduce((so, name) => so + fileBytes(join(directory, name)), 0)
  } catch {
    return 0
  }
}

function fileBytes(path: string): number {
  try {
    return statSync(path).blocks * 512
  } catch {
    return 0
  }
}

/** `/monitor/statistics`: who cannot be measured is left out altogether, and there is no container id. */
export function monitorStatistics(executors: readonly Executor[], cfs: boolean): unknown[] {
  return executors.flatMap((executor) => {
    const measured = statistics(executor, cfs)
    if (measured === undefined) return []
    return [sorted({ ...who(executor), statistics: sorted(measured) })]
  })
}

/** `/containers`: only the statistics are left out. */
export function containers(executors: readonly Executor[], cfs: boolean): unknown[] {
  return executors.map((executor) => {
    const measured = statistics(executor, cfs)
    return sorted({
      ...who(executor),
      container_id: executor.containerId,
      status: sorted(status(executor)),
      ...(measured ? { statistics: sorted(measured) } : {}),
    })
  })
}

function who(executor: Executor): Record<string, unknown> {
  return {
    framework_id: executor.framework.id,
    executor_id: executor.id,
    executor_name: executorName(executor),
    source: executor.pod ? '' : executor.id,
  }
}

/** Docker's containerizer knows no process. */
function status({ containerId: value, tasks }: Executor): Record<string, unknown> {
  const own = tasks.find(({ spec, pid }) => spec.container.type === 'MESOS' && pid !== undefined)
  return { container_id: { value }, ...(own ? { executor_pid: own.pid } : {}) }
}

/** As the operator API writes them; `nested`: also the containers in those of pods, with limits and no usage. */
export function containersV1(
  executors: readonly Executor[],
  { cfs, nested, now }: { cfs: boolean; nested: boolean; now: number },
): unknown[] {
  const own = executors.map((executor) => {
    const measured = statistics(executor, cfs)
    return {
      framework_id: { value: executor.framework.id },
      executor_id: { value: executor.id },
      executor_name: executorName(executor),
      container_id: { value: executor.containerId },
      container_status: status(executor),
      ...(measured ? { resource_statistics: measured } : {}),
    }
  })
  return nested ? [...own, ...executors.flatMap((executor) => nestedIn(executor, now))] : own
}

function nestedIn({ pod, tasks }: Executor, now: number): unknown[] {
  const live = pod ? tasks.filter((task) => !isTerminal(task)) : []
  return live.map((task) => {
    const { cpus, mem } = task.spec.resources
    return {
      container_id: { value: task.containerId },
      container_status: {
        container_id: containerId(task),
        ...(task.pid === undefined ? {} : { executor_pid: task.pid }),
      },
      resource_statistics: {
        timestamp: seconds(now),
        cpus_soft_limit: double(cpus),
        mem_limit_bytes: mem * mib,
        mem_soft_limit_bytes: mem * mib,
      },
    }
  })
}

function sorted(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
