import type { Batch, Bus, BusRecord } from '../pipeline/bus/bus.ts'
import type { Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { isoToMs, msToIso, type DeadLetter } from '../pipeline/event.ts'
import { killPoint } from '../pipeline/fault.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { fromBusRecord, type LogRecord } from '../pipeline/record.ts'
import type { Store } from '../pipeline/store/store.ts'
import { patchesFor, resolve, type Catalog } from './resolve.ts'

export interface IndexerOptions {
  bus: Bus
  store: Store
  catalog: Catalog
  clock: Clock
  metrics: Metrics
  log: Logger
}

/** The way of a line from the bus into the store; a position is committed after the store has accepted. */
export function openIndexer({ bus, store, catalog, clock, metrics, log }: IndexerOptions) {
  let trouble: string | undefined

  async function onBatch(batch: Batch): Promise<void> {
    const { records, dead } = readRecords(batch)
    const resolved: LogRecord[] = []
    for (const record of records) resolved.push(await resolve(record, catalog))
    const { stored, duplicates, rejected } = await store.appendLogs(resolved)
    dead.push(...rejected.map(({ record, reason }) => deadRecord(record, reason)))
    if (dead.length > 0) await bus.produce('dead', dead.map(toDeadRecord))
    await patchLate(resolved)
    killPoint('index:before-commit')
    count(resolved, stored, duplicates, dead.length)
    trouble = undefined
  }

  function readRecords({ records, partition }: Batch) {
    const read: LogRecord[] = []
    const dead: DeadLetter[] = []
    for (const record of records) {
      if (record.headers['kind'] === 'mark') continue
      try {
        read.push(fromBusRecord(record))
      } catch (error) {
        dead.push(deadBytes(record, partition, explain(error)))
      }
    }
    return { records: read, dead }
  }

  /** The identity may have come while the lines were being stored as unresolved. */
  async function patchLate(records: readonly LogRecord[]): Promise<void> {
    const late = new Set(
      records.flatMap(({ head }) => (head.identity.service ? [] : (head.identity.container ?? []))),
    )
    const patches = [...late].flatMap((container) =>
      patchesFor(container, catalog.get(container) ?? {}),
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
      if (!head.identity.service) metrics.unresolved_lines_total.inc(head.count)
    }
    const newest = records
      .map(({ head }) => head.time[1])
      .toSorted()
      .at(-1)
    if (newest)
      metrics.lag_seconds.set({ stage: 'index' }, Math.max(0, clock.now() - isoToMs(newest)) / 1000)
  }

  function deadBytes({ value, offset }: BusRecord, partition: number, reason: string): DeadLetter {
    return {
      '@timestamp': msToIso(clock.now()),
      'event.id': `dead:logs:${partition}:${offset}`,
      'event.kind': 'dead',
      reason,
      origin: `bus topic logs, partition ${partition}, offset ${offset}`,
      bytes: value.length,
      sample: Buffer.from(value.subarray(0, 4096)).toString('latin1'),
    }
  }

  function deadRecord({ head, body }: LogRecord, reason: string): DeadLetter {
    return {
      '@timestamp': msToIso(clock.now()),
      'event.id': `dead:store:${head.source}:${head.lineage}:${head.sequence[0]}`,
      'event.kind': 'dead',
      reason,
      origin: `${head.source}, lines ${head.sequence.join(' to ')}`,
      bytes: body.length,
      sample: Buffer.from(body.subarray(0, 4096)).toString('latin1'),
      ...(head.identity.service ? { 'service.name': head.identity.service } : {}),
    }
  }

  const consumer = bus.consume({
    group: 'index',
    topic: 'logs',
    maxBytes: 2 ** 20,
    onBatch,
    onFailure(error) {
      trouble = explain(error)
      metrics.batch_failures_total.inc({ group: 'index' })
      log.error({ trouble }, 'lines cannot be stored; they wait on the bus and are tried again')
    },
  })
  return { trouble: () => trouble, close: () => consumer.close() }
}

function toDeadRecord(letter: DeadLetter) {
  return { key: letter.origin, value: Buffer.from(JSON.stringify(letter)) }
}
