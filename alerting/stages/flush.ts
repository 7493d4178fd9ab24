/** The flush of a group: what is muted, what is news to which receiver, its attempts and their answers. */
import type { StagesConfig } from './config.ts'
import { logEntry, reasonToNotify, type Reason } from './dedup.ts'
import {
  alertsToNotify,
  backoff,
  bornFlush,
  dueOf,
  forgetResolved,
  type Flush,
  type Group,
  type IntegrationName,
  type NotifiedAlert,
  type Send,
} from './groups.ts'
import type { Labels } from './labels.ts'
import { unmuted, withoutHeldNews, type Unmuted } from './muting.ts'
import type { Integration } from './receivers.ts'
import type { Route } from './routes.ts'
import { noteTold, type World } from './world.ts'

export interface Notification {
  /** For the answer to it. */
  id: string
  receiver: string
  integration: Integration
  groupKey: string
  groupLabels: Labels
  /** Of the route and those above it. */
  routeLabels: Labels
  status: 'firing' | 'resolved'
  alerts: readonly NotifiedAlert[]
  reason: Reason
  /** From 1. */
  attempt: number
}

/** What is told, whatever the way. */
export type GroupNews = Omit<Notification, 'integration' | 'attempt'>

/**
 * `retry`: the same again after a while (network, 5xx); `partly` too, but some of those it is for have it: it counts as told
 * when the time of its flush is over; `failed`: not before the group's next flush.
 */
export type Answer = 'sent' | 'retry' | 'partly' | 'failed'

/** Begins a flush at `now`; what is to be sent at once is added to `notifications`. */
export function flush(
  world: World,
  id: string,
  group: Group,
  route: Route,
  now: number,
  notifications: Notification[],
): void {
  const started = bornFlush(group, route, now)
  group.flush = started
  group.nextFlush = now + route.groupInterval
  const alerts = unmuted(world, route, alertsToNotify(group, now), now)
  for (const send of sendsOf(world, started, alerts, now)) {
    started.sends.push(send)
    world.underWay.set(send.id, id)
  }
  attempt(world, group, started, now, notifications)
  if (started.sends.length === 0) finish(world, id, group, started)
}

/** What is news to each integration of the receiver. */
function sendsOf(world: World, flush: Flush, unmuted: Unmuted, now: number): Send[] {
  const integrations = world.config.receivers.get(flush.receiver) ?? []
  return integrations.flatMap(({ type, index, sendResolved }) => {
    const integration = { type, index }
    const key = logKey(flush, integration)
    const before = world.log.get(key)
    const alerts = withoutHeldNews(unmuted, before?.firing)
    if (alerts.length === 0) return []
    const entry = { firing: namesOf(alerts, 'firing'), resolved: namesOf(alerts, 'resolved') }
    const situation = { ...entry, sendResolved, repeatInterval: flush.repeatInterval, now }
    const reason = reasonToNotify(before, situation)
    if (!reason) return []
    if (!sendResolved && entry.firing.length === 0) {
      noteTold(world, key, logEntry(entry, flush.repeatInterval, now))
      return []
    }
    const told = sendResolved ? alerts : alerts.filter(({ status }) => status === 'firing')
    const id = String(++world.sends)
    return [{ id, integration, alerts: told, reason, entry, attempts: 0, nextAttempt: now }]
  })
}

function namesOf(alerts: readonly NotifiedAlert[], wanted: NotifiedAlert['status']): string[] {
  return alerts.flatMap(({ status, fingerprint }) => (status === wanted ? [fingerprint] : []))
}

function logKey({ groupKey, receiver }: Flush, { type, index }: IntegrationName): string {
  return JSON.stringify([groupKey, receiver, type, index])
}

/** Undefined where the configuration no longer has it. */
export function integrationOf(
  { receivers }: StagesConfig,
  { receiver }: Flush,
  { type, index }: IntegrationName,
): Integration | undefined {
  return receivers.get(receiver)?.find((one) => one.type === type && one.index === index)
}

/** Adds to `notifications` what is due of a flush that is under way. */
export function attempt(
  world: World,
  group: Group,
  flush: Flush,
  now: number,
  notifications: Notification[],
): void {
  for (const send of flush.sends) {
    const integration = integrationOf(world.config, flush, send.integration)
    if (!integration || send.nextAttempt === undefined || send.nextAttempt > now) continue
    delete send.nextAttempt
    notifications.push({
      id: send.id,
      receiver: flush.receiver,
      integration,
      groupKey: flush.groupKey,
      groupLabels: group.labels,
      routeLabels: flush.routeLabels,
      status: send.alerts.some(({ status }) => status === 'firing') ? 'firing' : 'resolved',
      alerts: send.alerts,
      reason: send.reason,
      attempt: ++send.attempts,
    })
  }
}

/** Takes the answer to a notification; one whose flush is over is of no account. */
export function settle(world: World, sendId: string, answer: Answer, now: number): void {
  const id = world.underWay.get(sendId)
  const group = id === undefined ? undefined : world.groups.get(id)
  const send = group?.flush?.sends.find((one) => one.id === sendId)
  if (id === undefined || !group?.flush || !send) return
  if (answer === 'retry' || answer === 'partly') {
    if (answer === 'partly') send.partly = true
    send.nextAttempt = now + backoff(send.attempts)
  } else {
    if (answer === 'sent') told(world, group.flush, send, now)
    group.flush.failed ||= answer === 'failed'
    group.flush.sends = group.flush.sends.filter((one) => one !== send)
    world.underWay.delete(sendId)
    if (group.flush.sends.length === 0) finish(world, id, group, group.flush)
  }
  if (world.groups.has(id)) world.due.set(id, dueOf(group))
}

function told(world: World, flush: Flush, { entry, integration }: Send, now: number): void {
  noteTold(world, logKey(flush, integration), logEntry(entry, flush.repeatInterval, now))
}

/** Ends a flush whose time is over. */
export function giveUp(world: World, id: string, group: Group, flush: Flush, now: number): void {
  for (const send of flush.sends) {
    world.underWay.delete(send.id)
    if (send.partly) told(world, flush, send, now)
  }
  finish(world, id, group, {
    ...flush,
    failed: flush.failed || flush.sends.some(({ partly }) => !partly),
  })
}

/** A failed flush keeps its resolved alerts for the next one. A group without alerts is over. */
function finish(world: World, id: string, group: Group, flush: Flush): void {
  delete group.flush
  if (!flush.failed) forgetResolved(group, flush)
  if (Object.keys(group.alerts).length > 0) return
  world.groups.delete(id)
  world.due.delete(id)
}
