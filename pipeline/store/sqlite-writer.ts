import { mkdirSync, rmSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { workerData } from 'node:worker_threads'
import stringify from 'fast-json-stable-stringify'
import { Trouble } from '../errors.ts'
import { isoDay, levels, msToIso, type LogDoc, type SignalBucket } from '../event.ts'
import { identityToEcs, unresolvedService, type Identity } from '../identity.ts'
import { killPoint } from '../fault.ts'
import { decodeDocs, encodeRecord, type LogRecord } from '../record.ts'
import { serve } from '../rpc.ts'
import { explained, openDatabase, transaction } from '../sqlite.ts'
import { levelCounts, searchText, splitRecord } from './blocks.ts'
import { daySchema, fileOfDay, storedDays } from './sqlite-schema.ts'
import type { AppendResult, DocClass, IdentityPatch, StoredDoc } from './store.ts'

const { dir } = workerData as { dir: string }
mkdirSync(dir, { recursive: true })

interface Day {
  db: DatabaseSync
  file: string
  identities: Map<string, number>
  overlaps: StatementSync
  insertBlock: StatementSync
  insertBody: StatementSync
  insertWords: StatementSync
  body: StatementSync
}

const days = new Map<string, Day>()
/** Late lines touch older days; more open files than this are not needed. */
const maxOpenDays = 8

function openDay(day: string): Day {
  const open = days.get(day)
  if (open) return open
  if (days.size >= maxOpenDays) closeDay([...days.keys()].toSorted()[0] as string)
  const file = fileOfDay(dir, day)
  const db = openDatabase(file, daySchema)
  const columns = `source, lineage, first, last, t_min, t_max, count, bytes, service, task, identity, ${levels.join(', ')}`
  const made: Day = {
    db,
    file,
    identities: new Map(),
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
  }
  days.set(day, made)
  return made
}

function closeDay(day: string): void {
  days.get(day)?.db.close()
  days.delete(day)
}

/** Runs `work` in one transaction a day, days in order; a day that fails takes no other with it. */
function byDay<Item>(
  items: readonly Item[],
  dayOf: (item: Item) => string,
  work: (day: Day, items: Item[]) => void,
) {
  for (const [name, group] of [...Map.groupBy(items, dayOf)].toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  )) {
    const day = openDay(name)
    transaction(day.db, day.file, () => work(day, group))
  }
}

function appendLogs(records: readonly LogRecord[]): AppendResult {
  const result: AppendResult = { stored: 0, duplicates: 0, rejected: [] }
  const parts: LogRecord[] = []
  for (const record of records) {
    try {
      parts.push(...splitRecord(record))
    } catch (error) {
      result.rejected.push({ record, reason: `not a readable record: ${(error as Error).message}` })
    }
  }
  killPoint('store:before-commit')
  byDay(
    parts,
    ({ head }) => isoDay(head.time[0]),
    (day, group) => {
      for (const record of group) appendRecord(day, record, result)
    },
  )
  killPoint('store:after-commit')
  return result
}

function appendRecord(day: Day, record: LogRecord, result: AppendResult): void {
  const { source, lineage, sequence, time } = record.head
  const overlaps = day.overlaps.all(source, lineage, sequence[0], sequence[1], time[0], time[1])
  if (overlaps.length === 0) {
    insert(day, record, result)
    return
  }
  const there = new Set<string>()
  for (const { id } of overlaps)
    for (const doc of docsOf(day, id as number)) there.add(doc['event.id'])
  const fresh = splitRecord(record, (doc) => !there.has(doc['event.id']))
  for (const part of fresh) insert(day, part, result)
  result.duplicates += record.head.count - fresh.reduce((sum, { head }) => sum + head.count, 0)
}

function insert(day: Day, record: LogRecord, result: AppendResult): void {
  let text
  try {
    text = searchText(record)
  } catch (error) {
    result.rejected.push({ record, reason: `not a readable record: ${(error as Error).message}` })
    return
  }
  const { lastInsertRowid: id } = day.insertBlock.run(...columnsOf(day, record))
  day.insertBody.run(id, record.body)
  day.insertWords.run(id, text)
  result.stored += record.head.count
}

function columnsOf(day: Day, { head }: LogRecord) {
  return [
    head.source,
    head.lineage,
    ...head.sequence,
    ...head.time,
    head.count,
    head.bytes,
    head.identity.service ?? unresolvedService,
    head.identity.task ?? '',
    identityId(day, head.identity),
    ...levelCounts(head.levels),
  ]
}

function identityId(day: Day, identity: Identity): number {
  const json = stringify(identity)
  const known = day.identities.get(json)
  if (known !== undefined) return known
  day.db.prepare('INSERT OR IGNORE INTO identities (json) VALUES (?)').run(json)
  const id = day.db.prepare('SELECT id FROM identities WHERE json = ?').get(json)?.['id'] as number
  // Identities of short-lived tasks are many; forgetting them costs a look-up.
  if (day.identities.size > 10_000) day.identities.clear()
  day.identities.set(json, id)
  return id
}

