/** A service as it would stand had it been scaled otherwise: instances that start and end, and the recorded load on them. */
import { isAdditive } from '../pipeline/scaling-signal.ts'
import type { ServiceState, TaskState } from '../pipeline/service-state.ts'
import type { SignalDeclaration, SignalValue } from '../pipeline/signals.ts'
import { byTask, isPerTask, type SignalReading } from './reading.ts'
import { groupTasks, readyCount } from './tasks.ts'

interface Instance {
  id: string
  readyMs: number
}

export interface Model {
  scale(to: number, nowMs: number): void
  /** `recorded` gives all that instances do not change. */
  stateAt(recorded: ServiceState, nowMs: number): ServiceState
}

/** Begins with the service as it stood; a new instance is ready after `startMs`. */
export function openModel(state: ServiceState, nowMs: number, startMs: number): Model {
  const groups = groupTasks(state)
  const { ready, unready, missing } = groups
  let instances: Instance[] = [
    ...ready.map(({ id }) => ({ id, readyMs: -Infinity })),
    ...[...unready, ...missing].map(({ id, stagedMs }) => ({
      id,
      readyMs: Math.max(nowMs, (stagedMs ?? nowMs) + startMs),
    })),
  ]
  let started = 0
  let changedMs = nowMs
  // Without tasks Marathon tells only how many there are.
  const known = state.tasks.length > 0 ? 0 : readyCount(state, groups)
  for (let i = 0; i < known; i++) instances.push({ id: `known-${i + 1}`, readyMs: -Infinity })
  scale(state.instances, nowMs)

  function scale(to: number, atMs: number) {
    if (to !== instances.length) changedMs = atMs
    // Those that are not ready yet go first.
    instances = instances.toSorted((a, b) => a.readyMs - b.readyMs).slice(0, to)
    while (instances.length < to) {
      instances.push({ id: `simulated-${++started}`, readyMs: atMs + startMs })
    }
  }

  return {
    scale,
    stateAt({ queue: _waiting, ...recorded }, atMs) {
      const tasks = instances.map(({ id, readyMs }): TaskState => {
        if (readyMs > atMs) return { id, state: 'TASK_STAGING' }
        return {
          id,
          state: 'TASK_RUNNING',
          ...(Number.isFinite(readyMs) ? { startedMs: readyMs } : {}),
          ...(recorded.hasChecks ? { healthy: true } : {}),
        }
      })
      const staged = instances.filter(({ readyMs }) => readyMs > atMs).length
      const running = instances.length - staged
      return {
        ...recorded,
        instances: instances.length,
        tasks,
        staged,
        running,
        healthy: running,
        unhealthy: 0,
        deployments: staged > 0 ? [{ id: 'simulated', sinceMs: changedMs }] : [],
      }
    },
  }
}

/** What a ready instance has of a signal. */
export function eachOf(reading: SignalReading, state: ServiceState): number | undefined {
  const groups = groupTasks(state)
  if (isPerTask(reading.declaration)) {
    const tasks = byTask(reading)
    const values = groups.ready.flatMap(({ id }) => tasks.get(id)?.value ?? [])
    return values.length > 0 ? sum(values) / values.length : undefined
  }
  const known = reading.values.filter(({ unknown }) => !unknown)
  if (known.length === 0) return undefined
  return sum(known.map(({ value }) => value)) / Math.max(1, readyCount(state, groups))
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** The recorded load as the instances of the model would have it. */
export function modelled(
  reading: SignalReading,
  recorded: ServiceState,
  model: ServiceState,
): SignalReading {
  const { declaration, values } = reading
  // A total stays what it is, whoever does the work.
  if (!isPerTask(declaration)) return reading
  const each = eachOf(reading, recorded)
  if (each === undefined) return { declaration, values: [] }
  const { ready } = groupTasks(model)
  const there = groupTasks(recorded).ready.length
  const value = isWork(declaration) ? (each * there) / Math.max(1, ready.length) : each
  const lastMs = Math.max(...values.map((one) => one.lastMs))
  const { service } = recorded
  return {
    declaration,
    values: ready.map(({ id }): SignalValue => ({ group: { service, task: id }, value, lastMs })),
  }
}

/** What all instances have together is the same, however many they are. */
const isWork = (declaration: SignalDeclaration) =>
  isAdditive(declaration) || declaration.measure === 'avg'

/** Why the model knows no better than what was recorded, a sentence. */
export function modelRemark(signal: string, declaration: SignalDeclaration): string | undefined {
  const { measure } = declaration
  if (isPerTask(declaration)) {
    if (isWork(declaration)) return undefined
    return `${signal} is the ${measure} of each task: what it would be with other instances nobody knows, it is taken as it was`
  }
  if (isAdditive(declaration)) return undefined
  return `${signal} is the ${measure} of the service: it is taken as it was, whatever the instances`
}
