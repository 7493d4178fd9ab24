import type { Bus, BusRecord } from '../pipeline/bus/bus.ts'
import { pause } from '../pipeline/clock.ts'
import type { Level, LogDoc } from '../pipeline/event.ts'
import { unresolvedService } from '../pipeline/identity.ts'
import { parsePattern, parseQuery } from '../pipeline/query.ts'
import { decodeDocs, fromBusRecord, type LogHead, type LogRecord } from '../pipeline/record.ts'
import type { LogQuery } from '../pipeline/store/store.ts'

/** Which lines a live tail shows; times and paging have no meaning for it. */
export type TailFilter = Pick<
  LogQuery,
  'services' | 'without' | 'levels' | 'task' | 'query' | 'grep'
>

/** The record with all that is known of its identity; may throw where its body is damaged. */
export type CompleteRecord = (record: LogRecord) => LogRecord

const pollMs = 150
const maxBytes = 2 ** 20

/**
 * Gives the lines that match as they come over the bus, from now on, until `signal` aborts; each time those of a
 * moment over all instances, in the order of time, source and sequence. Reads no further while `onLines` is not done
 * with them. Rejects with a `Trouble` for a query or pattern that cannot be read, or when the bus cannot be. A line has
 * the identity that its collector knew, and what `complete` knows of it at this moment.
 */
export async function tailBus(
  bus: Bus,
  filter: TailFilter,
  onLines: (docs: LogDoc[]) => void | Promise<void>,
  signal: AbortSignal,
  complete: CompleteRecord = (record) => record,
): Promise<void> {
  const matches = compile(filter, complete)
  const next = await bus.ends('logs')
  const order = openOrder()
  while (!signal.aborted) {
    const found: Found[] = []
    let behind = false
    // One end for all partitions, so that what came together is shown together.
    for (const [partition, end] of (await bus.ends('logs')).entries()) {
      const offset = next[partition] ?? end
      if (offset >= end) continue
      const batch = await bus.read('logs', partition, offset, { maxBytes })
      next[partition] = Math.min(batch.next, end)
      behind ||= batch.next < end
      for (const record of batch.records) if (record.offset < end) found.push(...matches(record))
    }
    if (signal.aborted) return
    const ready = order.take(found)
    if (ready.length > 0) await onLines(ready.map(({ doc }) => doc))
    if (!behind) await pause(pollMs, signal)
  }
}

/** For so many polls a line is held: so long may another instance's line of the same moment take to come. */
const heldPolls = 3

/** Instances reach the bus some tenths of a second apart: their lines wait for each other, so that they come in true order. */
function openOrder() {
  let held: { line: Found; poll: number }[] = []
  let poll = 0
  return {
    /** Takes what came with this poll, gives what has waited long enough and all that is older than that. */
    take(found: readonly Found[]): Found[] {
      poll++
      held.push(...found.map((line) => ({ line, poll })))
      let until = ''
      for (const one of held) {
        const time = one.line.doc['@timestamp']
        if (one.poll <= poll - heldPolls && time > until) until = time
      }
      const ready = held.filter(({ line }) => line.doc['@timestamp'] <= until)
      held = held.filter(({ line }) => line.doc['@timestamp'] > until)
      return ready.map(({ line }) => line).toSorted(byTime)
    },
  }
}

interface Found {
  source: string
  doc: LogDoc
}

function compile(
  { services, without, levels, task, query, grep }: TailFilter,
  complete: CompleteRecord,
): (record: BusRecord) => Found[] {
  const parsed = parseQuery(query ?? '')
  const pattern = grep ? parsePattern(grep) : undefined
  const wantsLevel = (level: Level) =>
    (!levels || levels.includes(level)) && (!parsed.levels || parsed.levels.includes(level))
  const wantsRecord = ({ identity, levels: counts }: LogHead) =>
    (!services || services.includes(identity.service ?? unresolvedService)) &&
    !without?.includes(identity.service ?? unresolvedService) &&
    (!task || identity.task?.includes(task)) &&
    Object.keys(counts).some((level) => wantsLevel(level as Level))
  const wantsLine = (doc: LogDoc) =>
    wantsLevel(doc['log.level']) && parsed.matches(doc) && (!pattern || pattern.test(doc.message))

  return (record) => {
    if (record.headers['kind'] !== 'lines') return []
    try {
      const lines = complete(fromBusRecord(record))
      if (!wantsRecord(lines.head)) return []
      const { source } = lines.head
      return decodeDocs(lines)
        .filter(wantsLine)
        .map((doc) => ({ source, doc }))
    } catch {
      return [] // The indexer makes a dead letter of it.
    }
  }
}

function byTime(a: Found, b: Found): number {
  const [one, other] = [a.doc['@timestamp'], b.doc['@timestamp']]
  if (one !== other) return one < other ? -1 : 1
  if (a.source !== b.source) return a.source < b.source ? -1 : 1
  return a.doc['event.sequence'] - b.doc['event.sequence']
}
