import { formatDuration, parseDuration } from '../pipeline/duration.ts'
import {
  allServices,
  longestPauseMs,
  pauseDirections,
  usualPauseMs,
  type PauseDirection,
  type PauseWish,
} from '../pipeline/scaling-desk.ts'
import { refusal } from './params.ts'

/** What is asked of scaling, read without trust. `service` as a person names it. Both throw refusals. */

export function readPauseWish(body: unknown): PauseWish {
  const given = fieldsOf(body, ['service', 'all', 'direction', 'for', 'by', 'reason'])
  return {
    service: serviceOf(given),
    direction: directionOf(given['direction'] ?? 'both'),
    forMs: lengthOf(given['for']),
    by: textOf(given, 'by', 100),
    reason: textOf(given, 'reason', 500),
  }
}

export function readResume(body: unknown): { service: string; by: string } {
  const given = fieldsOf(body, ['service', 'all', 'by'])
  return { service: serviceOf(given), by: textOf(given, 'by', 100) }
}

function fieldsOf(body: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw refusal(400, 'this is no JSON object', `its fields are ${known.join(', ')}`)
  }
  const odd = Object.keys(body).find((name) => !known.includes(name))
  if (odd === undefined) return body as Record<string, unknown>
  throw refusal(400, `unknown field "${odd.slice(0, 40)}"`, `known are ${known.join(', ')}`)
}

function serviceOf(given: Record<string, unknown>): string {
  const { service, all = false } = given
  if (typeof all !== 'boolean') throw refusal(400, `"all" is ${shown(all)}`, 'give true or false')
  if (all !== (service === undefined)) {
    throw refusal(400, 'which service is meant?', 'give "service", or "all": true')
  }
  if (service === allServices) throw refusal(400, '"service" is "*"', 'give "all": true')
  return all ? allServices : textOf(given, 'service', 300)
}

function directionOf(value: unknown): PauseDirection {
  const direction = pauseDirections.find((one) => one === value)
  if (direction) return direction
  throw refusal(400, `"direction" is ${shown(value)}`, `give ${pauseDirections.join(', ')}`)
}

function lengthOf(value: unknown): number {
  if (value === undefined) return usualPauseMs
  const ms = typeof value === 'string' ? parseDuration(value) : undefined
  if (ms !== undefined && ms >= 1000 && ms <= longestPauseMs) return ms
  const remedy = `give a length such as 30m, 2h or 1d, at most ${formatDuration(longestPauseMs)}`
  throw refusal(400, `"for" is ${shown(value)}`, remedy)
}

function textOf(given: Record<string, unknown>, name: string, most: number): string {
  const value = given[name]
  if (typeof value === 'string' && value.trim() !== '' && value.length <= most) return value.trim()
  const is = value === undefined ? 'is missing' : `is ${shown(value)}`
  throw refusal(400, `"${name}" ${is}`, `give a text of at most ${most} characters`)
}

const shown = (value: unknown) => JSON.stringify(value)?.slice(0, 60) ?? 'nothing'
