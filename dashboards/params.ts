import { levels, type Level } from '../pipeline/event.ts'
import { Trouble } from '../pipeline/errors.ts'
import { parsePattern, parseQuery } from '../pipeline/query.ts'

/** A refusal with its HTTP status; `more` goes into the answer beside `error` and `remedy`. */
export interface Refusal extends Trouble {
  status: number
  more: Record<string, unknown>
}

export function refusal(
  status: number,
  message: string,
  remedy?: string,
  more: Record<string, unknown> = {},
): Refusal {
  return Object.assign(new Trouble(message, remedy === undefined ? {} : { remedy }), {
    status,
    more,
  })
}

/** A range of which both ends are known; half open, ms. */
export interface WholeRange {
  from: number
  to: number
}

const wrong = (message: string, remedy?: string) => refusal(400, message, remedy)

/** The parameters of one request, each asked for by name, checked and bounded; every fault is a 400 that names it. */
export interface Params {
  text(name: string, maxLength?: number): string | undefined
  /** All values of a parameter that may be repeated. */
  list(name: string): string[]
  integer(name: string, bounds: { min: number; max: number; unset: number }): number
  time(name: string): number | undefined
  range(): { from?: number; to?: number }
  duration(name: string): number | undefined
}

const maxValues = 50

/** `names` are all parameters the route knows; another one is refused, since it is most often a typing error. */
export function readParams(raw: unknown, names: readonly string[], nowMs: number): Params {
  const given = raw as Record<string, string | string[] | undefined>
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) {
      throw wrong(`unknown parameter "${name.slice(0, 40)}"`, `known are ${names.join(', ')}`)
    }
  }
  const list = (name: string, maxLength = 500) => checkedList(name, given[name], maxLength)
  const text = (name: string, maxLength = 500) => {
    const values = list(name, maxLength)
    if (values.length > 1) throw wrong(`"${name}" is given ${values.length} times`, 'give it once')
    return values[0]
  }
  const time = (name: string) => {
    const value = text(name)
    return value === undefined ? undefined : parseTime(name, value, nowMs)
  }
  return {
    text,
    list,
    time,
    integer: (name, bounds) => parseInteger(name, text(name), bounds),
    range: () => checkedRange(time('from'), time('to')),
    duration: (name) => {
      const value = text(name)
      return value === undefined ? undefined : parseDuration(name, value)
    },
  }
}

function checkedList(name: string, given: string | string[] | undefined, maxLength: number) {
  const values = [given ?? []].flat().filter((value) => value !== '')
  if (values.length > maxValues) throw wrong(`more than ${maxValues} times "${name}"`)
  if (values.some((value) => value.length > maxLength)) {
    throw wrong(`"${name}" is longer than ${maxLength} characters`)
  }
  return values
}

function parseInteger(
  name: string,
  value: string | undefined,
  { min, max, unset }: { min: number; max: number; unset: number },
): number {
  if (value === undefined) return unset
  const number = /^-?\d{1,12}$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= min && number <= max)) {
    throw wrong(`"${name}" is "${value.slice(0, 40)}"`, `give a whole number from ${min} to ${max}`)
  }
  return number
}

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
type Unit = keyof typeof unitMs

function durationMs(value: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d|w)$/.exec(value)
  return match ? Number(match[1]) * unitMs[match[2] as Unit] : undefined
}

function parseDuration(name: string, value: string): number {
  const ms = /^\d{1,12}$/.test(value) ? Number(value) : durationMs(value)
  if (!ms) throw wrong(`"${name}" is "${value.slice(0, 40)}"`, 'give ms, or a length such as 30s')
  return ms
}

/** No event is older than the program's first users could have; keeps every time within what Date can hold. */
const maxTimeMs = Date.UTC(2200, 0, 1)

/** ms since the epoch, ISO (UTC where it names no zone), `now`, or a time ago: `15m`, `2h`, `7d`. */
export function parseTime(name: string, value: string, nowMs: number): number {
  const ago = durationMs(value)
  let ms = Number.NaN
  if (value === 'now') ms = nowMs
  else if (ago !== undefined) ms = Math.max(0, nowMs - ago)
  else if (/^\d{1,15}$/.test(value)) ms = Number(value)
  else if (/^\d{4}-\d\d-\d\d/.test(value)) ms = Date.parse(inUtc(value))
  if (ms >= 0 && ms <= maxTimeMs) return Math.trunc(ms)
  throw wrong(
    `"${name}" is "${value.slice(0, 40)}", which is no time`,
    'give ms since 1970, an ISO time (2026-11-22T18:25:51Z) or a time ago (15m, 2h, 7d)',
  )
}

function inUtc(iso: string): string {
  // Date.parse takes a time without a zone as local; nobody who reads these pages means the server's zone.
  return /T[\d:.]+$/.test(iso) ? `${iso}Z` : iso
}

function checkedRange(from: number | undefined, to: number | undefined) {
  if (from !== undefined && to !== undefined && from >= to) {
    throw wrong('"from" is not before "to"', 'exchange them, or leave one out')
  }
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
}

/** The parameters that say which lines are meant, except services and time. */
export interface LineFilter {
  levels?: Level[]
  task?: string
  query?: string
  grep?: string
}

export const lineFilterNames = ['query', 'level', 'task', 'grep'] as const

export function readLineFilter(params: Params): LineFilter {
  const filter: LineFilter = {}
  const chosen = params.list('level').flatMap((value) => value.split(','))
  if (chosen.length > 0) filter.levels = chosen.map(checkedLevel)
  const task = params.text('task')
  if (task !== undefined) filter.task = task
  const query = params.text('query', 4000)?.trim()
  if (query) filter.query = checkedQuery(query)
  const grep = params.text('grep', 1000)
  if (grep !== undefined) filter.grep = checkedGrep(grep)
  return filter
}

function checkedLevel(value: string): Level {
  const level = levels.find((level) => level === value)
  if (!level) throw wrong(`"${value.slice(0, 40)}" is no level`, `levels are ${levels.join(', ')}`)
  return level
}

function checkedQuery(query: string): string {
  parseQuery(query)
  return query
}

function checkedGrep(grep: string): string {
  parsePattern(grep)
  return grep
}
