import type { SignalBucket } from '../event.ts'
import type { Identity } from '../identity.ts'
import { isoFrom, isoTo, type Days } from './sqlite-days.ts'
import { conditions } from './sqlite-plan.ts'
import { defaultLimit } from './sqlite-search.ts'
import type { DocClass, DocQuery, StoredDoc, TimeRange } from './store.ts'

export function docs(days: Days, docClass: DocClass, query: DocQuery): StoredDoc[] {
  const { services: wanted, kind, limit = defaultLimit } = query
  const { where, params } = conditions([
    ['class = ?', docClass],
    query.from !== undefined && ['time >= ?', isoFrom(query.from)],
    query.to !== undefined && ['time < ?', isoTo(query.to)],
    wanted && [`service IN (${wanted.map(() => '?').join()})`, ...wanted],
    kind !== undefined && ['kind = ?', kind],
  ])
  const found: StoredDoc[] = []
  for (const { db } of days.in(query, 'desc')) {
    const sql = `SELECT doc FROM docs WHERE ${where} ORDER BY time DESC, id LIMIT ?`
    for (const { doc } of db.prepare(sql).all(...params, limit - found.length)) {
      found.push(JSON.parse(doc as string) as StoredDoc)
    }
    if (found.length >= limit) break
  }
  return found
}

export function buckets(days: Days, signal: string, range: TimeRange): SignalBucket[] {
  const { from = -Infinity, to = Infinity } = range
  const found: SignalBucket[] = []
  for (const { db } of days.in(range)) {
    const rows = db.prepare(
      'SELECT * FROM buckets WHERE signal = ? AND "from" >= ? AND "from" < ? ORDER BY "from"',
    )
    for (const row of rows.iterate(signal, from, to)) {
      found.push({
        signal,
        group: JSON.parse(row['grp'] as string) as Identity,
        from: row['from'] as number,
        to: row['to'] as number,
        partition: row['partition'] as number,
        count: row['count'] as number,
        lastMs: row['last'] as number,
      })
    }
  }
  return found
}
