import { Trouble } from '../errors.ts'
import { isoToMs, levels, type Level } from '../event.ts'
import { scanLines } from '../record.ts'
import { readBody, type Day, type Days } from './sqlite-days.ts'
import { plan, type Plan } from './sqlite-plan.ts'
import type { Histogram, LogQuery, ServiceSummary, TimeRange } from './store.ts'

type Levels = Partial<Record<Level, number>>
type Row = Record<string, unknown>

/** Blocks that lie within one bucket and match as a whole are counted by their columns, others are opened. */
export function histogram(days: Days, query: LogQuery, bucketMs: number): Histogram {
  if (!Number.isFinite(bucketMs) || bucketMs <= 0) {
    throw new Trouble(`cannot count by buckets of ${bucketMs} ms`, {
      remedy: 'give a length above 0',
    })
  }
  const asked = plan(query)
  const startOf = (iso: string) => Math.floor(isoToMs(iso) / bucketMs) * bucketMs
  const buckets = new Map<number, Levels>()
  let total = 0
  const count = (iso: string, level: Level, n: number) => {
    const start = startOf(iso)
    const counts = buckets.get(start) ?? {}
    buckets.set(start, counts)
    counts[level] = (counts[level] ?? 0) + n
    total += n
  }
  for (const { day, block } of blocksOf(days, query, asked)) {
    const [first, last] = [block['t_min'] as string, block['t_max'] as string]
    if (isWhole(block, asked) && startOf(first) === startOf(last)) countBlock(block, asked, count)
    else countLines(day, block['id'] as number, asked, count)
  }
  return {
    bucketMs,
    buckets: [...buckets]
      .toSorted(([a], [b]) => a - b)
      .map(([from, counts]) => ({ from, levels: counts })),
    total,
  }
}

type Count = (iso: string, level: Level, n: number) => void

function* blocksOf(
  days: Days,
  range: TimeRange,
  { where, params }: Plan,
): Generator<{ day: Day; block: Row }> {
  for (const day of days.in(range)) {
    const blocks = day.db.prepare(`SELECT * FROM blocks WHERE ${where}`)
    for (const block of blocks.iterate(...params)) yield { day, block }
  }
}

/** True if every line of the block is wanted, but for its level. */
function isWhole(block: Row, { from, to, accept }: Plan): boolean {
  return !accept && (block['t_min'] as string) >= from && (block['t_max'] as string) < to
}

/** All of the block at the time of its newest line. */
function countBlock(block: Row, { levels: wanted }: Plan, count: Count): void {
  for (const level of levels) {
    const n = block[level] as number
    if (n > 0 && (!wanted || wanted.has(level))) count(block['t_max'] as string, level, n)
  }
}

function countLines(
  day: Day,
  id: number,
  { from, to, levels: wanted, accept, checkTime }: Plan,
  count: Count,
): void {
  checkTime()
  for (const { line, time, level } of scanLines(readBody(day, id))) {
    if (time < from || time >= to || (wanted && !wanted.has(level))) continue
    if (!accept || accept(line)) count(time, level, 1)
  }
}

const maxListedTasks = 100

interface Heard {
  lines: number
  levels: Levels
  /** Time of the newest line. */
  last: string
  /** Likewise of each task. */
  tasks: Map<string, string>
}

export function services(days: Days, range: TimeRange): ServiceSummary[] {
  const asked = plan(range)
  const found = new Map<string, Heard>()
  for (const { day, block } of blocksOf(days, range, asked)) {
    const heard: Heard = { lines: 0, levels: {}, last: '', tasks: new Map() }
    const count: Count = (iso, level, n) => {
      heard.lines += n
      heard.levels[level] = (heard.levels[level] ?? 0) + n
      if (iso > heard.last) heard.last = iso
    }
    if (isWhole(block, asked)) countBlock(block, asked, count)
    else countLines(day, block['id'] as number, asked, count)
    if (heard.lines === 0) continue
    const task = block['task'] as string
    if (task) heard.tasks.set(task, heard.last)
    const service = block['service'] as string
    found.set(service, merge(found.get(service), heard))
  }
  return [...found]
    .map(([service, heard]) => summary(service, heard))
    .toSorted((a, b) => b.lastMs - a.lastMs || (a.service < b.service ? -1 : 1))
}

function merge(known: Heard | undefined, { lines, levels: counts, last, tasks }: Heard): Heard {
  if (!known) return { lines, levels: counts, last, tasks }
  known.lines += lines
  for (const level of levels) {
    const n = counts[level]
    if (n) known.levels[level] = (known.levels[level] ?? 0) + n
  }
  if (last > known.last) known.last = last
  for (const [task, time] of tasks) {
    if ((known.tasks.get(task) ?? '') < time) known.tasks.set(task, time)
  }
  return known
}

function summary(service: string, { lines, levels: counts, last, tasks }: Heard): ServiceSummary {
  const newestFirst = [...tasks].toSorted(([, a], [, b]) => (a < b ? 1 : -1))
  return {
    service,
    lines,
    levels: counts,
    tasks: newestFirst.slice(0, maxListedTasks).map(([task]) => task),
    taskCount: tasks.size,
    lastMs: isoToMs(last),
  }
}
