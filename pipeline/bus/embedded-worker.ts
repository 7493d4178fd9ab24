import type { StatementSync } from 'node:sqlite'
import { workerData } from 'node:worker_threads'
import { Trouble } from '../errors.ts'
import { serve } from '../rpc.ts'
import { explained, openDatabase, transaction } from '../sqlite.ts'
import {
  partitionOf,
  topics,
  type Batch,
  type BusRecord,
  type ProducedRecord,
  type Topic,
} from './bus.ts'

export interface EmbeddedBusData {
  file: string
  /** Records are kept at least this long, and as long as a group has not read them. */
  retentionMs: number
  /** Beyond this size the bus takes no more until it is read. */
  maxBytes: number
}

const { file, retentionMs, maxBytes } = workerData as EmbeddedBusData

const names = Object.keys(topics) as Topic[]
const tableOf = (topic: Topic, partition: number) => `${topic}_${partition}`
const tables = names.flatMap((topic) =>
  Array.from({ length: topics[topic].partitions }, (_, partition) => ({ topic, partition })),
)

const db = openDatabase(
  file,
  `CREATE TABLE IF NOT EXISTS positions (
     grp TEXT, topic TEXT, partition INTEGER, position INTEGER, PRIMARY KEY (grp, topic, partition)) WITHOUT ROWID;
   CREATE TABLE IF NOT EXISTS ends (
     topic TEXT, partition INTEGER, next INTEGER, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
   ${tables
     .map(
       ({ topic, partition }) => `CREATE TABLE IF NOT EXISTS ${tableOf(topic, partition)} (
     offset INTEGER PRIMARY KEY, time INTEGER, key TEXT, headers TEXT, value BLOB);`,
     )
     .join('\n')}
   ${tables
     .filter(({ topic }) => topics[topic].compacted)
     .map(
       ({ topic, partition }) =>
         `CREATE INDEX IF NOT EXISTS ${tableOf(topic, partition)}_key ON ${tableOf(topic, partition)} (key, offset);`,
     )
     .join('\n')}`,
)

interface Log {
  next: number
  append: StatementSync
  read: StatementSync
}

