import stringify from 'fast-json-stable-stringify'
import { Trouble } from '../errors.ts'
import type { SignalBucket } from '../event.ts'
import type { Identity } from '../identity.ts'
import { distributionOf, writtenDistribution } from '../distribution.ts'
import { addPart, openWindow, type Part, type Window } from '../signal-window.ts'
import { groupOf } from '../signals.ts'
import type { SeriesQuery } from './store.ts'

/** What one partition has counted of one group in one step. */
export interface SeriesPiece extends Part {
  /** The group, as JSON. */
  json: string
  partition: number
  /** Start of the step. */
  from: number
}

/** How values are distributed, beside the part that counts them. */
export function distributionPart({
  sketch,
  distinct,
}: {
  sketch?: unknown
  distinct?: unknown
}): Part {
  const distribution = distributionOf({
    ...(typeof sketch === 'string' ? { sketch } : {}),
    ...(typeof distinct === 'string' ? { distinct } : {}),
  })
  return { count: 0, lastMs: 0, ...(distribution ? { distribution } : {}) }
}

/** One group over time, by the start of each step. */
interface Line {
  group: Identity
  steps: Map<number, Window>
}

/** Merges pieces, which a store has made of its buckets, to the steps of a chart. */
export function openSeries(signal: string, { stepMs, by, services }: SeriesQuery) {
  if (!(stepMs > 0)) throw new Trouble(`a step of ${stepMs} ms`, { remedy: 'ask for a longer one' })
  const lines = new Map<string, Line>()
  /** Each group is read once, however many steps it has. */
  const known = new Map<string, { whole: Identity; merged: Line }>()

  function lineOf(json: string) {
    const before = known.get(json)
    if (before) return before
    const whole = JSON.parse(json) as Identity
    const group = groupOf(whole, by)
    const key = stringify(group)
    const merged = lines.get(key) ?? { group, steps: new Map<number, Window>() }
    const made = { whole, merged }
    lines.set(key, merged)
    known.set(json, made)
    return made
  }

  function bucketsOf({ group, steps }: Line): SignalBucket[] {
    return [...steps].map(([from, { count, lastMs, values, distribution }]) => ({
      signal,
      group,
      from,
      to: from + stepMs,
      partition: -1,
      count,
      lastMs,
      ...(values && {
        values: { sum: values.sum, min: values.min, max: values.max, last: values.last },
      }),
      ...(distribution && writtenDistribution(distribution)),
    }))
  }

  return {
    add({ json, from, partition, ...part }: SeriesPiece): void {
      const line = lineOf(json)
      if (services && !services.includes(line.whole.service ?? '')) return
      const { steps } = line.merged
      const window = steps.get(from) ?? openWindow(part.lastMs)
      steps.set(from, window)
      addPart(window, part, partition)
      window.lastMs = Math.max(window.lastMs, part.lastMs)
    },
    /** Ascending by start. */
    buckets: (): SignalBucket[] =>
      [...lines.values()].flatMap(bucketsOf).toSorted((a, b) => a.from - b.from),
  }
}
