/** How many requests a second visitors make, over time. Pure, so that tests and the bench ask the same. */

export const loadShapes = ['steady', 'step', 'ramp', 'sine', 'spike'] as const
export type LoadShape = (typeof loadShapes)[number]

export interface LoadPlan {
  shape: LoadShape
  /** Requests a second without any shape: before, after, and at the bottom of the sine. */
  base: number
  /** Requests a second at the top. */
  amount: number
  /**
   * Seconds. `step`: how long it lasts; `ramp`: until the top, where it stays; `sine`: of one wave; `spike`: one of
   * a tenth of it at its beginning, again and again.
   */
  period: number
  /** ms since the epoch: when the shape begins. */
  startedAt: number
  /** ms since the epoch: from then on it is `base` again. */
  endsAt?: number
}

/** Requests a second at a time (ms since the epoch). */
export function rateAt(plan: LoadPlan, ms: number): number {
  const { shape, base, amount, period, startedAt, endsAt = Infinity } = plan
  const seconds = (ms - startedAt) / 1000
  if (seconds < 0 || ms >= endsAt) return base
  const rise = amount - base
  switch (shape) {
    case 'steady':
      return amount
    case 'step':
      return seconds < period ? amount : base
    case 'ramp':
      return base + rise * Math.min(1, seconds / period)
    case 'sine':
      return base + (rise * (1 - Math.cos((2 * Math.PI * seconds) / period))) / 2
    case 'spike':
      return seconds % period < period / 10 ? amount : base
  }
}
