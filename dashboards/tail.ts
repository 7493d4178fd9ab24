import type { Bus, BusRecord } from '../pipeline/bus/bus.ts'
import { pause } from '../pipeline/clock.ts'
import type { Level, LogDoc } from '../pipeline/event.ts'
import { unresolvedService } from '../pipeline/identity.ts'
import { parsePattern, parseQuery } from '../pipeline/query.ts'
import { decodeDocs, fromBusRecord, type LogHead } from '../pipeline/record.ts'
import type { LogQuery } from '../pipeline/store/store.ts'

/** Which lines a live tail shows; times and paging have no meaning for it. */
export type TailFilter = Pick<LogQuery, 'services' | 'levels' | 'task' | 'query' | 'grep'>

const pollMs = 150
const maxBytes = 2 ** 20

/**
 * Gives the lines that match as they come over the bus, from now on, until `signal` aborts; each time those of a
 * moment over all instances, in the order of their time.
 */
export async function tailBus(
  bus: Bus,
  filter: TailFilter,
  onLines: (docs: LogDoc[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const matches = compile(filter)
  const next = await bus.ends('logs')
  while (!signal.aborted) {
    const docs: LogDoc[] = []
    let behind = false
    for (const [partition, offset] of next.entries()) {
      const batch = await bus.read('logs', partition, offset, { maxBytes })
      next[partition] = batch.next
      behind ||= batch.next < batch.end
      for (const record of batch.records) docs.push(...matches(record))
    }
    if (docs.length > 0) onLines(docs.toSorted(byTime))
    if (!behind) await pause(pollMs, signal)
  }
}

function compile({
  services,
  levels,
  task,
  query,
  grep,
}: TailFilter): (record: BusRecord) => LogDoc[] {
  const parsed = parseQuery(query ?? '')
  const pattern = grep ? parsePattern(grep) : undefined
  const wantsLevel = (level: Level) =>
    (!levels || levels.includes(level)) && (!parsed.levels || parsed.levels.includes(level))
  const wantsRecord = ({ identity, levels: counts }: LogHead) =>
    (!services || services.includes(identity.service ?? unresolvedService)) &&
    (!task || identity.task === task) &&
    Object.keys(counts).some((level) => wantsLevel(level as Level))
  const wantsLine = (doc: LogDoc) =>
    wantsLevel(doc['log.level']) && parsed.matches(doc) && (!pattern || pattern.test(doc.message))

  return (record) => {
    if (record.headers['kind'] !== 'lines') return []
    try {
      const lines = fromBusRecord(record)
      return wantsRecord(lines.head) ? decodeDocs(lines).filter(wantsLine) : []
    } catch {
      return [] // The indexer makes a dead letter of it.
    }
  }
}

function byTime(a: LogDoc, b: LogDoc): number {
  if (a['@timestamp'] !== b['@timestamp']) return a['@timestamp'] < b['@timestamp'] ? -1 : 1
  return a['event.sequence'] - b['event.sequence']
}
