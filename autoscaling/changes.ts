import type { Decision } from '../pipeline/decision.ts'
import { storeScaleEvent } from './hpa/limits.ts'
import type { ScaleEvents, ServiceMemory } from './memory.ts'
import { rulesOf } from './rates.ts'

export const noEvents: ScaleEvents = { up: [], down: [] }

/** What is remembered once Marathon took a change: what rate policies and steps look back on, and whose zero it is. */
export function afterChange(
  memory: ServiceMemory,
  decision: Decision,
  nowMs: number,
): ServiceMemory {
  const { steps, asleepMs: _was, events, ...rest } = memory
  const { ts, from, to } = decision
  return {
    ...rest,
    taken: { ts, from, to },
    events: withEvent(events ?? noEvents, decision),
    ...(steps ? { steps: { from: steps.from } } : {}),
    ...(to === 0 ? { asleepMs: nowMs } : {}),
  }
}

function withEvent({ up, down }: ScaleEvents, { ts, from, to, policy }: Decision): ScaleEvents {
  return to > from
    ? { up: storeScaleEvent(up, to - from, rulesOf(policy.scaleUp), ts), down }
    : { up, down: storeScaleEvent(down, from - to, rulesOf(policy.scaleDown), ts) }
}
