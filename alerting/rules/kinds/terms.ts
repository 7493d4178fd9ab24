import { isFalsy } from './compare.ts'
import { lookup, type Emit, type Kind, type KindEvent } from './kind.ts'

export interface NewTermParameters {
  /** Each a field, or several whose values are one term together. */
  fields: readonly (string | readonly string[])[]
  alert_on_missing_field?: boolean | undefined
}

export interface NewTermState {
  /** By field (several joined by a comma): the terms that are known, as JSON. */
  seen: Record<string, string[]>
}

/** Matches a term of a field that was never seen, once; the state holds those of the past. */
export function newTerm(
  { fields, alert_on_missing_field = false }: NewTermParameters,
  { seen }: NewTermState,
  emit: Emit,
): Kind {
  const known = new Map<string, Set<string>>()
  for (const field of fields) known.set(nameOf(field), new Set(seen[nameOf(field)]))

  function isNew(field: string | readonly string[], term: unknown): boolean {
    const name = nameOf(field)
    const text = JSON.stringify(term)
    const terms = known.get(name)
    if (terms?.has(text)) return false
    terms?.add(text)
    ;(seen[name] ??= []).push(text)
    return true
  }

  /** A later match of an event tells what was found of it before, too. */
  function look({ ms, fields: event }: KindEvent): void {
    let added: Record<string, unknown> = {}
    for (const field of fields) {
      const term = termOf(event, field)
      const isMatch = term === undefined ? alert_on_missing_field : isNew(field, term)
      if (!isMatch) continue
      const name = term === undefined ? 'missing_field' : 'new_field'
      added = { ...added, [name]: typeof field === 'string' ? field : [...field] }
      emit({ ms, fields: event, added })
    }
  }

  return {
    add(events) {
      for (const event of events) look(event)
    },
    addTerms(ms, terms) {
      const [field = ''] = fields
      const name = nameOf(field)
      for (const { key, count } of terms) {
        if (count === 0 || !isNew(field, key)) continue
        emit({ ms, fields: { [name]: key }, added: { new_field: name } })
      }
    },
  }
}

export const nameOf = (field: string | readonly string[]) =>
  typeof field === 'string' ? field : field.join(',')

/** Undefined where it, or a part of it, is missing or empty. */
function termOf(fields: Record<string, unknown>, field: string | readonly string[]): unknown {
  if (typeof field === 'string') {
    const value = lookup(fields, field)
    return isFalsy(value) ? undefined : value
  }
  const values = field.map((name) => lookup(fields, name))
  return values.some(isFalsy) ? undefined : values
}
