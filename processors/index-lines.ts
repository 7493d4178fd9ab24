import type { Batch, Bus, BusRecord, Held } from '../pipeline/bus/bus.ts'
import type { Clock } from '../pipeline/clock.ts'
import { originalOf } from '../pipeline/dead-letter.ts'
import { explain } from '../pipeline/errors.ts'
import { isoToMs, msToIso, type DeadLetter } from '../pipeline/event.ts'
import { killPoint } from '../pipeline/fault.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { fromBusRecord, toBusRecord, type LogHead, type LogRecord } from '../pipeline/record.ts'
import type { AppendResult, Store } from '../pipeline/store/store.ts'
import { readable, sampleOf, tellDead } from './dead.ts'
import { awaitIdentities, patchesFor, resolve, unknownContainers, type Catalog } from './resolve.ts'
import { isMark } from './watermark.ts'
import { openReached } from './reached.ts'

export interface IndexerOptions {
  bus: Bus
  store: Store
  catalog: Catalog
  clock: Clock
  metrics: Metrics
  log: Logger
  /** Told of whose lines come, once a record. */
  onIdentity?: (identity: Identity) => void
  /** Told of records that are stored now, and were not before (or some of their batch were not). */
  onStored?: (head: LogHead) => void
}

/** Of a partition so much waits for identities at most, bytes of bodies; then the partition waits with it. */
const maxHeldBytes = 16 * 2 ** 20

/**
 * The way of a line from the bus into the store; a position is committed after the store has accepted. Lines whose
 * identity is not known yet wait for it a bounded time, and hold up no others.
 */
export function openIndexer(options: IndexerOptions) {
  const { bus, store, catalog, clock, metrics, log, onIdentity, onStored } = options
  const reached = openReached()
  /** By partition, bytes. */
  const held = new Map<number, number>()
  const closing = new AbortController()
  let trouble: string | undefined

  async function onBatch(batch: Batch): Promise<Held | void> {
    reached.begin(batch)
    const arrived = readable(batch, readLines)
    const records = arrived.read.filter((record) => record !== undefined)
    const { known = [], unknown = [] } = Object.groupBy(records, isKnown)
    await tellDead(bus, arrived.dead)
    if (arrived.dead.length > 0)
      metrics.dead_letters_total.inc({ stage: 'index' }, arrived.dead.length)
    await storeLines(known)
    if (unknown.length === 0) return reached.done(batch)
    const settled = storeLate(batch, unknown)
    if ((held.get(batch.partition) ?? 0) <= maxHeldBytes) return { settled }
    await settled
  }

  function isKnown({ head }: LogRecord): 'known' | 'unknown' {
    const lacking = catalog.lacks(catalog.complete(head.identity))
    return lacking === undefined || catalog.hasWaitedFor(lacking) ? 'known' : 'unknown'
  }

  async function storeLate(batch: Batch, records: readonly LogRecord[]): Promise<void> {
    const { partition } = batch
    const bytes = records.reduce((sum, { body }) => sum + body.length, 0)
    const hold = (more: number) => held.set(partition, (held.get(partition) ?? 0) + more)
    hold(bytes)
    try {
      await awaitIdentities(records, catalog, closing.signal)
      await storeLines(records)
      reached.done(batch)
    } finally {
      hold(-bytes)
    }
  }

  async function storeLines(records: readonly LogRecord[]): Promise<void> {
    if (records.length > 0) {
      const resolved = records.map(resolveIfReadable)
      const { stored, duplicates, rejected } = await store.appendLogs(resolved)
      await tellDead(bus, rejected.map(deadLines))
      await patchLate(duplicates > 0 ? records : resolved)
      count(resolved, stored, duplicates, rejected.length)
      if (stored > 0) for (const { head } of resolved) onStored?.(head)
    }
    killPoint('index:before-commit')
    trouble = undefined
  }

  /** The store rejects what is damaged, with its reason. */
  function resolveIfReadable(record: LogRecord): LogRecord {
    try {
      return resolve(record, catalog)
    } catch {
      return record
    }
  }

  /**
   * The identity may have come while the lines were being stored as unresolved, and another process that knew it before
   * this one may have patched what was there then; or that happened before a kill, and now they come again, resolved,
   * and are known as duplicates.
   */
  async function patchLate(records: readonly LogRecord[]): Promise<void> {
    const containers = unknownContainers(records)
    if (containers.size === 0) return
    await catalog.caughtUp()
    const patches = [...containers].flatMap((container) =>
      patchesFor(container, catalog.complete(catalog.get(container) ?? {})),
    )
    if (patches.length > 0) await store.patchIdentity(patches)
  }

  function count(
    records: readonly LogRecord[],
    stored: number,
    duplicates: number,
    dead: number,
  ): void {
    metrics.indexed_lines_total.inc(stored)
    metrics.duplicate_lines_total.inc(duplicates)
    if (dead > 0) metrics.dead_letters_total.inc({ stage: 'index' }, dead)
    for (const { head } of records) {
      onIdentity?.(head.identity)
      if (!head.identity.service) metrics.unresolved_lines_total.inc(head.count)
    }
    const newest = records
      .map(({ head }) => head.time[1])
      .toSorted()
      .at(-1)
    if (newest)
      metrics.lag_seconds.set({ stage: 'index' }, Math.max(0, clock.now() - isoToMs(newest)) / 1000)
  }

  function deadLines({ record, reason }: AppendResult['rejected'][number]): DeadLetter {
    const { head, body } = record
    return {
      '@timestamp': msToIso(clock.now()),
      'event.id': `dead:store:${head.source}:${head.lineage}:${head.sequence[0]}`,
      'event.kind': 'dead',
      reason,
      origin: `${head.source}, lines ${head.sequence.join(' to ')}`,
      ...sampleOf(body),
      ...originalOf('logs', toBusRecord(record)),
      ...(head.identity.service ? { 'service.name': head.identity.service } : {}),
    }
  }

  const consumer = bus.consume({
    group: 'index',
    topic: 'logs',
    maxBytes: 2 ** 20,
    onBatch,
    onRevoked(partitions) {
      for (const partition of partitions) reached.forget(partition)
    },
    onRecovered() {
      trouble = undefined
    },
    onFailure(error) {
      trouble = explain(error)
      metrics.batch_failures_total.inc({ group: 'index' })
      log.error({ trouble }, 'lines cannot be stored; they wait on the bus and are tried again')
    },
  })
  return {
    trouble: () => trouble,
    /** All lines written before this time are stored, ms; undefined before every partition had a mark. */
    through(): number | undefined {
      const partitions = Array.from({ length: bus.partitions('logs') }, (_, partition) => partition)
      return slowest(partitions.map((one) => reached.of(one) ?? -Infinity))
    },
    /** The same of the partitions that this process has, as far as these had a mark. */
    ownThrough(): number | undefined {
      return slowest(reached.all().map((watermark) => watermark ?? Infinity))
    },
    /** What still waits for its identity is stored without. */
    close() {
      closing.abort()
      return consumer.close()
    },
  }
}

function slowest(watermarks: readonly number[]): number | undefined {
  const least = Math.min(...watermarks)
  return Number.isFinite(least) ? least : undefined
}

/** Undefined for what is no lines: marks. */
function readLines(record: BusRecord): LogRecord | undefined {
  return isMark(record) ? undefined : fromBusRecord(record)
}
