import type { StatementSync } from 'node:sqlite'
import { workerData } from 'node:worker_threads'
import { Trouble } from '../errors.ts'
import { serve } from '../rpc.ts'
import { explained, openDatabase, transaction } from '../sqlite.ts'
import {
  bulkTopics,
  partitionOf,
  topics,
  type Batch,
  type BusRecord,
  type ProducedRecord,
  type Topic,
} from './bus.ts'

export interface EmbeddedBusData {
  file: string
  /** Records are kept at least this long (less when the bus is full), and as long as a group has not read them. */
  retentionMs: number
  /** Beyond this size the bus takes no more lines and samples until it is read. */
  maxBytes: number
}

/**
 * What processors make of lines and samples (snapshots, signals, dead letters) has room even when the bus is full of
 * these: without it they could not go on, and the bus would stay full for ever.
 */
const minReserveBytes = 64 * 2 ** 20
const reserveBytes = (maxBytes: number) => Math.max(minReserveBytes, maxBytes / 4)

/**
 * A group may go back behind its committed position, to that of its own last snapshot, which it writes a little
 * later. So a record stays until it has been read for this long.
 */
const settleMs = 5000

/** So many records at a time are deleted of a partition, at the most so often in one go: others wait meanwhile. */
const trimRows = 1000
const trimRounds = 20

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
  const bulk = appends.some(({ topic }) => bulkTopics.has(topic))
  makeRoom(bulk ? 0 : reserveBytes(maxBytes), now)
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

function makeRoom(reserve: number, now: number): void {
  if (usedBytes() <= maxBytes) return
  trim(now)
  if (usedBytes() <= maxBytes + reserve) return
  throw new Trouble(`the bus ${file} is full (${maxBytes} bytes wait to be processed)`, {
    remedy: 'the store is behind or away; work goes on by itself, or raise bus.max_bytes',
    retryable: true,
  })
}

function read(topic: Topic, partition: number, offset: number, bytes: number): Batch {
  return explained(file, () => {
    const log = logOf(topic, partition)
    const records: BusRecord[] = []
    let size = 0
    for (const row of log.read.iterate(offset)) {
      const record = toRecord(row)
      size += record.value.length + record.key.length
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
  for (const { topic, partition } of tables) {
    if (topics[topic].compacted) compact(tableOf(topic, partition), now)
    else trimPartition(topic, partition, now)
  }
}

/** A deleted key's mark stays for the retention, so that readers who were away learn of it. */
function compact(table: string, now: number): void {
  transaction(db, file, () => {
    db.exec(
      `DELETE FROM ${table} WHERE offset NOT IN (SELECT max(offset) FROM ${table} GROUP BY key)`,
    )
    db.prepare(`DELETE FROM ${table} WHERE length(value) = 0 AND time < ?`).run(now - retentionMs)
  })
}

function trimPartition(topic: Topic, partition: number, now: number): void {
  const table = tableOf(topic, partition)
  const read = settledPosition(topic, partition, now)
  const remove = db.prepare(
    `DELETE FROM ${table} WHERE offset IN (
       SELECT offset FROM ${table} WHERE offset < ? AND time < ? ORDER BY offset LIMIT ${trimRows})`,
  )
  for (let round = 0; round < trimRounds; round++) {
    const olderThan = usedBytes() > maxBytes ? Infinity : now - retentionMs
    const { changes } = transaction(db, file, () => remove.run(read, olderThan))
    if (changes < trimRows) return
  }
}

interface Seen {
  at: number
  position: number
}
/** Of each partition the position of its slowest group, lately and before. */
const seen = new Map<string, { lately: Seen; before?: Seen }>()

/** Up to where every group has read, and had so already some time ago. */
function settledPosition(topic: Topic, partition: number, now: number): number {
  const table = tableOf(topic, partition)
  const slowest = db
    .prepare('SELECT min(position) AS position FROM positions WHERE topic = ? AND partition = ?')
    .get(topic, partition)
  const position = (slowest?.['position'] ?? logOf(topic, partition).next) as number
  const known = seen.get(table)
  if (!known) seen.set(table, { lately: { at: now, position } })
  else if (now - known.lately.at >= settleMs) {
    seen.set(table, { lately: { at: now, position }, before: known.lately })
  }
  return Math.min(position, seen.get(table)?.before?.position ?? 0)
}

const handlers = { append, read, snapshot, ends, commit, committed, trim, shut: () => db.close() }
export type EmbeddedBusHandlers = typeof handlers
serve(handlers)
