/** Whether there is anything to do for a service that may go to zero. */
import type { DecideInput } from './decide.ts'
import { gapAfter } from './gap.ts'
import type { ServiceMemory } from './memory.ts'
import { unitOfSignal } from './reading.ts'
import type { Situation } from './situation.ts'
import { valueOf, whyMissing } from './target-parts.ts'
import { listed, quantity } from './words.ts'

export interface Activity {
  /** `unknown`: not all was measured, and what was is idle. */
  is: 'active' | 'idle' | 'unknown'
  /** `queue is 12, above 5` */
  because: string
}

export type Idle = NonNullable<ServiceMemory['idle']>

/** Undefined for a policy without activation. */
export function activityOf(input: DecideInput, situation: Situation): Activity | undefined {
  const { policy, unsure } = input
  if (!policy.activation) return undefined
  const each = Object.entries(policy.activation).map(([signal, above]) =>
    activityBy(signal, above, input, situation),
  )
  const of = (is: Activity['is']) => each.filter((one) => one.is === is)
  const said = (some: readonly Activity[]) => listed(some.map(({ because }) => because))
  const [active, unknown] = [of('active'), of('unknown')]
  if (active.length > 0) return { is: 'active', because: said(active) }
  if (unknown.length > 0) return { is: 'unknown', because: said(unknown) }
  const because = said(each)
  return unsure === undefined
    ? { is: 'idle', because }
    : { is: 'unknown', because: `${because}, which may be incomplete (${unsure})` }
}

function activityBy(
  signal: string,
  above: number,
  { signals, ts }: DecideInput,
  { unmeasured }: Situation,
): Activity {
  const reading = signals(signal)
  const missing = whyMissing(reading, { unmeasured, ts })
  const value = reading && missing === undefined ? valueOf(reading) : undefined
  if (!reading || value === undefined) {
    return { is: 'unknown', because: `${signal} ${missing ?? 'has no value'}` }
  }
  const unit = unitOfSignal(reading.declaration)
  const isActive = value > above
  const because = `${signal} is ${quantity(value, unit)}, ${isActive ? '' : 'not '}above ${quantity(above, unit)}`
  return { is: isActive ? 'active' : 'idle', because }
}

/** Since when it is idle; undefined while it is not. */
export function idleAfter(
  { memory, ts, intervalMs }: DecideInput,
  activity: Activity | undefined,
): Idle | undefined {
  if (activity?.is !== 'idle') return undefined
  const { idle } = memory
  const isGap = !idle || ts - idle.seenTs > gapAfter(intervalMs)
  return { sinceTs: isGap ? ts : idle.sinceTs, seenTs: ts }
}
