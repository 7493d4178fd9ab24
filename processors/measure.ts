import stringify from 'fast-json-stable-stringify'
import type { Batch, Bus, BusRecord } from '../pipeline/bus/bus.ts'
import { pause } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { isoToMs, type LogDoc, type SignalBucket, type Watermark } from '../pipeline/event.ts'
import { killPoint } from '../pipeline/fault.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { parseQuery, type Query } from '../pipeline/query.ts'
import {
  decodeBody,
  fromBusRecord,
  scanLines,
  type LogHead,
  type LogRecord,
} from '../pipeline/record.ts'
import { addRange, missingFrom, type Ranges } from './marks.ts'
import { resolve, type Catalog } from './resolve.ts'

/** A signal as the settings declare it. */
export interface SignalDeclaration {
  from: 'logs'
  /** Which lines count, see `pipeline/query.ts`. */
  where: string
  by: (keyof Identity)[]
}

export interface MeasurerOptions {
  bus: Bus
  catalog: Catalog
  signals: Record<string, SignalDeclaration>
  /** Length of a bucket, ms. */
  resolutionMs: number
  /** How long the bus keeps a record, ms: so long its sequences are remembered. */
  rememberMs: number
  metrics: Metrics
  log: Logger
}

/** How long after the watermark a late line still corrects its bucket. */
const latenessMs = 10 * 60_000
/** With more open buckets than this in a partition the oldest are closed. */
const maxOpenBuckets = 5000
const flushEveryMs = 200

/** The state of one partition: written whole, read whole by the next owner, who goes on at its position. */
interface Snapshot {
  v: 1
  position: number
  through: Record<string, number>
  /** Ranges by source and lineage, with the time of the newest line, by which they are forgotten. */
  marks: [key: string, ranges: Ranges, lastMs: number][]
  buckets: SignalBucket[]
  /** Buckets that start before this are closed. */
  closedBefore: number
}

interface Partition {
  number: number
  position: number
  through: Map<string, number>
  marks: Map<string, { ranges: Ranges; lastMs: number }>
  buckets: Map<string, SignalBucket>
  changed: Set<string>
  closedBefore: number
  dirty: boolean
}

interface Signal extends SignalDeclaration {
  name: string
  query: Query
}

/**
 * Counts lines into buckets of event time, exactly once each, and publishes the buckets as absolute values with the
 * watermark behind them. A snapshot is on the bus *before* the values it holds are published: after a kill the next
 * owner publishes the same values again, never smaller ones.
 */