function docsOf(day: Day, id: number): LogDoc[] {
  const body = day.body.get(id)?.['body'] as Uint8Array
  return decodeDocs({ body } as LogRecord)
}

function putDocs(docClass: DocClass, docs: readonly StoredDoc[]): void {
  byDay(
    docs,
    (doc) => isoDay(doc['@timestamp']),
    ({ db }, group) => {
      const put = db.prepare('INSERT OR REPLACE INTO docs VALUES (?, ?, ?, ?, ?, ?)')
      for (const doc of group) {
        const service = doc['service.name']
        put.run(
          docClass,
          doc['event.id'],
          doc['@timestamp'],
          typeof service === 'string' ? service : null,
          doc['event.kind'],
          JSON.stringify(doc),
        )
      }
    },
  )
}

function putBuckets(buckets: readonly SignalBucket[]): void {
  byDay(
    buckets,
    (bucket) => isoDay(msToIso(bucket.from)),
    ({ db }, group) => {
      const put = db.prepare('INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?, ?, ?, ?)')
      for (const { signal, group: grp, from, to, partition, count, lastMs } of group) {
        put.run(signal, stringify(grp), from, to, partition, count, lastMs)
      }
    },
  )
}

function patchIdentity(patches: readonly IdentityPatch[]): number {
  let changed = 0
  for (const name of storedDays(dir)) {
    const day = openDay(name)
    transaction(day.db, day.file, () => {
      for (const patch of patches) changed += patchDay(day, patch)
    })
  }
  return changed
}

function patchDay(day: Day, { source, ids, identity }: IdentityPatch): number {
  const wanted = ids && new Set(ids)
  const blocks = day.db
    .prepare(
      `SELECT blocks.id, lineage, json FROM blocks JOIN identities ON identities.id = identity
       WHERE source = ? ${wanted ? '' : 'AND service = ?'}`,
    )
    .all(...(wanted ? [source] : [source, unresolvedService]))
  let changed = 0
  for (const { id, lineage, json } of blocks) {
    const docs = docsOf(day, id as number)
    const hit = (doc: LogDoc) => !wanted || wanted.has(doc['event.id'])
    const hits = docs.filter(hit).length
    if (hits === 0) continue
    changed += hits
    const old = JSON.parse(json as string) as Identity
    const ecs = identityToEcs(identity)
    const origin = { source, lineage: lineage as string }
    const patched = docs.filter(hit).map((doc) => ({ ...doc, ...ecs }))
    if (hits === docs.length) {
      replaceBlock(
        day,
        id as number,
        encodeRecord(patched, { ...origin, identity: { ...old, ...identity } }),
      )
      continue
    }
    // Only a part of the block changes: it is cut, so that a block keeps one identity.
    const ignored: AppendResult = { stored: 0, duplicates: 0, rejected: [] }
    const record = encodeRecord(docs, { ...origin, identity: old })
    deleteBlock(day, id as number)
    for (const part of splitRecord(record, (doc) => !hit(doc))) insert(day, part, ignored)
    for (const part of splitRecord(record, hit)) {
      const docs = decodeDocs(part).map((doc) => ({ ...doc, ...ecs }))
      insert(day, encodeRecord(docs, { ...origin, identity: { ...old, ...identity } }), ignored)
    }
  }
  return changed
}

/** The words of a block stay indexed under its id: identity is not part of them. */
function replaceBlock(day: Day, id: number, record: LogRecord): void {
  deleteBlock(day, id)
  const columns = `id, source, lineage, first, last, t_min, t_max, count, bytes, service, task, identity, ${levels.join(', ')}`
  day.db
    .prepare(`INSERT INTO blocks (${columns}) VALUES (${columns.replaceAll(/\w+/g, '?')})`)
    .run(id, ...columnsOf(day, record))
  day.insertBody.run(id, record.body)
}

/** Its row in the index of words stays and points nowhere; searches join with blocks. */
function deleteBlock(day: Day, id: number): void {
  day.db.prepare('DELETE FROM blocks WHERE id = ?').run(id)
  day.db.prepare('DELETE FROM bodies WHERE id = ?').run(id)
}

function retain(firstDay: string): string[] {
  if (!/^\d{4}-\d\d-\d\d$/.test(firstDay)) throw new Trouble(`not a day: ${firstDay}`)
  const old = storedDays(dir).filter((day) => day < firstDay)
  for (const day of old) {
    closeDay(day)
    const file = fileOfDay(dir, day)
    explained(file, () => {
      for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
    })
  }
  return old
}

const handlers = {
  appendLogs,
  putDocs,
  putBuckets,
  patchIdentity,
  retain,
  shut: () => {
    for (const day of days.keys()) closeDay(day)
  },
}
export type StoreWriter = typeof handlers
serve(handlers)
