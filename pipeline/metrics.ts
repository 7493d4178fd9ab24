import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/**
 * The catalogue of the program's own metrics: every one is declared here, once, and documented from here.
 * The registry is passed in, so that tests and several instances do not share counters.
 */
export const catalogue = {
  collected_lines_total: {
    kind: 'counter',
    labels: ['collector'],
    help: 'Lines read and spooled.',
  },
  collected_bytes_total: { kind: 'counter', labels: ['collector'], help: 'Bytes of input read.' },
  polls_total: {
    kind: 'counter',
    labels: ['collector', 'outcome'],
    help: 'Readings of an API (Mesos, Marathon, Docker): ok or failed (tried again).',
  },
  misunderstood_total: {
    kind: 'counter',
    labels: ['collector', 'what'],
    help: 'Parts of answers and events of an API that were not understood and left out.',
  },
  dropped_lines_total: {
    kind: 'counter',
    labels: ['stage', 'cause'],
    help: 'Lines lost, by where and why; each has a change event too.',
  },
  gaps_total: {
    kind: 'counter',
    labels: ['collector'],
    help: 'Stretches of input that were gone before they were read; each has a change event.',
  },
  dead_letters_total: {
    kind: 'counter',
    labels: ['stage'],
    help: 'Inputs that could not become an event, kept as dead letters.',
  },
  redriven_total: {
    kind: 'counter',
    labels: ['topic'],
    help: 'Dead letters whose originals were given back to the bus.',
  },
  redactions_total: { kind: 'counter', labels: [], help: 'Lines in which a secret was replaced.' },
  spool_bytes: { kind: 'gauge', labels: [], help: 'Bytes waiting in the spool for the bus.' },
  spool_blocked_seconds_total: {
    kind: 'counter',
    labels: [],
    help: 'Time collectors waited because the spool was full or the disk refused.',
  },
  produce_failures_total: {
    kind: 'counter',
    labels: ['topic'],
    help: 'Attempts to put records on the bus that failed and are tried again.',
  },
  indexed_lines_total: { kind: 'counter', labels: [], help: 'Lines stored.' },
  indexed_samples_total: { kind: 'counter', labels: [], help: 'Samples stored.' },
  duplicate_lines_total: {
    kind: 'counter',
    labels: [],
    help: 'Lines that were stored already and were ignored.',
  },
  unresolved_lines_total: {
    kind: 'counter',
    labels: [],
    help: 'Lines stored before their service was known.',
  },
  batch_failures_total: {
    kind: 'counter',
    labels: ['group'],
    help: 'Batches a processor could not handle and tries again.',
  },
  lag_seconds: {
    kind: 'gauge',
    labels: ['stage'],
    help: 'How far behind now the newest finished work of a stage is.',
  },
  late_lines_total: {
    kind: 'counter',
    labels: ['signal'],
    help: 'Lines, samples and changes that came after their bucket of a signal was closed: stored, but not counted in it.',
  },
  unusable_values_total: {
    kind: 'counter',
    labels: ['signal'],
    help: 'Fields that a signal measures and that were no number (or, where different values are counted, no plain value).',
  },
  task_ends_total: {
    kind: 'counter',
    labels: ['ending'],
    help: 'Ends of tasks that were told of: finished, killed or died.',
  },
  rule_evaluations_total: { kind: 'counter', labels: [], help: 'Evaluations of alert rules.' },
  signal_value: {
    kind: 'gauge',
    labels: [
      'signal',
      'cluster',
      'service',
      'agent',
      'version',
      'image',
      'deployment',
      'framework',
      'owner',
    ],
    help: 'Signals as the alert rules saw them last, by the identity they are measured by; none by task or container.',
  },
  signal_series_left_out: {
    kind: 'gauge',
    labels: [],
    help: 'Series of signals that are not exposed as signal_value, because there are too many.',
  },
  rule_failures_total: {
    kind: 'counter',
    labels: ['rule'],
    help: 'Evaluations of a rule that failed; its state was left as it was.',
  },
  malformed_signals_total: {
    kind: 'counter',
    labels: [],
    help: 'Records of the signals topic that alerting could not read.',
  },
  malformed_services_total: {
    kind: 'counter',
    labels: [],
    help: 'Records of the services topic that could not be read.',
  },
  malformed_postures_total: {
    kind: 'counter',
    labels: [],
    help: 'Records of the posture topic that could not be read.',
  },
  notifications_sending: {
    kind: 'gauge',
    labels: [],
    help: 'Notifications of groups of alerts that are on their way to their receivers.',
  },
  notifications_waiting: {
    kind: 'gauge',
    labels: [],
    help: 'Notifications not yet accepted for every recipient.',
  },
  notifications_total: {
    kind: 'counter',
    labels: ['channel', 'outcome'],
    help: 'Attempts to notify: accepted, refused (permanent) or failed (tried again).',
  },
  scaling_evaluations_total: {
    kind: 'counter',
    labels: [],
    help: 'Evaluations of scaling policies.',
  },
  scaling_skipped_total: {
    kind: 'counter',
    labels: [],
    help: 'Evaluation times of scaling that were passed over, since a newer one was due.',
  },
  scaling_decisions_total: {
    kind: 'counter',
    labels: ['outcome', 'reason'],
    help: 'Decisions on scaling that were written: changes, and new reasons for doing nothing.',
  },
  end_to_end_seconds: {
    kind: 'histogram',
    labels: [],
    help: 'From writing a line of the canary until a search finds it.',
  },
  search_seconds: { kind: 'histogram', labels: ['kind'], help: 'Time the store took to answer.' },
} as const satisfies Record<
  string,
  { kind: 'counter' | 'gauge' | 'histogram'; labels: readonly string[]; help: string }
>

type Catalogue = typeof catalogue
type MetricOf<K> = K extends 'counter' ? Counter : K extends 'gauge' ? Gauge : Histogram

export type Metrics = { readonly [Name in keyof Catalogue]: MetricOf<Catalogue[Name]['kind']> } & {
  readonly registry: Registry
}

/** All metrics of the catalogue, named `mesoscope_<name>`, in a registry of their own. */
export function openMetrics(): Metrics {
  const registry = new Registry()
  const made: Record<string, unknown> = { registry }
  for (const [name, { kind, labels, help }] of Object.entries(catalogue)) {
    const options = {
      name: `mesoscope_${name}`,
      help,
      labelNames: [...labels],
      registers: [registry],
    }
    if (kind === 'counter') made[name] = new Counter(options)
    else if (kind === 'gauge') made[name] = new Gauge(options)
    else made[name] = new Histogram({ ...options, buckets: [0.001, 0.01, 0.05, 0.1, 0.5, 1, 5] })
  }
  return made as Metrics
}
