import { isoToMs, type LogDoc } from '../../pipeline/event.ts'
import { openLine, parseQuery, type OpenedLine, type Query } from '../../pipeline/query.ts'
import { scanLines, type LogHead } from '../../pipeline/record.ts'
import { openBuckets, type CounterOptions } from '../../processors/buckets.ts'
import type { Partition } from '../../processors/partition.ts'
import { openFieldSignal, type FieldSignal } from '../../processors/readings.ts'
import type { Lines } from '../../processors/resolve.ts'

interface Signal {
  name: string
  query: Query
  field: FieldSignal | undefined
}

/** What `processors/count.ts` is held against: every line goes past every signal. Each record is counted as fresh. */
export function openPlainCounter(options: CounterOptions) {
  const buckets = openBuckets(options)
  const signals: Signal[] = Object.entries(options.signals)
    .filter(([, { from }]) => from === 'logs')
    .map(([name, signal]) => ({
      name,
      query: parseQuery(signal.where),
      field: openFieldSignal({ ...signal, name }, options.metrics),
    }))
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

function mayCount({ query, field }: Signal, json: string): boolean {
  return query.mayMatch(json) && (field === undefined || field.mayHave(json))
}

function countOf(levels: Query['levels'], head: LogHead): number {
  return levels?.reduce((sum, level) => sum + (head.levels[level] ?? 0), 0) ?? head.count
}
