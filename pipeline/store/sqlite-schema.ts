import { readdirSync } from 'node:fs'
import { join } from 'node:path'

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
  CREATE TABLE IF NOT EXISTS buckets (
    signal TEXT, grp TEXT, "from" INTEGER, "to" INTEGER, partition INTEGER, count INTEGER, last INTEGER,
    PRIMARY KEY (signal, grp, "from", partition));
  CREATE INDEX IF NOT EXISTS buckets_by_time ON buckets (signal, "from");
`

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
