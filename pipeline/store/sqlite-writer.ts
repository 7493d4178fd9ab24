import { mkdirSync, rmSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { explain, Trouble } from '../errors.ts'
import { isoDay, msToIso, type SampleDoc, type SignalBucket } from '../event.ts'
import { killPoint } from '../fault.ts'
import { unresolvedService } from '../identity.ts'
import { checkHead, type LogRecord } from '../record.ts'
import { serve } from '../rpc.ts'
import { sampleFault } from '../sample.ts'
import { explained, transaction } from '../sqlite.ts'
import { searchText, splitRecord } from './blocks.ts'
import { patchDay } from './sqlite-patch.ts'
import { checkDays, eventClasses, type FirstDays } from './retention.ts'
import { expiredOf, thin, type Expired } from './sqlite-retain.ts'
import { fileOfDay, filesBefore, storedDays } from './sqlite-schema.ts'
import { insertBuckets } from './sqlite-write-buckets.ts'
import {
  docsOfBlock,
  forgetIds,
  insertBlock,
  openWriteDay,
  type WriteDay,
} from './sqlite-write-day.ts'
import { insertSamples } from './sqlite-write-samples.ts'
import type { AppendResult, DocClass, IdentityPatch, StoredDoc } from './store.ts'

const { dir } = workerData as { dir: string }
explained(dir, () => mkdirSync(dir, { recursive: true }))

const days = new Map<string, WriteDay>()
/** Late lines touch older days; more open files than this are not needed. */
const maxOpenDays = 8

function openDay(name: string): WriteDay {
  const open = days.get(name)
  if (open) return open
  if (days.size >= maxOpenDays) closeDay([...days.keys()].toSorted()[0] as string)
  const made = openWriteDay(fileOfDay(dir, name))
  days.set(name, made)
  return made
}

function closeDay(day: string): void {
  days.get(day)?.db.close()
  days.delete(day)
}

/** Runs `work` in one transaction a day, days in order; a day that fails takes no other with it. */
function byDay<Item>(
  items: readonly Item[],
  timeOf: (item: Item) => string,
  work: (day: WriteDay, items: Item[]) => void,
) {
  const groups = Map.groupBy(items, (item) => checkedDay(timeOf(item)))
  for (const [name, group] of [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const day = openDay(name)
    thinned.delete(name)
    allOrNothing(day, () => work(day, group))
  }
}

function allOrNothing<T>(day: WriteDay, work: () => T): T {
  try {
    return transaction(day.db, day.file, work)
  } catch (error) {
    forgetIds(day)
    throw error
  }
}

/** It becomes the name of a file. */
function checkedDay(time: string): string {
  if (/^\d{4}-\d\d-\d\dT/.test(time)) return isoDay(time)
  throw new Trouble(`not an event's time: ${JSON.stringify(time)}`)
}

function appendLogs(records: readonly LogRecord[]): AppendResult {
  const result: AppendResult = { stored: 0, duplicates: 0, rejected: [] }
  const parts = records.flatMap(
    (record) =>
      readable(record, result, () => {
        checkHead(record.head)
        return splitRecord(record)
      }) ?? [],
  )
  killPoint('store:before-commit')
  byDay(
    parts,
    ({ head }) => head.time[0],
    (day, group) => {
      for (const record of group) appendRecord(day, record, result)
    },
  )
  killPoint('store:after-commit')
  return result
}

/** A record that cannot be read can never be stored: it is told, and its neighbours are not held up. */
function readable<T>(record: LogRecord, { rejected }: AppendResult, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    rejected.push({ record, reason: `not a readable record: ${explain(error)}` })
    return undefined
  }
}

function appendRecord(day: WriteDay, record: LogRecord, result: AppendResult): void {
  if (!record.head.identity.service) settled.delete(day.file)
  const { source, lineage, sequence, time, count } = record.head
  const overlaps = day.overlaps.all(source, lineage, ...sequence, ...time)
  const there = new Set<string>()
  for (const { id } of overlaps) {
    for (const doc of docsOfBlock(day, id as number)) there.add(doc['event.id'])
  }
  const fresh = readable(record, result, () => {
    const words = searchText(record)
    if (overlaps.length === 0) return [{ part: record, words }]
    return splitRecord(record, (doc) => !there.has(doc['event.id'])).map((part) => ({
      part,
      words: searchText(part),
    }))
  })
  if (!fresh) return
  for (const { part, words } of fresh) insertBlock(day, part, words)
  const stored = fresh.reduce((sum, { part }) => sum + part.head.count, 0)
  result.stored += stored
  result.duplicates += count - stored
}

function putDocs(docClass: DocClass, docs: readonly StoredDoc[]): void {
  byDay(
    docs,
    (doc) => doc['@timestamp'],
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
  byDay(buckets, (bucket) => msToIso(bucket.from), insertBuckets)
}

/** One that no collector can have measured is left out, and holds no other up. */
function putSamples(samples: readonly SampleDoc[]): void {
  const sound = samples.filter((doc) => sampleFault(doc) === undefined)
  byDay(sound, (doc) => doc['@timestamp'], insertSamples)
}

/** Files of days in which every line has a service: nearly all, so that a new identity need not look there. */
const settled = new Set<string>()

function patchIdentity(patches: readonly IdentityPatch[]): number {
  const named = patches.some(({ ids }) => ids)
  let changed = 0
  for (const name of storedDays(dir)) {
    if (!named && settled.has(fileOfDay(dir, name))) continue
    const day = openDay(name)
    changed += allOrNothing(day, () =>
      patches.reduce((sum, patch) => sum + patchDay(day, patch), 0),
    )
    if (!hasUnresolved(day)) settled.add(day.file)
  }
  return changed
}

function hasUnresolved({ db }: WriteDay): boolean {
  return db.prepare('SELECT 1 FROM blocks WHERE service = ?').get(unresolvedService) !== undefined
}

/** Days, and what is kept of them no longer: looked at again when something comes to them, or more of them expires. */
const thinned = new Map<string, string>()

/** The days that there are; of those before all that is kept, the files are deleted. */
function retainFiles(firstDays: FirstDays): { deleted: string[]; left: string[] } {
  checkDays(firstDays)
  const firsts = Object.values(firstDays).flatMap((days) => eventClasses.map((one) => days[one]))
  const firstDay = firsts.toSorted()[0] as string
  const stored = storedDays(dir)
  const deleted = stored.filter((day) => day < firstDay)
  for (const day of deleted) {
    closeDay(day)
    thinned.delete(day)
  }
  for (const file of filesBefore(dir, firstDay))
    explained(file, () => rmSync(file, { force: true }))
  return { deleted, left: stored.filter((day) => day >= firstDay) }
}

/** Whether anything of the day was deleted. */
function retainPart(name: string, firstDays: FirstDays): boolean {
  const expired = expiredOf(name, firstDays)
  const key = JSON.stringify([...expired])
  if (expired.size === 0 || thinned.get(name) === key) return false
  const day = openDay(name)
  const found = thinDay(day, expired, firstDays)
  thinned.set(name, key)
  return found
}

function thinDay(day: WriteDay, ...what: [expired: Expired, firstDays: FirstDays]): boolean {
  try {
    return thin(day, ...what)
  } catch (error) {
    forgetIds(day)
    throw error
  }
}

const handlers = {
  appendLogs,
  putDocs,
  putBuckets,
  putSamples,
  patchIdentity,
  retainFiles,
  retainPart,
  shut: () => {
    for (const day of days.keys()) closeDay(day)
  },
}
export type StoreWriter = typeof handlers
serve(handlers)
