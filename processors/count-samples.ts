import { isoToMs, type SampleDoc } from '../pipeline/event.ts'
import { parseQuery, type Query } from '../pipeline/query.ts'
import type { SampleRecord } from '../pipeline/sample.ts'
import { groupOf, openBuckets, type CountedSignal, type CounterOptions } from './buckets.ts'
import { identified, type Complete } from './documents.ts'
import { takeFresh, type Partition } from './partition.ts'
import { readSamples } from './samples.ts'

interface Signal extends CountedSignal {
  name: string
  metric: string
  query: Query
}

/** Returns a function that counts the samples of a record into the buckets of a partition, each sample once. */
export function openSampleCounter(options: CounterOptions & { complete?: Complete }) {
  const signals: Signal[] = Object.entries(options.signals).flatMap(([name, signal]) => {
    const { from, metric, where } = signal
    if (from !== 'metrics' || metric === undefined) return []
    return [{ ...signal, name, metric, query: parseQuery(where) }]
  })
  const buckets = openBuckets(options)

  /** `busMs`: when the record came to the bus. */
  return function count(partition: Partition, record: SampleRecord, busMs: number): void {
    const fresh = takeFresh(partition, record.head, busMs)
    if (fresh.length === 0) return
    try {
      for (const { sequence, doc } of readSamples(record).sound) {
        if (fresh.some(([first, last]) => sequence >= first && sequence <= last)) {
          countSample(partition, doc)
        }
      }
    } catch {
      // The indexer makes a dead letter of it.
      options.log.error({ source: record.head.source }, 'samples cannot be read, nor counted')
    }
  }

  function countSample(partition: Partition, sample: SampleDoc): void {
    const wanted = signals.filter(({ metric }) => Object.hasOwn(sample.metrics, metric))
    if (wanted.length === 0) return
    const { identity, doc } = identified(sample, options.complete)
    const ms = isoToMs(doc['@timestamp'])
    for (const signal of wanted) {
      if (!signal.query.matches(doc)) continue
      const value = doc.metrics[signal.metric] as number
      const group = groupOf(signal, identity)
      buckets.add(partition, { signal: signal.name, group, ms, count: 1, value })
    }
  }
}
