import { isoToMs, type Level } from '../pipeline/event.ts'

/** Lines of one bucket: how many, and the time of the newest, ms. */
export interface Tally {
  ms: number
  count: number
}

/** Lines by level and bucket. `startOf`: of the bucket of a time, ms. */
export function tally(
  lines: Iterable<{ time: string; level: Level }>,
  startOf: (ms: number) => number,
) {
  const byBucket = new Map<number, Map<Level, Tally>>()
  for (const { time, level } of lines) {
    const ms = isoToMs(time)
    const from = startOf(ms)
    const byLevel = byBucket.get(from) ?? new Map<Level, Tally>()
    byBucket.set(from, byLevel)
    const known = byLevel.get(level)
    byLevel.set(level, sum(known, { ms, count: 1 }))
  }
  return {
    /** For each bucket that has lines of one of these levels, or of any. */
    of(levels: readonly Level[] | undefined): Tally[] {
      return [...byBucket.values()].flatMap((byLevel) => {
        const parts = (levels ?? [...byLevel.keys()]).flatMap((level) => byLevel.get(level) ?? [])
        return parts.length === 0 ? [] : parts.reduce(sum)
      })
    },
  }
}

function sum(one: Tally | undefined, other: Tally): Tally {
  if (!one) return other
  return { ms: Math.max(one.ms, other.ms), count: one.count + other.count }
}
