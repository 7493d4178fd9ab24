import { join } from 'node:path'
import { pause, type Clock } from '../pipeline/clock.ts'
import { explain, isRetryable } from '../pipeline/errors.ts'
import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import type { Topic } from '../pipeline/bus/bus.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { toBusRecord, type LogHead } from '../pipeline/record.ts'
import { openWorker } from '../pipeline/rpc.ts'
import type { Collected, Sink } from './sink.ts'
import type { SpoolHandlers, SpoolWrite } from './spool-worker.ts'

/** A record on its way to the bus. `id` orders all records of the spool. */
export interface SpooledRecord {
  id: number
  topic: Topic
  key: string
  headers: Record<string, string>
  value: Uint8Array
  lines: number
}

/**
 * The collectors' disk: what was read waits here, with the read positions, until the bus has it. Collectors need
 * neither bus nor store to be there.
 */
export interface Spool extends Sink {
  /** The oldest records with an id above `after`, about `bytes` of them; waits for one, or for `wake`. */
  next(after: number, bytes: number): Promise<SpooledRecord[]>
  /** Lets a waiting `next` return with nothing. */
  wake(): void
  /** Forgets the records up to this id: the bus has them. */
  trim(upTo: number): Promise<void>
  /** Id of the newest record. */
  last(): number
  trouble(): string | undefined
  close(): Promise<void>
}

export interface SpoolOptions {
  dir: string
  maxBytes: number
  whenFull: 'block' | 'drop_oldest'
  clock: Clock
  metrics: Metrics
  log: Logger
}

/** Kept in memory beside the disk, so that the usual way needs no reading back. */
const maxRecentBytes = 64 * 2 ** 20
const retryMs = 500

