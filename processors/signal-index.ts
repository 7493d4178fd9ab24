import type { Query, Queryable } from '../pipeline/query.ts'

/** A signal, or a rule: whatever wants the events that a query selects. */
export interface Wanting {
  query: Query
}

/** Far more than a process sees services in an hour; it only bounds the memory that invented names take. */
const maxKnown = 20_000

/**
 * Of many signals those that can want events of an identity: a function that gives, for an event of it (or its identity
 * alone, as ECS fields), what `open` has made of them. That is made once of the signals that ask nothing of an identity,
 * and once an identity of the others, which then ask only what is left.
 */
export function openSignalIndex<Signal extends Wanting, Group>(
  signals: readonly Signal[],
  open: (signals: Signal[]) => Group,
): (event: Queryable) => readonly Group[] {
  const common = open(signals.filter(({ query }) => query.asks.length === 0))
  const asking = signals.filter(({ query }) => query.asks.length > 0)
  if (asking.length === 0) return () => [common]
  const fields = [...new Set(asking.flatMap(({ query }) => query.asks))]
  const { anywhere, byService } = byServiceOf(asking)
  const nothingMore = [common]
  const known = new Map<unknown, readonly Group[]>()

  function groupsOf(event: Queryable): readonly Group[] {
    const likely = [...anywhere, ...(byService.get(String(event['service.name'])) ?? [])]
    const own = likely.flatMap((signal) => {
      const query = signal.query.of(event)
      return query ? [{ ...signal, query }] : []
    })
    return own.length === 0 ? nothingMore : [common, open(own)]
  }

  return (event) => {
    const key = keyOf(event, fields)
    const before = known.get(key)
    if (before) return before
    const groups = groupsOf(event)
    if (known.size >= maxKnown) known.clear()
    known.set(key, groups)
    return groups
  }
}

function keyOf(event: Queryable, fields: readonly string[]): unknown {
  const [only] = fields
  if (fields.length === 1 && only !== undefined) return event[only]
  return JSON.stringify(fields.map((field) => event[field]))
}

function byServiceOf<Signal extends Wanting>(signals: readonly Signal[]) {
  const anywhere: Signal[] = []
  const byService = new Map<string, Signal[]>()
  for (const signal of signals) {
    const { services } = signal.query
    if (!services) anywhere.push(signal)
    for (const service of services ?? []) {
      const those = byService.get(service) ?? []
      byService.set(service, those)
      those.push(signal)
    }
  }
  return { anywhere, byService }
}
