import { Trouble } from '../errors.ts'
import { openHeap } from './heap.ts'
import { defaultLimit } from './limits.ts'
import type { Day, Days } from './sqlite-days.ts'
import {
  compare,
  compareText,
  docOf,
  linesOf,
  plan,
  type Block,
  type Hit,
  type Key,
  type Plan,
} from './sqlite-plan.ts'
import type { LogPage, LogQuery } from './store.ts'

/**
 * Blocks are opened in the order of their newest (oldest) line, only as far as the page needs: a line is certain to be
 * next when no unopened block can hold one before it.
 */
export function search(days: Days, query: LogQuery): LogPage {
  const { order = 'desc', limit = defaultLimit } = query
  const asked = plan(query)
  const after = query.cursor ? parseCursor(query.cursor) : undefined
  const hits: Hit[] = []
  for (const day of days.in(query, order)) {
    for (const hit of inOrder(day, asked, order, after)) {
      hits.push(hit)
      if (hits.length > limit) return page(hits, limit)
    }
  }
  return page(hits, limit)
}

/** The lines of a day that the plan wants, behind `after`. */
function* inOrder(
  day: Day,
  asked: Plan,
  order: 'asc' | 'desc',
  after: Key | undefined,
): Generator<Hit> {
  const sign = order === 'desc' ? -1 : 1
  const ahead = (a: Key, b: Key) => sign * compare(a, b)
  const waiting = openHeap<Hit>(ahead)
  for (const block of blocksInOrder(day, asked, order, after)) {
    // Lines at the very time of the edge wait as well: the block may hold one of that time.
    for (
      let top = waiting.top();
      top && sign * compareText(top.time, block.edge) < 0;
      top = waiting.top()
    ) {
      yield top
      waiting.pop()
    }
    for (const hit of linesOf(day, block, asked)) {
      if (!after || ahead(after, hit) < 0) waiting.push(hit)
    }
  }
  for (let hit = waiting.pop(); hit; hit = waiting.pop()) yield hit
}

function blocksInOrder(
  { db }: Day,
  { where, params }: Plan,
  order: 'asc' | 'desc',
  after: Key | undefined,
) {
  const edge = order === 'desc' ? 't_max' : 't_min'
  const bound = after ? (order === 'desc' ? ' AND t_min <= ?' : ' AND t_max >= ?') : ''
  const blocks = db.prepare(
    `SELECT id, source, first, ${edge} AS edge FROM blocks WHERE ${where}${bound} ORDER BY ${edge} ${order}`,
  )
  return blocks.iterate(...params, ...(after ? [after.time] : [])) as unknown as Iterable<
    Block & { edge: string }
  >
}

function page(hits: Hit[], limit: number): LogPage {
  const last = hits[limit - 1]
  return {
    hits: hits.slice(0, limit).map(docOf),
    ...(hits.length > limit && last ? { next: formatCursor(last) } : {}),
  }
}

function formatCursor(hit: Hit): string {
  const place = [hit.time, hit.source, hit.sequence, docOf(hit)['event.id']]
  return Buffer.from(JSON.stringify(place)).toString('base64url')
}

/** Throws Trouble: a cursor comes from outside. */
function parseCursor(cursor: string): Key {
  const place = parseJson(Buffer.from(cursor, 'base64url').toString())
  const [time, source, sequence, id] = Array.isArray(place) ? (place as unknown[]) : []
  if (
    typeof time === 'string' &&
    typeof source === 'string' &&
    typeof sequence === 'number' &&
    typeof id === 'string'
  ) {
    return { time, source, sequence, id }
  }
  throw new Trouble('this is no cursor of this store', {
    remedy: 'give "next" of the page before, unchanged',
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
