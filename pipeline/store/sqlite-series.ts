import stringify from 'fast-json-stable-stringify'
import { Trouble } from '../errors.ts'
import type { SignalBucket } from '../event.ts'
import type { Identity } from '../identity.ts'
import { addPart, openWindow, type Window } from '../signal-window.ts'
import { bucketsIn } from './sqlite-buckets.ts'
import type { Days } from './sqlite-days.ts'
import type { SeriesQuery } from './store.ts'

/** One group over time, by the start of each step. */
interface Line {
  group: Identity
  steps: Map<number, Window>
}

/** Merged here, in the thread of the store: a chart of an hour has a hundred steps, and may have a hundred thousand buckets. */
export function series(days: Days, signal: string, query: SeriesQuery): SignalBucket[] {
  const { stepMs, services } = query
  if (!(stepMs > 0)) throw new Trouble(`a step of ${stepMs} ms`, { remedy: 'ask for a longer one' })
  const lineOf = openLines(query)
  for (const { group, from, partition, ...part } of bucketsIn(days, signal, query)) {
    if (services && !services.includes(group.service ?? '')) continue
    const { steps } = lineOf(group)
    const start = Math.floor(from / stepMs) * stepMs
    const window = steps.get(start) ?? openWindow(part.lastMs)
    steps.set(start, window)
    addPart(window, part, partition)
    window.lastMs = Math.max(window.lastMs, part.lastMs)
  }
  return lineOf
    .all()
    .flatMap((line) => bucketsOf(signal, line, stepMs))
    .sort((a, b) => a.from - b.from)
}

function openLines({ by }: SeriesQuery) {
  const lines = new Map<string, Line>()
  const known = new Map<Identity, Line>()
  const lineOf = (whole: Identity): Line => {
    const before = known.get(whole)
    if (before) return before
    const group: Identity = Object.fromEntries(
      by.flatMap((part) => (whole[part] === undefined ? [] : [[part, whole[part]]])),
    )
    const key = stringify(group)
    const line = lines.get(key) ?? { group, steps: new Map<number, Window>() }
    lines.set(key, line)
    known.set(whole, line)
    return line
  }
  return Object.assign(lineOf, { all: () => [...lines.values()] })
}

function bucketsOf(signal: string, { group, steps }: Line, stepMs: number): SignalBucket[] {
  return [...steps].map(([from, { count, lastMs, values }]) => ({
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
  }))
}
