import type { Batch, Bus, BusRecord, ProducedRecord } from '../pipeline/bus/bus.ts'
import { pause } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { SignalBucket } from '../pipeline/event.ts'
import { writtenDistribution } from '../pipeline/distribution.ts'
import { killPoint } from '../pipeline/fault.ts'
import { encodeBuckets } from '../pipeline/signal-records.ts'
import type { SignalTopic } from '../pipeline/signals.ts'
import { startBehind } from './bucket-starts.ts'
import type { CounterOptions } from './buckets.ts'
import {
  decodePartition,
  decodeWatermark,
  encodePartition,
  encodeWatermark,
  openPartition,
  type Partition,
} from './partition.ts'
import { isMark, takeMark } from './watermark.ts'

/** Counts one record into the buckets of its partition. */
export type CountRecord = (partition: Partition, record: BusRecord) => void

export interface Counting {
  /** Gives the function that counts the records of a batch which are no marks. What it cannot read it passes over. */
  open: (batch: Batch) => CountRecord
  /** Counts what was put aside and is due; `busMs`: when the newest record of the batch came to the bus. */
  settle?: (partition: Partition, busMs: number) => Promise<void>
}

export interface TopicMeasurerOptions extends CounterOptions {
  bus: Bus
  topic: SignalTopic
  counting: Counting
  /** How long the bus keeps a record, ms: so long its sequences are remembered. */
  rememberMs: number
  /** With more open buckets than this in a partition the oldest are closed. */
  maxOpenBuckets?: number
}

/**
 * How long after the watermark a late event still corrects its bucket, ms. Samples of a place that nobody could reach were
 * never taken, so that hardly any is late; but each task has buckets, and all open ones stand in each snapshot.
 */
export const latenessMs: Readonly<Record<SignalTopic, number>> = {
  logs: 600_000,
  metrics: 120_000,
  changes: 600_000,
}
/** Far more than a day of some services has; it only bounds the memory that a long backlog takes. */
const defaultMaxOpenBuckets = 200_000
/** A partition rests this long between two snapshots; meanwhile records gather to a larger batch. */
const restMs = 200
const restBytesPerMs = 1000
const bucketsPerRecord = 500

/** Counts the records of one topic, as `measure.ts` says. */
export function measureTopic(options: TopicMeasurerOptions) {
  const { bus, topic, signals, resolutionMs, rememberMs, metrics, log } = options
  const { maxOpenBuckets = defaultMaxOpenBuckets } = options
  const partitions = new Map<number, Partition>()
  const rests = new Map<number, Promise<void>>()
  const stop = new AbortController()
  let trouble: string | undefined

  async function onAssigned(assigned: number[]): Promise<Map<number, number>> {
    const { latest } = await bus.snapshot('state')
    const positions = new Map<number, number>()
    for (const number of assigned) {
      const partition = restore(number, latest)
      await publish([...partition.buckets.values()], partition)
      partitions.set(number, partition)
      positions.set(number, partition.position)
    }
    return positions
  }

  function restore(number: number, latest: ReadonlyMap<string, BusRecord>): Partition {
    const snapshot = latest.get(stateKey(topic, number))?.value
    const partition = snapshot
      ? decodePartition(number, snapshot, isDeclared)
      : openPartition(number)
    const mark = latest.get(watermarkKey(topic, number))?.value
    const watermark = mark && decodeWatermark(mark)
    if (watermark !== undefined && watermark > (partition.watermark ?? -Infinity)) {
      partition.watermark = watermark
      partition.closedBefore = Math.max(partition.closedBefore, watermark - latenessMs[topic])
    }
    return partition
  }

  const isDeclared = ({ signal, from, to }: SignalBucket) =>
    Object.hasOwn(signals, signal) && signals[signal]?.from === topic && to - from === resolutionMs

  async function onBatch(batch: Batch): Promise<void> {
    const partition = partitions.get(batch.partition)
    if (!partition) throw new Error(`partition ${batch.partition} was not assigned`)
    await rests.get(batch.partition)
    tellGone(await countBatch(partition, batch, options.counting))
    const nothingCounted = batch.records.every(isMark) && partition.changed.size === 0
    const bytes = nothingCounted ? await passOn(partition) : await flush(partition)
    // Many sources make a large snapshot: then it is written less often.
    rests.set(batch.partition, pause(restMs + bytes / restBytesPerMs, stop.signal))
    trouble = undefined
  }

  function tellGone(gone: string[]): void {
    for (const collector of gone) {
      log.warn(
        { collector, topic },
        'a collector sends no marks any more: signals go on without it',
      )
    }
  }

  /** Returns the size of the snapshot, bytes. */
  async function flush(partition: Partition): Promise<number> {
    closeBuckets(partition, latenessMs[topic], maxOpenBuckets)
    forgetSources(partition, rememberMs)
    const snapshot = encodePartition(partition)
    killPoint('measure:before-snapshot')
    await bus.produce('state', [{ key: stateKey(topic, partition.number), value: snapshot }])
    killPoint('measure:after-snapshot')
    await publish(changedBuckets(partition), partition)
    partition.changed.clear()
    return snapshot.length
  }

  /**
   * Only time went on: the snapshot says all but how far. Whoever takes over reads the marks since then once more, so
   * that they may even be gone; but the watermark must not go back.
   */
  async function passOn(partition: Partition): Promise<number> {
    closeBuckets(partition, latenessMs[topic], maxOpenBuckets)
    const value = encodeWatermark(partition)
    await bus.produce('state', [{ key: watermarkKey(topic, partition.number), value }])
    await publish([], partition)
    return value.length
  }

  async function publish(buckets: SignalBucket[], partition: Partition): Promise<void> {
    await bus.produce('signals', signalRecords(topic, partition, buckets))
  }

  function onFailure(error: unknown): void {
    trouble = explain(error)
    metrics.batch_failures_total.inc({ group: 'measure' })
    log.error({ topic, trouble }, 'signals cannot be measured; the records wait on the bus')
  }

  const consumer = bus.consume({
    group: 'measure',
    topic,
    onAssigned,
    onRevoked: (revoked) => revoked.forEach((number) => partitions.delete(number)),
    onBatch,
    onFailure,
    onRecovered() {
      trouble = undefined
    },
  })
  return {
    trouble: () => trouble,
    /** Of each partition that is ours: what has passed it, ms; undefined before the first mark. */
    watermarks: () => [...partitions.values()].map(({ watermark }) => watermark),
    /** The batches under way are counted and written; there is nothing else to write. */
    async close() {
      stop.abort()
      await consumer.close()
    },
  }
}

