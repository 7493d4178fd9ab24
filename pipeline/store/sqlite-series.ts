import type { DatabaseSync } from 'node:sqlite'
import stringify from 'fast-json-stable-stringify'
import { Trouble } from '../errors.ts'
import type { SignalBucket } from '../event.ts'
import type { Identity } from '../identity.ts'
import { addPart, openWindow, type Part, type Window } from '../signal-window.ts'
import { openTimeLimit } from './limits.ts'
import { inSnapshot, type Days } from './sqlite-days.ts'
import { hasTable } from './sqlite-schema.ts'
import type { SeriesQuery } from './store.ts'

/** One group over time, by the start of each step. */
interface Line {
  group: Identity
  steps: Map<number, Window>
}

/** What one partition has counted of one series of a day in one step. */
interface Piece extends Part {
  /** The group, as JSON. */
  json: string
  partition: number
  /** Start of the step. */
  from: number
}

/**
 * Merged by the database: a chart of a day has some hundred steps, and may have millions of buckets, which would not
 * fit into memory. What is left for us are the pieces of each series.
 */
export function series(days: Days, signal: string, query: SeriesQuery): SignalBucket[] {
  const { stepMs, services } = query
  if (!(stepMs > 0)) throw new Trouble(`a step of ${stepMs} ms`, { remedy: 'ask for a longer one' })
  const lineOf = openLines(query)
  const checkTime = openTimeLimit()
  for (const { db } of days.in(query)) {
    checkTime()
    for (const { json, from, partition, ...part } of inSnapshot(db, () =>
      piecesOf(db, signal, query),
    )) {
      const line = lineOf(json)
      if (services && !services.includes(line.whole.service ?? '')) continue
      const { steps } = line.merged
      const window = steps.get(from) ?? openWindow(part.lastMs)
      steps.set(from, window)
      addPart(window, part, partition)
      window.lastMs = Math.max(window.lastMs, part.lastMs)
    }
  }
  return lineOf
    .all()
    .flatMap((line) => bucketsOf(signal, line, stepMs))
    .sort((a, b) => a.from - b.from)
}

/** A day of 0.1.0 holds its buckets in one table, of lines alone. */
function piecesOf(db: DatabaseSync, signal: string, { from, to, stepMs }: SeriesQuery): Piece[] {
  const isOld = hasTable(db, 'buckets')
  const [table, values] = isOld
    ? ['buckets', 'NULL AS sum, NULL AS min, NULL AS max']
    : [
        'points JOIN series ON series.id = series',
        'sum(sum) AS sum, min(min) AS min, max(max) AS max',
      ]
  const select = (columns: string) =>
    db
      .prepare(
        `SELECT ${columns} FROM ${table} WHERE signal = ? AND "from" >= ? AND "from" < ?
         GROUP BY ${isOld ? 'grp' : 'series'}, partition, step ORDER BY 1, 2, 3`,
      )
      .all(stepMs, signal, from ?? -Infinity, to ?? Infinity)
  const key = 'grp, partition, CAST("from" / ? AS INTEGER) AS step, max(last) AS last'
  const pieces = select(`${key}, sum(count) AS count, ${values}`)
  // With `max` alone a column beside it is that of the row which has the maximum.
  const newest = pieces.some(({ sum }) => sum !== null) ? select(`${key}, newest`) : []
  return pieces.map((row, i) => pieceOf(row, newest[i]?.['newest'], stepMs))
}

function pieceOf(row: Record<string, unknown>, newest: unknown, stepMs: number): Piece {
  const { grp, partition, step, last, count, sum, min, max } = row as Record<string, number>
  const values = { sum, min, max, last: newest ?? 0 } as NonNullable<Part['values']>
  return {
    json: String(grp),
    partition: Number(partition),
    from: Number(step) * stepMs,
    count: Number(count),
    lastMs: Number(last),
    ...(typeof sum === 'number' ? { values } : {}),
  }
}

/** Each group is read once, however many steps it has. */
function openLines({ by }: SeriesQuery) {
  const lines = new Map<string, Line>()
  const known = new Map<string, { whole: Identity; merged: Line }>()
  const lineOf = (json: string) => {
    const before = known.get(json)
    if (before) return before
    const whole = JSON.parse(json) as Identity
    const group: Identity = Object.fromEntries(
      by.flatMap((part) => (whole[part] === undefined ? [] : [[part, whole[part]]])),
    )
    const key = stringify(group)
    const merged = lines.get(key) ?? { group, steps: new Map<number, Window>() }
    const made = { whole, merged }
    lines.set(key, merged)
    known.set(json, made)
    return made
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
