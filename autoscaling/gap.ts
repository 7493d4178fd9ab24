export const shortestGapMs = 20_000

/** Without an evaluation, or a measurement, for so long nobody knows what was meanwhile: three intervals, 20 s at least, ms. */
export const gapAfter = (intervalMs: number) => Math.max(3 * intervalMs, shortestGapMs)
