import type { Batch, Bus, BusRecord } from '../pipeline/bus/bus.ts'
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
import { takeMark, type Reach } from './watermark.ts'

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

/** The way of a line from the bus into the store; a position is committed after the store has accepted. */
export function openIndexer(options: IndexerOptions) {
  const { bus, store, catalog, clock, metrics, log, onIdentity, onStored } = options
  const reached = new Map<number, Reach>()
  let trouble: string | undefined

  async function onBatch(batch: Batch): Promise<void> {
    const arrived = readable(batch, readLines)
    const records = arrived.read.filter((record) => record !== undefined)
    await awaitIdentities(records, catalog)
    const resolved = records.map(resolveIfReadable)
    const { stored, duplicates, rejected } = await store.appendLogs(resolved)
    const dead = [...arrived.dead, ...rejected.map(deadLines)]
    await tellDead(bus, dead)
    await patchLate(duplicates > 0 ? records : resolved)
    killPoint('index:before-commit')
    count(resolved, stored, duplicates, dead.length)
    if (stored > 0) for (const { head } of resolved) onStored?.(head)
    noteMarks(batch)
    trouble = undefined
  }

  /** The lines before them are stored. */
  function noteMarks({ partition, records }: Batch): void {
    const reach = reached.get(partition) ?? { collectors: new Map(), watermark: undefined }
    reached.set(partition, reach)
    for (const record of records) if (isMark(record)) takeMark(reach, record)
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
   * The identity may have come while the lines were being stored as unresolved; or that happened before a kill, and
   * now they come again, resolved, and are known as duplicates.
   */
  async function patchLate(records: readonly LogRecord[]): Promise<void> {
    const patches = [...unknownContainers(records)].flatMap((container) =>
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
      for (const partition of partitions) reached.delete(partition)
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
      return slowest(partitions.map((one) => reached.get(one)?.watermark ?? -Infinity))
    },
    /** The same of the partitions that this process has, as far as these had a mark. */
    ownThrough(): number | undefined {
      return slowest([...reached.values()].map(({ watermark }) => watermark ?? Infinity))
    },
    close: () => consumer.close(),
  }
}

function slowest(watermarks: readonly number[]): number | undefined {
  const least = Math.min(...watermarks)
  return Number.isFinite(least) ? least : undefined
}

const isMark = ({ headers }: BusRecord) => headers['kind'] === 'mark'

/** Undefined for what is no lines: marks. */
function readLines(record: BusRecord): LogRecord | undefined {
  return isMark(record) ? undefined : fromBusRecord(record)
}
