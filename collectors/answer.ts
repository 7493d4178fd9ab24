/** What was not understood of an answer: where (`$.tasks[3].state`), and what is wrong there. */
export interface Problem {
  path: string
  problem: string
}

/**
 * A part of an answer of somebody else's API, read without trust: nothing throws, what is absent (or null) is
 * undefined, what is of another kind is undefined too and noted. Where several keys are given, the first that is
 * there counts: versions of an API name things differently.
 */
export interface Part {
  readonly path: string
  /** The raw fields; none where it is no object. */
  readonly fields: Record<string, unknown>
  /** Text that is not empty, bounded. */
  text(...keys: string[]): string | undefined
  /** A finite number; integers beyond 2^53 and digits in quotes are numbers, too. */
  number(...keys: string[]): number | undefined
  flag(...keys: string[]): boolean | undefined
  part(...keys: string[]): Part | undefined
  /** The objects of a list; undefined where it is absent. Items of another kind are noted. */
  parts(...keys: string[]): Part[] | undefined
  /** Whether one of the keys has a value. */
  has(...keys: string[]): boolean
  note(problem: string, key?: string): void
}

/** Text from outside is bounded: ids, names, messages. */
const maxText = 4096
/** Of one answer; a hostile one must not fill the memory with complaints. */
const maxProblems = 1000

/** The whole answer as a part; undefined, and noted, where it is no object. */
export function partOf(value: unknown, problems: Problem[], path = '$'): Part | undefined {
  if (isObject(value)) return asPart(value, path, problems)
  note(problems, path, `expected an object, got ${kindOf(value)}`)
  return undefined
}

/** The objects of an answer that is a list. */
export function partsOf(value: unknown, problems: Problem[], path = '$'): Part[] {
  if (!Array.isArray(value)) {
    note(problems, path, `expected a list, got ${kindOf(value)}`)
    return []
  }
  return value.flatMap((item, index) => partOf(item, problems, `${path}[${index}]`) ?? [])
}

function asPart(fields: Record<string, unknown>, path: string, problems: Problem[]): Part {
  /** The first key that has a value, with it. */
  function find(keys: readonly string[]): [key: string, value: unknown] | undefined {
    for (const key of keys) {
      const value = Object.hasOwn(fields, key) ? fields[key] : undefined
      if (value !== undefined && value !== null) return [key, value]
    }
    return undefined
  }

  function read<T>(keys: readonly string[], expected: string, convert: (value: unknown) => T) {
    const found = find(keys)
    if (!found) return undefined
    const converted = convert(found[1])
    if (converted === undefined) {
      note(problems, `${path}.${found[0]}`, `expected ${expected}, got ${kindOf(found[1])}`)
    }
    return converted
  }

  return {
    path,
    fields,
    text(...keys) {
      const value = read(keys, 'text', (found) => (typeof found === 'string' ? found : undefined))
      return value ? value.slice(0, maxText).toWellFormed() : undefined
    },
    number: (...keys) => read(keys, 'a number', asNumber),
    flag: (...keys) =>
      read(keys, 'true or false', (found) => (typeof found === 'boolean' ? found : undefined)),
    part(...keys) {
      const found = find(keys)
      return found && partOf(found[1], problems, `${path}.${found[0]}`)
    },
    parts(...keys) {
      const found = find(keys)
      return found && partsOf(found[1], problems, `${path}.${found[0]}`)
    },
    has: (...keys) => find(keys) !== undefined,
    note: (problem, key) => note(problems, key === undefined ? path : `${path}.${key}`, problem),
  }
}

export function note(problems: Problem[], path: string, problem: string): void {
  if (problems.length < maxProblems) problems.push({ path, problem })
}

/** Undefined for what is no finite number. */
export function asNumber(value: unknown): number | undefined {
  if (typeof value === 'bigint') return Number(value)
  const isDigits = typeof value === 'string' && /^-?\d{1,20}$/.test(value)
  const number = isDigits ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The kind of a value, for a sentence. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  return { string: 'text', boolean: 'true or false' }[typeof value as string] ?? 'a number'
}
