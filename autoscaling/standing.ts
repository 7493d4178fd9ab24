/** How a service stands in a simulation: what each of its instances has, held against what it can take. */
import { isAdditive } from '../pipeline/scaling-signal.ts'
import type { SimulationState } from '../pipeline/simulation.ts'
import { eachOf } from './model.ts'
import type { ScalingPolicy } from './policy.ts'
import { isPerTask, type SignalReading } from './reading.ts'
import type { Scene } from './replay.ts'
import { valueOf } from './target-parts.ts'
import { groupTasks, readyCount } from './tasks.ts'

/** What a ready instance can take, by signal; of one that is no total, what the service shall have of it at most. */
export type Limits = Record<string, number>

/** By the policy, unless somebody knows better. */
export function limitsOf(policy: ScalingPolicy | undefined, known: Limits): Limits {
  if (!policy) return known
  const { targets, values, steps = [], tolerance } = policy
  const limits: Limits = {}
  for (const { signal, above = Infinity } of steps) {
    limits[signal] = Math.min(above, limits[signal] ?? Infinity)
  }
  for (const [signal, target] of Object.entries({ ...values, ...targets })) {
    limits[signal] = target * (1 + tolerance)
  }
  return { ...limits, ...known }
}

/** Undefined where Marathon told of no such service. */
export function standingOf(
  { state, signals }: Scene,
  policy: ScalingPolicy | undefined,
  limits: Limits,
): SimulationState | undefined {
  if (!state) return undefined
  const each: Record<string, number> = {}
  for (const signal of Object.keys(limits)) {
    const reading = signals(signal)
    if (!reading) continue
    const value = isWhole(signal, reading, policy) ? valueOf(reading) : eachOf(reading, state)
    if (value !== undefined) each[signal] = value
  }
  return { wanted: state.instances, ready: readyCount(state, groupTasks(state)), each }
}

/** The load that is drawn: of the first signal, what all instances have together, or the value of the service. */
export function loadOf(
  [signal]: readonly string[],
  { signals }: Scene,
  policy: ScalingPolicy | undefined,
  standing: SimulationState | undefined,
): { signal: string; value: number; isTotal: boolean } | undefined {
  const reading = signal === undefined ? undefined : signals(signal)
  const value = signal === undefined ? undefined : standing?.each[signal]
  if (signal === undefined || !reading || value === undefined || !standing) return undefined
  if (isWhole(signal, reading, policy)) return { signal, value, isTotal: false }
  return { signal, value: value * Math.max(1, standing.ready), isTotal: true }
}

/** A target of each instance makes a total of anything; else a signal is what it is measured as. */
function isWhole(signal: string, { declaration }: SignalReading, policy?: ScalingPolicy): boolean {
  if (Object.hasOwn(policy?.targets ?? {}, signal)) return false
  return !isPerTask(declaration) && !isAdditive(declaration)
}
