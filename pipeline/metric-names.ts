import { mesosMetricFacts } from './mesos-metric-names.ts'

/**
 * The names of what is measured, each with its unit. Names and units follow OpenTelemetry's semantic conventions where
 * these have one (`container.cpu.usage` in cores, `container.memory.usage` in bytes). Metrics that Mesos serves under
 * `/metrics/snapshot` keep their own names behind a prefix (see {@link mesosMetric}).
 */
export const metricNames = {
  'container.cpu.usage': { unit: 'cores', help: 'CPU used, from two readings of the counter.' },
  'container.cpu.limit': {
    unit: 'cores',
    help: 'What it may use: the hard limit, else what was asked for.',
  },
  'container.cpu.utilization': { unit: 'ratio', help: 'CPU used of its limit.' },
  'container.cpu.throttled': {
    unit: 'ratio',
    help: 'Share of its periods in which it was throttled.',
  },
  'container.memory.usage': {
    unit: 'bytes',
    help: 'Memory that counts against the limit, without page cache that can be dropped where that is known.',
  },
  'container.memory.limit': { unit: 'bytes', help: 'Beyond it the kernel kills.' },
  'container.memory.utilization': { unit: 'ratio', help: 'Memory used of its limit.' },
  'container.disk.usage': { unit: 'bytes', help: 'Of its sandbox.' },
  'container.network.receive': { unit: 'bytes/s', help: 'From two readings of the counter.' },
  'container.network.transmit': { unit: 'bytes/s', help: 'From two readings of the counter.' },
  'container.processes': {
    unit: 'processes',
    help: 'Processes (or threads, where those are told).',
  },
  'service.instances.wanted': { unit: 'instances', help: 'As Marathon was told.' },
  'service.instances.staged': { unit: 'instances', help: 'Launched, not running yet.' },
  'service.instances.running': { unit: 'instances', help: 'Running tasks.' },
  'service.instances.healthy': {
    unit: 'instances',
    help: 'Running tasks whose checks pass; of an app without checks all that run.',
  },
  'service.instances.unhealthy': { unit: 'instances', help: 'Running tasks whose checks fail.' },
  'service.queue.waiting': { unit: 'instances', help: 'In the launch queue.' },
  'service.queue.delay': { unit: 's', help: 'Until the next launch is tried (back-off).' },
  'service.deployment.age': { unit: 's', help: 'Of the oldest deployment that touches it.' },
  'scrape.up': { unit: '', help: '1 where a target of `collectors.prometheus` answered, else 0.' },
  'scrape.duration': { unit: 's', help: 'How long its answer took.' },
  'scrape.series': { unit: 'series', help: 'In its answer.' },
  'check.state': { unit: '', help: '0 ok, 1 warning, 2 critical, 3 unknown.' },
  'check.duration': { unit: 's', help: 'How long the check took.' },
} as const satisfies Record<string, { unit: string; help: string }>

const mesosPrefix = 'mesos.'

export type MetricName = keyof typeof metricNames

/** `master/elected` → `mesos.master.elected`; percent-encoded names of frameworks stay encoded. */
export function mesosMetric(name: string): string {
  return mesosPrefix + name.replaceAll('/', '.')
}

/**
 * Performance data of a check by its label: `/var used` → `check./var_used`. Times are in seconds, sizes in bytes. Undefined where
 * nothing of the label is left.
 */
export function checkMetric(label: string): string | undefined {
  const name = label
    .slice(0, 100)
    .replace(/[^\p{L}\p{N}/_.:%-]+/gu, '_')
    .replace(/^[_.]+|[_.]+$/g, '')
  const metric = `check.${name}`
  return name === '' || Object.hasOwn(metricNames, metric) ? undefined : metric
}

/** Undefined where the name does not tell. */
export function unitOf(metric: string): string | undefined {
  if (metric.startsWith(mesosPrefix)) {
    return (
      mesosMetricFacts(metric.slice(mesosPrefix.length).replaceAll('.', '/'))?.unit || undefined
    )
  }
  return Object.hasOwn(metricNames, metric) ? metricNames[metric as MetricName].unit : undefined
}
