import { isoToMs, type Level, type LogDoc } from '../pipeline/event.ts'
import { identityToEcs } from '../pipeline/identity.ts'
import { openLine, type OpenedLine } from '../pipeline/query.ts'
import { scanLines, type LogHead } from '../pipeline/record.ts'
import { openBuckets, type CounterOptions, type Measured } from './buckets.ts'
import { hasLevel, openLineIndex, type Candidates, type OfLevels } from './line-index.ts'
import type { Ranges } from './marks.ts'
import { openParking } from './parked.ts'
import { takeFresh, type Partition } from './partition.ts'
import { openSignals, type Signal } from './readings.ts'
import type { KnownIdentities, Lines } from './resolve.ts'
import { openSignalIndex } from './signal-index.ts'
import { tally } from './tally.ts'

const defaultPatienceMs = 10_000

export interface LineCounterOptions extends CounterOptions {
  catalog: KnownIdentities
  /** How long a count waits for the identity of its lines, ms; 10 s unless set. */
  patienceMs?: number
}

/** A record that is being counted. */
interface Counting {
  partition: Partition
  head: LogHead
  busMs: number
}

/** Counts the lines of records into the buckets of a partition, each line once. */
export function openCounter(options: LineCounterOptions) {
  const signals = openSignals(options, 'logs')
  const signalsOf = openSignalIndex(signals, openLineIndex)
  const { catalog, patienceMs = defaultPatienceMs } = options
  const buckets = openBuckets(options)
  const parking = openParking({ buckets, catalog, patienceMs })
  const bucketOf = (time: string) => buckets.startOf(isoToMs(time))

  /** `busMs`: when the record came to the bus. */
  function count(partition: Partition, record: Lines, busMs: number): void {
    const fresh = takeFresh(partition, record.head, busMs)
    if (fresh.length === 0) return
    const { head } = record
    const counting = { partition, head, busMs }
    const groups = signalsOf(identityToEcs(head.identity))
    const ofLevels = groups.flatMap((group) =>
      group.ofLevels.filter(({ levels }) => hasLevel(head.levels, levels)),
    )
    const looking = groups.filter((group) => group.looksInto(head.levels))
    const whole = fresh[0]?.[0] === head.sequence[0] && fresh[0][1] === head.sequence[1]
    const headSaysIt = whole && bucketOf(head.time[0]) === bucketOf(head.time[1])
    if (headSaysIt) countHead(counting, ofLevels)
    const scansLevels = !headSaysIt && ofLevels.length > 0
    if (!scansLevels && looking.length === 0) return
    try {
      const text = record.ndjson().toString('utf8')
      if (scansLevels) countLevels(counting, ofLevels, freshLines(text, head, fresh))
      const candidates = looking.flatMap((group) => group.candidates(text) ?? [])
      if (candidates.length > 0) countLines(counting, candidates, freshLines(text, head, fresh))
    } catch {
      // The indexer makes a dead letter of it. The parser's own words would quote the line.
      const { source, sequence } = head
      options.log.error({ source, sequence }, 'lines cannot be read, nor counted')
    }
  }

  function countHead(counting: Counting, ofLevels: readonly OfLevels<Signal>[]): void {
    const { head } = counting
    const ms = isoToMs(head.time[1])
    for (const { levels, signals } of ofLevels) {
      const counted = { ms, count: countOf(levels, head) }
      for (const signal of signals) add(counting, signal, counted)
    }
  }

  /** What the head does not tell: which of its lines are fresh, and in which bucket each is. */
  function countLevels(
    counting: Counting,
    ofLevels: readonly OfLevels<Signal>[],
    lines: Iterable<Line>,
  ): void {
    const tallies = tally(lines, buckets.startOf)
    for (const { levels, signals } of ofLevels) {
      for (const { ms, count } of tallies.of(levels)) {
        for (const signal of signals) add(counting, signal, { ms, count })
      }
    }
  }

  /** A line is looked into only as far as a signal needs more of it than its text can tell. */
  function countLines(
    counting: Counting,
    candidates: readonly Candidates<Signal>[],
    lines: Iterable<Line>,
  ): void {
    const origin = { ...counting, source: counting.head.source }
    for (const { line, time, level } of lines) {
      let opened: OpenedLine | undefined
      let ms: number | undefined
      const open = () => (opened ??= openLine(JSON.parse(line) as LogDoc))
      for (const candidatesOf of candidates) {
        for (const signal of candidatesOf(line, level)) {
          const { onlyLevel, matchesLine } = signal.query
          if (!onlyLevel && !matchesLine(open())) continue
          const measured = signal.field?.read(open(), origin)
          if (signal.field && !measured) continue
          add(counting, signal, { ms: (ms ??= isoToMs(time)), count: 1, ...measured })
        }
      }
    }
  }

  function add(
    { partition, head, busMs }: Counting,
    { name, by }: Pick<Signal, 'name' | 'by'>,
    counted: Added,
  ): void {
    const { identity } = head
    const seen = { identity, time: head.time[0], busMs }
    if (parking.park(partition, seen, by, { signal: name, ...counted })) return
    buckets.add(partition, { signal: name, identity, ...counted })
  }

  return { count, settle: parking.settle }
}

interface Added extends Measured {
  ms: number
  count: number
}

function countOf(levels: readonly Level[] | undefined, head: LogHead): number {
  if (levels === undefined) return head.count
  return levels.reduce((sum, level) => sum + (head.levels[level] ?? 0), 0)
}

type Line = ReturnType<typeof scanLines> extends Iterable<infer One> ? One : never

function* freshLines(text: string, head: LogHead, fresh: Ranges): Generator<Line> {
  let sequence = head.sequence[0]
  for (const line of scanLines(text)) {
    const n = sequence++
    if (fresh.some(([first, last]) => n >= first && n <= last)) yield line
  }
}
