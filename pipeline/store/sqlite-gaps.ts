import { isoFrom, isoTo, withMargin } from './range.ts'
import { docsOf, type Day, type Days } from './sqlite-days.ts'
import { plan } from './sqlite-plan.ts'
import type { Audit, AuditScope, SequenceGap } from './store.ts'

interface Stored {
  id: number
  source: string
  lineage: string
  service: string
  /** First and last sequence; dense between. */
  first: number
  last: number
  /** Times of its lines. */
  oldest: string
  newest: string
  day: Day
}

const columns = 'id, source, lineage, service, first, last, t_min AS oldest, t_max AS newest'

/** Ranges are dense inside a block, so what lies between one block's last line and the next one's first is missing. */
export function audit(days: Days, scope: AuditScope): Audit {
  const [from, to] = [isoFrom(scope.from), isoTo(scope.to)]
  const around = withMargin(scope)
  const blocks = blocksIn(days, { ...scope, ...around })
  const within = blocks.filter(({ oldest, newest }) => newest >= from && oldest < to)
  const runs = Map.groupBy(blocks, ({ source, lineage }) => `${source} ${lineage}`)
  const gaps = [...runs.values()].flatMap((run) =>
    holes(run).flatMap(([before, after]) => {
      // What is missing here may be stored under a time outside the range: clocks jump.
      const between = blocksBetween(days, before, after)
      return holes([before, ...between, after]).map(toGap)
    }),
  )
  return {
    sources: new Set(within.map(({ source }) => source)).size,
    lines: within.reduce((sum, block) => sum + linesWithin(block, from, to), 0),
    gaps: gaps.filter(({ between }) => between[0] < to && between[1] >= from),
  }
}

function blocksIn(days: Days, scope: AuditScope): Stored[] {
  const { where, params } = plan(scope)
  const found: Stored[] = []
  for (const day of days.in(scope)) {
    const rows = day.db.prepare(`SELECT ${columns} FROM blocks WHERE ${where}`).all(...params)
    for (const row of rows) found.push({ ...row, day } as unknown as Stored)
  }
  return found
}

/** Only a block at the edge has to be opened. */
function linesWithin({ day, id, first, last, oldest, newest }: Stored, from: string, to: string) {
  if (oldest >= from && newest < to) return last - first + 1
  const times = docsOf(day, id).map((doc) => doc['@timestamp'])
  return times.filter((time) => time >= from && time < to).length
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
