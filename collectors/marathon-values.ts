import { isObject, kindOf, type Part } from './answer.ts'

/*
 * The small values of Marathon's answers, as its versions since 0.7 write them.
 */

/** Years in which a time can lie: 1990 to 2200. */
const plausibleMs = [631_152_000_000, 7_258_118_400_000] as const
/** A smaller number is one of seconds: as ms it would be before 1974. */
const leastMs = 130_000_000_000

/** A time in ms since the epoch: an ISO text (Marathon's own), ms, or seconds with a fraction (Mesos'). */
export function timeOf(part: Part, ...keys: string[]): number | undefined {
  const key = keys.find((one) => part.has(one))
  if (key === undefined) return undefined
  const value = part.fields[key]
  const ms = typeof value === 'string' ? timeOfText(value) : numberMs(part.number(key))
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  if (ms !== undefined && ms > plausibleMs[0] && ms < plausibleMs[1]) return ms
  if (typeof value === 'string' || isNumber) part.note('is no time that can be', key)
  return undefined
}

/** Undefined for what is no time of the form `2015-09-25T15:13:48.343Z`, nor a number in quotes. Without a zone it is UTC. */
export function timeOfText(text: string): number | undefined {
  // Of tens of thousands of times in an answer: what is not in the usual form is looked at more closely.
  if (text.length === 24 && text[4] === '-' && text[23] === 'Z') return parsed(text)
  if (/^\d{9,13}(\.\d+)?$/.test(text)) return numberMs(Number(text))
  const [, time, zone = 'Z'] = iso.exec(text) ?? []
  return time === undefined ? undefined : parsed(`${time}${zone}`)
}

const iso = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?$/

function parsed(text: string): number | undefined {
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

function numberMs(value: number | undefined): number | undefined {
  if (value === undefined) return undefined
  return Math.round(value < leastMs ? value * 1000 : value)
}

/** An id: it becomes a key, so it is not cut, but refused where it is too long or holds control characters. */
export function idOf(part: Part, ...keys: string[]): string | undefined {
  const id = part.text(...keys)
  // eslint-disable-next-line no-control-regex -- finding them is the point
  if (id === undefined || (id.length <= maxId && !/[\u0000-\u001f\u007f]/.test(id))) return id
  part.note(
    'is no id: too long, or with control characters',
    keys.find((key) => part.has(key)),
  )
  return undefined
}

const maxId = 1024

/** The id of an app, pod or group; relative ones (in what a person wrote) get their slash. */
export function pathOf(part: Part, ...keys: string[]): string | undefined {
  const id = idOf(part, ...keys)
  return id === undefined || id.startsWith('/') ? id : `/${id}`
}

/** Texts by name, as labels are; values of another kind are noted. */
export function textsOf(part: Part, key: string): Map<string, string> {
  const texts = new Map<string, string>()
  const holder = part.part(key)
  for (const [name, value] of Object.entries(holder?.fields ?? {})) {
    if (typeof value === 'string') texts.set(name, value)
    else if (value !== null) holder?.note(`expected text, got ${kindOf(value)}`, name)
  }
  return texts
}

const maxValue = 1024

/**
 * Environment variables whose name begins with `autoscale`, whatever its case, by the name in small letters. All
 * others, and those that are secrets, are left where they are.
 */
export function autoscaleOf(part: Part, ...keys: string[]): Record<string, string> {
  const found: [name: string, value: string][] = []
  const holder = part.part(...keys)
  for (const [name, value] of Object.entries(holder?.fields ?? {})) {
    const isPlain = ['string', 'number', 'boolean', 'bigint'].includes(typeof value)
    if (!/^autoscale/i.test(name) || isObject(value)) continue
    if (isPlain) found.push([name.toLowerCase(), String(value).slice(0, maxValue)])
    else holder?.note(`expected text, got ${kindOf(value)}`, name)
  }
  return Object.fromEntries(found)
}

/** Each item of a list that is a text, or an object with an `id`. */
export function idsOf(part: Part, key: string): string[] {
  const value = part.fields[key]
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) {
    part.note(`expected a list, got ${kindOf(value)}`, key)
    return []
  }
  return value.flatMap((item, index) => {
    const id: unknown = isObject(item) ? item['id'] : item
    if (typeof id === 'string' && id !== '' && id.length <= maxId) return [id]
    part.note(`expected an id, got ${kindOf(id)}`, `${key}[${index}]`)
    return []
  })
}

/** How many items a list has; 0 where it is absent or none. */
export function lengthOf(part: Part, key: string): number {
  const value = part.fields[key]
  if (Array.isArray(value)) return value.length
  if (value !== undefined && value !== null) part.note(`expected a list, got ${kindOf(value)}`, key)
  return 0
}

/** A whole number that counts something. */
export function countOf(part: Part, ...keys: string[]): number | undefined {
  const count = part.number(...keys)
  if (count === undefined || (Number.isInteger(count) && count >= 0)) return count
  part.note(
    'is no count',
    keys.find((key) => part.has(key)),
  )
  return undefined
}
