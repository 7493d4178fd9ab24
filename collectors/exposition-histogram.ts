/** Observations by the upper bounds of their buckets, cumulative; `+Inf` holds all. */
export type Buckets = Map<number, number>

/** Adds what was observed between two readings. A reading that is smaller begins anew, as after a restart. */
export function addIncrease(into: Buckets, before: Buckets, now: Buckets): void {
  const isReset = [...now].some(([bound, count]) => count < (before.get(bound) ?? 0))
  for (const [bound, count] of now) {
    const increase = isReset ? count : count - (before.get(bound) ?? 0)
    into.set(bound, (into.get(bound) ?? 0) + increase)
  }
}

/**
 * The quantile of what was observed, interpolated within its bucket as Prometheus' `histogram_quantile` does. Undefined where
 * nothing was observed, or the bucket of all is missing.
 */
export function quantile(q: number, buckets: Buckets): number | undefined {
  const bounds = [...buckets.keys()].toSorted((a, b) => a - b)
  const total = buckets.get(Infinity)
  if (total === undefined || total <= 0 || bounds.length < 2) return undefined
  const counts = rising(bounds.map((bound) => buckets.get(bound) ?? 0))
  const rank = q * (counts.at(-1) as number)
  const at = Math.min(
    counts.findIndex((count) => count >= rank),
    bounds.length - 1,
  )
  const end = bounds[at] as number
  if (at === bounds.length - 1) return bounds[at - 1]
  if (at === 0 && end <= 0) return end
  const [start, below] = at === 0 ? [0, 0] : [bounds[at - 1] as number, counts[at - 1] as number]
  const within = (counts[at] as number) - below
  return within === 0 ? start : start + (end - start) * ((rank - below) / within)
}

/** What was scraped while it was being counted may fall a little. */
function rising(counts: readonly number[]): number[] {
  let most = 0
  return counts.map((count) => (most = Math.max(most, count)))
}
