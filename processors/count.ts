import { isoToMs, type LogDoc } from '../pipeline/event.ts'
import { openLine, parseQuery, type OpenedLine, type Query } from '../pipeline/query.ts'
import { scanLines, type LogHead } from '../pipeline/record.ts'
import {
  groupOf,
  openBuckets,
  type CountedSignal,
  type CounterOptions,
  type Measured,
} from './buckets.ts'
import type { Ranges } from './marks.ts'
import { openParking } from './parked.ts'
import { takeFresh, type Partition } from './partition.ts'
import { openFieldSignal, type FieldSignal } from './readings.ts'
import type { KnownIdentities, Lines } from './resolve.ts'

const defaultPatienceMs = 10_000

interface Signal extends Omit<CountedSignal, 'field'> {
  name: string
  query: Query
  field: FieldSignal | undefined
}

export interface LineCounterOptions extends CounterOptions {
  catalog: KnownIdentities
  /** How long a count waits for the identity of its lines, ms; 10 s unless set. */
  patienceMs?: number
}

/** Counts the lines of records into the buckets of a partition, each line once. */
export function openCounter(options: LineCounterOptions) {
  const signals: Signal[] = Object.entries(options.signals)
    .filter(([, { from }]) => from === 'logs')
    .map(([name, signal]) => ({
      ...signal,
      name,
      query: parseQuery(signal.where),
      field: openFieldSignal({ ...signal, name }, options.metrics),
    }))
  const { catalog, patienceMs = defaultPatienceMs } = options
  const buckets = openBuckets(options)
  const parking = openParking({ signals: options.signals, buckets, catalog, patienceMs })
  const bucketOf = (time: string) => buckets.startOf(isoToMs(time))

  /** `busMs`: when the record came to the bus. */
  function count(partition: Partition, record: Lines, busMs: number): void {
    const fresh = takeFresh(partition, record.head, busMs)
    if (fresh.length === 0) return
    const { head } = record
    const whole = fresh[0]?.[0] === head.sequence[0] && fresh[0][1] === head.sequence[1]
    const headSaysIt = whole && bucketOf(head.time[0]) === bucketOf(head.time[1])
    const toScan: Signal[] = []
    for (const signal of signals) {
      if (!canMatch(signal.query, head)) continue
      if (headSaysIt && signal.query.onlyLevel && !signal.field) {
        const counted = countOf(signal.query, head)
        add(partition, signal, { head, busMs, time: head.time[1], count: counted })
      } else toScan.push(signal)
    }
    if (toScan.length > 0) countLines(partition, toScan, { ...record, busMs }, fresh)
  }

  /** A record, and then a line, is looked into only as far as a signal needs more of it than its text can tell. */
  function countLines(
    partition: Partition,
    toScan: Signal[],
    { head, ndjson, busMs }: Lines & { busMs: number },
    fresh: Ranges,
  ): void {
    const isFresh = (n: number) => fresh.some(([first, last]) => n >= first && n <= last)
    let sequence = head.sequence[0]
    try {
      const text = ndjson().toString('utf8')
      const possible = toScan.filter((signal) => mayCount(signal, text))
      if (possible.length === 0) return
      const { source } = head
      for (const { line, time, level } of scanLines(text)) {
        if (!isFresh(sequence++)) continue
        let opened: OpenedLine | undefined
        const open = () => (opened ??= openLine(JSON.parse(line) as LogDoc))
        for (const signal of possible) {
          const { onlyLevel, levels, matchesLine } = signal.query
          if (levels && !levels.includes(level)) continue
          if (!mayCount(signal, line)) continue
          if (!onlyLevel && !matchesLine(open())) continue
          const measured = signal.field?.read(open(), { partition, source, busMs })
          if (signal.field && !measured) continue
          add(partition, signal, { head, busMs, time, count: 1, ...measured })
        }
      }
    } catch {
      // The indexer makes a dead letter of it. The parser's own words would quote the line.
      const { source } = head
      options.log.error({ source, sequence }, 'lines cannot be read, nor counted')
    }
  }

  function add(
    partition: Partition,
    { name, by }: Pick<Signal, 'name' | 'by'>,
    { head, busMs, time, ...counted }: Added,
  ): void {
    const { identity } = head
    const ms = isoToMs(time)
    const seen = { identity, time: head.time[0], busMs }
    if (parking.park(partition, seen, by, { signal: name, ms, ...counted })) return
    buckets.add(partition, { signal: name, group: groupOf({ by }, identity), ms, ...counted })
  }

  return { count, settle: parking.settle }
}

interface Added extends Measured {
  head: LogHead
  busMs: number
  time: string
  count: number
}

/** False only where nothing in this JSON text (of one line or of many) can count. */
function mayCount({ query, field }: Signal, json: string): boolean {
  return query.mayMatch(json) && (field === undefined || field.mayHave(json))
}

function canMatch({ levels }: Query, head: LogHead): boolean {
  return levels === undefined || levels.some((level) => (head.levels[level] ?? 0) > 0)
}

function countOf({ levels }: Query, head: LogHead): number {
  if (levels === undefined) return head.count
  return levels.reduce((sum, level) => sum + (head.levels[level] ?? 0), 0)
}
