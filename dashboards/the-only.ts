import { refusal } from './params.ts'

/** The one service that a name means. `missing`: what is refused where it means none. */
export function theOnly(
  name: string,
  matches: readonly string[],
  missing: (shown: string) => Error,
): string {
  const [first, ...others] = matches
  const shown = name.slice(0, 100)
  if (first === undefined) throw missing(shown)
  if (others.length === 0) return first
  const listed = matches.toSorted()
  const remedy = `give one of them in full: ${listed.slice(0, 20).join(', ')}`
  throw refusal(300, `"${shown}" can mean ${matches.length} services`, remedy, { matches: listed })
}
