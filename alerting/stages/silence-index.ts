import { labelOf, type Labels } from './labels.ts'
import type { MatcherText } from './matcher.ts'

interface Indexed {
  matchers: readonly MatcherText[]
}

/** Which silences can mute a label set at all: so that a thousand of them cost no more than those about the same thing. */
export interface SilenceIndex<T extends Indexed> {
  add(one: T): void
  delete(one: T): void
  /** Among them all that match; whether each really does, and is active, remains to be asked. */
  candidates(labels: Labels): T[]
}

/** By one label whose very value a silence demands: by its name, then by the value. Those that demand none are always asked. */
export function createSilenceIndex<T extends Indexed>(): SilenceIndex<T> {
  const byName = new Map<string, Map<string, Set<T>>>()
  const others = new Set<T>()
  return {
    add: (one) => {
      const demanded = demandedBy(one)
      if (!demanded) return void others.add(one)
      const byValue = byName.get(demanded.name) ?? new Map<string, Set<T>>()
      byName.set(demanded.name, byValue)
      const same = byValue.get(demanded.value) ?? new Set()
      byValue.set(demanded.value, same.add(one))
    },
    delete: (one) => {
      others.delete(one)
      const { name = '', value = '' } = demandedBy(one) ?? {}
      const byValue = byName.get(name)
      const same = byValue?.get(value)
      same?.delete(one)
      if (same?.size === 0) byValue?.delete(value)
      if (byValue?.size === 0) byName.delete(name)
    },
    candidates: (labels) => {
      const found = [...others]
      for (const [name, byValue] of byName) {
        for (const one of byValue.get(labelOf(labels, name)) ?? []) found.push(one)
      }
      return found
    },
  }
}

/** The empty value is that of a missing label: too many have it. */
function demandedBy({ matchers }: Indexed) {
  return matchers.find(({ op, value }) => op === '=' && value !== '')
}