/**
 * Counts the records of a batch into the partition's state; what was counted before is known by its sequences and ids.
 * Returns the collectors that are given up.
 */
export async function countBatch(
  partition: Partition,
  batch: Batch,
  counting: Counting,
): Promise<string[]> {
  const count = counting.open({
    ...batch,
    records: batch.records.filter((record) => !isMark(record)),
  })
  const gone: string[] = []
  for (const record of batch.records) {
    if (isMark(record)) gone.push(...takeMark(partition, record))
    else count(partition, record)
    partition.position = record.offset + 1
  }
  await counting.settle?.(partition, batch.records.at(-1)?.time ?? 0)
  writeDistributions(partition)
  return gone
}

function writeDistributions({ buckets, changed, open }: Partition): void {
  if (open.size === 0) return
  for (const key of changed) {
    const distribution = open.get(key)
    const bucket = buckets.get(key)
    if (distribution && bucket) Object.assign(bucket, writtenDistribution(distribution))
  }
}

export function changedBuckets({ changed, buckets }: Partition): SignalBucket[] {
  return [...changed].flatMap((key) => buckets.get(key) ?? [])
}

/** Buckets and, behind them, the watermark, as they are published. */
export function signalRecords(
  topic: SignalTopic,
  { number, watermark }: Pick<Partition, 'number' | 'watermark'>,
  buckets: readonly SignalBucket[],
): (ProducedRecord & Pick<BusRecord, 'headers'>)[] {
  const key = topic === 'logs' ? String(number) : `${topic}:${number}`
  const records = chunk(buckets, bucketsPerRecord).map((part) => ({
    key,
    headers: { kind: 'bucket' },
    value: encodeBuckets(part),
  }))
  if (watermark === undefined) return records
  const value = encode({ topic, partition: number, through: watermark })
  return [...records, { key, headers: { kind: 'watermark' }, value }]
}

/**
 * Behind the watermark and the lateness a bucket is final; it stays in the store and on the bus. Only a backlog that
 * would fill the memory closes buckets before that, the oldest first: what then comes for them is counted as late.
 */
export function closeBuckets(
  partition: Partition,
  lateMs: number,
  maxOpenBuckets = defaultMaxOpenBuckets,
): void {
  const { buckets, changed, counted, open, watermark } = partition
  let before = (watermark ?? -Infinity) - lateMs
  if (buckets.size > maxOpenBuckets) {
    const oldestKept = startBehind(buckets.values(), buckets.size - maxOpenBuckets) ?? before
    before = Math.max(before, Math.min(oldestKept, watermark ?? oldestKept))
  }
  partition.closedBefore = Math.max(partition.closedBefore, before)
  for (const [key, { from }] of buckets) {
    if (from >= partition.closedBefore || changed.has(key)) continue
    buckets.delete(key)
    open.delete(key)
  }
  for (const [key, from] of counted) if (from < partition.closedBefore) counted.delete(key)
}

/** Once the bus keeps nothing of a source any more, its records cannot come again. */
function forgetSources({ marks, readings }: Partition, rememberMs: number): void {
  let newest = 0
  for (const { lastMs } of marks.values()) newest = Math.max(newest, lastMs)
  for (const known of [marks, readings]) {
    for (const [key, { lastMs }] of known) if (lastMs < newest - rememberMs) known.delete(key)
  }
}

/** Those of logs as 0.1.0 has named them, so that an update forgets nothing. */
const stateKey = (topic: SignalTopic, partition: number) =>
  topic === 'logs' ? `measure:${partition}` : `measure:${topic}:${partition}`
const watermarkKey = (topic: SignalTopic, partition: number) =>
  `${stateKey(topic, partition)}:watermark`

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

function chunk<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  )
}
