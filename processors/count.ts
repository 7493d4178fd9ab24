import { isoToMs, type LogDoc } from '../pipeline/event.ts'
import { unresolvedService, type Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { parseQuery, type Query } from '../pipeline/query.ts'
import { decodeBody, scanLines, type LogHead, type LogRecord } from '../pipeline/record.ts'
import { addRange, missingFrom, type Ranges } from './marks.ts'
import { bucketKey, type Partition } from './partition.ts'

/** A signal as the settings declare it. */
export interface SignalDeclaration {
  from: 'logs'
  /** Which lines count, see `pipeline/query.ts`. */
  where: string
  by: (keyof Identity)[]
}

export interface CounterOptions {
  signals: Record<string, SignalDeclaration>
  /** Length of a bucket, ms. */
  resolutionMs: number
  metrics: Metrics
  log: Logger
}

interface Signal extends SignalDeclaration {
  name: string
  query: Query
}

/** Returns a function that counts the lines of a record into the buckets of a partition, each line once. */
export function openCounter({ signals: declared, resolutionMs, metrics, log }: CounterOptions) {
  const signals: Signal[] = Object.entries(declared).map(([name, signal]) => ({
    ...signal,
    name,
    query: parseQuery(signal.where),
  }))
  const bucketOf = (time: string) => Math.floor(isoToMs(time) / resolutionMs) * resolutionMs

  /** `busMs`: when the record came to the bus. */
  return function count(partition: Partition, record: LogRecord, busMs: number): void {
    const fresh = takeFresh(partition, record.head, busMs)
    if (fresh.length === 0) return
    const { head } = record
    const whole = fresh[0]?.[0] === head.sequence[0] && fresh[0][1] === head.sequence[1]
    const headSaysIt = whole && bucketOf(head.time[0]) === bucketOf(head.time[1])
    const toScan: Signal[] = []
    for (const signal of signals) {
      if (!canMatch(signal.query, head)) continue
      if (headSaysIt && signal.query.onlyLevel) {
        add(partition, signal, head, head.time[1], countOf(signal.query, head))
      } else toScan.push(signal)
    }
    if (toScan.length > 0) countLines(partition, toScan, record, fresh)
  }

  /** A line is parsed only if a signal needs more of it than its level. */
  function countLines(
    partition: Partition,
    toScan: Signal[],
    { head, body }: LogRecord,
    fresh: Ranges,
  ): void {
    const isFresh = (n: number) => fresh.some(([first, last]) => n >= first && n <= last)
    let sequence = head.sequence[0]
    try {
      for (const { line, time, level } of scanLines(decodeBody({ body }).toString('utf8'))) {
        if (!isFresh(sequence++)) continue
        let doc: LogDoc | undefined
        for (const signal of toScan) {
          const { onlyLevel, levels, matches } = signal.query
          if (levels && !levels.includes(level)) continue
          if (!onlyLevel && !matches((doc ??= JSON.parse(line) as LogDoc))) continue
          add(partition, signal, head, time, 1)
        }
      }
    } catch {
      // The indexer makes a dead letter of it. The parser's own words would quote the line.
      const { source } = head
      log.error({ source, sequence }, 'lines cannot be read, nor counted')
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
    const group = groupOf(signal, identity)
    const key = bucketKey({ signal: signal.name, from, group })
    const before = partition.buckets.get(key)
    partition.buckets.set(key, {
      signal: signal.name,
      group,
      from,
      to: from + resolutionMs,
      partition: partition.number,
      count: (before?.count ?? 0) + count,
      lastMs: Math.max(before?.lastMs ?? 0, isoToMs(time)),
    })
    partition.changed.add(key)
  }
}

/** Parts that are not known are left out; a line without a service counts for all that are unresolved. */
function groupOf({ by }: Signal, identity: Identity): Identity {
  const known = { ...identity, service: identity.service ?? unresolvedService }
  return Object.fromEntries(
    by.flatMap((part) => (known[part] === undefined ? [] : [[part, known[part]]])),
  )
}

/** The sequences of the record that were not counted yet; from now on they are. */
function takeFresh(
  { marks }: Partition,
  { source, lineage, sequence }: LogHead,
  busMs: number,
): Ranges {
  const key = `${source} ${lineage}`
  const { ranges, lastMs } = marks.get(key) ?? { ranges: [], lastMs: 0 }
  const fresh = missingFrom(ranges, sequence[0], sequence[1])
  marks.set(key, {
    ranges: fresh.length === 0 ? ranges : addRange(ranges, sequence[0], sequence[1]),
    lastMs: Math.max(lastMs, busMs),
  })
  return fresh
}

function canMatch({ levels }: Query, head: LogHead): boolean {
  return levels === undefined || levels.some((level) => (head.levels[level] ?? 0) > 0)
}

function countOf({ levels }: Query, head: LogHead): number {
  if (levels === undefined) return head.count
  return levels.reduce((sum, level) => sum + (head.levels[level] ?? 0), 0)
}
