import type { Bus, BusRecord } from '../pipeline/bus/bus.ts'
import { decodePage, type JournalEntry } from './journal.ts'

/** A page in its turn. */
export interface ReadPage {
  /** Of its record. */
  offset: number
  entries: JournalEntry[]
  /** Something before it is missing, or another process goes on: nothing is known until the next `begin`. */
  isAnew: boolean
  /** How much is read with it, 0 to 1. */
  progress: number
}

const readLimits = { maxBytes: 2 ** 20 }

/** The pages that count, in their order, from an offset to the end there is now. */
export async function* readJournal(
  bus: Pick<Bus, 'read' | 'ends'>,
  from: number,
): AsyncGenerator<ReadPage> {
  const [end = 0] = await bus.ends('evaluations')
  const inTurn = openTurns()
  for (let offset = from; offset < end;) {
    const { records, next } = await bus.read('evaluations', 0, offset, readLimits)
    for (const record of records) {
      const page = record.offset < end ? inTurn(record) : undefined
      const progress = (record.offset + 1 - from) / (end - from)
      if (page) yield { ...page, offset: record.offset, progress }
    }
    offset = Math.max(next, offset + 1)
  }
}

/**
 * Which pages count: each once, and only those of the process that began last. One that was deposed may write a while
 * beside it.
 */
export function openTurns() {
  let reign: string | undefined
  let last = -1
  let isMissing = true

  return (record: Pick<BusRecord, 'value'>): Pick<ReadPage, 'entries' | 'isAnew'> | undefined => {
    const page = decodePage(record)
    if (!page) {
      isMissing = true
      return undefined
    }
    const begins = page.page === 0 && page.reign !== reign
    if (!begins && reign !== undefined && page.reign !== reign) return undefined
    if (!begins && page.page <= last) return undefined
    if (!begins && page.page !== last + 1) isMissing = true
    const isAnew = begins || isMissing
    const first = page.entries.findIndex(({ kind }) => kind === 'begin')
    if (isAnew && first < 0) return undefined
    reign = page.reign
    last = page.page
    isMissing = false
    return { entries: isAnew ? page.entries.slice(first) : page.entries, isAnew }
  }
}
