import type { Bus, BusRecord } from '../pipeline/bus/bus.ts'
import { pause } from '../pipeline/clock.ts'
import { isoToMs, isoToNs, type LogDoc } from '../pipeline/event.ts'
import { identityToEcs } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import { allFields, openLine, parseQuery, type OpenedLine } from '../pipeline/query.ts'
import { fromBusRecord, scanLines } from '../pipeline/record.ts'
import { identified, readDoc } from './documents.ts'
import { hasLevel, openLineIndex } from './line-index.ts'
import { resolveLines, type KnownIdentities } from './resolve.ts'
import { openSignalIndex } from './signal-index.ts'
import { isMark, takeMark, type Reach } from './watermark.ts'

/** A line, or a change, that somebody wants. */
export interface MatchingLine {
  /** Event time, ms. */
  ms: number
  fields: Record<string, unknown>
}

export interface MatchingLinesOptions {
  bus: Pick<Bus, 'partitions' | 'read' | 'ends'>
  catalog: Pick<KnownIdentities, 'complete'>
  wanted: readonly { id: string; from: MatchedTopic; where: string }[]
  /** What `position` gave; without it only what comes from now on is read. */
  restored?: unknown
  /** Instead: where to begin in each partition of a topic. */
  from?: (topic: MatchedTopic) => Promise<readonly number[]>
  log: Logger
  pollMs?: number
}

export type MatchedTopic = 'logs' | 'changes'

interface Input extends Reach {
  topic: MatchedTopic
  number: number
  position: number
  /** Read, and not looked at yet. */
  ahead: BusRecord[]
}

interface Position {
  v: 1
  inputs: [
    number: number,
    position: number,
    collectors: [string, Mark][],
    watermark: number | null,
    topic?: MatchedTopic,
  ][]
  waiting: [id: string, lines: MatchingLine[]][]
  /**
   * By rule and id, the changes that it was given lately, the oldest first: one that is written again, with more in it, is no
   * other, but may be one that another rule wants.
   */
  changes?: string[]
}

type Mark = Reach['collectors'] extends Map<string, infer M> ? M : never

const readLimits = { maxBytes: 2 ** 20 }
/** So many lines of one rule wait at a time; what is beyond is left out and told. */
const maxWaiting = 50_000
const maxChanges = 10_000
/** So much of what waits is written down: a record that is larger than the bus takes would stop all rules. */
const maxWritten = 4 * 2 ** 20

/**
 * Reads the topics `logs` and `changes` outside any group, for rules on single lines: of each partition as far as the first mark behind a
 * time, and no further, so that what a rule is given depends on the order of the records alone.
 */
