import stringify from 'fast-json-stable-stringify'
import { isoToMs, type SampleDoc } from '../pipeline/event.ts'
import { openLine, type OpenedLine } from '../pipeline/query.ts'
import type { SampleRecord } from '../pipeline/sample.ts'
import { openBuckets, type CounterOptions, type Measured } from './buckets.ts'
import { identified, type Complete } from './documents.ts'
import { takeFresh, type Partition } from './partition.ts'
import { grownBy, openSignals, type Origin, type Signal } from './readings.ts'
import { readSamples } from './samples.ts'
import { openSignalIndex } from './signal-index.ts'

interface MetricSignal extends Signal {
  metric: string
}

/** Returns a function that counts the samples of a record into the buckets of a partition, each sample once. */
export function openSampleCounter(options: CounterOptions & { complete?: Complete }) {
  const byMetric = indexOf(options)
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
    const wanted = Object.keys(sample.metrics).flatMap((metric) => byMetric.get(metric) ?? [])
    if (wanted.length === 0) return
    const { identity, doc } = identified(sample, options.complete)
    const line = openLine(doc)
    const ms = isoToMs(doc['@timestamp'])
    const opened = { line, series: once(() => seriesOf(sample)) }
    for (const signalsOf of wanted) {
      for (const signal of signalsOf(doc).flat()) {
        if (!signal.query.matchesLine(line)) continue
        const measured = measure(signal, doc, { ...opened, origin })
        if (!measured) continue
        buckets.add(origin.partition, { signal: signal.name, identity, ms, count: 1, ...measured })
      }
    }
  }
}

/** By the name of a metric, the signals that are measured from it. */
function indexOf(options: CounterOptions) {
  const signals = openSignals(options, 'metrics').flatMap((signal): MetricSignal[] => {
    const { metric } = signal
    return metric === undefined ? [] : [{ ...signal, metric }]
  })
  return new Map(
    [...Map.groupBy(signals, ({ metric }) => metric)].map(([metric, those]) => [
      metric,
      openSignalIndex(those, (some) => some),
    ]),
  )
}

interface OpenedSample {
  line: OpenedLine
  series(): string
  origin: Origin
}

function measure(
  { name, field, counter, metric }: MetricSignal,
  { metrics }: SampleDoc,
  { line, series, origin }: OpenedSample,
): Measured | undefined {
  const value = metrics[metric] as number
  if (field) return field.read(line, origin)
  if (!counter) return { value }
  return grownBy(name, value, { ...origin, source: `${origin.source} ${series()}` })
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/** What tells the samples of one place apart: all that one says but its time, its numbers and its ids. */
function seriesOf(sample: SampleDoc): string {
  const { '@timestamp': _, 'event.id': __, 'event.sequence': ___, metrics: ____, ...rest } = sample
  return stringify(rest)
}
