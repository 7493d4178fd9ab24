import { msToIso } from '../event.ts'

/** Half open: `from` ≤ time < `to`; ms since the epoch. */
export interface TimeRange {
  from?: number
  to?: number
}

const firstMs = Date.parse('0000-01-01T00:00:00Z')
const lastMs = Date.parse('9999-12-31T23:59:59.999Z')

/** The start of a range as text to compare event times with: below all of them if it is not bounded. */
export function isoFrom(ms: number | undefined): string {
  if (ms === undefined || ms < firstMs) return ''
  return ms > lastMs ? beyond : msToIso(ms)
}

/** The end of a range likewise: above all event times if it is not bounded. */
export function isoTo(ms: number | undefined): string {
  if (ms === undefined || ms > lastMs) return beyond
  return ms < firstMs ? '' : msToIso(ms)
}

const beyond = '~'

const leastMarginMs = 60_000
const largestMarginMs = 3_600_000

/** Wider on both sides by its length, at least a minute, at most an hour: where the neighbours of what is missing are looked for. */
export function withMargin({ from, to }: TimeRange): TimeRange {
  const length = from === undefined || to === undefined ? Infinity : to - from
  const margin = Math.min(largestMarginMs, Math.max(leastMarginMs, length))
  return {
    ...(from === undefined ? {} : { from: from - margin }),
    ...(to === undefined ? {} : { to: to + margin }),
  }
}
