import type { BusRecord } from '../pipeline/bus/bus.ts'
import { isoToNs } from '../pipeline/event.ts'
import { readIdentity } from './identities.ts'
import type { Life, Lives } from './lives.ts'

/*
 * A record of the topic `identity`: an identity as JSON, of a task with `since` and with `earlier`, the lives that its id had
 * before.
 */

/** What a record tells, the newest last; empty for an empty value, which deletes. Throws where it is no identity at all. */
export function readTold({ value }: Pick<BusRecord, 'value'>): Lives {
  if (value.length === 0) return []
  const told: unknown = JSON.parse(Buffer.from(value).toString('utf8'))
  const newest = readLife(told)
  const { earlier } = told as { earlier?: unknown }
  return [...(Array.isArray(earlier) ? earlier : []).map(readLife), newest]
}

function readLife(told: unknown): Life {
  const identity = readIdentity(told)
  const { since } = told as { since?: unknown }
  return isTime(since) ? { identity, since } : { identity }
}

/** Of fixed width, so that times compare as texts. */
function isTime(value: unknown): value is string {
  return typeof value === 'string' && value.length === 30 && isoToNs(value) !== undefined
}

/** The inverse; the same text for the same lives. Empty where there are none. */
export function renderLives(lives: Lives): string {
  const newest = lives.at(-1)
  if (!newest) return ''
  const earlier = lives.slice(0, -1).map(flat)
  return JSON.stringify({ ...flat(newest), ...(earlier.length > 0 ? { earlier } : {}) })
}

/** In the order of the parts, however they came. */
function flat({ identity, since }: Life): Record<string, unknown> {
  return { ...readIdentity(identity), ...(since === undefined ? {} : { since }) }
}
