import type { Batch, Bus, BusRecord, Consumer } from '../pipeline/bus/bus.ts'
import { explain } from '../pipeline/errors.ts'
import { fromBusRecord } from '../pipeline/record.ts'
import { samplesFromBus } from '../pipeline/sample.ts'
import { withEnds } from '../pipeline/signal-ends.ts'
import { signalTopics, topicsOf, type SignalTopic } from '../pipeline/signals.ts'
import { openChangeCounter } from './count-changes.ts'
import { openSampleCounter } from './count-samples.ts'
import { openCounter, type LineCounterOptions } from './count.ts'
import { readable } from './dead.ts'
import { readDoc, type Complete } from './documents.ts'
import { measureTopic, type Counting, type TopicMeasurerOptions } from './measure-topic.ts'
import { resolveLines } from './resolve.ts'

export interface MeasurerOptions
  extends LineCounterOptions, Pick<TopicMeasurerOptions, 'rememberMs' | 'maxOpenBuckets'> {
  bus: Bus
  /** Adds what is known to the identity of samples and changes, before they are counted. */
  complete?: Complete
}

/**
 * Counts lines, samples and changes into buckets of event time, exactly once each, and publishes the buckets as absolute
 * values with the watermark behind them. For each batch of a partition: count, write the snapshot, publish, and only
 * then is the batch done. So the snapshot is on the bus *before* the values it holds: after a kill the next owner
 * publishes the same values again, never smaller ones. And a partition that is given up leaves nothing unwritten behind.
 * Topics that no signal is measured from are not read.
 */
export function openMeasurer(declared: MeasurerOptions) {
  const options = { ...declared, signals: withEnds(declared.signals) }
  const { bus, signals } = options
  const read = topicsOf(signals)
  const measured = read.map((topic) =>
    measureTopic({ ...options, topic, counting: countings[topic](options) }),
  )
  const passing = signalTopics
    .filter((topic) => !read.includes(topic))
    .map((topic) => letPass(bus, topic, options))
  return {
    trouble: () => measured.map(({ trouble }) => trouble()).find((one) => one !== undefined),
    /** What has passed every partition, by event time (ms); undefined before the first mark. */
    watermark(): number | undefined {
      const watermarks = measured.flatMap((topic) => topic.watermarks())
      const slowest = Math.min(...watermarks.map((watermark) => watermark ?? -Infinity))
      return Number.isFinite(slowest) ? slowest : undefined
    },
    async close() {
      await Promise.all([...measured, ...passing].map((topic) => topic.close()))
    },
  }
}

export type CountingOptions = LineCounterOptions & Pick<MeasurerOptions, 'complete'>

/** How the records of each topic are counted. */
export const countings: Readonly<Record<SignalTopic, (options: CountingOptions) => Counting>> = {
  logs: countLines,
  metrics: countSamples,
  changes: countChanges,
}

function countLines(options: CountingOptions): Counting {
  const { count, settle } = openCounter(options)
  return {
    open(batch) {
      const lines = readEach(batch, fromBusRecord)
      return (partition, { offset, time }) => {
        const read = lines.get(offset)
        // With a damaged body the head still tells the levels.
        if (read) count(partition, resolveLines(read, options.catalog), time)
      }
    },
    settle,
  }
}

function countSamples(options: CountingOptions): Counting {
  const count = openSampleCounter(options)
  return {
    open(batch) {
      const samples = readEach(batch, samplesFromBus)
      return (partition, { offset, time }) => {
        const read = samples.get(offset)
        if (read) count(partition, read, time)
      }
    },
  }
}

function countChanges(options: CountingOptions): Counting {
  const count = openChangeCounter(options)
  return {
    open(batch) {
      const changes = readEach(batch, readDoc)
      return (partition, { offset }) => {
        const read = changes.get(offset)
        if (read) count(partition, read)
      }
    },
  }
}

/** By offset; without what cannot be read: the indexer makes dead letters of that. */
function readEach<T>(batch: Batch, read: (record: BusRecord) => T): Map<number, T> {
  return new Map(readable(batch, (record) => [record.offset, read(record)] as const).read)
}

/**
 * Once signals were measured from it, the bus keeps what comes to a topic until this group has read it: for ever, if
 * nobody did.
 */
function letPass(bus: Bus, topic: SignalTopic, { log }: Pick<MeasurerOptions, 'log'>) {
  let consumer: Consumer | undefined
  let closed = false
  async function join(): Promise<void> {
    const positions = await bus.committed('measure', topic)
    if (positions.size === 0 || closed) return
    consumer = bus.consume({ group: 'measure', topic, onBatch: async () => {} })
  }
  const joined = join().catch((error: unknown) => {
    log.warn({ topic, trouble: explain(error) }, 'records that nobody measures stay on the bus')
  })
  return {
    async close() {
      closed = true
      await joined
      await consumer?.close()
    },
  }
}
