import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { workerData } from 'node:worker_threads'
import { isoToMs, levels, msToIso, type Level, type LogDoc, type SignalBucket } from '../event.ts'
import type { Identity } from '../identity.ts'
import { unresolvedService } from '../identity.ts'
import { parsePattern, parseQuery } from '../query.ts'
import { decodeBody, decodeDocs, scanLines, type LogRecord } from '../record.ts'
import { serve } from '../rpc.ts'
import { explained, openForReading } from '../sqlite.ts'
import { fileOfDay, storedDays } from './sqlite-schema.ts'
import type {
  DocClass,
  DocQuery,
  Histogram,
  LogPage,
  LogQuery,
  SequenceGap,
  ServiceSummary,
  StoredDoc,
  TimeRange,
} from './store.ts'

const { dir } = workerData as { dir: string }

const open = new Map<string, DatabaseSync>()

/** Days with a file that can hold something of the range, ascending. */
function daysIn({ from = 0, to = Infinity }: TimeRange): string[] {
  if (!existsSync(dir)) return []
  const first = msToIso(from).slice(0, 10)
  const last = to === Infinity ? '9999-12-31' : msToIso(to).slice(0, 10)
  const days = storedDays(dir)
  for (const day of open.keys()) if (!days.includes(day)) closeDay(day)
  return days.filter((day) => day >= first && day <= last)
}

function closeDay(day: string): void {
  open.get(day)?.close()
  open.delete(day)
}

function openDay(day: string): DatabaseSync {
  const known = open.get(day)
  if (known) return known
  const db = openForReading(fileOfDay(dir, day))
  open.set(day, db)
  return db
}

/** Runs a question on each day; a database that was just made and has no tables yet has no answer. */
function* ask(days: readonly string[], sql: string, params: readonly (string | number)[]) {
  for (const day of days) {
    const db = openDay(day)
    if (!ready(db)) continue
    yield* explained(fileOfDay(dir, day), () => db.prepare(sql).all(...params))
  }
}

const readyDays = new WeakSet<DatabaseSync>()
function ready(db: DatabaseSync): boolean {
  if (readyDays.has(db)) return true
  // The last table of the schema.
  const made =
    db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'buckets_by_time'").get() !== undefined
  if (made) readyDays.add(db)
  return made
}

/** The place of a line in the order of all lines: time, then source, then sequence. */
interface Key {
  time: string
  source: string
  sequence: number
}

interface Hit extends Key {
  doc: LogDoc
}

function compare(a: Key, b: Key): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1
  if (a.source !== b.source) return a.source < b.source ? -1 : 1
  return a.sequence - b.sequence
}

interface Plan {
  /** SQL condition on blocks, and its parameters. */
  where: string
  params: (string | number)[]
  /** ISO bounds, half open. */
  from: string
  to: string
  levels: Set<string> | undefined
  /** Undefined where service, level and time are all that is asked. */
  matches: ((doc: LogDoc) => boolean) | undefined
}

function plan(query: LogQuery): Plan {
  const parsed = parseQuery(query.query ?? '')
  const grep = query.grep ? parsePattern(query.grep) : undefined
  const from = query.from === undefined ? '' : msToIso(query.from)
  const to = query.to === undefined ? '~' : msToIso(query.to)
  const asked = both(query.levels, parsed.levels)
  const { where, params } = conditions([
    query.services && [`service IN (${query.services.map(() => '?').join()})`, ...query.services],
    query.task !== undefined && ['task = ?', query.task],
    query.from !== undefined && ['t_max >= ?', from],
    query.to !== undefined && ['t_min < ?', to],
    asked && [asked.length === 0 ? '0' : `(${asked.join(' + ')}) > 0`],
    parsed.words.length > 0 && [
      'id IN (SELECT rowid FROM words WHERE words MATCH ?)',
      parsed.words.map((word) => `"${word}"`).join(' AND '),
    ],
  ])
  const byColumns = parsed.onlyLevel && !grep
  return {
    where,
    params,
    from,
    to,
    levels: asked && new Set(asked),
    matches: byColumns
      ? undefined
      : (doc) => parsed.matches(doc) && (grep ? grep.test(doc.message) : true),
  }
}

