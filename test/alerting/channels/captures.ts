import { readFileSync } from 'node:fs'
import { goJson, goTime, type Encodable } from '../../../alerting/channels/go-json.ts'
import {
  groupOf,
  type GroupAlert,
  type GroupNotification,
} from '../../../alerting/channels/group.ts'
import type { Notification } from '../../../alerting/stages/flush.ts'

/** A request as it was captured. */
export interface Captured {
  method: 'POST'
  path: string
  headers: Record<string, string>
  body: Encodable
}

interface Payload {
  status: 'firing' | 'resolved'
  alerts: {
    status: 'firing' | 'resolved'
    labels: Record<string, string>
    annotations: Record<string, string>
    startsAt: string
    endsAt: string
    generatorURL: string
    fingerprint: string
  }[]
  notification_reason: Notification['reason']
  groupLabels: Record<string, string>
  routeLabels: Record<string, string>
  groupKey: string
}

export function readCaptures(): Captured[] {
  const [one] = read('receiver-captures.json') as [{ http: Captured[] }]
  return one.http
}

export function readPosts(): Captured[] {
  return (read('posts-to-alertmanager.json') as { posts: Captured[] }[]).flatMap(
    ({ posts }) => posts,
  )
}

/** A generated group, and what each of Alertmanager's notifiers sent for it. */
export interface NotifierCase {
  id: string
  receiver: string
  groupKey: string
  groupLabels: Record<string, string>
  alerts: GroupAlert[]
  requests: Record<string, { method: string; path: string; authorization?: string; body: string }[]>
}

export const readNotifierCases = () => read('notifier-requests.json') as NotifierCase[]

export function groupOfCase(one: NotifierCase): GroupNotification {
  const alerts = one.alerts.map((alert) => ({
    ...alert,
    endsAt: alert.endsAt ?? 0,
    updatedAt: alert.startsAt,
    timeout: false,
  }))
  const status = alerts.some((alert) => alert.status === 'firing') ? 'firing' : 'resolved'
  const told = { ...one, routeLabels: {}, alerts, status, reason: 'first notification' } as const
  return groupOf(told, 'http://am.example:9093/x')
}

function read(name: string): unknown {
  const file = new URL(`../../fixtures/oracles/alertmanager/${name}`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: unknown }).cases
}

/** The bytes that came. */
export const bytesOf = ({ body }: Captured, end = '\n') => `${goJson(body)}${end}`

/** Times in ms, where Alertmanager's have microseconds. */
export const inMs = (text: string) =>
  text.replace(/\d{4}-\d\d-\d\dT[\d:]+\.\d{4,}Z/g, (time) => goTime(Date.parse(time)))

/** What the dispatcher gives where Alertmanager sent this webhook; `endsAt` of a firing one is a time to come. */
export function groupOfWebhook({ body }: Captured, receiver: string): GroupNotification {
  const payload = body as unknown as Payload
  const alerts = payload.alerts.map(({ startsAt, endsAt, ...alert }) => ({
    ...alert,
    startsAt: Date.parse(startsAt),
    endsAt: alert.status === 'firing' ? Date.parse(startsAt) + 300_000 : Date.parse(endsAt),
    updatedAt: Date.parse(startsAt),
    timeout: true,
  }))
  const { status, groupKey, groupLabels, routeLabels, notification_reason: reason } = payload
  const told = { receiver, status, reason, groupKey, groupLabels, routeLabels, alerts }
  return groupOf(told, 'http://am.example:9093/')
}
