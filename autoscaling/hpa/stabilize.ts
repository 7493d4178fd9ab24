/** A number of replicas that was recommended before limits, and when, ms. */
export interface Recommendation {
  ts: number
  replicas: number
}

export interface Stabilized {
  replicas: number
  /** Those to remember: the new one takes the place of one that no window needs. */
  recommendations: Recommendation[]
}

/**
 * Stabilization windows in both directions, as the HPA has them with `behavior`: up to the lowest recommendation of the
 * time behind, down to the highest one; between them it stays as it is. A recommendation as old as a window is out of it.
 */
export function stabilize(
  wanted: number,
  {
    current,
    recommendations,
    upMs,
    downMs,
    ts,
  }: {
    current: number
    recommendations: readonly Recommendation[]
    upMs: number
    downMs: number
    ts: number
  },
): Stabilized {
  const within = (windowMs: number) =>
    recommendations.filter((one) => one.ts > ts - windowMs).map(({ replicas }) => replicas)
  const lowest = Math.min(wanted, ...within(upMs))
  const highest = Math.max(wanted, ...within(downMs))
  const replicas = Math.min(Math.max(current, lowest), highest)
  const isOld = (one: Recommendation) => one.ts < ts - upMs && one.ts < ts - downMs
  return { replicas, recommendations: remember(recommendations, { ts, replicas: wanted }, isOld) }
}

/** The same without `behavior`: down to the highest recommendation, up at once. */
export function stabilizeDown(
  wanted: number,
  recommendations: readonly Recommendation[],
  windowMs: number,
  ts: number,
): Stabilized {
  const isOld = (one: Recommendation) => one.ts < ts - windowMs
  const recent = recommendations.filter((one) => !isOld(one)).map(({ replicas }) => replicas)
  return {
    replicas: Math.max(wanted, ...recent),
    recommendations: remember(recommendations, { ts, replicas: wanted }, isOld),
  }
}

function remember(
  recommendations: readonly Recommendation[],
  added: Recommendation,
  isOld: (one: Recommendation) => boolean,
): Recommendation[] {
  const old = recommendations.findLastIndex(isOld)
  return old < 0 ? [...recommendations, added] : recommendations.with(old, added)
}