type Condition = [sql: string, ...params: (string | number)[]]

function conditions(all: (Condition | false | undefined)[]) {
  const asked = all.filter((condition) => condition !== false && condition !== undefined)
  return {
    where: asked.map(([sql]) => sql).join(' AND ') || '1',
    params: asked.flatMap(([, ...params]) => params),
  }
}

function both<Item>(a: Item[] | undefined, b: Item[] | undefined): Item[] | undefined {
  return a && b ? a.filter((item) => b.includes(item)) : (a ?? b)
}

function readBody(db: DatabaseSync, id: number): string {
  const body = db.prepare('SELECT body FROM bodies WHERE id = ?').get(id)?.['body']
  return body ? decodeBody({ body } as LogRecord).toString('utf8') : ''
}

/** The lines of a block that the plan wants. */
function* linesOf(
  db: DatabaseSync,
  id: number,
  source: string,
  { from, to, levels: wanted, matches }: Plan,
): Generator<Hit> {
  for (const { line, time, level } of scanLines(readBody(db, id))) {
    if (time < from || time >= to || (wanted && !wanted.has(level))) continue
    const doc = JSON.parse(line) as LogDoc
    if (matches && !matches(doc)) continue
    yield { time, source, sequence: doc['event.sequence'], doc }
  }
}

const defaultLimit = 200

/**
 * Blocks are opened in the order of their newest (oldest) line, only as far as the page needs: a line is certain to be
 * next when no unopened block can hold one before it.
 */
function search(query: LogQuery): LogPage {
  const { order = 'desc', limit = defaultLimit } = query
  const asked = plan(query)
  const after = query.cursor ? parseCursor(query.cursor) : undefined
  const sign = order === 'desc' ? -1 : 1
  const ahead = (a: Key, b: Key) => sign * compare(a, b)
  const bound = after && (order === 'desc' ? ' AND t_min <= ?' : ' AND t_max >= ?')
  const edge = order === 'desc' ? 't_max' : 't_min'
  const hits: Hit[] = []
  const days = daysIn(query)
  for (const day of order === 'desc' ? days.toReversed() : days) {
    const db = openDay(day)
    if (!ready(db)) continue
    const waiting = openHeap(ahead)
    const blocks = db
      .prepare(
        `SELECT id, source, ${edge} AS edge FROM blocks WHERE ${asked.where}${bound ?? ''}
         ORDER BY ${edge} ${order}`,
      )
      .iterate(...asked.params, ...(after ? [after.time] : []))
    for (const { id, source, edge: next } of blocks) {
      // Lines at the very time of the edge wait as well: the block may hold one of that time.
      while (
        waiting.size() > 0 &&
        sign *
          (waiting.top().time < (next as string)
            ? -1
            : waiting.top().time > (next as string)
              ? 1
              : 0) <
          0
      ) {
        hits.push(waiting.pop())
        if (hits.length > limit) return page(hits, limit)
      }
      for (const hit of linesOf(db, id as number, source as string, asked)) {
        if (!after || ahead(after, hit) < 0) waiting.push(hit)
      }
    }
    while (waiting.size() > 0) {
      hits.push(waiting.pop())
      if (hits.length > limit) return page(hits, limit)
    }
  }
  return page(hits, limit)
}

function page(hits: Hit[], limit: number): LogPage {
  const last = hits[limit - 1]
  return {
    hits: hits.slice(0, limit).map(({ doc }) => doc),
    ...(hits.length > limit && last ? { next: formatCursor(last) } : {}),
  }
}

function formatCursor({ time, source, sequence }: Key): string {
  return Buffer.from(JSON.stringify([time, source, sequence])).toString('base64url')
}

