import { msToIso, type LogDoc } from '../event.ts'
import { docsOf, readBody, type Day, type Days } from './sqlite-days.ts'
import {
  compare,
  compareText,
  docOf,
  linesOf,
  type Block,
  type Hit,
  type Key,
} from './sqlite-plan.ts'

/** Of a container the lines of both streams are shown, in the order of time. */
export function context(
  days: Days,
  id: string,
  before: number,
  after: number,
): LogDoc[] | undefined {
  const source = sourceOf(id)
  const time = timeOfId(id)
  // A clamped time is not that of the id: then every block of the source is looked at.
  const line = (time && find(days, id, source, time)) || find(days, id, source)
  if (!line) return undefined
  const stem = source.replace(/:[oe]$/, '')
  const sources = stem === source ? [source] : [`${stem}:o`, `${stem}:e`]
  const key = { time: line['@timestamp'], source, sequence: line['event.sequence'], id }
  const side = (order: 'asc' | 'desc', limit: number) =>
    neighbours(days, sources, key, order, limit).map(docOf)
  return [...side('desc', before).toReversed(), line, ...side('asc', after)]
}

/** An id is `<source>:<a>:<b>`. */
function sourceOf(id: string): string {
  return id.split(':').slice(0, -2).join(':')
}

/** Ids of containers hold the time in ns; those of files an offset. */
function timeOfId(id: string): string | undefined {
  const ns = id.split(':').at(-2) ?? ''
  if (id.startsWith('file:') || !/^\d{19}$/.test(ns)) return undefined
  return `${msToIso(Number(ns.slice(0, 13))).slice(0, 23)}${ns.slice(13)}Z`
}

function find(days: Days, id: string, source: string, time?: string): LogDoc | undefined {
  const needle = `"event.id":${JSON.stringify(id)}`
  for (const day of days.in({}, 'desc')) {
    const blocks = day.db
      .prepare(
        `SELECT id FROM blocks WHERE source = ?${time ? ' AND t_max >= ? AND t_min <= ?' : ''}`,
      )
      .iterate(...(time ? [source, time, time] : [source]))
    for (const block of blocks) {
      if (!readBody(day, block['id'] as number).includes(needle)) continue
      const line = docsOf(day, block['id'] as number).find((doc) => doc['event.id'] === id)
      if (line) return line
    }
  }
  return undefined
}

const everything = {
  where: '1',
  params: [],
  from: '',
  to: '~',
  levels: undefined,
  accept: undefined,
  checkTime: () => {},
}

/** The next lines of the sources in that direction, nearest first. */
function neighbours(
  days: Days,
  sources: string[],
  from: Key,
  order: 'asc' | 'desc',
  limit: number,
): Hit[] {
  const sign = order === 'desc' ? -1 : 1
  const found: Hit[] = []
  for (const day of days.in({}, order)) {
    if (found.length >= limit || sign * compareText(day.name, from.time.slice(0, 10)) < 0) continue
    for (const block of blocksFrom(day, sources, from, order)) {
      const farthest = found[limit - 1]
      if (farthest && sign * compareText(block.edge, farthest.time) > 0) break
      for (const hit of linesOf(day, block, everything)) {
        if (sign * compare(hit, from) > 0) found.push(hit)
      }
      found.sort((a, b) => sign * compare(a, b))
      found.length = Math.min(found.length, limit)
    }
  }
  return found
}

function blocksFrom({ db }: Day, sources: string[], from: Key, order: 'asc' | 'desc') {
  const edge = order === 'desc' ? 't_max' : 't_min'
  const blocks = db.prepare(
    `SELECT id, source, first, ${edge} AS edge FROM blocks WHERE source IN (${sources.map(() => '?').join()})
     AND ${order === 'desc' ? 't_min <= ?' : 't_max >= ?'} ORDER BY ${edge} ${order}`,
  )
  return blocks.iterate(...sources, from.time) as unknown as Iterable<Block & { edge: string }>
}
