import type { Fault, Path } from './faults.ts'

/** A rule of the settings that cannot be used, with what is wrong with it, each with file and line. */
export interface BadRule {
  /** As far as it tells: then its alerts are kept as they are, not resolved. */
  alert?: string
  labels: Record<string, string>
  faults: string[]
}

/** Where a fault stands that concerns one rule, or one signal, and nothing else. */
export function placeOf({ path }: Pick<Fault, 'path'>): Path | undefined {
  const [section, item] = path
  if (section === 'alerts' && typeof item === 'number') return ['alerts', item]
  return section === 'signals' && typeof item === 'string' ? ['signals', item] : undefined
}

/** What a rule that cannot be used says of itself. */
export function nameOf(written: unknown): Pick<BadRule, 'alert' | 'labels'> {
  const { alert, labels } = (written ?? {}) as Record<string, unknown>
  const isMapping = typeof labels === 'object' && labels !== null && !Array.isArray(labels)
  const texts = Object.entries(isMapping ? labels : {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return {
    ...(typeof alert === 'string' && alert !== '' ? { alert } : {}),
    labels: Object.fromEntries(texts),
  }
}
