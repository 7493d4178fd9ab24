/**
 * Which sequences of a source were counted already: what was seen from the start without a hole, and the ranges
 * seen beyond it. Lines that come twice (a kill between the bus's answer and the spool's trimming) count once.
 */
export type Ranges = [first: number, last: number][]

/** The parts of [first, last] that are not in `ranges`. */
export function missingFrom(ranges: Ranges, first: number, last: number): Ranges {
  const missing: Ranges = []
  let next = first
  for (const [from, to] of ranges) {
    if (to < next) continue
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
  if (newest && newest[1] + 1 === first) return [...ranges.slice(0, -1), [newest[0], last]]
  const joined: Ranges = []
  for (const [from, to] of [...ranges, [first, last] as const].toSorted((a, b) => a[0] - b[0])) {
    const before = joined.at(-1)
    if (before && from <= before[1] + 1) before[1] = Math.max(before[1], to)
    else joined.push([from, to])
  }
  return joined
}
