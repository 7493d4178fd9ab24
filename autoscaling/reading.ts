import { unitOf } from '../pipeline/metric-names.ts'
import type { SignalDeclaration, SignalValue } from '../pipeline/signals.ts'

/** What is known of a signal for one service at one time. */
export interface SignalReading {
  declaration: SignalDeclaration
  values: readonly SignalValue[]
}

export interface TaskValue {
  value: number
  lastMs: number
}

export function unitOfSignal({ unit, measure, metric }: SignalDeclaration): string | undefined {
  if (measure === 'rate') return unit ?? '/s'
  if (measure === 'count') return unit
  return unit ?? (metric === undefined ? undefined : unitOf(metric))
}

/** By task id, where it is kept per task; groups of one task (its containers) are added. */
export function byTask({ values }: SignalReading): Map<string, TaskValue> {
  const tasks = new Map<string, TaskValue>()
  for (const { group, value, lastMs, unknown } of values) {
    if (group.task === undefined || unknown) continue
    const before = tasks.get(group.task)
    tasks.set(group.task, {
      value: value + (before?.value ?? 0),
      lastMs: Math.max(lastMs, before?.lastMs ?? lastMs),
    })
  }
  return tasks
}

export function isPerTask({ by }: SignalDeclaration): boolean {
  return by.includes('task')
}

/**
 * Lines and changes are counted: a service that is idle and one that nobody reads look the same once no task has
 * any within the window.
 */
export function isSilent({ declaration, values }: SignalReading, ts: number): boolean {
  if (declaration.from === 'metrics') return false
  return values.every((value) => isSilentValue(value, declaration, ts))
}

export function isSilentValue({ lastMs }: TaskValue, { overMs }: SignalDeclaration, ts: number) {
  return lastMs < ts - overMs
}

/** Values of all signals divided by service, each signal once however many services ask. */
export function readingsAt(
  declarations: Record<string, SignalDeclaration>,
  valuesOf: (signal: string) => ReadonlyMap<string, SignalValue>,
) {
  const divided = new Map<string, Map<string, SignalValue[]>>()
  return (service: string) =>
    (signal: string): SignalReading | undefined => {
      const declaration = Object.hasOwn(declarations, signal) ? declarations[signal] : undefined
      if (!declaration) return undefined
      let services = divided.get(signal)
      if (!services) {
        services = divide(valuesOf(signal).values())
        divided.set(signal, services)
      }
      return { declaration, values: services.get(service) ?? [] }
    }
}

function divide(values: Iterable<SignalValue>): Map<string, SignalValue[]> {
  const services = new Map<string, SignalValue[]>()
  for (const value of values) {
    const { service } = value.group
    if (service === undefined) continue
    const known = services.get(service)
    if (known) known.push(value)
    else services.set(service, [value])
  }
  return services
}
