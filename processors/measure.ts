import type { Batch, Bus, ProducedRecord } from '../pipeline/bus/bus.ts'
import { pause } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { SignalBucket } from '../pipeline/event.ts'
import { killPoint } from '../pipeline/fault.ts'
import { fromBusRecord, type LogRecord } from '../pipeline/record.ts'
import { openCounter, type CounterOptions } from './count.ts'
import { readable } from './dead.ts'
import { decodePartition, encodePartition, openPartition, type Partition } from './partition.ts'
import { awaitIdentities, resolve, type Catalog } from './resolve.ts'
import { takeMark } from './watermark.ts'

export type { SignalDeclaration } from './count.ts'

export interface MeasurerOptions extends CounterOptions {
  bus: Bus
  catalog: Catalog
  /** How long the bus keeps a record, ms: so long its sequences are remembered. */
  rememberMs: number
  /** With more open buckets than this in a partition the oldest are closed. */
  maxOpenBuckets?: number
}

/** How long after the watermark a late line still corrects its bucket. */
export const latenessMs = 10 * 60_000
/** Far more than a day of some services has; it only bounds the memory that a long backlog takes. */
const defaultMaxOpenBuckets = 200_000
/** A partition rests this long between two snapshots; meanwhile records gather to a larger batch. */
const restMs = 200
const restBytesPerMs = 1000
const bucketsPerRecord = 500

/**
 * Counts lines into buckets of event time, exactly once each, and publishes the buckets as absolute values with the
 * watermark behind them. For each batch of a partition: count, write the snapshot, publish, and only then is the
 * batch done. So the snapshot is on the bus *before* the values it holds: after a kill the next owner publishes the
 * same values again, never smaller ones. And a partition that is given up leaves nothing unwritten behind.
 */
