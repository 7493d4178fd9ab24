import { pause, type Clock } from '../../pipeline/clock.ts'
import { explain } from '../../pipeline/errors.ts'
import { unresolvedService, type Identity } from '../../pipeline/identity.ts'
import { within } from '../../pipeline/within.ts'

export interface SearchOptions {
  clock: Clock
  signal: AbortSignal
  /** Until when to look again, ms. */
  until: number
}

export interface Search<T> {
  /** Asks once. */
  ask: () => Promise<T[]>
  /** Whether this is all that is to be expected. */
  isEnough: (found: T[]) => boolean
  /** What is asked for: `the lines`. */
  what: string
}

/** Asks until there is enough, or the time is over; then takes what there is. Never throws: `missing` tells why. */
export async function searchUntil<T>(
  { ask, isEnough, what }: Search<T>,
  { clock, signal, until }: SearchOptions,
): Promise<{ found: T[]; missing: string | undefined }> {
  let found: T[] = []
  for (;;) {
    let missing: string | undefined
    try {
      found = await within(ask(), Math.max(1000, until - clock.now()), signal)
      if (isEnough(found)) return { found, missing }
    } catch (error) {
      missing = `${what} could not be searched: ${explain(error)}`
    }
    if (clock.now() >= until || signal.aborted) {
      return { found, missing: found.length > 0 ? undefined : missing }
    }
    await pause(250, signal)
  }
}

/** Once, and only to add to the rest. Never throws. */
export async function searchOnce<T>(
  ask: () => Promise<T[]>,
  { signal }: Pick<SearchOptions, 'signal'>,
): Promise<T[]> {
  try {
    return await within(ask(), 2000, signal)
  } catch {
    return []
  }
}

/** A query for all of these. */
export function allOf(parts: readonly string[]): string {
  const given = parts.filter((part) => part !== '')
  return given.length > 1 ? given.map((part) => `(${part})`).join(' AND ') : (given[0] ?? '')
}

/** The group's fields beside the service. */
export function restrictions(group: Identity): string[] {
  const parts: string[] = []
  for (const [name, value] of Object.entries(group)) {
    if (name !== 'service' && typeof value === 'string') parts.push(fieldIs(name, value))
  }
  return parts
}

export function fieldIs(name: string, value: string): string {
  return `${name}:"${value.replace(/["\\]/g, '\\$&')}"`
}

/** As samples and changes are chosen by service: what has none counts for a name that no document has. */
export function servicesOf({ service }: Identity): { services?: string[] } {
  return service === undefined || service === unresolvedService ? {} : { services: [service] }
}

export function distinct(docs: readonly Record<string, unknown>[], field: string): string[] {
  const values = docs.map((doc) => doc[field]).filter((value) => typeof value === 'string')
  return [...new Set(values)].toSorted()
}