function parseCursor(cursor: string): Key {
  try {
    const [time, source, sequence] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [
      string,
      string,
      number,
    ]
    if (typeof time === 'string' && typeof source === 'string' && typeof sequence === 'number') {
      return { time, source, sequence }
    }
  } catch {
    // Told below.
  }
  throw new Error('not a cursor of this store')
}

/** A binary heap: the item that comes first is on top. */
function openHeap(ahead: (a: Hit, b: Hit) => number) {
  const items: Hit[] = []
  const at = (i: number) => items[i] as Hit
  const swap = (i: number, j: number) => {
    ;[items[i], items[j]] = [at(j), at(i)]
  }
  return {
    size: () => items.length,
    top: () => at(0),
    push(hit: Hit) {
      items.push(hit)
      for (let i = items.length - 1; i > 0;) {
        const parent = (i - 1) >> 1
        if (ahead(at(i), at(parent)) >= 0) break
        swap(i, parent)
        i = parent
      }
    },
    pop(): Hit {
      const first = at(0)
      const last = items.pop() as Hit
      if (items.length > 0) {
        items[0] = last
        for (let i = 0; ;) {
          let least = i
          for (const child of [2 * i + 1, 2 * i + 2]) {
            if (child < items.length && ahead(at(child), at(least)) < 0) least = child
          }
          if (least === i) break
          swap(i, least)
          i = least
        }
      }
      return first
    },
  }
}

/** An id is `<source>:<a>:<b>`; of a container the lines of both streams are shown, in the order of time. */
function context(id: string, before: number, after: number): LogDoc[] | undefined {
  const source = id.split(':').slice(0, -2).join(':')
  const needle = `"event.id":${JSON.stringify(id)}`
  for (const day of daysIn({}).toReversed()) {
    const db = openDay(day)
    if (!ready(db)) continue
    const time = timeOfId(id)
    const blocks = db
      .prepare(
        `SELECT id FROM blocks WHERE source = ?${time ? ' AND t_max >= ? AND t_min <= ?' : ''}`,
      )
      .iterate(...(time ? [source, time, time] : [source]))
    for (const block of blocks) {
      if (!readBody(db, block['id'] as number).includes(needle)) continue
      const line = docsOf(db, block['id'] as number).find((doc) => doc['event.id'] === id)
      if (line) return around(line, source, before, after)
    }
  }
  return undefined
}

/** Ids of containers hold the time in ns; those of files an offset. */
function timeOfId(id: string): string | undefined {
  const ns = id.split(':').at(-2) ?? ''
  if (id.startsWith('file:') || !/^\d{19}$/.test(ns)) return undefined
  return `${msToIso(Number(ns.slice(0, 13))).slice(0, 23)}${ns.slice(13)}Z`
}

function docsOf(db: DatabaseSync, id: number): LogDoc[] {
  const body = db.prepare('SELECT body FROM bodies WHERE id = ?').get(id)?.['body'] as
    Uint8Array | undefined
  return body ? decodeDocs({ body } as LogRecord) : []
}

function around(line: LogDoc, source: string, before: number, after: number): LogDoc[] {
  const stem = source.replace(/:[oe]$/, '')
  const sources = stem === source ? [source] : [`${stem}:o`, `${stem}:e`]
  const key = { time: line['@timestamp'], source, sequence: line['event.sequence'] }
  const side = (order: 'asc' | 'desc', limit: number) =>
    neighbours(sources, key, order, limit).map(({ doc }) => doc)
  return [...side('desc', before).toReversed(), line, ...side('asc', after)]
}

