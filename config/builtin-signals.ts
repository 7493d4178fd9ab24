import type { Settings, SignalSettings } from './settings.ts'

/** A signal that is measured without being declared, and what it is good for. */
export interface BuiltinSignal extends SignalSettings {
  sentence: string
}

const second = 1000
const minute = 60 * second

const perTask = { from: 'metrics', where: '', over: 30 * second, by: ['service', 'task'] } as const
const perService = { where: '', over: minute, by: ['service'] } as const

function instances(kind: 'wanted' | 'running' | 'healthy', sentence: string) {
  const metric = `service.instances.${kind}`
  return { ...perService, from: 'metrics', metric, measure: 'last', sentence } as const
}

const declared = {
  cpu: {
    ...perTask,
    metric: 'container.cpu.utilization',
    measure: 'avg',
    sentence: 'CPU that a task uses of its limit (1 is all of it).',
  },
  memory: {
    ...perTask,
    metric: 'container.memory.utilization',
    measure: 'max',
    sentence: 'Memory that a task uses of its limit; beyond 1 the kernel kills.',
  },
  errors: {
    ...perService,
    from: 'logs',
    where: 'level:error OR level:fatal',
    measure: 'rate',
    sentence: 'Lines of level error or fatal a second.',
  },
  instances_wanted: instances('wanted', 'Instances that Marathon was told to run.'),
  instances_running: instances('running', 'Instances that run.'),
  instances_healthy: instances(
    'healthy',
    'Running instances whose health checks pass; without checks all that run.',
  ),
  deaths: {
    ...perService,
    from: 'changes',
    where: 'kind:task AND action:died',
    measure: 'count',
    over: 10 * minute,
    sentence: 'Tasks that ended though nobody had asked for it.',
  },
} as const satisfies Record<string, Omit<BuiltinSignal, 'by'> & { by: readonly string[] }>

export const builtinSignals: Readonly<Record<string, BuiltinSignal>> = Object.fromEntries(
  Object.entries(declared).map(([name, signal]) => [name, { ...signal, by: [...signal.by] }]),
)

/**
 * All signals that are measured: those declared, and the built-in ones whose name is not taken, with their windows rounded
 * up to whole buckets; without the latter if `builtin_signals` is false.
 */
export function measuredSignals({
  signals,
  builtin_signals: builtin,
  evaluation: { resolution },
}: Pick<Settings, 'signals' | 'builtin_signals' | 'evaluation'>): Record<string, SignalSettings> {
  if (!builtin) return signals
  const all: Record<string, SignalSettings> = {}
  for (const [name, { sentence: _, ...signal }] of Object.entries(builtinSignals)) {
    all[name] = { ...signal, over: Math.ceil(signal.over / resolution) * resolution }
  }
  return { ...all, ...signals }
}
