import type { DatabaseSync } from 'node:sqlite'
import type { SignalBucket } from '../event.ts'
import { openTimeLimit } from './limits.ts'
import { distributionPart, openSeries, type SeriesPiece } from './series.ts'
import { inSnapshot, type Days } from './sqlite-days.ts'
import { hasTable } from './sqlite-schema.ts'
import type { SeriesQuery } from './store.ts'

/**
 * Merged by the database: a chart of a day has some hundred steps, and may have millions of buckets, which would not
 * fit into memory. What is left for us are the pieces of each series.
 */
export function series(days: Days, signal: string, query: SeriesQuery): SignalBucket[] {
  const merged = openSeries(signal, query)
  const checkTime = openTimeLimit()
  for (const { db } of days.in(query)) {
    checkTime()
    for (const piece of inSnapshot(db, () => piecesOf(db, signal, query))) merged.add(piece)
    if (!query.distributed || !hasTable(db, 'distributions')) continue
    for (const piece of inSnapshot(db, () => distributionsOf(db, signal, query))) merged.add(piece)
  }
  return merged.buckets()
}

/** A day of 0.1.0 holds its buckets in one table, of lines alone. */
function piecesOf(
  db: DatabaseSync,
  signal: string,
  { from, to, stepMs }: SeriesQuery,
): SeriesPiece[] {
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

/** Only we can merge these: of every bucket. */
function distributionsOf(
  db: DatabaseSync,
  signal: string,
  { from, to, stepMs }: SeriesQuery,
): SeriesPiece[] {
  const rows = db
    .prepare(
      `SELECT grp, partition, CAST("from" / ? AS INTEGER) AS step, sketch, terms
       FROM distributions JOIN series ON series.id = series
       WHERE signal = ? AND "from" >= ? AND "from" < ?`,
    )
    .all(stepMs, signal, from ?? -Infinity, to ?? Infinity)
  return rows.map(({ grp, partition, step, sketch, terms }) => ({
    json: String(grp),
    partition: Number(partition),
    from: Number(step) * stepMs,
    ...distributionPart({ sketch, distinct: terms }),
  }))
}

function pieceOf(row: Record<string, unknown>, newest: unknown, stepMs: number): SeriesPiece {
  const { grp, partition, step, last, count, sum, min, max } = row as Record<string, number>
  const values = { sum, min, max, last: newest ?? 0 } as NonNullable<SeriesPiece['values']>
  return {
    json: String(grp),
    partition: Number(partition),
    from: Number(step) * stepMs,
    count: Number(count),
    lastMs: Number(last),
    ...(typeof sum === 'number' ? { values } : {}),
  }
}