function neighbours(sources: string[], from: Key, order: 'asc' | 'desc', limit: number): Hit[] {
  const sign = order === 'desc' ? -1 : 1
  const everything: Plan = {
    where: '1',
    params: [],
    from: '',
    to: '~',
    levels: undefined,
    matches: undefined,
  }
  const found: Hit[] = []
  const days = daysIn({}).filter((day) =>
    order === 'desc' ? day <= from.time.slice(0, 10) : day >= from.time.slice(0, 10),
  )
  for (const day of order === 'desc' ? days.toReversed() : days) {
    const db = openDay(day)
    if (!ready(db)) continue
    const edge = order === 'desc' ? 't_max' : 't_min'
    const blocks = db
      .prepare(
        `SELECT id, source, ${edge} AS edge FROM blocks WHERE source IN (${sources.map(() => '?').join()})
         AND ${order === 'desc' ? 't_min <= ?' : 't_max >= ?'} ORDER BY ${edge} ${order}`,
      )
      .iterate(...sources, from.time)
    for (const { id, source, edge: next } of blocks) {
      const farthest = found[limit - 1]
      if (
        farthest &&
        (order === 'desc' ? (next as string) < farthest.time : (next as string) > farthest.time)
      )
        break
      for (const hit of linesOf(db, id as number, source as string, everything)) {
        if (sign * compare(hit, from) > 0) found.push(hit)
      }
      found.sort((a, b) => sign * compare(a, b))
      found.length = Math.min(found.length, limit)
    }
    if (found.length >= limit) break
  }
  return found
}

/** Blocks that lie within one bucket and match as a whole are counted by their columns, others are opened. */
function histogram(query: LogQuery, bucketMs: number): Histogram {
  const asked = plan(query)
  const buckets = new Map<number, Partial<Record<Level, number>>>()
  let total = 0
  const count = (ms: number, level: Level, n: number) => {
    const start = Math.floor(ms / bucketMs) * bucketMs
    const counts = buckets.get(start) ?? {}
    buckets.set(start, counts)
    counts[level] = (counts[level] ?? 0) + n
    total += n
  }
  for (const day of daysIn(query)) {
    const db = openDay(day)
    if (!ready(db)) continue
    for (const block of db
      .prepare(`SELECT * FROM blocks WHERE ${asked.where}`)
      .iterate(...asked.params)) {
      const [first, last] = [block['t_min'] as string, block['t_max'] as string]
      const whole = !asked.matches && first >= asked.from && last < asked.to
      if (whole && sameBucket(first, last, bucketMs)) {
        for (const level of levels) {
          const n = block[level] as number
          if (n > 0 && (!asked.levels || asked.levels.has(level))) count(isoToMs(first), level, n)
        }
      } else countLines(db, block['id'] as number, asked, count)
    }
  }
  return {
    bucketMs,
    buckets: [...buckets]
      .toSorted(([a], [b]) => a - b)
      .map(([from, counts]) => ({ from, levels: counts })),
    total,
  }
}

function sameBucket(first: string, last: string, bucketMs: number): boolean {
  return Math.floor(isoToMs(first) / bucketMs) === Math.floor(isoToMs(last) / bucketMs)
}

function countLines(
  db: DatabaseSync,
  id: number,
  { from, to, levels: wanted, matches }: Plan,
  count: (ms: number, level: Level, n: number) => void,
): void {
  for (const { line, time, level } of scanLines(readBody(db, id))) {
    if (time < from || time >= to || (wanted && !wanted.has(level))) continue
    if (matches && !matches(JSON.parse(line) as LogDoc)) continue
    count(isoToMs(time), level, 1)
  }
}

const maxListedTasks = 100

function services(range: TimeRange): ServiceSummary[] {
  const asked = plan(range)
  const found = new Map<
    string,
    {
      levels: Partial<Record<Level, number>>
      lines: number
      lastMs: number
      tasks: Map<string, string>
    }
  >()
  for (const day of daysIn(range)) {
    const db = openDay(day)
    if (!ready(db)) continue
    for (const block of db
      .prepare(`SELECT * FROM blocks WHERE ${asked.where}`)
      .iterate(...asked.params)) {
      const service = block['service'] as string
      const entry = found.get(service) ?? {
        levels: {},
        lines: 0,
        lastMs: 0,
        tasks: new Map<string, string>(),
      }
      const count = (ms: number, level: Level, n: number) => {
        entry.levels[level] = (entry.levels[level] ?? 0) + n
        entry.lines += n
        entry.lastMs = Math.max(entry.lastMs, ms)
      }
      const [first, last] = [block['t_min'] as string, block['t_max'] as string]
      if (first >= asked.from && last < asked.to) {
        for (const level of levels)
          if ((block[level] as number) > 0) count(isoToMs(last), level, block[level] as number)
      } else countLines(db, block['id'] as number, asked, count)
      if (entry.lines === 0) continue
      const task = block['task'] as string
      if (task && (entry.tasks.get(task) ?? '') < last) entry.tasks.set(task, last)
      found.set(service, entry)
    }
  }
  return [...found]
    .map(([service, { lines, levels: counts, lastMs, tasks }]) => ({
      service,
      lines,
      levels: counts,
      tasks: newestFirst(tasks).slice(0, maxListedTasks),
      taskCount: tasks.size,
      lastMs,
    }))
    .toSorted((a, b) => b.lastMs - a.lastMs)
}

