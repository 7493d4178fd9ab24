import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

/**
 * One database a UTC day of the events' own time: retention deletes whole files. Ids of blocks are never given again,
 * since the index of words keeps the rows of those that were deleted.
 */
export const daySchema = `
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
  -- More words gather in memory before they are written: fewer merges.
  INSERT INTO words (words, rank) VALUES ('hashsize', 8388608);
  CREATE TABLE IF NOT EXISTS docs (
    class TEXT, id TEXT, time TEXT, service TEXT, kind TEXT, doc TEXT, PRIMARY KEY (class, id));
  CREATE INDEX IF NOT EXISTS docs_by_time ON docs (class, time);
  -- A group of a signal, and its buckets. Their values stand in the last four columns, or nowhere.
  CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, signal TEXT, grp TEXT, UNIQUE (signal, grp));
  CREATE TABLE IF NOT EXISTS points (
    series INTEGER, "from" INTEGER, partition INTEGER, "to" INTEGER, count INTEGER, last INTEGER,
    sum REAL, min REAL, max REAL, newest REAL, PRIMARY KEY (series, "from", partition)) WITHOUT ROWID;
  -- How the values of a bucket are distributed, where that is measured.
  CREATE TABLE IF NOT EXISTS distributions (
    series INTEGER, "from" INTEGER, partition INTEGER, sketch TEXT, terms TEXT,
    PRIMARY KEY (series, "from", partition)) WITHOUT ROWID;
  -- An event id without its sequence, and the names of a sample's metrics (a list in JSON, in their order).
  CREATE TABLE IF NOT EXISTS origins (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
  CREATE TABLE IF NOT EXISTS shapes (id INTEGER PRIMARY KEY, names TEXT UNIQUE);
  -- \`time\` is ms and \`ns\` what is beyond; \`vals\` a list in JSON in the order of the shape, \`rest\` what else it says.
  CREATE TABLE IF NOT EXISTS samples (
    origin INTEGER, sequence INTEGER, time INTEGER, ns INTEGER, identity INTEGER, shape INTEGER, vals TEXT, rest TEXT,
    PRIMARY KEY (origin, sequence)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS samples_by_time ON samples (time, ns);
  CREATE INDEX IF NOT EXISTS samples_by_identity ON samples (identity, time, ns);
`

/** When this is there, so is everything before it. */
export const lastOfSchema = 'samples_by_identity'

/** Files of 0.1.0 hold this one instead of \`series\` and \`points\`, and no samples; it was their last. */
export const lastOfOldSchema = 'buckets_by_time'

/** A table or an index. */
export function hasTable(db: DatabaseSync, name: string): boolean {
  return db.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get(name) !== undefined
}

const dayFile = /^(\d{4}-\d\d-\d\d)\.db$/
const anyFile = /^(\d{4}-\d\d-\d\d)\.db(?:-wal|-shm)?$/

export function fileOfDay(dir: string, day: string): string {
  return join(dir, `${day}.db`)
}

/** The days that have a file, ascending. */
export function storedDays(dir: string): string[] {
  return readdirSync(dir)
    .flatMap((name) => dayFile.exec(name)?.[1] ?? [])
    .toSorted()
}

/** All files of days before this one; also what a kill in the midst of deleting has left. */
export function filesBefore(dir: string, firstDay: string): string[] {
  return readdirSync(dir)
    .filter((name) => (anyFile.exec(name)?.[1] ?? firstDay) < firstDay)
    .toSorted()
    .map((name) => join(dir, name))
}
