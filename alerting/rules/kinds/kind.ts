/**
 * Rules on single events, as ElastAlert 2 has them: each kind takes what came between two runs, then is told up to when,
 * and gives what matched. Pure, in event time; all that a kind remembers is plain data, so that a restart goes on.
 */
export interface KindEvent {
  /** Event time, ms. */
  ms: number
  /** Fields as they are stored, dotted or nested. */
  fields: Record<string, unknown>
}

/** An event that matched, or what stands for the absence of some, and what the kind adds to it. */
export interface KindMatch extends KindEvent {
  added: Record<string, unknown>
}

/** How many events of one value of `query_key`, counted elsewhere. */
export interface TermCount {
  key: string
  count: number
}

/** What an aggregation gives of one bucket of time and group; `null` where it has no value. */
export interface Aggregate {
  ms: number
  /** Values of `query_key`, one for each of its parts; none where it has none. */
  keys: readonly string[]
  value: number | null
}

/** Of a group: how many events matched, of how many. */
export interface Share {
  ms: number
  keys: readonly string[]
  matching: number
  others: number
}

export type Emit = (match: KindMatch) => void

/** Of each kind what it understands; the rest does not concern it. */
export interface Kind {
  /** Events that came in one run, in the order in which they were found. */
  add?(events: readonly KindEvent[]): void
  /** So many events came up to `ms`, of all groups together. */
  addCount?(ms: number, count: number): void
  addTerms?(ms: number, terms: readonly TermCount[]): void
  addAggregate?(aggregate: Aggregate): void
  addShare?(share: Share): void
  /** Everything before `ms` has been given. */
  collect?(ms: number): void
}

/** The value of a field by its dotted name, whole or nested; undefined where there is none. */
export function lookup(fields: Record<string, unknown>, name: string): unknown {
  if (Object.hasOwn(fields, name)) return fields[name] ?? undefined
  let at = name.indexOf('.')
  for (; at > 0; at = name.indexOf('.', at + 1)) {
    const inner = Object.hasOwn(fields, name.slice(0, at)) ? fields[name.slice(0, at)] : undefined
    if (typeof inner !== 'object' || inner === null) continue
    return lookup(inner as Record<string, unknown>, name.slice(at + 1))
  }
  return undefined
}

/** By which a group of events is kept: each value has its own, and none is a name that objects have of themselves. */
export function keyOf(value: unknown): string {
  return typeof value === 'string' ? `=${value}` : `:${JSON.stringify(value) ?? ''}`
}

/** The inverse of {@link keyOf}. */
export function valueOfKey(key: string): unknown {
  if (key.startsWith('=')) return key.slice(1)
  if (!key.startsWith(':')) return key
  return key.length === 1 ? undefined : (JSON.parse(key.slice(1)) as unknown)
}

/** The group of events of a rule without `query_key`. */
export const allKey = 'all'

export const sameValue = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
