import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { levels } from '../../../pipeline/event.ts'
import type { LogRecord } from '../../../pipeline/record.ts'

/** The schema of a day as version 0.1.0 made it: such files are on users' disks. */
const oldSchema = `
  PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS identities (id INTEGER PRIMARY KEY, json TEXT UNIQUE);
  CREATE TABLE IF NOT EXISTS blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT, lineage TEXT, first INTEGER, last INTEGER, t_min TEXT, t_max TEXT,
    count INTEGER, bytes INTEGER, service TEXT, task TEXT, identity INTEGER,
    fatal INTEGER, error INTEGER, warn INTEGER, info INTEGER, debug INTEGER, trace INTEGER, unknown INTEGER);
  CREATE INDEX IF NOT EXISTS blocks_by_service ON blocks (service, t_max);
  CREATE INDEX IF NOT EXISTS blocks_by_time ON blocks (t_max);
  CREATE INDEX IF NOT EXISTS blocks_by_sequence ON blocks (source, lineage, first);
  CREATE INDEX IF NOT EXISTS blocks_by_source ON blocks (source, t_max);
  CREATE TABLE IF NOT EXISTS bodies (id INTEGER PRIMARY KEY, body BLOB);
  CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    text, content='', columnsize=0, detail=none, tokenize=ascii);
  INSERT INTO words (words, rank) VALUES ('hashsize', 8388608);
  CREATE TABLE IF NOT EXISTS docs (
    class TEXT, id TEXT, time TEXT, service TEXT, kind TEXT, doc TEXT, PRIMARY KEY (class, id));
  CREATE INDEX IF NOT EXISTS docs_by_time ON docs (class, time);
  CREATE TABLE IF NOT EXISTS buckets (
    signal TEXT, grp TEXT, "from" INTEGER, "to" INTEGER, partition INTEGER, count INTEGER, last INTEGER,
    PRIMARY KEY (signal, grp, "from", partition));
  CREATE INDEX IF NOT EXISTS buckets_by_time ON buckets (signal, "from");
`

/** A bucket as it stood in a row. */
export type OldBucket = [
  signal: string,
  group: string,
  from: number,
  to: number,
  partition: number,
  count: number,
  last: number,
]

/** Writes a day file of 0.1.0 with these lines and buckets. */
export function writeOldDay(
  dir: string,
  day: string,
  { head, body }: LogRecord,
  buckets: readonly OldBucket[],
): void {
  const db = new DatabaseSync(join(dir, `${day}.db`))
  db.exec(oldSchema)
  const { source, lineage, sequence, time, count, bytes, identity } = head
  db.prepare('INSERT INTO identities (json) VALUES (?)').run(JSON.stringify(identity))
  db.prepare(
    `INSERT INTO blocks VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ${levels.map(() => '?').join()})`,
  ).run(
    source,
    lineage,
    ...sequence,
    ...time,
    count,
    bytes,
    identity.service ?? 'unresolved',
    identity.task ?? '',
    ...levels.map((level) => head.levels[level] ?? 0),
  )
  db.prepare('INSERT INTO bodies VALUES (1, ?)').run(body)
  db.prepare('INSERT INTO words (rowid, text) VALUES (1, ?)').run('c1 o')
  const put = db.prepare('INSERT INTO buckets VALUES (?, ?, ?, ?, ?, ?, ?)')
  for (const bucket of buckets) put.run(...bucket)
  db.close()
}
