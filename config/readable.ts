import type { z } from 'zod'
import type { Readable } from './across.ts'
import type { Connection } from './connections.ts'
import type { Path } from './faults.ts'
import { settingsSchema } from './settings.ts'

export function valueAt(value: unknown, path: Path): unknown {
  let current = value
  for (const step of path) current = (current as Record<string | number, unknown> | null)?.[step]
  return current
}

/** Section by section, and item by item where there are many. */
export function readable(root: unknown): Readable {
  const sound = <T>(schema: z.ZodType<T>, ...path: Path): T | undefined =>
    schema.safeParse(valueAt(root, path)).data
  /** '' where there is one that is wrong itself. */
  const soundIfThere = (schema: z.ZodType<string | undefined>, ...path: Path) =>
    valueAt(root, path) === undefined ? undefined : (sound(schema, ...path) ?? '')
  const { shape } = settingsSchema
  const collectors = shape.collectors.unwrap().shape
  const docker = collectors.docker.unwrap().element
  const sandbox = collectors.mesos_sandbox.unwrap().element
  const signal = shape.signals.unwrap().valueType.shape
  const rule = shape.alerts.unwrap().element.shape
  const scaling = shape.autoscaling.unwrap().shape
  const policy = scaling.services.unwrap().element.shape
  const signals = Object.keys(Object(valueAt(root, ['signals'])))
  return {
    listen: sound(shape.listen, 'listen'),
    evaluation: sound(shape.evaluation, 'evaluation'),
    mail: sound(shape.mail, 'mail'),
    notifications: sound(shape.notifications, 'notifications'),
    kafka: sound(shape.bus.unwrap().shape.kafka, 'bus', 'kafka'),
    elasticsearch: sound(shape.store.unwrap().shape.elasticsearch, 'store', 'elasticsearch'),
    retentionClasses: Object.keys(Object(valueAt(root, ['store', 'retention_classes']))),
    retentions: (['files', 'syslog', 'prometheus', 'checks'] as const).flatMap((kind) =>
      places(root, 'collectors', kind).map((path) => ({
        path,
        retention:
          soundIfThere(collectors[kind].unwrap().element.shape.retention, ...path, 'retention') ||
          undefined,
      })),
    ),
    checks: places(root, 'collectors', 'checks').map((path) => ({
      name: sound(collectors.checks.unwrap().element.shape.name, ...path, 'name'),
    })),
    prometheus: places(root, 'collectors', 'prometheus').map((path) =>
      sound<Readable['prometheus'][number]>(collectors.prometheus.unwrap().element, ...path),
    ),
    syslog: places(root, 'collectors', 'syslog').map((path) =>
      sound<Readable['syslog'][number]>(collectors.syslog.unwrap().element, ...path),
    ),
    marathons: places(root, 'collectors', 'marathon').length,
    docker: places(root, 'collectors', 'docker').map((path) => sound(docker, ...path)),
    mesosSandbox: places(root, 'collectors', 'mesos_sandbox').map((path) =>
      sound(sandbox, ...path),
    ),
    connections: (['mesos_master', 'mesos_agent', 'marathon', 'prometheus'] as const).flatMap(
      (kind) =>
        places(root, 'collectors', kind).flatMap((path) => {
          const item = sound<Connection['item']>(collectors[kind].unwrap().element, ...path)
          return item ? [{ path, item }] : []
        }),
    ),
    signals: Object.fromEntries(
      signals.map((name) => [
        name,
        {
          over: sound(signal.over, 'signals', name, 'over'),
          from: sound(signal.from, 'signals', name, 'from'),
          metric: soundIfThere(signal.metric, 'signals', name, 'metric'),
          value: sound(signal.value, 'signals', name, 'value'),
          counter: sound(signal.counter, 'signals', name, 'counter'),
          measure: sound(signal.measure, 'signals', name, 'measure'),
          by: sound(signal.by, 'signals', name, 'by'),
          expected: sound(signal.expected, 'signals', name, 'expected'),
          given: new Set(Object.keys(Object(valueAt(root, ['signals', name])))),
        },
      ]),
    ),
    builtinSignals: sound(shape.builtin_signals, 'builtin_signals'),
    alerts: places(root, 'alerts').map((path) => ({
      isWritten: {
        when: isGiven(valueAt(root, [...path, 'when'])),
        log: isGiven(valueAt(root, [...path, 'log'])),
        watchdog: sound(rule.watchdog, ...path, 'watchdog') === true,
      },
      alert: sound(rule.alert, ...path, 'alert'),
      labels: sound(rule.labels, ...path, 'labels'),
      when: sound(rule.when, ...path, 'when'),
      clear_when: sound(rule.clear_when, ...path, 'clear_when'),
    })),
    scaling: {
      interval: sound(scaling.interval, 'autoscaling', 'interval'),
      hasMarathon: isGiven(valueAt(root, ['collectors', 'marathon'])),
      services: places(root, 'autoscaling', 'services').map((path) => ({
        service: sound(policy.service, ...path, 'service'),
        target: isGiven(valueAt(root, [...path, 'target']))
          ? eachSound(root, policy.target.unwrap().valueType, [...path, 'target'])
          : {},
        min: sound(policy.min, ...path, 'min'),
        max: sound(policy.max, ...path, 'max'),
        tolerance: sound(policy.tolerance, ...path, 'tolerance'),
        steps: places(root, ...path, 'steps').map((at) =>
          sound(policy.steps.unwrap().element, ...at),
        ),
        scale_up: sound(policy.scale_up, ...path, 'scale_up'),
        scale_down: sound(policy.scale_down, ...path, 'scale_down'),
        activation: sound(policy.activation, ...path, 'activation'),
        idle_after: sound(policy.idle_after, ...path, 'idle_after'),
      })),
    },
  }
}

const isGiven = (value: unknown) =>
  Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null

/** The values of a mapping by name, undefined where one is wrong itself; undefined where there is no mapping. */
function eachSound<T>(root: unknown, schema: z.ZodType<T>, path: Path) {
  const map = valueAt(root, path)
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return undefined
  return Object.fromEntries(
    Object.entries(map).map(([name, value]) => [name, schema.safeParse(value).data]),
  )
}

/** The paths of a list's items; none where there is no list. */
function places(root: unknown, ...path: Path): Path[] {
  const list = valueAt(root, path)
  return Array.isArray(list) ? list.map((_, i) => [...path, i]) : []
}
