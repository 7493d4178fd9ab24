/** What Alertmanager's API lets one ask for, out of the query of a request. */
import { RE2JS } from 're2js'
import { explain } from '../../pipeline/errors.ts'
import type {
  DeskAlert,
  DeskLabels,
  DeskMatcher,
  DeskSilence,
  ParseMatcher,
  ReadMatcher,
} from '../../pipeline/notification-desk.ts'
import { wireRefusal } from './refusal.ts'

/** The values of one parameter, in their order; as the router gives the query. */
export type Query = Readonly<Record<string, string | string[] | undefined>>

const maxFilters = 100

function valuesOf(query: Query, name: string): string[] {
  const values = [query[name] ?? []].flat()
  if (values.length > maxFilters) throw wireRefusal(400, `more than ${maxFilters} times ${name}`)
  return values
}

const yes = new Set(['true', '1', 'yes', 'ok', 'y', 'on', 'selected', 'checked', 't', 'enabled'])

/** A flag that is set unless something else is said; of several the last counts. */
export function flagOf(query: Query, name: string): boolean {
  const last = valuesOf(query, name).at(-1) ?? ''
  return last === '' || yes.has(last.toLowerCase())
}

/** The matchers of a parameter that may be repeated. Throws a refusal that begins with `prefix`. */
function matchersOf(query: Query, name: string, parse: ParseMatcher, prefix = ''): ReadMatcher[] {
  return valuesOf(query, name).map((text) => {
    try {
      return parse(text)
    } catch (error) {
      throw wireRefusal(400, `${prefix}${explain(error)}`)
    }
  })
}

export function matchesAll(matchers: readonly ReadMatcher[], labels: DeskLabels): boolean {
  return matchers.every(({ name, test }) => test(labelOf(labels, name)))
}

function labelOf(labels: DeskLabels, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? '') : ''
}

/** Whether a receiver is asked for: by `receiver`, a regular expression of its whole name, and by `receiver_matchers`. */
export function receiverFilter(query: Query, parse: ParseMatcher): (name: string) => boolean {
  const prefix = 'failed to parse receiver_matchers param: '
  const matchers = matchersOf(query, 'receiver_matchers', parse, prefix)
  const pattern = receiverPattern(valuesOf(query, 'receiver').at(-1) ?? '')
  return (name) => pattern(name) && matchesAll(matchers, receiverLabels(name))
}

/** The one label that a receiver always has. */
export function receiverLabels(name: string): DeskLabels {
  return { name }
}

function receiverPattern(text: string): (name: string) => boolean {
  if (text === '') return () => true
  try {
    const pattern = RE2JS.compile(`^(?:${text})$`)
    return (name) => pattern.test(name)
  } catch (error) {
    throw wireRefusal(400, `failed to parse receiver param: ${explain(error)}`)
  }
}

/** Whether an alert is asked for: by `filter` and by its state; one that only a time interval mutes is active. */
export function alertFilter(query: Query, parse: ParseMatcher): (alert: DeskAlert) => boolean {
  const matchers = matchersOf(query, 'filter', parse)
  const [active, silenced, inhibited, unprocessed] = [
    flagOf(query, 'active'),
    flagOf(query, 'silenced'),
    flagOf(query, 'inhibited'),
    flagOf(query, 'unprocessed'),
  ]
  return ({ labels, state, silencedBy, inhibitedBy }) =>
    (active || silencedBy.length > 0 || inhibitedBy.length > 0) &&
    (unprocessed || state !== 'unprocessed') &&
    (silenced || silencedBy.length === 0) &&
    (inhibited || inhibitedBy.length === 0) &&
    matchesAll(matchers, labels)
}

/** Whether a silence is asked for: each `filter` must be one of its own matchers, and its state not excluded. */
export function silenceFilter(query: Query, parse: ParseMatcher): (one: DeskSilence) => boolean {
  const wanted = matchersOf(query, 'filter', parse)
  const shown = { active: true, pending: true, expired: true }
  for (const state of ['active', 'pending', 'expired'] as const) shown[state] = flagOf(query, state)
  return ({ matchers, state }) =>
    shown[state] && wanted.every((matcher) => matchers.some((own) => isSame(own, matcher)))
}

function isSame(one: DeskMatcher, other: DeskMatcher): boolean {
  return (
    one.name === other.name &&
    one.value === other.value &&
    one.isRegex === other.isRegex &&
    one.isEqual === other.isEqual
  )
}
