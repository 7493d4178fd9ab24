/** What people want counts more than the load: a pause, and instances that were set by hand. */
import type { Outlook } from '../pipeline/decision.ts'
import type { DecideInput } from './decide.ts'
import type { Verdict } from './facts.ts'
import { moment, pauseAgainst, pauseWords } from './pause.ts'
import type { Situation } from './situation.ts'
import type { Wish } from './wish.ts'

export function heldByPeople(
  input: DecideInput,
  { wanted }: Situation,
  { verdict: wish }: Wish,
): Verdict | undefined {
  const { policy, memory, pauses = [], nowMs } = input
  const isMoved = wish.to !== wanted
  const otherwise = isMoved ? `without that ${wanted} → ${wish.to}: ${wish.because}` : undefined
  const next = (when: string, atMs: number): Outlook[] => {
    return [{ change: isMoved ? `scales to ${wish.to}` : 'goes on', when, atMs }]
  }
  const held = { outcome: 'held', to: wanted, would: wish.to, otherwise } as const
  const pause = pauseAgainst(Math.sign(wish.to - wanted), pauses, nowMs)
  if (pause) {
    return {
      ...held,
      reason: 'paused',
      step: 'pause',
      because: pauseWords(pause),
      next: next('the pause is over', pause.untilMs),
      pause,
    }
  }
  const { override } = memory
  if (!override) return undefined
  const { instances, from, sinceMs } = override
  const untilMs = sinceMs + policy.overrideMs
  const set = `set from ${from} to ${instances} by hand at ${moment(sinceMs)}`
  return {
    ...held,
    reason: 'override',
    step: 'override',
    because: `${set}, which is respected until ${moment(untilMs)}`,
    next: next('the time for what was set by hand is over', untilMs),
    override,
  }
}
