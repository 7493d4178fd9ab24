import { docsOf, type Day, type Days } from './sqlite-days.ts'
import { plan } from './sqlite-plan.ts'
import type { SequenceGap, TimeRange } from './store.ts'

interface Stored {
  id: number
  source: string
  lineage: string
  service: string
  /** First and last sequence; dense between. */
  first: number
  last: number
  day: Day
}

const columns = 'id, source, lineage, service, first, last'

/** Ranges are dense inside a block, so what lies between one block's last line and the next one's first is missing. */
export function gaps(days: Days, range: TimeRange): SequenceGap[] {
  const { where, params } = plan(range)
  const blocks: Stored[] = []
  for (const day of days.in(range)) {
    const rows = day.db.prepare(`SELECT ${columns} FROM blocks WHERE ${where}`).all(...params)
    for (const row of rows) blocks.push({ ...row, day } as unknown as Stored)
  }
  const runs = Map.groupBy(blocks, ({ source, lineage }) => `${source} ${lineage}`)
  return [...runs.values()].flatMap((run) =>
    holes(run).flatMap(([before, after]) => {
      // What is missing here may be stored under a time outside the range: clocks jump.
      const between = blocksBetween(days, before, after)
      return holes([before, ...between, after]).map(toGap)
    }),
  )
}

/** Neighbours by sequence with something missing between them. */
function holes(run: Stored[]): [before: Stored, after: Stored][] {
  const found: [Stored, Stored][] = []
  let before: Stored | undefined
  for (const block of run.toSorted((a, b) => a.first - b.first)) {
    if (before && block.first > before.last + 1) found.push([before, block])
    if (!before || block.last > before.last) before = block
  }
  return found
}

function blocksBetween(days: Days, before: Stored, after: Stored): Stored[] {
  const found: Stored[] = []
  for (const day of days.in({})) {
    const rows = day.db
      .prepare(
        `SELECT ${columns} FROM blocks WHERE source = ? AND lineage = ? AND first > ? AND last < ?`,
      )
      .all(before.source, before.lineage, before.last, after.first)
    for (const row of rows) found.push({ ...row, day } as unknown as Stored)
  }
  return found
}

function toGap([before, after]: [before: Stored, after: Stored]): SequenceGap {
  return {
    source: after.source,
    service: after.service,
    missing: [before.last + 1, after.first - 1],
    between: [timeOf(before, before.last), timeOf(after, after.first)],
  }
}

function timeOf({ day, id, first }: Stored, sequence: number): string {
  return docsOf(day, id)[sequence - first]?.['@timestamp'] ?? ''
}