export function openMeasurer(options: MeasurerOptions) {
  const { bus, catalog, resolutionMs, rememberMs, metrics, log } = options
  const signals: Signal[] = Object.entries(options.signals).map(([name, signal]) => ({
    ...signal,
    name,
    query: parseQuery(signal.where),
  }))
  const partitions = new Map<number, Partition>()
  const stop = new AbortController()
  let trouble: string | undefined

  async function onAssigned(assigned: number[]): Promise<Map<number, number>> {
    const { latest } = await bus.snapshot('state')
    const positions = new Map<number, number>()
    for (const number of assigned) {
      const partition = restore(number, latest.get(stateKey(number)))
      partitions.set(number, partition)
      for (const key of partition.buckets.keys()) partition.changed.add(key)
      positions.set(number, partition.position)
      await bus.produce('signals', takePublished(partition).records)
    }
    return positions
  }

  async function onBatch(batch: Batch): Promise<void> {
    const partition = partitions.get(batch.partition)
    if (!partition) throw new Error(`partition ${batch.partition} was not assigned`)
    for (const record of batch.records) {
      // After a failure the same batch comes again: what was counted is known by its offset.
      if (record.offset < partition.position) continue
      if (record.headers['kind'] === 'mark') takeMark(partition, record)
      else await takeLines(partition, record)
      partition.position = record.offset + 1
    }
    partition.position = batch.next
    partition.dirty = true
    trouble = undefined
  }

  /** Undefined for what is no record of lines: the indexer makes a dead letter of it. */
  async function readable(record: BusRecord): Promise<LogRecord | undefined> {
    try {
      const lines = fromBusRecord(record)
      return await resolve(lines, catalog)
    } catch {
      return undefined
    }
  }

  function takeMark({ through }: Partition, { headers }: BusRecord): void {
    const ms = Number(headers['through'])
    const collector = headers['collector'] ?? ''
    if (ms > (through.get(collector) ?? -Infinity)) through.set(collector, ms)
  }

  async function takeLines(partition: Partition, record: BusRecord): Promise<void> {
    const lines = await readable(record)
    if (!lines) return
    const { source, lineage, sequence, time } = lines.head
    const key = `${source} ${lineage}`
    const mark = partition.marks.get(key) ?? { ranges: [], lastMs: 0 }
    const fresh = missingFrom(mark.ranges, sequence[0], sequence[1])
    if (fresh.length === 0) return
    partition.marks.set(key, {
      ranges: addRange(mark.ranges, sequence[0], sequence[1]),
      lastMs: Math.max(mark.lastMs, record.time),
    })
    const whole = fresh[0]?.[0] === sequence[0] && fresh[0][1] === sequence[1]
    const oneBucket = bucketOf(time[0]) === bucketOf(time[1])
    const toScan: Signal[] = []
    for (const signal of signals) {
      if (!canMatch(signal.query, lines.head)) continue
      if (whole && oneBucket && signal.query.onlyLevel) {
        add(partition, signal, lines.head, time[1], countOf(signal.query, lines.head))
      } else toScan.push(signal)
    }
    if (toScan.length === 0) return
    try {
      countLines(partition, toScan, lines, fresh)
    } catch (error) {
      // The body is damaged: the indexer makes a dead letter of it.
      log.error({ source, sequence, error: explain(error) }, 'a record of lines cannot be read')
    }
  }

  const bucketOf = (time: string) => Math.floor(isoToMs(time) / resolutionMs) * resolutionMs

  /** A line is parsed only if a signal needs more of it than its level. */
  function countLines(
    partition: Partition,
    toScan: Signal[],
    record: LogRecord,
    fresh: Ranges,
  ): void {
    const isFresh = (n: number) => fresh.some(([first, last]) => n >= first && n <= last)
    let sequence = record.head.sequence[0]
    for (const { line, time, level } of scanLines(decodeBody(record).toString('utf8'))) {
      if (!isFresh(sequence++)) continue
      let doc: LogDoc | undefined
      for (const signal of toScan) {
        const { onlyLevel, levels, matches } = signal.query
        if (levels && !levels.includes(level)) continue
        if (!onlyLevel && !matches((doc ??= JSON.parse(line) as LogDoc))) continue
        add(partition, signal, record.head, time, 1)
      }
    }
  }

  function add(
    partition: Partition,
    signal: Signal,
    { identity }: LogHead,
    time: string,
    count: number,
  ): void {
    const from = bucketOf(time)
    if (from < partition.closedBefore) {
      metrics.late_lines_total.inc({ signal: signal.name }, count)
      return
    }
    const group = Object.fromEntries(signal.by.map((part) => [part, identity[part] ?? '']))
    const key = `${signal.name} ${from} ${stringify(group)}`
    const bucket = partition.buckets.get(key) ?? {
      signal: signal.name,
      group,
      from,
      to: from + resolutionMs,
      partition: partition.number,
      count: 0,
      lastMs: 0,
    }
    partition.buckets.set(key, {
      ...bucket,
      count: bucket.count + count,
      lastMs: Math.max(bucket.lastMs, isoToMs(time)),
    })
    partition.changed.add(key)
  }

  async function flush(): Promise<void> {
    for (const partition of partitions.values()) {
      if (!partition.dirty) continue
      closeBuckets(partition)
      forgetSources(partition)
      const snapshot = encode(snapshotOf(partition))
      const published = takePublished(partition)
      partition.dirty = false
      try {
        killPoint('measure:before-snapshot')
        await bus.produce('state', [{ key: stateKey(partition.number), value: snapshot }])
        killPoint('measure:after-snapshot')
        await bus.produce('signals', published.records)
      } catch (error) {
        partition.dirty = true
        for (const key of published.keys) partition.changed.add(key)
        throw error
      }
    }
  }

  /** The changed buckets and the watermark as they are now, which is as the snapshot has them. */
  function takePublished(partition: Partition) {
    const keys = [...partition.changed]
    partition.changed.clear()
    const key = String(partition.number)
    const buckets = keys.flatMap((name) => partition.buckets.get(name) ?? [])
    const records = chunk(buckets, 500).map((part) => ({
      key,
      headers: { kind: 'bucket' },
      value: encode(part),
    }))
    const through = watermarkOf(partition)
    if (through !== undefined) {
      records.push({
        key,
        headers: { kind: 'watermark' },
        value: encode({ partition: partition.number, through }),
      })
    }
    return { keys, records }
  }

  /** Behind the watermark and the lateness a bucket is final; it stays in the store and on the bus. */
  function closeBuckets(partition: Partition): void {
    const watermark = watermarkOf(partition)
    let before = watermark === undefined ? -Infinity : watermark - latenessMs
    if (partition.buckets.size > maxOpenBuckets) {
      const starts = [...partition.buckets.values()]
        .map(({ from }) => from)
        .toSorted((a, b) => a - b)
      before = Math.max(before, starts[partition.buckets.size - maxOpenBuckets] ?? before)
    }
    partition.closedBefore = Math.max(partition.closedBefore, before)
    for (const [key, { from }] of partition.buckets) {
      if (from < partition.closedBefore && !partition.changed.has(key))
        partition.buckets.delete(key)
    }
  }

  /** Once the bus keeps nothing of a source any more, its lines cannot come again. */
  function forgetSources(partition: Partition): void {
    const newest = Math.max(0, ...[...partition.marks.values()].map(({ lastMs }) => lastMs))
    for (const [key, { lastMs }] of partition.marks) {
      if (lastMs < newest - rememberMs) partition.marks.delete(key)
    }
  }

  async function flushForever(): Promise<void> {
    while (!stop.signal.aborted) {
      await pause(flushEveryMs, stop.signal)
      await flush().catch(onFailure)
    }
  }

  function onFailure(error: unknown): void {
    trouble = explain(error)
    metrics.batch_failures_total.inc({ group: 'measure' })
    log.error({ trouble }, 'signals cannot be measured; the lines wait on the bus')
  }

  const consumer = bus.consume({ group: 'measure', topic: 'logs', onAssigned, onBatch, onFailure })
  const flushing = flushForever()
  return {
    trouble: () => trouble,
    /** What has passed every partition, by event time (ms); undefined before the first mark. */
    watermark(): number | undefined {
      const all = [...partitions.values()].map(watermarkOf)
      return all.includes(undefined) || all.length === 0
        ? undefined
        : Math.min(...(all as number[]))
    },
    async close() {
      await consumer.close()
      stop.abort()
      await flushing
      await flush().catch(onFailure)
    },
  }
}

