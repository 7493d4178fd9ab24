/** Whether a group's alerts are news to a receiver, against what it was told last. */

/** What a receiver was told of a group. Plain data; times in ms. */
export interface LogEntry {
  /** Fingerprints. */
  firing: readonly string[]
  resolved: readonly string[]
  at: number
  /** From then on it may be forgotten. */
  expiresAt: number
}

/** Why it is told again, in Alertmanager's words. */
export type Reason =
  | 'first notification'
  | 'new alerts added'
  | 'all alerts resolved'
  | 'some alerts resolved'
  | 'repeat interval elapsed'

export interface Situation {
  /** Fingerprints. */
  firing: readonly string[]
  resolved: readonly string[]
  sendResolved: boolean
  /** ms */
  repeatInterval: number
  now: number
}

/** Undefined: there is nothing to tell. */
export function reasonToNotify(
  entry: LogEntry | undefined,
  { firing, resolved, sendResolved, repeatInterval, now }: Situation,
): Reason | undefined {
  if (!entry) return firing.length > 0 ? 'first notification' : undefined
  if (!isSubset(firing, entry.firing)) {
    return entry.firing.length === 0 ? 'first notification' : 'new alerts added'
  }
  // Even where resolved ones are not sent: the entry must forget the firing ones.
  if (firing.length === 0) return entry.firing.length > 0 ? 'all alerts resolved' : undefined
  if (sendResolved && !isSubset(resolved, entry.resolved)) return 'some alerts resolved'
  return entry.at < now - repeatInterval ? 'repeat interval elapsed' : undefined
}

function isSubset(some: readonly string[], all: readonly string[]): boolean {
  const known = new Set(all)
  return some.every((one) => known.has(one))
}

/** What a receiver has been told at `now`; `repeatInterval` in ms. */
export function logEntry(
  { firing, resolved }: Pick<LogEntry, 'firing' | 'resolved'>,
  repeatInterval: number,
  now: number,
): LogEntry {
  return { firing, resolved, at: now, expiresAt: now + 2 * repeatInterval }
}
