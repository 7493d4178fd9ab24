import { keyOf, lookup, sameValue, type Emit, type Kind, type KindEvent } from './kind.ts'

/** Matches every event. */
export function any(_parameters: object, _state: object, emit: Emit): Kind {
  return matching(() => true, emit)
}

export interface ListParameters {
  compare_key: string
}

/** Matches events whose value is on the list. */
export function blacklist(
  { compare_key, blacklist: list }: ListParameters & { blacklist: readonly string[] },
  _state: object,
  emit: Emit,
): Kind {
  const listed = new Set<unknown>(list)
  return matching(({ fields }) => listed.has(lookup(fields, compare_key)), emit)
}

/** Matches events whose value is not on the list; those without one, unless `ignore_null`. */
export function whitelist(
  {
    compare_key,
    whitelist: list,
    ignore_null,
  }: ListParameters & { whitelist: readonly string[]; ignore_null: boolean },
  _state: object,
  emit: Emit,
): Kind {
  const listed = new Set<unknown>(list)
  return matching(({ fields }) => {
    const value = lookup(fields, compare_key)
    return value === undefined ? !ignore_null : !listed.has(value)
  }, emit)
}

function matching(isMatch: (event: KindEvent) => boolean, emit: Emit): Kind {
  return {
    add(events) {
      for (const event of events) if (isMatch(event)) emit({ ...event, added: {} })
    },
  }
}

export interface ChangeParameters {
  query_key: string
  compound_compare_key: readonly string[]
  ignore_null: boolean
  /** ms: only a change from what was told at most so long ago matches. */
  timeframe?: number | undefined
}

export interface ChangeState {
  /** By group: the last values, and when they were told, ms. */
  last: Record<string, { values: unknown[]; ms: number }>
}

/** Matches when one of the compared fields of a group is another than in its event before. */
export function change(
  { query_key, compound_compare_key, ignore_null, timeframe }: ChangeParameters,
  { last }: ChangeState,
  emit: Emit,
): Kind {
  const isNothing = (value: unknown) => typeof value !== 'boolean' && isFalsy(value)
  return {
    add(events) {
      for (const { ms, fields } of events) {
        const values = compound_compare_key.map((name) => lookup(fields, name) ?? null)
        if (ignore_null && values.some(isNothing)) continue
        const key = keyOf(lookup(fields, query_key))
        const before = last[key]
        last[key] = { values, ms }
        if (!before || sameValue(before.values, values)) continue
        if (timeframe !== undefined && ms - before.ms > timeframe) continue
        emit({ ms, fields, added: { old_value: before.values, new_value: values } })
      }
    },
  }
}

/** As Python has it: nothing, zero, and what is empty. */
export function isFalsy(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) {
    return true
  }
  return typeof value === 'object' && Object.keys(value).length === 0
}
