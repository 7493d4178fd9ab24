import type { Batch, BusRecord } from '../pipeline/bus/bus.ts'
import { withEnds } from '../pipeline/signal-ends.ts'
import type { SignalRecord } from '../pipeline/signal-records.ts'
import { topicsOf, type SignalTopic } from '../pipeline/signals.ts'
import {
  changedBuckets,
  closeBuckets,
  countBatch,
  latenessMs,
  signalRecords,
  type Counting,
} from './measure-topic.ts'
import { countings, type CountingOptions } from './measure.ts'
import { openPartition, type Partition } from './partition.ts'

/** What a measurer would have published, without a bus: for rules that are tested, and signals that did not exist then. */
export interface Remeasurer {
  /** The topics that the signals are measured from. */
  topics: readonly SignalTopic[]
  /** Takes what came to a partition, in its order; gives what is published for it. */
  take(topic: SignalTopic, partition: number, records: BusRecord[]): Promise<SignalRecord[]>
}

/** Counts by the same code as the measurer does live; nothing is remembered but in memory. */
export function openRemeasurer(declared: CountingOptions): Remeasurer {
  const options = { ...declared, signals: withEnds(declared.signals) }
  const topics = topicsOf(options.signals)
  const partitions = new Map<string, Partition>()
  const counts = new Map<SignalTopic, Counting>(
    topics.map((topic) => [topic, countings[topic](options)]),
  )
  let offset = 0

  function partitionOf(topic: SignalTopic, number: number): Partition {
    const key = `${topic} ${number}`
    const partition = partitions.get(key) ?? openPartition(number)
    partitions.set(key, partition)
    return partition
  }

  return {
    topics,
    async take(topic, number, records) {
      const counting = counts.get(topic)
      if (!counting) return []
      const partition = partitionOf(topic, number)
      await countBatch(partition, batchOf(topic, number, records), counting)
      closeBuckets(partition, latenessMs[topic])
      const published = signalRecords(topic, partition, changedBuckets(partition))
      partition.changed.clear()
      return published.map(({ headers, value }) => ({ offset: offset++, headers, value }))
    },
  }
}

function batchOf(topic: SignalTopic, partition: number, records: BusRecord[]): Batch {
  const from = records[0]?.offset ?? 0
  const next = (records.at(-1)?.offset ?? -1) + 1
  return { topic, partition, records, from, next, end: next }
}
