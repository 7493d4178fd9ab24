import { matchService } from '../pipeline/identity.ts'
import { misuse } from './report.ts'

/** The one of the services that a person names; undefined where none is. Throws Trouble where several can be meant. */
export function meantService(
  name: string,
  known: readonly (string | undefined)[],
): string | undefined {
  const services = new Set(known.filter((one) => one !== undefined))
  const matches = matchService(name, [...services])
  if (matches.length < 2) return matches[0]
  const listed = matches
    .toSorted((a, b) => (a < b ? -1 : 1))
    .slice(0, 20)
    .join(', ')
  const message = `"${name.slice(0, 60)}" can mean ${matches.length} services`
  throw misuse(message, `give one of them in full: ${listed}`)
}
