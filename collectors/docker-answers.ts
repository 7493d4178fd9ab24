import type { DockerEvent, Listed } from './docker-api.ts'
import { asObject } from './docker-identity.ts'

/*
 * What Docker's API answers, read without trust: nothing here throws.
 */

/** The list of containers; undefined where the answer is no list. What has no id is left out. */
export function listedIn(answer: unknown): Listed[] | undefined {
  if (!Array.isArray(answer)) return undefined
  return answer.map(asObject).flatMap((one) => {
    const id = one['Id']
    return isId(id) ? [{ id, running: isRunning(one) }] : []
  })
}

/** Daemons before 1.11 tell it in words alone: `Up 3 minutes`. */
function isRunning({ State, Status }: Record<string, unknown>): boolean {
  if (State !== undefined) return State === 'running'
  return typeof Status === 'string' && /^Up\b/.test(Status)
}

/** The folder of the containers' own folders, by the answer of `/info`. */
export function rootOf(info: unknown): string | undefined {
  const folder = asObject(info)['DockerRootDir']
  return typeof folder === 'string' && folder !== '' ? `${folder}/containers` : undefined
}

/** As the API tells ids: they become parts of keys and of what is asked for. */
function isId(id: unknown): id is string {
  return typeof id === 'string' && /^[0-9a-f]{1,64}$/.test(id)
}

/** The name of a folder that is a container's. */
export function isContainerId(id: unknown): id is string {
  return typeof id === 'string' && /^[0-9a-f]{12,64}$/.test(id)
}

/** A line of the stream of events; undefined for events of other things than containers. */
export function eventOf(line: string): DockerEvent | undefined {
  let event: Record<string, unknown>
  try {
    event = asObject(JSON.parse(line))
  } catch {
    return undefined
  }
  // Daemons before 1.10 say `status`.
  const { Action: action = event['status'], timeNano, time } = event
  const actor = asObject(event['Actor'])
  const id = actor['ID'] ?? event['id']
  const attributes = asObject(actor['Attributes'])
  if (!isId(id) || typeof action !== 'string') return undefined
  return {
    id,
    action,
    timeNs: eventTime(line, timeNano, time),
    exitCode: asText(attributes['exitCode']),
    name: asText(attributes['name']),
  }
}

/** `timeNano` has more digits than a JavaScript number. */
function eventTime(line: string, timeNano: unknown, time: unknown): bigint {
  const digits = /"timeNano":(\d{1,20})/.exec(line)?.[1]
  if (typeof timeNano === 'number' && digits) return BigInt(digits)
  return typeof time === 'number' ? BigInt(Math.trunc(time)) * 1_000_000_000n : 0n
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Why the daemon refuses, in its own words. */
export function messageOf(text: string): string {
  try {
    const { message } = asObject(JSON.parse(text))
    if (typeof message === 'string') return message.slice(0, 300)
  } catch {
    // Not JSON: told as it is.
  }
  return text.slice(0, 300)
}
