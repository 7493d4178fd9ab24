import { quoted, type Path } from './faults.ts'
import type { Place } from './tree.ts'

/**
 * `base` with `over` laid on it: mappings key by key, lists added, anything else replaced. A section of `base` that
 * is of another kind stays as it is, so that its fault is told. `mark` is told where each new value stands.
 */
export function overlay(
  base: unknown,
  over: unknown,
  path: Path,
  mark: (path: Path, place: Place) => void,
): unknown {
  if (over === undefined) return base
  if (Array.isArray(over)) return longer(base, over, path, mark)
  if (isMapping(over)) return merged(base, over, path, mark)
  mark(path, { written: typeof over === 'string' ? quoted(over) : JSON.stringify(over) })
  return over
}

type Mark = Parameters<typeof overlay>[3]

function longer(base: unknown, over: unknown[], path: Path, mark: Mark): unknown {
  if (base !== undefined && !Array.isArray(base)) return base
  const before = (base as unknown[] | undefined) ?? []
  const added = over.map((item, i) => overlay(undefined, item, [...path, before.length + i], mark))
  return [...before, ...added]
}

function merged(base: unknown, over: Record<string, unknown>, path: Path, mark: Mark): unknown {
  if (base !== undefined && !isMapping(base)) return base
  if (base === undefined) mark(path, {})
  const result: Record<string, unknown> = { ...base }
  for (const [name, value] of Object.entries(over)) {
    const laid = overlay(result[name], value, [...path, name], mark)
    if (laid !== undefined) result[name] = laid
  }
  return result
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