export async function openSpool({
  dir,
  maxBytes,
  whenFull,
  clock,
  metrics,
  log,
}: SpoolOptions): Promise<Spool> {
  const { remote, close } = openWorker<SpoolHandlers>(import.meta.url, './spool-worker', {
    file: join(dir, 'spool.db'),
  })
  const opened = await remote.open().catch(async (error: unknown) => {
    await close()
    throw error
  })
  const positions = new Map(
    opened.positions.map(([input, json]) => [input, JSON.parse(json) as unknown]),
  )
  const recent: SpooledRecord[] = []
  let recentBytes = 0
  let { bytes, last } = opened
  /** Ids up to here are trimmed or on their way to the bus. */
  let taken = 0
  let trouble: string | undefined
  let changed = Promise.withResolvers<void>()
  let waiting: { writes: SpoolWrite[]; done: Promise<void> } | undefined
  let writing: Promise<void> = Promise.resolve()
  let closed = false

  function notify() {
    changed.resolve()
    changed = Promise.withResolvers()
  }

  async function append(batch: Collected): Promise<void> {
    if (bytes > maxBytes) await makeRoom()
    const records = toRecords(batch).map((record) => ({ ...record, id: ++last }))
    const write: SpoolWrite = {
      records,
      positions: Object.entries(batch.positions ?? {}).map(([input, position]) => [
        input,
        position === null ? null : JSON.stringify(position),
      ]),
    }
    await enqueue(write)
    for (const [input, position] of Object.entries(batch.positions ?? {})) {
      if (position === null) positions.delete(input)
      else positions.set(input, position)
    }
  }

  /** Batches that come while one is being written go to the disk together. */
  function enqueue(write: SpoolWrite): Promise<void> {
    if (waiting) {
      waiting.writes.push(write)
      return waiting.done
    }
    const batch = { writes: [write], done: Promise.resolve() }
    waiting = batch
    batch.done = writing.then(async () => {
      waiting = undefined
      await persist(batch.writes)
    })
    writing = batch.done
    return batch.done
  }

  async function persist(writes: SpoolWrite[]): Promise<void> {
    await untilItWorks(() => remote.append(writes))
    for (const { records } of writes) for (const record of records) remember(record)
    metrics.spool_bytes.set(bytes)
    notify()
  }

  function remember(record: SpooledRecord): void {
    bytes += record.value.length
    recent.push(record)
    recentBytes += record.value.length
    while (recentBytes > maxRecentBytes) recentBytes -= recent.shift()?.value.length ?? 0
  }

  /** A full disk is waited out: the collectors stand still meanwhile, and nothing is lost. */
  async function untilItWorks(work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await work()
        trouble = undefined
        return
      } catch (error) {
        if (closed || !isRetryable(error)) throw error
        trouble = explain(error)
        log.error({ trouble }, 'the spool cannot be written, trying again')
        await blocked(retryMs)
      }
    }
  }

  async function blocked(ms: number): Promise<void> {
    await Promise.race([changed.promise, pause(ms)])
    metrics.spool_blocked_seconds_total.inc(ms / 1000)
  }

  async function makeRoom(): Promise<void> {
    if (whenFull === 'drop_oldest') return dropOldest()
    trouble = `the spool is full (${maxBytes} bytes): reading waits until the bus takes more, or raise spool.max_bytes`
    while (bytes > maxBytes && !closed) await blocked(retryMs)
    trouble = undefined
  }

  async function dropOldest(): Promise<void> {
    const dropped = await remote.drop(taken, bytes - maxBytes * 0.9)
    if (dropped.length === 0) return
    const lines = dropped.reduce((sum, record) => sum + record.lines, 0)
    bytes -= dropped.reduce((sum, record) => sum + record.size, 0)
    recent.length = 0
    recentBytes = 0
    metrics.dropped_lines_total.inc({ stage: 'spool', cause: 'full' }, lines)
    log.warn({ lines }, 'the spool is full: the oldest lines were dropped')
    const changes = dropped.map(({ head }) => dropChange(JSON.parse(head) as LogHead, clock.now()))
    const records = toRecords({ changes }).map((record) => ({ ...record, id: ++last }))
    await enqueue({ records, positions: [] })
  }

  async function next(after: number, wanted: number): Promise<SpooledRecord[]> {
    const available = changed.promise
    if (last === after) await available
    const found = await oldest(after, wanted)
    taken = found.at(-1)?.id ?? taken
    return found
  }

  function oldest(after: number, wanted: number): Promise<SpooledRecord[]> | SpooledRecord[] {
    while ((recent[0]?.id ?? Infinity) <= after) recentBytes -= recent.shift()?.value.length ?? 0
    // Ids are dense but for what was dropped: a hole means that memory does not hold the oldest any more.
    if (recent[0]?.id !== after + 1) return remote.read(after, wanted)
    const records: SpooledRecord[] = []
    let size = 0
    for (const record of recent) {
      records.push(record)
      size += record.value.length
      if (size >= wanted) break
    }
    return records
  }

  return {
    append,
    next,
    position: (input) => positions.get(input),
    positions: (prefix) => [...positions.keys()].filter((input) => input.startsWith(prefix)),
    last: () => last,
    wake: notify,
    async trim(upTo) {
      bytes -= await remote.trim(upTo)
      metrics.spool_bytes.set(bytes)
      notify()
    },
    trouble: () => trouble,
    async close() {
      closed = true
      notify()
      await writing.catch(() => {})
      await remote.shut().catch(() => {})
      await close()
    },
  }
}

function toRecords({ records = [], changes = [], dead = [], identities = [] }: Collected) {
  return [
    ...records.map((record) => ({
      ...toBusRecord(record),
      topic: 'logs' as const,
      lines: record.head.count,
    })),
    ...changes.map((doc) => docRecord('changes', serviceOf(doc), doc)),
    ...dead.map((doc) => docRecord('dead', doc.origin, doc)),
    ...identities.map((identity) => docRecord('identity', identity.container ?? '', identity)),
  ]
}

function serviceOf(doc: ChangeDoc): string {
  const service = doc['service.name']
  return typeof service === 'string' ? service : ''
}

function docRecord(topic: Topic, key: string, doc: unknown) {
  return { topic, key, headers: {}, value: Buffer.from(JSON.stringify(doc)), lines: 0 }
}

function dropChange(
  { source, lineage, sequence, time, identity, count }: LogHead,
  now: number,
): ChangeDoc {
  return {
    '@timestamp': msToIso(now),
    'event.id': `change:drop:${source}:${lineage}:${sequence[0]}`,
    'event.kind': 'drop',
    'event.action': 'dropped',
    message: `${count} lines of ${source} from ${time[0]} to ${time[1]} were dropped: the spool was full`,
    ...(identity.service ? { 'service.name': identity.service } : {}),
  }
}
