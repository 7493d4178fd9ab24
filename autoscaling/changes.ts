/** Changes of ours that Marathon took: what rate policies and steps look back on. */
import type { Decision, DecisionPolicy } from '../pipeline/decision.ts'
import type { DecideInput } from './decide.ts'
import type { ScaleEvent } from './hpa/limits.ts'
import type { ServiceMemory, TakenChange } from './memory.ts'
import type { Situation } from './situation.ts'

/** What is remembered once Marathon took a change. */
export function afterChange(memory: ServiceMemory, { ts, from, to }: Decision): ServiceMemory {
  const { settledTs: _before, isAsleep: _was, changes = [], ...rest } = memory
  const asleep = to === 0 ? ({ isAsleep: true } as const) : {}
  return { ...rest, ...asleep, changes: [...changes, { ts, from, to }] }
}

/** After so long nobody believes that instances which are not ready will be, ms. */
const settleWithinMs = 600_000

/** When all instances were ready after the last change: at the first evaluation that finds it so. */
export function settledAt(
  { memory, state, ts }: Pick<DecideInput, 'memory' | 'state' | 'ts'>,
  { groups, inFlight }: Situation,
): number | undefined {
  const last = memory.changes?.at(-1)
  if (!last || memory.settledTs !== undefined) return memory.settledTs
  const isUnderWay = inFlight !== undefined || state?.deployments.length || state?.queue?.count
  const isReady = !isUnderWay && groups.unready.length === 0
  return isReady || ts - last.ts > settleWithinMs ? ts : undefined
}

/** The newest, and those within the longest time of a rate policy. */
export function lookedBackOn(
  { changes }: ServiceMemory,
  { scaleUp, scaleDown }: DecisionPolicy,
  ts: number,
): Pick<ServiceMemory, 'changes'> {
  if (!changes) return {}
  const rates = [...(scaleUp?.policies ?? []), ...(scaleDown?.policies ?? [])]
  const longestMs = Math.max(0, ...rates.map(({ perMs }) => perMs))
  const last = changes.length - 1
  return { changes: changes.filter((one, i) => i === last || one.ts > ts - longestMs) }
}

export function eventsOf(changes: readonly TakenChange[] = []) {
  const events = (sign: 1 | -1): ScaleEvent[] =>
    changes.flatMap(({ ts, from, to }) => {
      const change = sign * (to - from)
      return change > 0 ? { ts, change, outdated: false } : []
    })
  return { upEvents: events(1), downEvents: events(-1) }
}
