import { createHash } from 'node:crypto'
import { Trouble } from '../errors.ts'
import type { Clock } from '../clock.ts'
import type { Elasticsearch } from './elasticsearch-client.ts'
import {
  checkDays,
  declaredRetention,
  defaultRetention,
  eventClasses,
  retentionName,
  type EventClass,
  type FirstDays,
} from './retention.ts'

/**
 * Indices are plain ones: named by class, retention class and the event's own UTC day, so that the same event always meets
 * its own earlier copy; each class has an alias without the rest.
 *
 * @example mesoscope-logs-default-2026.11.26, under the alias mesoscope-logs
 */
export interface Indices {
  prefix: string
  /** The alias of all indices of a class. */
  all(eventClass: EventClass): string
  /** Of a day as `2026-11-26`. One of a retention that is not declared goes where those of none go. */
  of(eventClass: EventClass, day: string, retention?: unknown): string
  /** Where else documents of that class and day may stand, because they had another retention before. */
  besides(index: string, eventClass: EventClass, day: string): string[]
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

/** `retentions`: those that are declared beside the default. */
export function openIndices(
  prefix: string,
  bounds: DayBounds,
  retentions: readonly string[] = [],
): Indices {
  const declared = new Set([defaultRetention, ...retentions])
  const odd = retentions.find((one) => !retentionName.test(one))
  if (odd !== undefined)
    throw new Trouble(`${JSON.stringify(odd)} cannot be part of an index's name`)
  if (!/^[a-z][a-z0-9_]{0,60}$/.test(prefix)) {
    throw new Trouble(`${JSON.stringify(prefix)} cannot begin the names of indices`, {
      remedy: 'use small letters, digits and _',
    })
  }
  const nameOf = (eventClass: EventClass, retention: string, day: string) =>
    `${prefix}-${eventClass}-${retention}-${day.replaceAll('-', '.')}`
  return {
    prefix,
    clock: bounds.clock,
    all: (eventClass) => `${prefix}-${eventClass}`,
    of: (eventClass, day, retention) =>
      nameOf(eventClass, declaredRetention(retention, declared), day),
    besides: (index, eventClass, day) =>
      [...declared].map((one) => nameOf(eventClass, one, day)).filter((one) => one !== index),
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

/** Deletes whole indices that are older than they are kept; the days they were of, ascending. */
export async function retain(
  es: Elasticsearch,
  { prefix }: Indices,
  firstDays: FirstDays,
): Promise<string[]> {
  checkDays(firstDays)
  const declared = new Set(Object.keys(firstDays))
  const ours = new RegExp(
    `^${prefix}-(${eventClasses.join('|')})-([a-z0-9_]+)-(\\d{4}\\.\\d\\d\\.\\d\\d)$`,
  )
  const there = await es.ask<Record<string, unknown>>({
    method: 'GET',
    path: `/${prefix}-*/_alias`,
    query: { expand_wildcards: 'all' },
    allow: [404],
  })
  const old = Object.keys(there).flatMap((index) => {
    const [, eventClass, retention, dotted = ''] = ours.exec(index) ?? []
    const day = dotted.replaceAll('.', '-')
    const days = firstDays[declaredRetention(retention, declared)]
    return days && day !== '' && day < days[eventClass as EventClass] ? [{ index, day }] : []
  })
  for (const { index } of old) {
    await es.ask({ method: 'DELETE', path: `/${index}`, allow: [404] })
  }
  return [...new Set(old.map(({ day }) => day))].toSorted()
}