function newestFirst(tasks: Map<string, string>): string[] {
  return [...tasks].toSorted(([, a], [, b]) => (a < b ? 1 : -1)).map(([task]) => task)
}

function docs(docClass: DocClass, query: DocQuery): StoredDoc[] {
  const { services: wanted, kind, limit = defaultLimit } = query
  const { where, params } = conditions([
    ['class = ?', docClass],
    query.from !== undefined && ['time >= ?', msToIso(query.from)],
    query.to !== undefined && ['time < ?', msToIso(query.to)],
    wanted && [`service IN (${wanted.map(() => '?').join()})`, ...wanted],
    kind !== undefined && ['kind = ?', kind],
  ])
  const found: StoredDoc[] = []
  for (const day of daysIn(query).toReversed()) {
    const sql = `SELECT doc FROM docs WHERE ${where} ORDER BY time DESC, id LIMIT ?`
    for (const { doc } of ask([day], sql, [...params, limit - found.length])) {
      found.push(JSON.parse(doc as string) as StoredDoc)
    }
    if (found.length >= limit) break
  }
  return found
}

function buckets(
  signal: string,
  { from = 0, to = Number.MAX_SAFE_INTEGER }: TimeRange,
): SignalBucket[] {
  const rows = ask(
    daysIn({ from, to: Math.min(to, 253_402_300_799_000) }),
    'SELECT * FROM buckets WHERE signal = ? AND "from" >= ? AND "from" < ? ORDER BY "from"',
    [signal, from, to],
  )
  return [...rows].map((row) => ({
    signal,
    group: JSON.parse(row['grp'] as string) as Identity,
    from: row['from'] as number,
    to: row['to'] as number,
    partition: row['partition'] as number,
    count: row['count'] as number,
    lastMs: row['last'] as number,
  }))
}

/** Ranges are dense inside a block, so what lies between one block's last line and the next one's first is missing. */
function gaps(range: TimeRange): SequenceGap[] {
  const asked = plan(range)
  const rows = ask(
    daysIn(range),
    `SELECT source, lineage, first, last, t_min, t_max, service FROM blocks WHERE ${asked.where}`,
    asked.params,
  )
  const runs = Map.groupBy(rows, (row) => `${row['source'] as string} ${row['lineage'] as string}`)
  return [...runs.values()].flatMap((run) => {
    const blocks = run.toSorted((a, b) => (a['first'] as number) - (b['first'] as number))
    return blocks.slice(1).flatMap((block, i) => {
      const before = blocks[i] as typeof block
      const missing: [number, number] = [
        (before['last'] as number) + 1,
        (block['first'] as number) - 1,
      ]
      if (missing[0] > missing[1]) return []
      return {
        source: block['source'] as string,
        service: (block['service'] as string) || unresolvedService,
        missing,
        between: [before['t_max'] as string, block['t_min'] as string] as [string, string],
      }
    })
  })
}

const handlers = {
  search,
  context,
  histogram,
  services,
  docs,
  buckets,
  gaps,
  shut: () => {
    for (const day of open.keys()) closeDay(day)
  },
}
export type StoreReader = typeof handlers
serve(handlers)
