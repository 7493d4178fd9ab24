import type { Identity } from './identity.ts'
import { countsZero } from './signal-window.ts'
import type { SignalDeclarations, SignalValue, SignalValues } from './signals.ts'
import type { SignalNumbers } from './expression.ts'

/** A group with the value of each signal. */
export interface Joined {
  group: Identity
  signals: SignalNumbers
  lastMs: number
  /** One of the values is assumed (see `SignalValue.unknown`). */
  unknown: boolean
}

/**
 * All groups of the signals. A count or rate of lines or changes that a known group lacks is 0; without a value of any
 * other signal it has no result.
 */
export function* join(
  reads: readonly string[],
  declarations: SignalDeclarations,
  valuesOf: (signal: string) => SignalValues,
): Generator<Joined> {
  const columns = reads.map((name) => ({ name, values: valuesOf(name) }))
  const groups = new Map<string, SignalValue>()
  for (const { values } of columns) for (const [key, value] of values) groups.set(key, value)
  for (const [key, { group }] of groups) {
    const signals: SignalNumbers = {}
    let lastMs = Number.NEGATIVE_INFINITY
    let unknown = false
    for (const { name, values } of columns) {
      const found = values.get(key)
      if (found) lastMs = Math.max(lastMs, found.lastMs)
      else if (!isAssumed(declarations[name])) break
      signals[name] = found?.value ?? 0
      unknown ||= found?.unknown ?? false
    }
    if (Object.keys(signals).length === reads.length) yield { group, signals, lastMs, unknown }
  }
}

function isAssumed(declaration: SignalDeclarations[string] | undefined): boolean {
  return declaration === undefined || countsZero(declaration)
}

/** Signals can be joined only where they are measured by the same fields. Throws where these are not. */
export function checkGroups(reads: readonly string[], signals: SignalDeclarations): void {
  const groupings = reads.map((name) => (signals[name]?.by ?? []).toSorted().join(', '))
  const differing = groupings.findIndex((by) => by !== groupings[0])
  if (differing < 0) return
  throw new Error(
    `cannot join ${reads[0]} (by ${groupings[0]}) with ${reads[differing]} (by ${groupings[differing]}): ` +
      'measure both by the same fields',
  )
}
