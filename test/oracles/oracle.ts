/** One case of an oracle: inputs, and what the named program gave for them. */
export type OracleCase = Record<string, unknown> & { id: string }

/** A file of cases, as the README of the oracles describes it. */
export interface OracleFile extends Record<string, unknown> {
  cases: OracleCase[]
}

/**
 * Feeds the inputs of one case to the product's own code; returns each difference from what the oracle has stored, as a
 * person reads it: where, wanted, got. None: the case is met.
 */
export type Replay = (one: OracleCase, file: OracleFile) => string[]

/** By the file's name without its ending, as `elastalert/frequency`. */
export type Replays = Readonly<Record<string, Replay>>

/** Wanted and got as JSON in one line each, where they differ; keys in any order. */
export function differing(where: string, wanted: unknown, got: unknown): string[] {
  const [one, other] = [render(wanted), render(got)]
  return one === other ? [] : [`${where}: wanted ${one}, got ${other}`]
}

function render(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => sorted(part)) ?? 'nothing'
}

function sorted(part: unknown): unknown {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
  return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