function canMatch({ levels }: Query, head: LogHead): boolean {
  return levels === undefined || levels.some((level) => (head.levels[level] ?? 0) > 0)
}

function countOf({ levels }: Query, head: LogHead): number {
  if (levels === undefined) return head.count
  return levels.reduce((sum, level) => sum + (head.levels[level] ?? 0), 0)
}

/** A collector that ended for good would hold the watermark for ever; it is the evaluator that tells of stalls. */
function watermarkOf({ through }: Partition): Watermark['through'] | undefined {
  return through.size === 0 ? undefined : Math.min(...through.values())
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

function snapshotOf({ position, through, marks, buckets, closedBefore }: Partition): Snapshot {
  return {
    v: 1,
    position,
    through: Object.fromEntries(through),
    marks: [...marks].map(([key, { ranges, lastMs }]) => [key, ranges, lastMs]),
    buckets: [...buckets.values()],
    closedBefore: Number.isFinite(closedBefore) ? closedBefore : 0,
  }
}

function restore(number: number, record: BusRecord | undefined): Partition {
  const empty: Snapshot = {
    v: 1,
    position: 0,
    through: {},
    marks: [],
    buckets: [],
    closedBefore: 0,
  }
  const snapshot = record
    ? (JSON.parse(Buffer.from(record.value).toString('utf8')) as Snapshot)
    : empty
  return {
    number,
    position: snapshot.position,
    through: new Map(Object.entries(snapshot.through)),
    marks: new Map(snapshot.marks.map(([key, ranges, lastMs]) => [key, { ranges, lastMs }])),
    buckets: new Map(
      snapshot.buckets.map((bucket) => [
        `${bucket.signal} ${bucket.from} ${stringify(bucket.group)}`,
        bucket,
      ]),
    ),
    changed: new Set(),
    closedBefore: snapshot.closedBefore,
    dirty: false,
  }
}
