import type { DatabaseSync, StatementSync } from 'node:sqlite'
import stringify from 'fast-json-stable-stringify'
import { levels, type LogDoc } from '../event.ts'
import { unresolvedService } from '../identity.ts'
import { decodeDocs, type LogHead, type LogRecord } from '../record.ts'
import { openDatabase } from '../sqlite.ts'
import { levelCounts } from './blocks.ts'
import { openDictionary, type Dictionary } from './sqlite-dictionary.ts'
import { daySchema } from './sqlite-schema.ts'

/** One day's database, open for writing; see `sqlite-schema.ts` for what a block is. */
export interface WriteDay {
  db: DatabaseSync
  file: string
  /** By their JSON. */
  identities: Dictionary
  /** Of samples. */
  origins: Dictionary
  shapes: Dictionary
  /** Signal and group of buckets. */
  series: Dictionary
  overlaps: StatementSync
  insertBlock: StatementSync
  insertBody: StatementSync
  insertWords: StatementSync
  body: StatementSync
  insertSample: StatementSync
  putPoint: StatementSync
  putDistribution: StatementSync
  dropDistribution: StatementSync
}

const columns = `id, source, lineage, first, last, t_min, t_max, count, bytes, service, task, identity, ${levels.join(', ')}`

const putPoint = `
  INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET
    "to" = excluded."to", count = excluded.count, last = excluded.last,
    sum = excluded.sum, min = excluded.min, max = excluded.max, newest = excluded.newest
  WHERE excluded.count >= count`

export function openWriteDay(file: string): WriteDay {
  const db = openDatabase(file, daySchema)
  return {
    db,
    file,
    identities: openDictionary(db, 'identities', ['json']),
    origins: openDictionary(db, 'origins', ['name']),
    shapes: openDictionary(db, 'shapes', ['names']),
    series: openDictionary(db, 'series', ['signal', 'grp']),
    overlaps: db.prepare(
      `SELECT id FROM blocks WHERE source = ?1 AND lineage = ?2 AND first <= ?4 AND last >= ?3
       UNION SELECT id FROM blocks WHERE source = ?1 AND lineage <> ?2 AND t_max >= ?5 AND t_min <= ?6`,
    ),
    insertBlock: db.prepare(
      `INSERT INTO blocks (${columns}) VALUES (${columns.replaceAll(/\w+/g, '?')})`,
    ),
    insertBody: db.prepare('INSERT INTO bodies VALUES (?, ?)'),
    insertWords: db.prepare('INSERT INTO words (rowid, text) VALUES (?, ?)'),
    body: db.prepare('SELECT body FROM bodies WHERE id = ?'),
    insertSample: db.prepare('INSERT OR IGNORE INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    putPoint: db.prepare(putPoint),
    putDistribution: db.prepare('INSERT OR REPLACE INTO distributions VALUES (?, ?, ?, ?, ?)'),
    dropDistribution: db.prepare(
      'DELETE FROM distributions WHERE series = ? AND "from" = ? AND partition = ?',
    ),
  }
}

/** After a transaction failed. */
export function forgetIds({ identities, origins, shapes, series }: WriteDay): void {
  for (const dictionary of [identities, origins, shapes, series]) dictionary.forget()
}

export function insertBlock(day: WriteDay, record: LogRecord, words: string): void {
  const { lastInsertRowid } = day.insertBlock.run(null, ...columnsOf(day, record.head))
  day.insertBody.run(lastInsertRowid, record.body)
  day.insertWords.run(lastInsertRowid, words)
}

/** The words of a block stay indexed under its id: identity is not part of them. */
export function replaceBlock(day: WriteDay, id: number, record: LogRecord): void {
  deleteBlock(day, id)
  day.insertBlock.run(id, ...columnsOf(day, record.head))
  day.insertBody.run(id, record.body)
}

/** Its row in the index of words stays and points nowhere; searches join with blocks. */
export function deleteBlock({ db }: WriteDay, id: number): void {
  db.prepare('DELETE FROM blocks WHERE id = ?').run(id)
  db.prepare('DELETE FROM bodies WHERE id = ?').run(id)
}

export function docsOfBlock(day: WriteDay, id: number): LogDoc[] {
  return decodeDocs({ body: day.body.get(id)?.['body'] as Uint8Array })
}

function columnsOf(day: WriteDay, head: LogHead) {
  return [
    head.source,
    head.lineage,
    ...head.sequence,
    ...head.time,
    head.count,
    head.bytes,
    head.identity.service ?? unresolvedService,
    head.identity.task ?? '',
    day.identities.idOf(stringify(head.identity)),
    ...levelCounts(head.levels),
  ]
}
