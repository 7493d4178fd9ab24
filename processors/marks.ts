/**
 * Which sequences of a source were counted already: what was seen from the start without a hole, and the ranges
 * seen beyond it. Lines that come twice (a kill between the bus's answer and the spool's trimming) count once.
 */
export type Ranges = [first: number, last: number][]

/** With more holes than this in a source the oldest is taken as seen: what was dropped does not come any more. */
export const maxRanges = 1000

/** The parts of [first, last] that are not in `ranges`. */
export function missingFrom(ranges: Ranges, first: number, last: number): Ranges {
  const missing: Ranges = []
  let next = first
  for (let i = firstNotBefore(ranges, first); i < ranges.length; i++) {
    const [from, to] = ranges[i] as Ranges[number]
    if (from > last) break
    if (from > next) missing.push([next, from - 1])
    next = to + 1
  }
  if (next <= last) missing.push([next, last])
  return missing
}

/** `ranges` with [first, last] added: ascending, disjoint, neighbours joined. */
export function addRange(ranges: Ranges, first: number, last: number): Ranges {
  const newest = ranges.at(-1)
  // Nearly always the range goes on where the last one ended.
  if (newest && newest[1] + 1 === first) return ranges.with(ranges.length - 1, [newest[0], last])
  const joined: Ranges = []
  for (const [from, to] of [...ranges, [first, last] as const].toSorted((a, b) => a[0] - b[0])) {
    const before = joined.at(-1)
    if (before && from <= before[1] + 1) before[1] = Math.max(before[1], to)
    else joined.push([from, to])
  }
  const [oldest, second, ...rest] = joined
  if (joined.length <= maxRanges || !oldest || !second) return joined
  return [[oldest[0], second[1]], ...rest]
}

/** Index of the first range that ends at or after `n`. */
function firstNotBefore(ranges: Ranges, n: number): number {
  let [low, high] = [0, ranges.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle] as Ranges[number])[1] < n) low = middle + 1
    else high = middle
  }
  return low
}
