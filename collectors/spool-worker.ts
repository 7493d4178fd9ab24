import { workerData } from 'node:worker_threads'
import { killPoint } from '../pipeline/fault.ts'
import type { LogHead } from '../pipeline/record.ts'
import { serve } from '../pipeline/rpc.ts'
import { explained, openDatabase, transaction } from '../pipeline/sqlite.ts'
import { sizeOf, type SpooledRecord } from './spool-records.ts'
import type { WhenFull } from './when-full.ts'

const { file } = workerData as { file: string }

// What is summed up and looked through stands before the value, which may fill many pages.
const db = openDatabase(
  file,
  `CREATE TABLE IF NOT EXISTS outbox (
     id INTEGER PRIMARY KEY, size INTEGER, lines INTEGER, topic TEXT, key TEXT, headers TEXT, value BLOB);
   CREATE TABLE IF NOT EXISTS wishes (id INTEGER PRIMARY KEY, when_full TEXT);
   CREATE TABLE IF NOT EXISTS positions (input TEXT PRIMARY KEY, position TEXT) WITHOUT ROWID;`,
)
const insert = db.prepare(
  'INSERT INTO outbox (id, size, lines, topic, key, headers, value) VALUES (?, ?, ?, ?, ?, ?, ?)',
)
const insertWish = db.prepare('INSERT INTO wishes VALUES (?, ?)')
const remove = db.prepare('DELETE FROM outbox WHERE id = ?')
const removeWish = db.prepare('DELETE FROM wishes WHERE id = ?')
const savePosition = db.prepare('INSERT OR REPLACE INTO positions VALUES (?, ?)')
const forgetPosition = db.prepare('DELETE FROM positions WHERE input = ?')

export interface SpoolWrite {
  records: SpooledRecord[]
  positions: [input: string, position: string | null][]
  /** Ids of records that are dropped. */
  dropped: number[]
}

/** All in one transaction: a read position is never ahead of or behind what was read, a drop never untold. */
function append(writes: readonly SpoolWrite[]): void {
  killPoint('spool:before-commit')
  transaction(db, file, () => {
    for (const write of writes) appendOne(write)
  })
  killPoint('spool:after-commit')
}

function appendOne({ records, positions, dropped }: SpoolWrite): void {
  for (const record of records) {
    const { id, topic, key, headers, value, lines, whenFull } = record
    if (whenFull) insertWish.run(id, whenFull)
    insert.run(id, sizeOf(record), lines, topic, key, JSON.stringify(headers), value)
  }
  for (const id of dropped) {
    remove.run(id)
    removeWish.run(id)
  }
  for (const [input, position] of positions) {
    if (position === null) forgetPosition.run(input)
    else savePosition.run(input, position)
  }
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

/** The oldest waiting records after `id`, about `bytes` of them. */
function read(after: number, bytes: number): SpooledRecord[] {
  return explained(file, () => {
    const records: SpooledRecord[] = []
    let size = 0
    for (const row of db.prepare('SELECT * FROM outbox WHERE id > ? ORDER BY id').iterate(after)) {
      const { id, topic, key, headers, value, lines } = row as unknown as SpooledRecord & {
        headers: string
      }
      records.push({
        id,
        topic,
        key,
        headers: JSON.parse(headers) as Record<string, string>,
        value,
        lines,
      })
      size += row['size'] as number
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
    db.prepare('DELETE FROM wishes WHERE id <= ?').run(upTo)
    return freed?.['bytes'] as number
  })
}

/**
 * The oldest records of lines after `id`, as many as take `bytes`, that can be dropped: those of services that want that and,
 * with `usual`, those of services that do not say.
 */
function oldestLines(
  after: number,
  bytes: number,
  usual: WhenFull,
): { id: number; size: number; head: LogHead }[] {
  return explained(file, () => {
    const found = []
    let total = 0
    for (const row of (usual === 'block' ? wished : allButKept).iterate(after)) {
      if (total >= bytes) break
      const { head } = JSON.parse(row['headers'] as string) as { head: string }
      const size = row['size'] as number
      found.push({ id: row['id'] as number, size, head: JSON.parse(head) as LogHead })
      total += size
    }
    return found
  })
}

const wished = db.prepare(
  `SELECT outbox.id, size, headers FROM wishes JOIN outbox ON outbox.id = wishes.id
   WHERE wishes.id > ? AND when_full = 'drop_oldest' ORDER BY wishes.id`,
)
const allButKept = db.prepare(
  `SELECT outbox.id, size, headers FROM outbox LEFT JOIN wishes ON wishes.id = outbox.id
   WHERE topic = 'logs' AND outbox.id > ? AND coalesce(when_full, 'drop_oldest') = 'drop_oldest'
   ORDER BY outbox.id`,
)

const handlers = { open, append, read, trim, oldestLines, shut: () => db.close() }
export type SpoolHandlers = typeof handlers
serve(handlers)
