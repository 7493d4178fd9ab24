/** The flush of a group: what is muted, what is news to which receiver, its attempts and their answers. */
import type { Alert } from './alerts.ts'
import type { Integration, StagesConfig } from './config.ts'
import { logEntry, reasonToNotify, type LogEntry, type Reason } from './dedup.ts'
import type { DueQueue } from './due.ts'
import {
  alertsToNotify,
  backoff,
  bornFlush,
  dueOf,
  forgetResolved,
  groupKey,
  type Flush,
  type Group,
  type NotifiedAlert,
  type Send,
} from './groups.ts'
import type { Inhibitor } from './inhibition.ts'
import type { Labels } from './labels.ts'
import type { Route } from './routes.ts'
import type { Silences } from './silences.ts'
import { contains } from './time-intervals.ts'

export interface Notification {
  /** For the answer to it. */
  id: string
  receiver: string
  integration: Integration
  groupKey: string
  groupLabels: Labels
  status: 'firing' | 'resolved'
  alerts: readonly NotifiedAlert[]
  reason: Reason
  /** From 1. */
  attempt: number
}

/** `retry`: the same again after a while (network, 5xx); `failed`: not before the group's next flush. */
export type Answer = 'sent' | 'retry' | 'failed'

/** All that a dispatcher holds. */
export interface World {
  config: StagesConfig
  routes: ReadonlyMap<string, Route>
  alerts: Map<string, Alert>
  groups: Map<string, Group>
  log: Map<string, LogEntry>
  /** The group of each notification under way. */
  underWay: Map<string, string>
  due: DueQueue
  inhibitor: Inhibitor
  silences: Silences
  sends: number
  nextCare: number
}

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
  const integrations = world.config.receivers.get(route.receiver) ?? []
  if (alerts.length > 0) {
    for (const [index, integration] of integrations.entries()) {
      const send = sendOf(world, group, route, integration, index, alerts, now)
      if (!send) continue
      started.sends.push(send)
      world.underWay.set(send.id, id)
    }
  }
  attempt(world, group, started, route, now, notifications)
  if (started.sends.length === 0) finish(world, id, group, started)
}

/** Resolved ones are muted like the firing: what resolves under a silence is never told. */
function unmuted(world: World, route: Route, alerts: NotifiedAlert[], now: number) {
  const inside = (name: string) =>
    (world.config.timeIntervals.get(name) ?? []).some((interval) => contains(interval, now))
  const { activeTimeIntervals, muteTimeIntervals } = route
  if (activeTimeIntervals.length > 0 && !activeTimeIntervals.some(inside)) return []
  if (muteTimeIntervals.some(inside)) return []
  return alerts.filter(
    ({ labels }) =>
      world.inhibitor.inhibitedBy(labels, now) === undefined &&
      world.silences.mutedBy(labels, now).length === 0,
  )
}

function sendOf(
  world: World,
  group: Group,
  route: Route,
  integration: Integration,
  index: number,
  alerts: NotifiedAlert[],
  now: number,
): Send | undefined {
  const { sendResolved } = integration
  const of = (status: NotifiedAlert['status']) => alerts.filter((alert) => alert.status === status)
  const firing = of('firing')
  const names = (some: NotifiedAlert[]) => some.map(({ fingerprint }) => fingerprint)
  const entry = { firing: names(firing), resolved: names(of('resolved')) }
  const situation = { ...entry, sendResolved, repeatInterval: route.repeatInterval, now }
  const key = logKey(group, route, index, world.config)
  const reason = reasonToNotify(world.log.get(key), situation)
  if (!reason) return undefined
  if (!sendResolved && firing.length === 0) {
    world.log.set(key, logEntry(situation))
    return undefined
  }
  const id = String(++world.sends)
  const told = sendResolved ? alerts : firing
  return { id, integration: index, alerts: told, reason, entry, attempts: 0, nextAttempt: now }
}

function logKey(group: Group, route: Route, index: number, { receivers }: StagesConfig): string {
  const integration = receivers.get(route.receiver)?.[index]
  const of = [route.receiver, integration?.type, integration?.index]
  return JSON.stringify([groupKey(route, group.labels), ...of])
}

/** Adds to `notifications` what is due of a flush that is under way. */
export function attempt(
  world: World,
  group: Group,
  { sends }: Flush,
  route: Route,
  now: number,
  notifications: Notification[],
): void {
  for (const send of sends) {
    const integration = world.config.receivers.get(route.receiver)?.[send.integration]
    if (!integration || send.nextAttempt === undefined || send.nextAttempt > now) continue
    delete send.nextAttempt
    notifications.push({
      id: send.id,
      receiver: route.receiver,
      integration,
      groupKey: groupKey(route, group.labels),
      groupLabels: group.labels,
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
  const route = group && world.routes.get(group.routeId)
  const send = group?.flush?.sends.find((one) => one.id === sendId)
  if (id === undefined || !group?.flush || !route || !send) return
  if (answer === 'retry') {
    send.nextAttempt = now + backoff(send.attempts)
  } else {
    if (answer === 'sent') {
      const key = logKey(group, route, send.integration, world.config)
      const { repeatInterval } = route
      world.log.set(key, logEntry({ ...send.entry, sendResolved: true, repeatInterval, now }))
    }
    group.flush.failed ||= answer === 'failed'
    group.flush.sends = group.flush.sends.filter((one) => one !== send)
    world.underWay.delete(sendId)
    if (group.flush.sends.length === 0) finish(world, id, group, group.flush)
  }
  if (world.groups.has(id)) world.due.set(id, dueOf(group))
}

/** Ends a flush whose time is over. */
export function giveUp(world: World, id: string, group: Group, flush: Flush): void {
  for (const send of flush.sends) world.underWay.delete(send.id)
  finish(world, id, group, { ...flush, failed: true })
}

/** A failed flush keeps its resolved alerts for the next one. A group without alerts is over. */
function finish(world: World, id: string, group: Group, flush: Flush): void {
  delete group.flush
  if (flush.failed) return
  forgetResolved(group, flush)
  if (Object.keys(group.alerts).length > 0) return
  world.groups.delete(id)
  world.due.delete(id)
}
