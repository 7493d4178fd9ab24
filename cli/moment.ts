import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../config/units.ts'

/**
 * ms since the epoch of what a person means by a time: so long ago (`15m`), ISO with a zone
 * (`2026-11-22T18:25:51Z`), or without one the local time (`2026-11-22 18:25`, `2026-11-22`).
 */
export function parseMoment(text: string, nowMs: number): number {
  const ago = text === 'now' ? 0 : parseDuration(text)
  if (ago !== undefined) return Math.max(0, nowMs - ago)
  const match =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?)?$/.exec(text)
  // Date.parse takes a date alone as UTC, but one with a time as local: make both local.
  const ms = match ? Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? ''}`) : Number.NaN
  if (ms >= 0) return ms
  throw new InvalidArgumentError(
    `"${text.slice(0, 40)}" is no time; write 15m (ago), 2026-11-22T18:25:51Z or "2026-11-22 18:25"`,
  )
}

/** A time for people: `2026-11-22 18:25:51.633`, local, or with `Z` in UTC. */
export function formatMoment(ms: number, utc: boolean): string {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return '(no time)'
  if (utc) return date.toISOString().replace('T', ' ')
  const two = (part: number) => String(part).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
