import { existsSync, statSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { isoDay, type LogDoc } from '../event.ts'
import { decodeBody, decodeDocs } from '../record.ts'
import { explained, openForReading } from '../sqlite.ts'
import { isoFrom, isoTo, type TimeRange } from './range.ts'
import { fileOfDay, hasTable, lastOfOldSchema, lastOfSchema, storedDays } from './sqlite-schema.ts'

/** One day's database, open for reading. */
export interface Day {
  name: string
  file: string
  db: DatabaseSync
  body: StatementSync
  /** Tells whether the file at that path is still the one that is open. */
  inode: number
}

export interface Days {
  /** The days that can hold something of the range, ascending unless `desc`; opened one after the other. */
  in(range: TimeRange, order?: 'asc' | 'desc'): Generator<Day>
  /** The file that was opened or read last: what a failure is about. */
  current(): string
  close(): void
}

/** The database files of a store as they come and go under the hands of its writer. */
export function openDays(dir: string): Days {
  const open = new Map<string, Day>()
  let current = dir

  function close(name: string): void {
    open.get(name)?.db.close()
    open.delete(name)
  }

  function day(name: string): Day | undefined {
    const file = fileOfDay(dir, name)
    current = file
    // Retention deletes a day, and a late line makes it anew: the open file would then be a dead one.
    const inode = statSync(file, { throwIfNoEntry: false })?.ino
    const known = open.get(name)
    if (known && known.inode === inode) return known
    close(name)
    if (inode === undefined) return undefined
    const made = openDay(name, file, inode)
    if (made) open.set(name, made)
    return made
  }

  return {
    *in(range, order = 'asc') {
      const stored = existsSync(dir) ? storedDays(dir) : []
      for (const name of open.keys()) if (!stored.includes(name)) close(name)
      const wanted = stored.filter(inRange(range))
      for (const name of order === 'asc' ? wanted : wanted.toReversed()) {
        const found = day(name)
        if (found) yield found
      }
    },
    current: () => current,
    close() {
      for (const name of open.keys()) close(name)
    },
  }
}

/** Undefined where the file has just been made and has no tables yet, or has just been deleted. */
function openDay(name: string, file: string, inode: number): Day | undefined {
  let db
  try {
    db = openForReading(file)
    if (hasTable(db, lastOfSchema) || hasTable(db, lastOfOldSchema)) {
      return { name, file, db, inode, body: db.prepare('SELECT body FROM bodies WHERE id = ?') }
    }
  } catch (error) {
    db?.close()
    if (!existsSync(file)) return undefined
    return explained(file, () => {
      throw error
    })
  }
  db.close()
  return undefined
}

function inRange({ from, to }: TimeRange): (day: string) => boolean {
  const first = isoDay(isoFrom(from))
  const last = isoDay(isoTo(to))
  return (day) => day >= first && day <= last
}

/** All that is asked in it is of one moment, whatever is written meanwhile. */
export function inSnapshot<T>(db: DatabaseSync, ask: () => T): T {
  db.exec('BEGIN')
  try {
    return ask()
  } finally {
    db.exec('COMMIT')
  }
}

/** The lines of a block; empty if it was deleted meanwhile. */
export function readBody(day: Day, id: number): string {
  const body = bodyOf(day, id)
  return body ? decodeBody({ body }).toString('utf8') : ''
}

export function docsOf(day: Day, id: number): LogDoc[] {
  const body = bodyOf(day, id)
  return body ? decodeDocs({ body }) : []
}

function bodyOf(day: Day, id: number): Uint8Array | undefined {
  return day.body.get(id)?.['body'] as Uint8Array | undefined
}
