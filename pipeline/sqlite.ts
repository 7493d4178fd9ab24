import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errorCode, Trouble } from './errors.ts'

/** SQLite result codes that are told apart: https://www.sqlite.org/rescode.html */
const readOnly = 8
const full = 13
const ioError = 10
const cannotOpen = 14
const corrupt = 11
const notDatabase = 26

/**
 * Opens (and makes) a database for its one owner. Write-ahead log, so that others can read meanwhile; every commit
 * is on the disk when it returns.
 */
export function openDatabase(file: string, schema: string): DatabaseSync {
  return explained(file, () => {
    mkdirSync(dirname(file), { recursive: true })
    return prepared(
      new DatabaseSync(file, { timeout: 5000 }),
      'PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;' +
        // Checkpoints copy every changed page once more: seldom is cheaper, 32 MiB is still a small log.
        'PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 33554432; PRAGMA cache_size = -16384;' +
        schema,
    )
  })
}

function prepared(db: DatabaseSync, sql: string): DatabaseSync {
  try {
    db.exec(sql)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

export function openForReading(file: string): DatabaseSync {
  return explained(file, () => {
    return prepared(
      new DatabaseSync(file, { readOnly: true, timeout: 5000 }),
      'PRAGMA cache_size = -16384',
    )
  })
}

/** All of `work` or nothing of it. */
export function transaction<T>(db: DatabaseSync, file: string, work: () => T): T {
  return explained(file, () => {
    db.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      db.exec('COMMIT')
      return result
    } catch (error) {
      // After some failures (a full disk) SQLite has rolled back by itself.
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  })
}

/** SQLite's failures in words that name the file (as it is known then) and the remedy. */
export function explained<T>(file: string | (() => string), work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw toTrouble(typeof file === 'string' ? file : file(), error)
  }
}

function toTrouble(file: string, error: unknown): unknown {
  if (error instanceof Trouble) return error
  const code = (error as { errcode?: number }).errcode
  const system = errorCode(error)
  if (system === 'EACCES' || system === 'EROFS') return unwritable(file, error)
  if (system === 'ENOSPC') return noSpace(file, error)
  if (system === 'ENOTDIR' || system === 'EEXIST') return unmakeable(file, error)
  if (code === undefined) return error
  switch (code & 0xff) {
    case readOnly:
      return unwritable(file, error)
    case full:
      return noSpace(file, error)
    case ioError:
      return new Trouble(`cannot read or write ${file}: ${(error as Error).message}`, {
        remedy: 'look at the disk',
        retryable: true,
        cause: error,
      })
    case cannotOpen:
      return new Trouble(`cannot open ${file}`, {
        remedy: 'check that its directory exists and is writable',
        cause: error,
      })
    case corrupt:
    case notDatabase:
      return new Trouble(`${file} is damaged`, {
        remedy: 'move it away (it is made anew) and restore it from a backup if you have one',
        cause: error,
      })
    default:
      return new Trouble(`${file}: ${(error as Error).message}`, { retryable: true, cause: error })
  }
}

function unwritable(file: string, cause: unknown): Trouble {
  return new Trouble(`cannot write ${file}`, {
    remedy: 'give this user the right to it, or use another data directory',
    cause,
  })
}

function unmakeable(file: string, cause: unknown): Trouble {
  return new Trouble(`cannot make ${file}: a part of this path is no directory`, {
    remedy: 'use another data directory, or move that file away',
    cause,
  })
}

function noSpace(file: string, cause: unknown): Trouble {
  return new Trouble(`no space left for ${file}`, {
    remedy: 'free disk space; nothing is lost meanwhile, work goes on by itself',
    retryable: true,
    cause,
  })
}
