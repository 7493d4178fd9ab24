import stringify from 'fast-json-stable-stringify'
import { isoToMs, type LogDoc } from '../../pipeline/event.ts'
import { openLine, parseQuery, type OpenedLine, type Query } from '../../pipeline/query.ts'
import { scanLines, type LogHead } from '../../pipeline/record.ts'
import type { SampleRecord } from '../../pipeline/sample.ts'
import type { SignalTopic } from '../../pipeline/signals.ts'
import type { StoredDoc } from '../../pipeline/store/store.ts'
import { openBuckets, type CounterOptions } from '../../processors/buckets.ts'
import { identified } from '../../processors/documents.ts'
import type { Partition } from '../../processors/partition.ts'
import { grownBy, openFieldSignal, type FieldSignal } from '../../processors/readings.ts'
import type { Lines } from '../../processors/resolve.ts'
import { readSamples } from '../../processors/samples.ts'

interface Signal {
  name: string
  metric: string | undefined
  counter: boolean | undefined
  query: Query
  field: FieldSignal | undefined
}

/*
 * What `processors/count.ts`, `count-samples.ts` and `count-changes.ts` are held against: every event goes past every signal.
 * Each event is counted as fresh.
 */

/** For lines. */
export function openPlainCounter(options: CounterOptions) {
  const buckets = openBuckets(options)
  const signals = signalsFrom('logs', options)
  const startOf = (time: string) => buckets.startOf(isoToMs(time))

  return function count(partition: Partition, { head, ndjson }: Lines, busMs: number): void {
    const headSaysIt = startOf(head.time[0]) === startOf(head.time[1])
    const looking: Signal[] = []
    for (const signal of signals) {
      const { levels, onlyLevel } = signal.query
      if (levels && !levels.some((level) => (head.levels[level] ?? 0) > 0)) continue
      if (headSaysIt && onlyLevel && !signal.field) {
        const ms = isoToMs(head.time[1])
        const { name } = signal
        buckets.add(partition, {
          signal: name,
          identity: head.identity,
          ms,
          count: countOf(levels, head),
        })
      } else looking.push(signal)
    }
    if (looking.length === 0) return
    const text = ndjson().toString('utf8')
    const likely = looking.filter((signal) => mayCount(signal, text))
    if (likely.length === 0) return
    const origin = { partition, source: head.source, busMs }
    for (const { line, time, level } of scanLines(text)) {
      let opened: OpenedLine | undefined
      const open = () => (opened ??= openLine(JSON.parse(line) as LogDoc))
      for (const signal of likely) {
        const { name, query, field } = signal
        if (query.levels && !query.levels.includes(level)) continue
        if (!mayCount(signal, line) || (!query.onlyLevel && !query.matchesLine(open()))) continue
        const measured = field?.read(open(), origin)
        if (field && !measured) continue
        const { identity } = head
        buckets.add(partition, { signal: name, identity, ms: isoToMs(time), count: 1, ...measured })
      }
    }
  }
}

/** For samples. */
export function openPlainSampleCounter(options: CounterOptions) {
  const buckets = openBuckets(options)
  const signals = signalsFrom('metrics', options)

  return function count(partition: Partition, record: SampleRecord, busMs: number): void {
    for (const { doc } of readSamples(record).sound) {
      const { identity } = identified(doc, undefined)
      const line = openLine(doc)
      for (const { name, metric = '', query, field, counter } of signals) {
        if (!Object.hasOwn(doc.metrics, metric) || !query.matchesLine(line)) continue
        const value = doc.metrics[metric] as number
        const { source } = record.head
        const {
          '@timestamp': time,
          'event.id': _,
          'event.sequence': __,
          metrics: ___,
          ...rest
        } = doc
        const origin = { partition, source, busMs }
        const series = { ...origin, source: `${source} ${stringify(rest)}` }
        const grown = counter ? grownBy(name, value, series) : { value }
        const measured = field ? field.read(line, origin) : grown
        if (!measured) continue
        buckets.add(partition, { signal: name, identity, ms: isoToMs(time), count: 1, ...measured })
      }
    }
  }
}

/** For changes. */
export function openPlainChangeCounter(options: CounterOptions) {
  const buckets = openBuckets(options)
  const signals = signalsFrom('changes', options)

  return function count(partition: Partition, doc: StoredDoc): void {
    const { identity } = identified(doc, undefined)
    const ms = isoToMs(doc['@timestamp'])
    const line = openLine(doc)
    const origin = { partition, source: doc['event.id'], busMs: ms }
    for (const { name, query, field } of signals) {
      if (!query.matchesLine(line)) continue
      const measured = field?.read(line, origin)
      if (field && !measured) continue
      buckets.add(partition, { signal: name, identity, ms, count: 1, ...measured })
    }
  }
}

function signalsFrom(topic: SignalTopic, { signals, metrics }: CounterOptions): Signal[] {
  return Object.entries(signals)
    .filter(([, { from }]) => from === topic)
    .map(([name, signal]) => ({
      name,
      metric: signal.metric,
      counter: signal.counter,
      query: parseQuery(signal.where),
      field: openFieldSignal({ ...signal, name }, metrics),
    }))
}

function mayCount({ query, field }: Signal, json: string): boolean {
  return query.mayMatch(json) && (field === undefined || field.mayHave(json))
}

function countOf(levels: Query['levels'], head: LogHead): number {
  return levels?.reduce((sum, level) => sum + (head.levels[level] ?? 0), 0) ?? head.count
}
