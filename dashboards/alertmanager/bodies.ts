/** What is posted to Alertmanager's API, read without trust. */
import { explain } from '../../pipeline/errors.ts'
import type { DeskLabels, PostedAlert, RefusedAlert } from '../../pipeline/notification-desk.ts'
import { withoutUndefined } from '../../pipeline/without-undefined.ts'
import { isWireRefusal, missing, unreadable, wireRefusal, type WireRefusal } from './refusal.ts'

/** Of one post. */
export const maxAlerts = 10_000
/** Characters of the labels and annotations of one alert. */
export const maxAlertChars = 64 * 1024

/** The JSON of a body; `name` is what should stand in it. Throws a refusal. */
export function readJson(text: unknown, name: string): unknown {
  if (typeof text !== 'string' || text === '') throw missing(name)
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw unreadable(name, `it is not JSON: ${explain(error)}`)
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export interface PostedBatch {
  /** How many were posted. */
  count: number
  good: PostedAlert[]
  /** The place in the batch of each good one. */
  places: number[]
  refused: RefusedPost[]
}

interface RefusedPost {
  index: number
  refusal: WireRefusal
}

/** The alerts of a body: one that is none keeps no other out. Throws a refusal where there is no list. */
export function readAlerts(text: unknown): PostedBatch {
  const list = readJson(text, 'alerts') ?? []
  if (!Array.isArray(list)) throw unreadable('alerts', 'it is no list')
  if (list.length > maxAlerts) {
    throw wireRefusal(413, `more than ${maxAlerts} alerts in one request`, 413)
  }
  const batch: PostedBatch = { count: list.length, good: [], places: [], refused: [] }
  for (const [index, one] of (list as unknown[]).entries()) {
    try {
      batch.good.push(readAlert(one, String(index)))
      batch.places.push(index)
    } catch (error) {
      if (!isWireRefusal(error)) throw error
      batch.refused.push({ index, refusal: error })
    }
  }
  return batch
}

const maxTold = 20

/**
 * One refusal for all that were refused, by us or (`unkept`, with places among the good ones) by the desk: in the form of
 * the first, with a line for each. Undefined where none was.
 */
export function refusalOf(
  { count, places, refused }: PostedBatch,
  unkept: readonly RefusedAlert[],
): WireRefusal | undefined {
  // Alone it needs no place, and so it is told by Alertmanager.
  const placed = (index: number, text: string) => (count > 1 ? `${index}: ${text}` : text)
  const later = unkept.map(({ index: at, sentence }): RefusedPost => {
    const index = places[at] ?? at
    return { index, refusal: wireRefusal(400, placed(index, sentence)) }
  })
  const all = [...refused, ...later].toSorted((a, b) => a.index - b.index)
  const [first] = all
  if (!first) return undefined
  const lines = all.slice(0, maxTold).map(({ refusal }) => refusal.message)
  if (all.length > maxTold) lines.push(`and ${all.length - maxTold} more`)
  return wireRefusal(first.refusal.status, lines.join('\n'), first.refusal.code)
}

function readAlert(value: unknown, path: string): PostedAlert {
  if (!isObject(value)) throw unreadable('alerts', `${path} is no object`)
  const { labels, annotations, startsAt, endsAt, generatorURL } = value
  if (labels === undefined || labels === null) throw missing(`${path}.labels`)
  const alert = {
    labels: readTexts(labels, `${path}.labels`),
    annotations: readTexts(annotations ?? {}, `${path}.annotations`),
    startsAt: readTime(startsAt, 'alerts', `${path}.startsAt`),
    endsAt: readTime(endsAt, 'alerts', `${path}.endsAt`),
    generatorURL: readAddress(generatorURL, `${path}.generatorURL`),
  }
  if (chars(alert.labels) + chars(alert.annotations) > maxAlertChars) {
    throw wireRefusal(400, `${path}: labels and annotations exceed ${maxAlertChars} characters`)
  }
  return { ...withoutUndefined(alert), labels: alert.labels }
}

function readTexts(value: unknown, path: string): DeskLabels {
  if (!isObject(value)) throw unreadable('alerts', `${path} is no object`)
  for (const [name, text] of Object.entries(value)) {
    const at = `${path}.${name.slice(0, 100).toWellFormed()}`
    if (typeof text !== 'string') throw unreadable('alerts', `${at} is no text`)
    if (!name.isWellFormed() || !text.isWellFormed()) {
      throw unreadable('alerts', `${at} holds half a character (a lone surrogate)`)
    }
    if (name === '__proto__') throw unreadable('alerts', `${at}: this name cannot be used here`)
  }
  return value as DeskLabels
}

function chars(texts: DeskLabels): number {
  return Object.entries(texts).reduce((sum, [name, text]) => sum + name.length + text.length, 0)
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/

/** RFC 3339 to ms; Go's zero time is the same as none. `name` is what should stand in the body. Throws a refusal. */
export function readTime(value: unknown, name: string, path: string): number | undefined {
  if (value === undefined || value === null) return undefined
  const ms = typeof value === 'string' && rfc3339.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(ms)) throw unreadable(name, `${path} is no time as 2026-01-31T12:00:00Z`)
  return ms === zeroTime ? undefined : ms
}

const zeroTime = Date.parse('0001-01-01T00:00:00Z')

/** It becomes a link: another scheme could be a script. */
function readAddress(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw unreadable('alerts', `${path} is no text`)
  if (value.length <= 8192 && URL.canParse(value) && /^https?:/i.test(value)) return value
  const shown = JSON.stringify(value.slice(0, 100).toWellFormed())
  throw wireRefusal(422, `${path} in body must be of type uri: ${shown}`, 601)
}
