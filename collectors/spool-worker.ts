import { workerData } from 'node:worker_threads'
import { killPoint } from '../pipeline/fault.ts'
import { serve } from '../pipeline/rpc.ts'
import { explained, openDatabase, transaction } from '../pipeline/sqlite.ts'
import type { SpooledRecord } from './spool.ts'

const { file } = workerData as { file: string }

const db = openDatabase(
  file,
  `CREATE TABLE IF NOT EXISTS outbox (
     id INTEGER PRIMARY KEY, topic TEXT, key TEXT, headers TEXT, value BLOB, lines INTEGER, size INTEGER);
   CREATE TABLE IF NOT EXISTS positions (input TEXT PRIMARY KEY, position TEXT) WITHOUT ROWID;`,
)
const insert = db.prepare('INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)')
const savePosition = db.prepare('INSERT OR REPLACE INTO positions VALUES (?, ?)')
const forgetPosition = db.prepare('DELETE FROM positions WHERE input = ?')

export interface SpoolWrite {
  records: SpooledRecord[]
  positions: [input: string, position: string | null][]
}

/** Records and positions in one transaction: a read position is never ahead of or behind what was read. */
function append(writes: readonly SpoolWrite[]): void {
  killPoint('spool:before-commit')
  transaction(db, file, () => {
    for (const { records, positions } of writes) {
      for (const { id, topic, key, headers, value, lines } of records) {
        insert.run(id, topic, key, JSON.stringify(headers), value, lines, value.length)
      }
      for (const [input, position] of positions) {
        if (position === null) forgetPosition.run(input)
        else savePosition.run(input, position)
      }
    }
  })
  killPoint('spool:after-commit')
}

function open() {
  return explained(file, () => {
    const sum = db
      .prepare('SELECT coalesce(sum(size), 0) AS bytes, coalesce(max(id), 0) AS last FROM outbox')
      .get()
    const positions = db.prepare('SELECT input, position FROM positions').all()
    return {
      bytes: sum?.['bytes'] as number,
      last: sum?.['last'] as number,
      positions: positions.map((row) => [row['input'], row['position']] as [string, string]),
    }
  })
}

/** The oldest waiting records after `id`, up to `bytes` of them. */
function read(after: number, bytes: number): SpooledRecord[] {
  return explained(file, () => {
    const records: SpooledRecord[] = []
    let size = 0
    for (const row of db.prepare('SELECT * FROM outbox WHERE id > ? ORDER BY id').iterate(after)) {
      const { headers, ...rest } = row as unknown as SpooledRecord & { headers: string }
      records.push({ ...rest, headers: JSON.parse(headers) as Record<string, string> })
      size += rest.value.length
      if (size >= bytes) break
    }
    return records
  })
}

/** Returns the bytes that were freed. */
function trim(upTo: number): number {
  return transaction(db, file, () => {
    const freed = db
      .prepare('SELECT coalesce(sum(size), 0) AS bytes FROM outbox WHERE id <= ?')
      .get(upTo)
    db.prepare('DELETE FROM outbox WHERE id <= ?').run(upTo)
    return freed?.['bytes'] as number
  })
}

/** Drops the oldest log records until `bytes` are free; returns what was dropped, for it has to be told. */
function drop(
  after: number,
  bytes: number,
): { key: string; head: string; lines: number; size: number }[] {
  return transaction(db, file, () => {
    const dropped = []
    let size = 0
    const oldest = db.prepare(
      "SELECT id, key, headers, lines, size FROM outbox WHERE topic = 'logs' AND id > ? ORDER BY id",
    )
    for (const row of oldest.all(after)) {
      if (size >= bytes) break
      size += row['size'] as number
      db.prepare('DELETE FROM outbox WHERE id = ?').run(row['id'] as number)
      dropped.push({
        key: row['key'] as string,
        head: (JSON.parse(row['headers'] as string) as Record<string, string>)['head'] ?? '{}',
        lines: row['lines'] as number,
        size: row['size'] as number,
      })
    }
    return dropped
  })
}

const handlers = { open, append, read, trim, drop, shut: () => db.close() }
export type SpoolHandlers = typeof handlers
serve(handlers)
