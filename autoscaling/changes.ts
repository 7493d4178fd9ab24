/** Changes of ours that Marathon took: what rate policies and steps look back on. */
import type { Decision, DecisionPolicy } from '../pipeline/decision.ts'
import type { ScaleEvent } from './hpa/limits.ts'
import type { ServiceMemory, TakenChange } from './memory.ts'

/** What is remembered once Marathon took a change. */
export function afterChange(memory: ServiceMemory, { ts, from, to }: Decision): ServiceMemory {
  const { steps, isAsleep: _was, changes = [], ...rest } = memory
  const asleep = to === 0 ? ({ isAsleep: true } as const) : {}
  const unsettled = steps ? { steps: { from: steps.from } } : {}
  return { ...rest, ...asleep, ...unsettled, changes: [...changes, { ts, from, to }] }
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
