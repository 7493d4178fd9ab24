/** A token bucket: what it holds back is sent later. Plain data; times in ms. */
export interface Bucket {
  /** When it will be full again. */
  fullAt: number
  /** When it was asked last. */
  at: number
}

export interface Rate {
  perMinute: number
  /** So many at once after a quiet time; at least 1. */
  burst: number
}

export const fullBucket = (now: number): Bucket => ({ fullAt: now, at: now })

export interface Turn {
  bucket: Bucket
  /** Until the turn. */
  waitMs: number
  /** False: it is longer than the caller would wait, and no token was taken. */
  taken: boolean
}

/** Takes a token at `now`, perhaps one that is there only later: whoever asks first has the earlier turn. */
export function takeTurn(bucket: Bucket, rate: Rate, now: number, longestWaitMs: number): Turn {
  const current = moved(bucket, now)
  const perToken = tokenMs(rate)
  const turn = Math.max(now, current.fullAt - (rate.burst - 1) * perToken)
  const waitMs = turn - now
  if (waitMs > longestWaitMs) return { bucket: current, waitMs, taken: false }
  const fullAt = Math.max(current.fullAt, turn) + perToken
  return { bucket: { fullAt, at: now }, waitMs, taken: true }
}

/** Nothing before `until`, and then one after the other. */
export function heldUntil(bucket: Bucket, rate: Rate, until: number, now: number): Bucket {
  const current = moved(bucket, now)
  const fullAt = until + (rate.burst - 1) * tokenMs(rate)
  return { fullAt: Math.max(current.fullAt, fullAt), at: now }
}

const tokenMs = ({ perMinute }: Rate) => 60_000 / perMinute

/** A clock that was set back leaves what has to be waited for as it was. */
function moved({ fullAt, at }: Bucket, now: number): Bucket {
  return { fullAt: now < at ? fullAt - (at - now) : fullAt, at: now }
}