export function openMeasurer(options: MeasurerOptions) {
  const { bus, catalog, signals, resolutionMs, rememberMs, metrics, log } = options
  const { maxOpenBuckets = defaultMaxOpenBuckets } = options
  const count = openCounter(options)
  const partitions = new Map<number, Partition>()
  const rests = new Map<number, Promise<void>>()
  const stop = new AbortController()
  let trouble: string | undefined

  async function onAssigned(assigned: number[]): Promise<Map<number, number>> {
    const { latest } = await bus.snapshot('state')
    const positions = new Map<number, number>()
    for (const number of assigned) {
      const snapshot = latest.get(stateKey(number))?.value
      const partition = snapshot
        ? decodePartition(number, snapshot, isDeclared)
        : openPartition(number)
      await publish([...partition.buckets.values()], partition)
      partitions.set(number, partition)
      positions.set(number, partition.position)
    }
    return positions
  }

  const isDeclared = ({ signal, from, to }: SignalBucket) =>
    Object.hasOwn(signals, signal) && to - from === resolutionMs

  async function onBatch(batch: Batch): Promise<void> {
    const partition = partitions.get(batch.partition)
    if (!partition) throw new Error(`partition ${batch.partition} was not assigned`)
    await rests.get(batch.partition)
    const lines = await readLines(batch)
    // After a failure the same batch comes again: what was counted is known by its sequences.
    for (const record of batch.records) {
      if (record.headers['kind'] === 'mark') tellGone(takeMark(partition, record))
      const read = lines.get(record.offset)
      if (read) count(partition, resolved(read), record.time)
      partition.position = record.offset + 1
    }
    const snapshotBytes = await flush(partition)
    // Many sources make a large snapshot: then it is written less often.
    const ms = restMs + snapshotBytes / restBytesPerMs
    rests.set(batch.partition, pause(ms, stop.signal))
    trouble = undefined
  }

  /** By offset; without marks, and without what cannot be read: the indexer makes dead letters of that. */
  async function readLines(batch: Batch): Promise<Map<number, LogRecord>> {
    const records = batch.records.filter(({ headers }) => headers['kind'] !== 'mark')
    const { read } = readable(
      { ...batch, records },
      (record) => [record.offset, fromBusRecord(record)] as const,
    )
    const lines = new Map(read)
    await awaitIdentities([...lines.values()], catalog)
    return lines
  }

  /** With a damaged body the head still tells the levels. */
  function resolved(record: LogRecord): LogRecord {
    try {
      return resolve(record, catalog)
    } catch {
      return record
    }
  }

  function tellGone(gone: string[]): void {
    for (const collector of gone)
      log.warn({ collector }, 'a collector sends no marks any more: signals go on without it')
  }

  /** Returns the size of the snapshot, bytes. */
  async function flush(partition: Partition): Promise<number> {
    closeBuckets(partition, maxOpenBuckets)
    forgetSources(partition, rememberMs)
    const snapshot = encodePartition(partition)
    killPoint('measure:before-snapshot')
    await bus.produce('state', [{ key: stateKey(partition.number), value: snapshot }])
    killPoint('measure:after-snapshot')
    const changed = [...partition.changed].flatMap((key) => partition.buckets.get(key) ?? [])
    await publish(changed, partition)
    partition.changed.clear()
    return snapshot.length
  }

  /** Buckets and, behind them, the watermark, as the snapshot on the bus has them. */
  async function publish(buckets: SignalBucket[], { number, watermark }: Partition): Promise<void> {
    const key = String(number)
    const records: ProducedRecord[] = chunk(buckets, bucketsPerRecord).map((part) => ({
      key,
      headers: { kind: 'bucket' },
      value: encode(part),
    }))
    if (watermark !== undefined) {
      const value = encode({ partition: number, through: watermark })
      records.push({ key, headers: { kind: 'watermark' }, value })
    }
    await bus.produce('signals', records)
  }

  function onFailure(error: unknown): void {
    trouble = explain(error)
    metrics.batch_failures_total.inc({ group: 'measure' })
    log.error({ trouble }, 'signals cannot be measured; the lines wait on the bus')
  }

  const consumer = bus.consume({
    group: 'measure',
    topic: 'logs',
    onAssigned,
    onRevoked: (revoked) => revoked.forEach((number) => partitions.delete(number)),
    onBatch,
    onFailure,
  })
  return {
    trouble: () => trouble,
    /** What has passed every partition, by event time (ms); undefined before the first mark. */
    watermark(): number | undefined {
      let slowest = Infinity
      for (const { watermark } of partitions.values())
        slowest = Math.min(slowest, watermark ?? -Infinity)
      return Number.isFinite(slowest) ? slowest : undefined
    },
    /** The batches under way are counted and written; there is nothing else to write. */
    async close() {
      stop.abort()
      await consumer.close()
    },
  }
}

/**
 * Behind the watermark and the lateness a bucket is final; it stays in the store and on the bus. Only a backlog that
 * would fill the memory closes buckets before that, the oldest first: what then comes for them is counted as late.
 */
function closeBuckets(partition: Partition, maxOpenBuckets: number): void {
  const { buckets, changed, watermark } = partition
  let before = (watermark ?? -Infinity) - latenessMs
  if (buckets.size > maxOpenBuckets) {
    const starts = [...buckets.values()].map(({ from }) => from).toSorted((a, b) => a - b)
    const oldestKept = starts[buckets.size - maxOpenBuckets] ?? before
    before = Math.max(before, Math.min(oldestKept, watermark ?? oldestKept))
  }
  partition.closedBefore = Math.max(partition.closedBefore, before)
  for (const [key, { from }] of buckets) {
    if (from < partition.closedBefore && !changed.has(key)) buckets.delete(key)
  }
}

/** Once the bus keeps nothing of a source any more, its lines cannot come again. */
function forgetSources({ marks }: Partition, rememberMs: number): void {
  let newest = 0
  for (const { lastMs } of marks.values()) newest = Math.max(newest, lastMs)
  for (const [key, { lastMs }] of marks) {
    if (lastMs < newest - rememberMs) marks.delete(key)
  }
}

const stateKey = (partition: number) => `measure:${partition}`

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

function chunk<Item>(items: Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  )
}