const saveEnd = db.prepare(
  'INSERT INTO ends VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next',
)
const savePosition = db.prepare(
  'INSERT INTO positions VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET position = excluded.position',
)
const logs = new Map<string, Log>()
for (const { topic, partition } of tables) {
  const table = tableOf(topic, partition)
  const end = db
    .prepare('SELECT next FROM ends WHERE topic = ? AND partition = ?')
    .get(topic, partition)
  logs.set(table, {
    next: Number(end?.['next'] ?? 0),
    append: db.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?)`),
    read: db.prepare(
      `SELECT offset, time, key, headers, value FROM ${table} WHERE offset >= ? ORDER BY offset`,
    ),
  })
}

function logOf(topic: Topic, partition: number): Log {
  const log = logs.get(tableOf(topic, partition))
  if (!log) throw new Trouble(`the bus has no partition ${partition} of topic ${topic}`)
  return log
}

/** Bytes in use: free pages inside the file are reused before it grows. */
function usedBytes(): number {
  const pages = db
    .prepare(
      'SELECT (SELECT * FROM pragma_page_count) - (SELECT * FROM pragma_freelist_count) AS used',
    )
    .get()
  return Number(pages?.['used']) * 8192
}

interface Append {
  topic: Topic
  records: readonly ProducedRecord[]
}

function append(appends: readonly Append[], now: number): { topic: Topic; partition: number }[] {
  if (usedBytes() > maxBytes) {
    trim(now)
    if (usedBytes() > maxBytes) {
      throw new Trouble(`the bus ${file} is full (${maxBytes} bytes wait to be processed)`, {
        remedy: 'the store is behind or away; work goes on by itself, or raise bus.max_bytes',
        retryable: true,
      })
    }
  }
  const next = new Map<string, { topic: Topic; partition: number; next: number }>()
  transaction(db, file, () => {
    for (const { topic, records } of appends) {
      for (const record of records) {
        const partition = record.partition ?? partitionOf(record.key, topics[topic].partitions)
        const log = logOf(topic, partition)
        const table = tableOf(topic, partition)
        const offset = next.get(table)?.next ?? log.next
        const headers = record.headers ? JSON.stringify(record.headers) : null
        log.append.run(offset, now, record.key, headers, record.value)
        next.set(table, { topic, partition, next: offset + 1 })
      }
    }
    for (const end of next.values()) saveEnd.run(end.topic, end.partition, end.next)
  })
  for (const [table, end] of next) (logs.get(table) as Log).next = end.next
  return [...next.values()].map(({ topic, partition }) => ({ topic, partition }))
}

function read(topic: Topic, partition: number, offset: number, bytes: number): Batch {
  return explained(file, () => {
    const log = logOf(topic, partition)
    const records: BusRecord[] = []
    let size = 0
    for (const row of log.read.iterate(offset)) {
      const record = toRecord(row)
      size += record.value.length
      if (size > bytes && records.length > 0) break
      records.push(record)
      if (size >= bytes) break
    }
    const from = records[0]?.offset ?? log.next
    return {
      topic,
      partition,
      records,
      from,
      next: (records.at(-1)?.offset ?? from - 1) + 1,
      end: log.next,
    }
  })
}

function toRecord(row: Record<string, unknown>): BusRecord {
  return {
    offset: row['offset'] as number,
    time: row['time'] as number,
    key: row['key'] as string,
    value: row['value'] as Uint8Array,
    headers:
      row['headers'] === null
        ? {}
        : (JSON.parse(row['headers'] as string) as Record<string, string>),
  }
}

function snapshot(topic: Topic): { latest: [string, BusRecord][]; ends: number[] } {
  const latest: [string, BusRecord][] = []
  for (let partition = 0; partition < topics[topic].partitions; partition++) {
    const table = tableOf(topic, partition)
    const rows = db.prepare(
      `SELECT offset, time, key, headers, value FROM ${table}
       WHERE offset IN (SELECT max(offset) FROM ${table} GROUP BY key) ORDER BY offset`,
    )
    for (const row of rows.iterate()) {
      const record = toRecord(row)
      if (record.value.length > 0) latest.push([record.key, record])
    }
  }
  return { latest, ends: ends(topic) }
}

function ends(topic: Topic): number[] {
  return Array.from(
    { length: topics[topic].partitions },
    (_, partition) => logOf(topic, partition).next,
  )
}

function commit(
  positions: readonly { group: string; topic: Topic; partition: number; position: number }[],
): void {
  transaction(db, file, () => {
    for (const { group, topic, partition, position } of positions) {
      savePosition.run(group, topic, partition, position)
    }
  })
}

function committed(group: string, topic: Topic): [number, number][] {
  const rows = db
    .prepare('SELECT partition, position FROM positions WHERE grp = ? AND topic = ?')
    .all(group, topic)
  return rows.map((row) => [row['partition'] as number, row['position'] as number])
}

/**
 * Deletes what is older than the retention, or the oldest when the bus is too large, but nothing a group has yet to
 * read; and in compacted topics what was superseded.
 */
function trim(now: number): void {
  const tooLarge = usedBytes() > maxBytes
  transaction(db, file, () => {
    for (const { topic, partition } of tables) {
      const table = tableOf(topic, partition)
      if (topics[topic].compacted) {
        db.exec(
          `DELETE FROM ${table} WHERE offset NOT IN (SELECT max(offset) FROM ${table} GROUP BY key)`,
        )
        continue
      }
      const slowest = db
        .prepare(
          'SELECT min(position) AS position FROM positions WHERE topic = ? AND partition = ?',
        )
        .get(topic, partition)
      const read = (slowest?.['position'] ?? logOf(topic, partition).next) as number
      db.prepare(`DELETE FROM ${table} WHERE offset < ? AND time < ?`).run(
        read,
        tooLarge ? now : now - retentionMs,
      )
    }
  })
}

const handlers = { append, read, snapshot, ends, commit, committed, trim, shut: () => db.close() }
export type EmbeddedBusHandlers = typeof handlers
serve(handlers)
