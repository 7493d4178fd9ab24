import stringify from 'fast-json-stable-stringify'
import { isoToMs, type SampleDoc } from '../pipeline/event.ts'
import { openLine, parseQuery, type Query } from '../pipeline/query.ts'
import type { SampleRecord } from '../pipeline/sample.ts'
import { groupOf, openBuckets, type CountedSignal, type CounterOptions } from './buckets.ts'
import { identified, type Complete } from './documents.ts'
import { takeFresh, type Partition } from './partition.ts'
import { grownBy, openFieldSignal, type FieldSignal, type Origin } from './readings.ts'
import { readSamples } from './samples.ts'

interface Signal extends Omit<CountedSignal, 'field'> {
  name: string
  metric: string
  query: Query
  field: FieldSignal | undefined
}

/** Returns a function that counts the samples of a record into the buckets of a partition, each sample once. */
export function openSampleCounter(options: CounterOptions & { complete?: Complete }) {
  const signals: Signal[] = Object.entries(options.signals).flatMap(([name, signal]) => {
    const { from, metric, where } = signal
    if (from !== 'metrics' || metric === undefined) return []
    const field = openFieldSignal({ ...signal, name }, options.metrics)
    return [{ ...signal, name, metric, query: parseQuery(where), field }]
  })
  const buckets = openBuckets(options)

  /** `busMs`: when the record came to the bus. */
  return function count(partition: Partition, record: SampleRecord, busMs: number): void {
    const fresh = takeFresh(partition, record.head, busMs)
    if (fresh.length === 0) return
    try {
      for (const { sequence, doc } of readSamples(record).sound) {
        if (fresh.some(([first, last]) => sequence >= first && sequence <= last)) {
          countSample(doc, { partition, source: record.head.source, busMs })
        }
      }
    } catch {
      // The indexer makes a dead letter of it.
      options.log.error({ source: record.head.source }, 'samples cannot be read, nor counted')
    }
  }

  function countSample(sample: SampleDoc, origin: Origin): void {
    const wanted = signals.filter(({ metric }) => Object.hasOwn(sample.metrics, metric))
    if (wanted.length === 0) return
    const { identity, doc } = identified(sample, options.complete)
    const line = openLine(doc)
    const ms = isoToMs(doc['@timestamp'])
    for (const signal of wanted) {
      if (!signal.query.matchesLine(line)) continue
      const value = doc.metrics[signal.metric] as number
      const measured = measure(signal, value, origin)
      if (!measured) continue
      const group = groupOf(signal, identity)
      buckets.add(origin.partition, { signal: signal.name, group, ms, count: 1, ...measured })
    }

    function measure({ name, field, counter }: Signal, value: number, origin: Origin) {
      if (field) return field.read(line, origin)
      if (!counter) return { value }
      return grownBy(name, value, { ...origin, source: `${origin.source} ${seriesOf(sample)}` })
    }
  }
}

/** What tells the samples of one place apart: all that one says but its time, its numbers and its ids. */
function seriesOf(sample: SampleDoc): string {
  const { '@timestamp': _, 'event.id': __, 'event.sequence': ___, metrics: ____, ...rest } = sample
  return stringify(rest)
}
