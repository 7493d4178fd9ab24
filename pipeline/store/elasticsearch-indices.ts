import { createHash } from 'node:crypto'
import { Trouble } from '../errors.ts'
import type { Clock } from '../clock.ts'
import type { Elasticsearch } from './elasticsearch-client.ts'

/**
 * Indices are plain ones: named by class, retention class and the event's own UTC day, so that the same event always meets
 * its own earlier copy; each class has an alias without the rest.
 *
 * @example mesoscope-logs-default-2026.11.26, under the alias mesoscope-logs
 */
export const indexClasses = [
  'logs',
  'metrics',
  'signals',
  'changes',
  'alerts',
  'decisions',
  'dead',
] as const
export type IndexClass = (typeof indexClasses)[number]

/** The only one so far; the name has its place so that others can come beside it. */
const retentionClass = 'default'

export interface Indices {
  prefix: string
  /** The alias of all indices of a class. */
  all(indexClass: IndexClass): string
  /** Of a day as `2026-11-26`. */
  of(indexClass: IndexClass, day: string): string
  clock: Clock
  /** Why events of this day are not taken; undefined if they are. */
  refusal(day: string): string | undefined
}

export interface DayBounds {
  clock: Clock
  /** Each day is an index: events of older ones than so many days, or younger ones, are refused. */
  pastDays: number
  futureDays: number
}

const dayMs = 86_400_000

export function openIndices(prefix: string, bounds: DayBounds): Indices {
  if (!/^[a-z][a-z0-9_]{0,60}$/.test(prefix)) {
    throw new Trouble(`${JSON.stringify(prefix)} cannot begin the names of indices`, {
      remedy: 'use small letters, digits and _',
    })
  }
  return {
    prefix,
    clock: bounds.clock,
    all: (indexClass) => `${prefix}-${indexClass}`,
    of: (indexClass, day) =>
      `${prefix}-${indexClass}-${retentionClass}-${day.replaceAll('-', '.')}`,
    refusal(day) {
      const ms = Date.parse(`${day}T00:00:00Z`)
      if (Number.isNaN(ms)) return `no event's day: ${day}`
      const daysAgo = (bounds.clock.now() - ms) / dayMs
      if (daysAgo > bounds.pastDays + 1) return `older than ${bounds.pastDays} days: ${day}`
      return daysAgo < -bounds.futureDays ? `in the future: ${day}` : undefined
    },
  }
}

/** Elasticsearch takes no longer ones (bytes). */
const maxIdBytes = 512

/** The `_id` of an event. */
export function documentId(id: string): string {
  if (Buffer.byteLength(id) <= maxIdBytes) return id
  return `sha256:${createHash('sha256').update(id).digest('hex')}`
}

/** Deletes the indices of all classes of days before `firstDay`, whole; the days deleted, ascending. */
export async function retain(
  es: Elasticsearch,
  { prefix }: Indices,
  firstDay: string,
): Promise<string[]> {
  if (!/^\d{4}-\d\d-\d\d$/.test(firstDay)) throw new Trouble(`not a day: ${firstDay}`)
  const ours = new RegExp(
    `^${prefix}-(?:${indexClasses.join('|')})-[a-z0-9_]+-(\\d{4}\\.\\d\\d\\.\\d\\d)$`,
  )
  const there = await es.ask<Record<string, unknown>>({
    method: 'GET',
    path: `/${prefix}-*/_alias`,
    query: { expand_wildcards: 'all' },
    allow: [404],
  })
  const old = Object.keys(there).flatMap((index) => {
    const day = ours.exec(index)?.[1]?.replaceAll('.', '-')
    return day !== undefined && day < firstDay ? [{ index, day }] : []
  })
  for (const { index } of old) {
    await es.ask({ method: 'DELETE', path: `/${index}`, allow: [404] })
  }
  return [...new Set(old.map(({ day }) => day))].toSorted()
}
