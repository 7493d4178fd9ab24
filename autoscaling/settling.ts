/** After a change steps wait until it can be measured what it did. */
import type { Outlook } from '../pipeline/decision.ts'
import type { DecideInput } from './decide.ts'
import type { StepMemory, TakenChange } from './memory.ts'
import type { SignalReading } from './reading.ts'
import type { Situation } from './situation.ts'
import { span } from './words.ts'

type Input = Pick<DecideInput, 'policy' | 'memory' | 'state' | 'signals' | 'ts'>

/** After so long nobody believes that instances which are not ready will be, ms. */
const settleWithinMs = 600_000

/** Undefined for a policy without steps. */
export function stepMemory(input: Input, situation: Situation): StepMemory | undefined {
  const { policy, memory, ts, signals } = input
  if (!policy.steps) return undefined
  const last = memory.taken
  const settledTs = last && settledAt(input, last, situation)
  const windows = policy.steps.map(({ signal }) => signals(signal)?.declaration.overMs ?? 0)
  const isMeasured = settledTs !== undefined && ts >= settledTs + Math.max(...windows)
  const from = !last || isMeasured ? situation.wanted : fromBefore(last, memory.steps)
  return { from, ...(settledTs === undefined ? {} : { settledTs }) }
}

/** At the first evaluation that finds all instances ready. */
function settledAt(
  { memory, state, ts }: Input,
  last: TakenChange,
  { groups, inFlight }: Situation,
) {
  if (memory.steps?.settledTs !== undefined) return memory.steps.settledTs
  const isUnderWay = inFlight !== undefined || state?.deployments.length || state?.queue?.count
  const isReady = !isUnderWay && groups.unready.length === 0
  return isReady || ts - last.ts > settleWithinMs ? ts : undefined
}

/** Several changes of one direction, as rates allow them, are one. */
function fromBefore({ from, to }: TakenChange, before: StepMemory | undefined): number {
  if (!before) return from
  return Math.sign(to - before.from) === Math.sign(to - from) ? before.from : from
}

export interface Wait {
  because: string
  next: Outlook
}

/** Until the instances of the last change are ready, and all that is measured was measured with them. */
export function waitOf(
  { declaration }: SignalReading,
  { last, steps, ts }: { last: TakenChange | undefined; steps: StepMemory | undefined; ts: number },
): Wait | undefined {
  if (!last) return undefined
  const change = `the change ${last.from} → ${last.to}`
  if (steps?.settledTs === undefined) {
    const because = `steps wait until all instances are ready after ${change}`
    return { because, next: { change: 'steps go on', when: 'all instances are ready' } }
  }
  const atMs = steps.settledTs + declaration.overMs
  if (ts >= atMs) return undefined
  const because = `steps wait until ${span(declaration.overMs)} were measured after ${change}`
  return { because, next: { change: 'steps go on', when: 'the window was measured', atMs } }
}
