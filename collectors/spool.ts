import { join } from 'node:path'
import { pause, type Clock } from '../pipeline/clock.ts'
import { coalesce } from '../pipeline/coalesce.ts'
import { explain, isRetryable, Trouble } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { openWorker } from '../pipeline/rpc.ts'
import type { Collected, Sink } from './sink.ts'
import { openRecent } from './spool-recent.ts'
import { dropChanges, sizeOf, toRecords, type SpooledRecord } from './spool-records.ts'
import type { WhenFull } from './when-full.ts'
import type { SpoolHandlers, SpoolWrite } from './spool-worker.ts'

export type { SpooledRecord } from './spool-records.ts'

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
  /** Id of the newest record on the disk. */
  last(): number
  trouble(): string | undefined
  /**
   * From now on appends do not wait: they go beyond the bound, or reject if the disk refuses them. To be called
   * before the collectors are closed, which append what they have read.
   */
  finish(): void
  close(): Promise<void>
}

export interface SpoolOptions {
  dir: string
  /** More is not taken, but for one batch. */
  maxBytes: number
  /** For services that do not say. */
  whenFull: WhenFull
  clock: Clock
  metrics: Metrics
  log: Logger
  /** Kept in memory beside the disk, so that the usual way needs no reading back; 64 MiB unless set. */
  recentBytes?: number
}

const retryMs = 500

/** Throws a `Trouble` if the file in `dir` cannot be opened or is damaged. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { dir, maxBytes, whenFull, clock, metrics, log, recentBytes = 64 * 2 ** 20 } = options
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
  const recent = openRecent(recentBytes)
  /** Of all that was appended and not trimmed, also of what is on its way to the disk. */
  let bytes = opened.bytes
  let assigned = opened.last
  let stored = opened.last
  /** Ids up to here are on their way to the bus. */
  let taken = 0
  let full: string | undefined
  let refused: string | undefined
  let finishing = false
  let closed = false
  let changed = Promise.withResolvers<void>()
  const gather = coalesce(store)
  /** Appends pass one by one, so that none overtakes one that waits for room. */
  const inTurn = oneByOne()
  /** Reading and dropping exclude each other, so that nothing is dropped that was given to the bus. */
  const exclusively = oneByOne()

  function notify() {
    changed.resolve()
    changed = Promise.withResolvers()
  }

  async function append(batch: Collected): Promise<void> {
    const put = Object.entries(batch.positions ?? {})
    const { done } = await inTurn(async () => {
      await makeRoom()
      const json = put.map(([input, position]): SpoolWrite['positions'][number] => [
        input,
        position === null ? null : JSON.stringify(position),
      ])
      return { done: write(toRecords(batch), json) }
    })
    await done
    for (const [input, position] of put) {
      if (position === null) positions.delete(input)
      else positions.set(input, position)
    }
  }

  /** Batches that come while one is being written go to the disk together, after it. */
  function write(
    unnumbered: Omit<SpooledRecord, 'id'>[],
    positionsPut: SpoolWrite['positions'] = [],
    dropped: number[] = [],
  ): Promise<void> {
    const records = unnumbered.map((record) => ({ ...record, id: ++assigned }))
    for (const record of records) bytes += sizeOf(record)
    return gather({ records, positions: positionsPut, dropped })
  }

  async function store(writes: SpoolWrite[]): Promise<void> {
    const records = writes.flatMap((write_) => write_.records)
    try {
      await untilItWorks(() => remote.append(writes))
    } catch (error) {
      for (const record of records) bytes -= sizeOf(record)
      throw error
    }
    for (const record of records) recent.push(record)
    stored = records.at(-1)?.id ?? stored
    metrics.spool_bytes.set(bytes)
    notify()
  }

  /** A full disk is waited out: the collectors stand still meanwhile, and nothing is lost. */
  async function untilItWorks(work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await work()
        refused = undefined
        return
      } catch (error) {
        refused = explain(error)
        log.error({ trouble: refused }, 'the spool cannot be written')
        if (finishing || closed || !isRetryable(error)) throw error
        await blocked()
      }
    }
  }

  /** Waits until something has changed, or it is time to try again. */
  async function blocked(): Promise<void> {
    const since = clock.now()
    const woken = new AbortController()
    await Promise.race([changed.promise, pause(retryMs, woken.signal)])
    woken.abort()
    metrics.spool_blocked_seconds_total.inc(Math.max(0, clock.now() - since) / 1000)
  }

  async function makeRoom(): Promise<void> {
    while (bytes > maxBytes && !finishing && !closed) {
      if (await dropOldest()) continue
      full = `the spool in ${dir} is full (${maxBytes} bytes): reading waits until the bus takes more, or raise spool.max_bytes`
      await blocked()
    }
    full = undefined
    if (closed) throw new Trouble(`the spool in ${dir} is closed`)
  }

  /** False if there is nothing that may be dropped: all of it is on its way to the bus, or tells of drops. */
  function dropOldest(): Promise<boolean> {
    return exclusively(async () => {
      const oldest = await remote.oldestLines(taken, bytes - maxBytes * 0.9, whenFull)
      if (oldest.length === 0) return false
      const heads = oldest.map(({ head }) => head)
      const changes = dropChanges(heads, clock.now())
      await write(
        toRecords({ changes }),
        [],
        oldest.map(({ id }) => id),
      )
      recent.clear()
      for (const { size } of oldest) bytes -= size
      const lines = heads.reduce((sum, { count }) => sum + count, 0)
      metrics.dropped_lines_total.inc({ stage: 'spool', cause: 'full' }, lines)
      log.warn({ lines }, 'the spool is full: the oldest lines were dropped')
      return true
    })
  }

  async function next(after: number, wanted: number): Promise<SpooledRecord[]> {
    const woken = changed.promise
    if (stored <= after && !closed) await woken
    return exclusively(async () => {
      if (closed) throw new Trouble(`the spool in ${dir} is closed`)
      if (stored <= after) return []
      const found = recent.following(after, wanted) ?? (await remote.read(after, wanted))
      taken = found.at(-1)?.id ?? taken
      return found
    })
  }

  return {
    append,
    next,
    position: (input) => positions.get(input),
    positions: (prefix) => [...positions.keys()].filter((input) => input.startsWith(prefix)),
    last: () => stored,
    wake: notify,
    async trim(upTo) {
      const freed = await remote.trim(upTo)
      bytes -= freed
      metrics.spool_bytes.set(bytes)
      notify()
    },
    trouble: () => refused ?? full,
    finish() {
      finishing = true
      notify()
    },
    async close() {
      closed = true
      notify()
      await inTurn(() => Promise.resolve())
      await gather.idle()
      await remote.shut().catch(() => {})
      await close()
    },
  }
}

/** Runs what it is given one after the other, in the order of the calls. */
function oneByOne() {
  let last: Promise<unknown> = Promise.resolve()
  return <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work)
    last = result.catch(() => {})
    return result
  }
}
