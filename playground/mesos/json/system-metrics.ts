import { cpus, freemem, loadavg, totalmem } from 'node:os'
import { double, type RawNumber } from './number.ts'

/** A snapshot of metrics: every value is a double. */
export type Metrics = Record<string, number>

/** Of this machine, the same for all masters and agents on it. */
export function systemMetrics(): Metrics {
  const [one, five, fifteen] = loadavg() as [number, number, number]
  return {
    'system/cpus_total': cpus().length,
    'system/load_15min': fifteen,
    'system/load_1min': one,
    'system/load_5min': five,
    'system/mem_free_bytes': freemem(),
    'system/mem_total_bytes': totalmem(),
  }
}

/** `/system/stats.json`, the one endpoint that kept its extension; here counts are integers. */
export function systemStats(): Record<string, unknown> {
  const [one, five, fifteen] = loadavg() as [number, number, number]
  return {
    avg_load_15min: double(fifteen),
    avg_load_1min: double(one),
    avg_load_5min: double(five),
    cpus_total: cpus().length,
    mem_free_bytes: freemem(),
    mem_total_bytes: totalmem(),
  }
}

/** All of `names` as zero: what the playground does not count. */
export function zeros(prefix: string, names: readonly string[]): Metrics {
  return Object.fromEntries(names.map((name) => [prefix + name, 0]))
}

/** `<prefix><resource>_{total,used,percent}`, and those of revocable resources, of which there are none. */
export function resourceMetrics(
  prefix: string,
  total: Record<'cpus' | 'mem' | 'disk', number>,
  used: Record<'cpus' | 'mem' | 'disk', number>,
): Metrics {
  const metrics: Metrics = {}
  for (const name of ['cpus', 'disk', 'gpus', 'mem'] as const) {
    const [all, taken] = name === 'gpus' ? [0, 0] : [total[name], used[name]]
    Object.assign(metrics, {
      [`${prefix}${name}_percent`]: all === 0 ? 0 : taken / all,
      [`${prefix}${name}_total`]: all,
      [`${prefix}${name}_used`]: taken,
      ...zeros(`${prefix}${name}_revocable_`, ['percent', 'total', 'used']),
    })
  }
  return metrics
}

/** A timer: its last value and its distribution, which here is that value. */
export function timer(name: string, ms: number, count: number): Metrics {
  const parts = ['max', 'min', 'p50', 'p90', 'p95', 'p99', 'p999', 'p9999']
  return {
    [name]: ms,
    [`${name}/count`]: count,
    ...Object.fromEntries(parts.map((part) => [`${name}/${part}`, ms])),
  }
}

/** Sorted by name, as `/metrics/snapshot` writes it. */
export function snapshot(metrics: Metrics): Record<string, RawNumber> {
  return Object.fromEntries(sorted(metrics).map(([name, value]) => [name, double(value)]))
}

/** As the operator API writes it. */
export function metricList(metrics: Metrics): { name: string; value: RawNumber }[] {
  return sorted(metrics).map(([name, value]) => ({ name, value: double(value) }))
}

function sorted(metrics: Metrics): [string, number][] {
  return Object.entries(metrics).toSorted(([a], [b]) => (a < b ? -1 : 1))
}
