import type { DatabaseSync } from 'node:sqlite'
import type { SignalBucket } from '../event.ts'
import type { Identity } from '../identity.ts'
import { inSnapshot, type Days } from './sqlite-days.ts'
import { hasTable } from './sqlite-schema.ts'
import type { TimeRange } from './store.ts'

export function buckets(days: Days, signal: string, range: TimeRange): SignalBucket[] {
  return [...bucketsIn(days, signal, range)]
}

/** One after the other, by their start within a day. Groups are the same object while they are the same. */
export function* bucketsIn(days: Days, signal: string, range: TimeRange): Generator<SignalBucket> {
  const { from = -Infinity, to = Infinity } = range
  const groups = new Map<string, Identity>()
  for (const { db } of days.in(range)) {
    for (const row of inSnapshot(db, () => rowsOf(db, signal, from, to))) {
      yield {
        signal,
        group: groupOf(row['grp'] as string, groups),
        from: row['from'] as number,
        to: row['to'] as number,
        partition: row['partition'] as number,
        count: row['count'] as number,
        lastMs: row['last'] as number,
        ...valuesOf(row),
      }
    }
  }
}

type Row = Record<string, unknown>

/** A day of 0.1.0 holds its buckets in one table, until there is one to write for it. */
function rowsOf(db: DatabaseSync, signal: string, from: number, to: number): Row[] {
  const rows = db.prepare(
    `SELECT * FROM ${sourceOf(db)} WHERE signal = ? AND "from" >= ? AND "from" < ? ORDER BY "from"`,
  )
  return rows.all(signal, from, to)
}

function sourceOf(db: DatabaseSync): string {
  if (hasTable(db, 'buckets')) return 'buckets'
  const points = 'points JOIN series ON series.id = series'
  if (!hasTable(db, 'distributions')) return points
  return `${points} LEFT JOIN distributions USING (series, "from", partition)`
}

/** Each group is made once, however many buckets it has. */
function groupOf(json: string, known: Map<string, Identity>): Identity {
  const before = known.get(json)
  if (before) return before
  const group = JSON.parse(json) as Identity
  known.set(json, group)
  return group
}

function valuesOf(row: Row): Pick<SignalBucket, 'values' | 'sketch' | 'distinct'> {
  const { sum, min, max, newest, sketch, terms } = row
  return {
    ...(typeof sum === 'number' && {
      values: { sum, min: min as number, max: max as number, last: newest as number },
    }),
    ...(typeof sketch === 'string' && { sketch }),
    ...(typeof terms === 'string' && { distinct: terms }),
  }
}
