/** What others changed past us: somebody by hand, which is respected for a time, or a deployment, which is not. */
import type { Override } from '../pipeline/decision.ts'
import type { ServiceState } from '../pipeline/service-state.ts'
import type { DecideInput } from './decide.ts'
import type { ServiceMemory } from './memory.ts'
import type { Situation } from './situation.ts'

/** How the service was seen last. */
export interface Sighting {
  instances: number
  configVersion?: string
  deploying: boolean
}

/** Instances that a deployment, or its rollback, has set to what its file says. */
export interface Reset {
  from: number
  to: number
  by: 'deployment' | 'rollback'
}

/** Remembers how the service is seen now, and what became of it since it was seen last. */
export function notice(input: DecideInput, { stale, inFlight }: Situation): ServiceMemory {
  const { policy, state, memory, nowMs } = input
  // Until our own change is seen nobody can tell whose it is.
  if (!state || stale !== undefined || inFlight) return memory
  const { seen, override, reset, ...rest } = memory
  const isChanged = seen !== undefined && seen.instances !== state.instances
  const { override: current, reset: lasting } = isChanged
    ? causeOf(state, seen, input)
    : { override, reset }
  const isRespected = current && !policy.dryRun && nowMs < current.sinceMs + policy.overrideMs
  return {
    ...rest,
    seen: sightingOf(state),
    ...(isRespected ? { override: current } : {}),
    ...(lasting ? { reset: lasting } : {}),
  }
}

function sightingOf({ instances, configVersion, deployments }: ServiceState): Sighting {
  return {
    instances,
    ...(configVersion === undefined ? {} : { configVersion }),
    deploying: deployments.length > 0,
  }
}

/** Empty where it is what we asked for. */
function causeOf(
  state: ServiceState,
  seen: Sighting,
  { memory, nowMs }: DecideInput,
): { override?: Override; reset?: Reset } {
  const { instances, configVersion } = state
  const { asked, lastChange } = memory
  // The newest change may be of a process of an older version, which does not remember what it asked for.
  const done = lastChange?.outcome === 'scaled' ? lastChange.to : undefined
  if (instances === asked || instances === done) return {}
  const change = { from: seen.instances, to: instances }
  if (configVersion !== seen.configVersion) return { reset: { ...change, by: 'deployment' } }
  const isOurs = lastChange?.to === seen.instances && lastChange.from === instances
  if (seen.deploying && isOurs) return { reset: { ...change, by: 'rollback' } }
  // Whoever had suspended it wants it scaled again.
  if (seen.instances === 0 && asked !== 0) return {}
  const sinceMs = Math.min(changedMs(state), nowMs)
  return { override: { instances, from: seen.instances, sinceMs } }
}

/** A version in which nothing but `instances` is new is named by when these were changed. */
function changedMs({ version = '', configVersion, atMs }: ServiceState): number {
  const told = version === configVersion ? Number.NaN : Date.parse(version)
  return Number.isFinite(told) ? told : atMs
}

const resetters = { deployment: 'a deployment', rollback: 'the rollback of a deployment' }

/** `a deployment had set it from 7 to 2` */
export const resetWords = ({ from, to, by }: Reset) =>
  `${resetters[by]} had set it from ${from} to ${to}`

/** Of a record of another process what is as it has to be: without the rest nothing is taken for somebody's change. */
export function readSightings({ asked, seen, override, reset }: Partial<ServiceMemory>) {
  return {
    ...(areNumbers(asked) ? { asked } : {}),
    ...(areNumbers(seen?.instances) ? { seen } : {}),
    ...(areNumbers(override?.instances, override?.from, override?.sinceMs) ? { override } : {}),
    ...(areNumbers(reset?.from, reset?.to) && reset && reset.by in resetters ? { reset } : {}),
  } as Pick<ServiceMemory, 'asked' | 'seen' | 'override' | 'reset'>
}

const areNumbers = (...values: unknown[]) => values.every(Number.isFinite)
