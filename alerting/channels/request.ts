import type { GroupAlert } from './group.ts'
import { goJson, goTime, mapOf, type Encodable } from './go-json.ts'

/** One request to a receiver, whole. */
export interface ChannelRequest {
  method: 'POST' | 'PUT'
  url: string
  headers: Readonly<Record<string, string>>
  body: string
}

/** With a line break at the end, as Go's encoder writes; `authorization` is the value of that header. */
export function jsonRequest(url: string, body: Encodable, authorization?: string): ChannelRequest {
  return textRequest(url, `${goJson(body)}\n`, authorization)
}

export function textRequest(url: string, body: string, authorization?: string): ChannelRequest {
  const headers = {
    ...(authorization === undefined ? {} : { Authorization: authorization }),
    'Content-Type': 'application/json',
  }
  return { method: 'POST', url, headers, body }
}

/** An alert as it stands in payloads. */
export function alertFields(alert: GroupAlert) {
  return {
    status: alert.status,
    labels: mapOf(alert.labels),
    annotations: mapOf(alert.annotations),
    startsAt: goTime(alert.startsAt),
    endsAt: goTime(alert.endsAt),
    generatorURL: alert.generatorURL,
    fingerprint: alert.fingerprint,
  }
}

/** `base` with `path` behind its own. */
export function urlBelow(base: string, path: string): string {
  return `${base.replace(/\/+$/, '')}/${path}`
}
