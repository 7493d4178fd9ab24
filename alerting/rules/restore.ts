/**
 * What becomes of a `for` that was running when evaluation stopped for a while (Prometheus, `Group.RestoreForState`):
 * the time in which nobody evaluated does not count, but what had been waited before it does.
 */
export interface Outage {
  /** The last evaluation before it, and the first from which on there are results again, ms. */
  downAt: number
  ts: number
  /** The rule's `for`, ms. */
  forMs: number
  /** So long an alert that was about to fire waits at least after the outage, ms; a shorter `for` begins anew. */
  graceMs?: number
  /** After a longer outage a `for` begins anew, ms. */
  toleranceMs?: number
}

/** Prometheus's defaults. */
const defaultGraceMs = 10 * 60_000
const defaultToleranceMs = 60 * 60_000

/**
 * Since when an alert counts as active after the outage that was active since `activeAt` before it, ms; undefined where
 * its `for` has to begin anew.
 */
export function restoredActiveAt(
  activeAt: number,
  { downAt, ts, forMs, graceMs = defaultGraceMs, toleranceMs = defaultToleranceMs }: Outage,
): number | undefined {
  if (forMs < graceMs || ts - downAt >= toleranceMs) return undefined
  const remainingMs = forMs - (downAt - activeAt)
  if (remainingMs <= 0) return activeAt
  if (remainingMs < graceMs) return ts + graceMs - forMs
  return activeAt + (ts - downAt)
}
