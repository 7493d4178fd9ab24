import type { Problem } from '../../collectors/answer.ts'
import type { Identity } from '../../pipeline/identity.ts'

/** What the program understood of one answer, stream or log. */
export interface Understood {
  /** How many of what, in the order in which it is told: `{ tasks: 9, statuses: 21 }`. */
  counts: Record<string, number>
  /** What it did not understand, as it names it. */
  problems: readonly Problem[]
  /** In words, where there is nothing to count: `a redirect to //10.0.0.1:5050/state`. */
  words?: string
  /** Of the services, tasks and containers that are told of there, as far as this answer alone tells. */
  identities?: readonly Identity[]
  /** Of things that are left out one by one: how many there were, and how many were read. */
  listed?: { there: number; read: number }
}

/** A kind of answer: by its shape, and what the collectors read of it. */
export interface Kind {
  fits(value: unknown): boolean
  read(value: unknown): Understood
}

/** Undefined where the value is of a kind that nobody reads. */
export function readAs(kinds: readonly Kind[], value: unknown): Understood | undefined {
  return kinds.find((kind) => kind.fits(value))?.read(value)
}

/** Several answers as one. */
export function together(all: readonly Understood[]): Understood {
  const counts: Record<string, number> = {}
  const listed = { there: 0, read: 0 }
  for (const one of all) {
    for (const [name, count] of Object.entries(one.counts))
      counts[name] = (counts[name] ?? 0) + count
    listed.there += one.listed?.there ?? 0
    listed.read += one.listed?.read ?? 0
  }
  const words = [...new Set(all.flatMap((one) => one.words ?? []))]
  return {
    counts,
    problems: all.flatMap(({ problems }) => problems),
    identities: all.flatMap(({ identities = [] }) => identities),
    listed,
    ...(words.length > 0 ? { words: words.slice(0, 3).join('; ') } : {}),
  }
}

/** Why it does not pass; undefined if it does. An empty list that is understood passes. */
export function failureOf({ counts, problems, words, listed }: Understood): string | undefined {
  const numbers = Object.values(counts)
  const isNothing = numbers.every((count) => count === 0) && words === undefined
  if (isNothing && problems.length > 0) return 'nothing was understood'
  if (isNothing && numbers.length === 0) return 'nothing was understood'
  const dropped = listed ? listed.there - listed.read : 0
  if (dropped > problems.length) return `${dropped} were dropped, ${problems.length} of them named`
  return undefined
}

export function sentenceOf({ counts, problems, words }: Understood): string {
  const told = Object.entries(counts).map(([name, count]) => `${count} ${nounOf(name, count)}`)
  const named = problems.slice(0, 3).map(({ path, problem }) => `${path}: ${problem}`)
  const more = problems.length > 3 ? ` and ${problems.length - 3} more` : ''
  return [
    ...told,
    ...(words === undefined ? [] : [words]),
    ...(named.length > 0 ? [`not understood: ${named.join('; ')}${more}`] : []),
  ].join(', ')
}

const singular: Record<string, string> = {
  series: 'series',
  statuses: 'status',
  identities: 'identity',
  'services that wait': 'service that waits',
  'that run': 'that runs',
  'that tell something': 'that tells something',
}

function nounOf(plural: string, count: number): string {
  if (count !== 1) return plural
  return singular[plural] ?? plural.replace(/s\b/, '')
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An object that has all of these keys. */
export function has(value: unknown, ...keys: string[]): value is Record<string, unknown> {
  return isRecord(value) && keys.every((key) => Object.hasOwn(value, key))
}

/** A list that is not empty, of objects of which each (or the first) fits. */
export function isListOf(value: unknown, fits: (item: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.some(fits)
}

/** Items in the lists under these keys. */
export function countIn(value: unknown, ...keys: string[]): number {
  if (!isRecord(value)) return 0
  return keys.reduce((sum, key) => sum + (Array.isArray(value[key]) ? value[key].length : 0), 0)
}