export async function openMatchingLines(options: MatchingLinesOptions) {
  const { bus, catalog, log, pollMs = 50 } = options
  const rules = options.wanted.map(({ id, from, where }) => ({
    id,
    from,
    query: parseQuery(where),
  }))
  const rulesOf = openSignalIndex(
    rules.filter(({ from }) => from === 'logs'),
    openLineIndex,
  )
  const ofChanges = rules.filter(({ from }) => from === 'changes')
  const waiting = new Map<string, MatchingLine[]>()
  const stored = readPosition(options.restored)
  const changes = new Set(stored?.changes)
  const topics = (['logs', 'changes'] as const).filter((topic) =>
    rules.some(({ from }) => from === topic),
  )
  const inputs = (await Promise.all(topics.map((topic) => openInputs(topic, stored)))).flat()
  for (const [id, lines] of stored?.waiting ?? []) waiting.set(id, lines)

  async function openInputs(topic: MatchedTopic, before: Position | undefined): Promise<Input[]> {
    const ends = await (options.from ?? bus.ends)(topic)
    return ends.map((end, number) => {
      const known = before?.inputs.find(
        ([one, , , , of = 'logs']) => one === number && of === topic,
      )
      const [, position = end, collectors = [], watermark = null] = known ?? []
      return {
        topic,
        number,
        position,
        ahead: [],
        collectors: new Map(collectors),
        watermark: watermark ?? undefined,
      }
    })
  }

  async function advanceOne(input: Input, ts: number, signal: AbortSignal): Promise<boolean> {
    while ((input.watermark ?? -Infinity) < ts) {
      if (signal.aborted) return false
      const record = input.ahead.shift()
      if (record) look(input, record)
      else if (!(await readOn(input))) await pause(pollMs, signal)
    }
    return true
  }

  /** False where nothing more is there. */
  async function readOn(input: Input): Promise<boolean> {
    const batch = await bus.read(input.topic, input.number, input.position, readLimits)
    if (batch.from > input.position && input.position > 0) {
      const gap = {
        topic: input.topic,
        partition: input.number,
        from: input.position,
        to: batch.from,
      }
      log.warn(gap, 'records were trimmed before rules on single lines have seen them')
      input.position = batch.from
    }
    input.ahead = batch.records
    return batch.records.length > 0
  }

  function look(input: Input, record: BusRecord): void {
    input.position = record.offset + 1
    if (isMark(record)) {
      takeMark(input, record)
      return
    }
    try {
      if (input.topic === 'logs') findLines(record)
      else findChange(record)
    } catch {
      // The indexer makes a dead letter of it.
    }
  }

  function findChange(record: BusRecord): void {
    const change = readDoc(record)
    const { doc } = identified(change, catalog.complete)
    const opened = openLine(doc)
    const ms = Number((isoToNs(doc['@timestamp']) ?? 0n) / 1_000_000n)
    let fields: MatchingLine['fields'] | undefined
    for (const { id: rule, query } of ofChanges) {
      if (!query.matchesLine(opened) || !isNew(`${rule} ${change['event.id']}`)) continue
      fields ??= allFields(opened)
      put(rule, { ms, fields })
    }
  }

  function isNew(key: string): boolean {
    if (changes.has(key)) return false
    changes.add(key)
    const [oldest] = changes
    if (changes.size > maxChanges && oldest !== undefined) changes.delete(oldest)
    return true
  }

  function findLines(record: BusRecord): void {
    const lines = resolveLines(fromBusRecord(record), catalog)
    const { identity, levels: ofRecord } = lines.head
    const groups = rulesOf(identityToEcs(identity))
    const ofLevels = groups.flatMap((group) =>
      group.ofLevels.filter(({ levels }) => hasLevel(ofRecord, levels)),
    )
    const looking = groups.filter((group) => group.looksInto(ofRecord))
    if (ofLevels.length === 0 && looking.length === 0) return
    const text = lines.ndjson().toString('utf8')
    const candidates = looking.flatMap((group) => group.candidates(text) ?? [])
    if (ofLevels.length === 0 && candidates.length === 0) return
    for (const { line, time, level } of scanLines(text)) {
      let opened: OpenedLine | undefined
      let found: MatchingLine | undefined
      const open = () => (opened ??= openLine(JSON.parse(line) as LogDoc))
      const give = ({ id }: { id: string }) =>
        put(id, (found ??= { ms: isoToMs(time), fields: allFields(open()) }))
      for (const { levels, signals } of ofLevels) {
        if (!levels || levels.includes(level)) signals.forEach(give)
      }
      for (const candidatesOf of candidates) {
        for (const rule of candidatesOf(line, level)) {
          if (rule.query.matchesLine(open())) give(rule)
        }
      }
    }
  }

  function put(id: string, line: MatchingLine): void {
    const lines = waiting.get(id) ?? []
    waiting.set(id, lines)
    if (lines.length === maxWaiting) {
      log.warn(
        { rule: id, lines: maxWaiting },
        'a rule wants more lines than fit: some are left out',
      )
    }
    if (lines.length <= maxWaiting) lines.push(line)
  }

  function written(): Position['waiting'] {
    let room = maxWritten
    const fits = (line: MatchingLine) => (room -= JSON.stringify(line).length) >= 0
    const fitting = [...waiting].map(([id, lines]): [string, MatchingLine[]] => [
      id,
      lines.filter(fits),
    ])
    if (room < 0) log.warn({ characters: -room }, 'too many lines wait: a restart forgets some')
    return fitting.filter(([, lines]) => lines.length > 0)
  }

  return {
    async advance(ts: number, signal: AbortSignal): Promise<boolean> {
      for (const input of inputs) if (!(await advanceOne(input, ts, signal))) return false
      return true
    },
    take(id: string, ts: number): MatchingLine[] {
      const lines = waiting.get(id) ?? []
      waiting.set(
        id,
        lines.filter(({ ms }) => ms >= ts),
      )
      return lines.filter(({ ms }) => ms < ts)
    },
    position: (): Position => ({
      v: 1,
      inputs: inputs.map(({ topic, number, position, collectors, watermark }) => [
        number,
        position,
        [...collectors],
        watermark ?? null,
        topic,
      ]),
      waiting: written(),
      ...(changes.size > 0 ? { changes: [...changes] } : {}),
    }),
  }
}

/** Undefined where it is none of ours. */
function readPosition(restored: unknown): Position | undefined {
  const { v } = (restored ?? {}) as Partial<Position>
  return v === 1 ? (restored as Position) : undefined
}
