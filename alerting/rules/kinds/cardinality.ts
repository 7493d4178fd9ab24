import { groupOf } from './frequency.ts'
import { keyOf, lookup, valueOfKey, type Emit, type Kind, type KindEvent } from './kind.ts'

export interface CardinalityParameters {
  cardinality_field: string
  /** ms */
  timeframe: number
  max_cardinality?: number | undefined
  min_cardinality?: number | undefined
  query_key?: string | undefined
}

export interface CardinalityState {
  /** By group: each value and when it was seen last, ms. */
  seen: Record<string, Record<string, number>>
  /** By group: from when on a whole timeframe must have passed for too few, ms. */
  since: Record<string, number>
}

/** Matches when more than `max_cardinality` values were seen within `timeframe`, or after that time fewer than `min_cardinality`. */
export function cardinality(
  parameters: CardinalityParameters,
  { seen, since }: CardinalityState,
  emit: Emit,
): Kind {
  const { cardinality_field, timeframe, query_key } = parameters
  const { max_cardinality = Infinity, min_cardinality = -Infinity } = parameters

  /** Values by group: to count the keys of an object takes as long as there are many. */
  const sizes = new Map(
    Object.entries(seen).map(([key, values]) => [key, Object.keys(values).length]),
  )

  function isOut(key: string, ms: number): boolean {
    const count = sizes.get(key) ?? 0
    const isLong = ms - (since[key] ?? ms) > timeframe
    return count > max_cardinality || (count < min_cardinality && isLong)
  }

  function check(key: string, { ms, fields }: KindEvent): void {
    if (!isOut(key, ms)) return
    delete since[key]
    emit({ ms, fields, added: {} })
  }

  function expire(key: string, values: Record<string, number>, now: number): void {
    for (const [value, ms] of Object.entries(values)) {
      if (now - ms <= timeframe) continue
      delete values[value]
      sizes.set(key, (sizes.get(key) ?? 0) - 1)
    }
  }

  function collect(now: number): void {
    for (const [key, values] of Object.entries(seen)) {
      expire(key, values, now)
      if (parameters.min_cardinality === undefined) continue
      const fields = query_key === undefined ? {} : { [query_key]: valueOfKey(key) }
      check(key, { ms: now, fields })
    }
  }

  return {
    add(events) {
      for (const event of events) {
        const { ms, fields } = event
        const key = groupOf(fields, query_key)
        const values = (seen[key] ??= {})
        since[key] ??= ms
        const value = lookup(fields, cardinality_field)
        if (value === undefined) continue
        const text = keyOf(value)
        if (!Object.hasOwn(values, text)) sizes.set(key, (sizes.get(key) ?? 0) + 1)
        values[text] = ms
        if (!isOut(key, ms)) continue
        // What is too old is only taken out where it makes a difference: in other groups where these may have too few.
        if (parameters.min_cardinality === undefined) expire(key, values, ms)
        else collect(ms)
        check(key, event)
      }
    },
    collect,
  }
}
