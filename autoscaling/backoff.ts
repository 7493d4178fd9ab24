import type { Refusal } from './marathon.ts'
import type { Backoff } from './memory.ts'

const firstMs = 5000
/** The same request would be refused again: somebody has to do something first. */
const firstLastingMs = 60_000
const longestMs = 300_000

/**
 * How long to wait after Marathon refused, or did not answer: twice as long each time, up to five minutes, a quarter
 * more or less (`random`: from 0 to 1), so that services do not come back all at once.
 */
export function backoffAfter(
  { reason, because, lasting }: Refusal,
  before: Backoff | undefined,
  nowMs: number,
  random: number,
): Backoff {
  const failures = (before?.failures ?? 0) + 1
  const first = lasting ? firstLastingMs : firstMs
  const ms = Math.min(longestMs, first * 2 ** (failures - 1))
  return { untilMs: Math.round(nowMs + ms * (0.75 + random / 2)), failures, reason, because }
}
