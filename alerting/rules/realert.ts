/** How often the same is told again, as ElastAlert 2 does: per rule and value of `query_key`, by the clock. */
export interface RealertParameters {
  /** ms */
  realert: number
  /** Longest pause, ms: with it each match that comes early doubles the pause. */
  exponential_realert?: number | undefined
}

/** What is remembered of one of them; plain data. */
export interface Silenced {
  /** ms */
  until: number
  exponent: number
}

/** Undefined where a match at `now` is not to be told; else until when the next ones are not. */
export function realert(
  { realert: pause, exponential_realert: longest }: RealertParameters,
  before: Silenced | undefined,
  now: number,
): Silenced | undefined {
  if (before && now < before.until) return undefined
  if (!before || longest === undefined) return { until: now + pause, exponent: 0 }
  const exponent = nextExponent(pause, before, now)
  const wait = pause * 2 ** exponent
  // At the longest the exponent stays where it leads there again.
  if (wait >= longest) return { until: now + longest, exponent: exponent - 1 }
  return { until: now + wait, exponent }
}

/** One more where a match came soon after the pause; else fewer, the longer nothing came. */
function nextExponent(pause: number, { until, exponent: before }: Silenced, now: number): number {
  let quiet = now - until
  let exponent = before
  if (quiet < pause * 2 ** exponent) return exponent + 1
  while (exponent > 0 && quiet > pause * 2 ** exponent) {
    quiet -= pause * 2 ** exponent
    exponent--
  }
  return exponent
}
