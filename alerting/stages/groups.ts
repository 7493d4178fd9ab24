/** Groups of alerts under a route, and what one flush of a group has to send. */
import { isResolved, type Alert } from './alerts.ts'
import type { LogEntry, Reason } from './dedup.ts'
import { compareText, labelOf, labelsText, sortedLabels, type Labels } from './labels.ts'
import type { Route } from './routes.ts'

/** Plain data; times in ms. A group lives from its first alert until a flush has told that the last one is resolved. */
export interface Group {
  routeId: string
  labels: Labels
  /** By fingerprint. */
  alerts: Record<string, Alert>
  nextFlush: number
  /** While notifications of one are under way; meanwhile no other begins. */
  flush?: Flush
}

/** It knows by itself who is told under which key: so it can go on where the routes have changed meanwhile. */
export interface Flush {
  receiver: string
  groupKey: string
  routeLabels: Labels
  repeatInterval: number
  /** Then what has not been sent has failed. */
  deadline: number
  /** The resolved alerts it tells of, as they were. */
  resolved: Alert[]
  sends: Send[]
  failed: boolean
}

/** One notification that is to reach one integration of a receiver. */
export interface Send {
  id: string
  integration: IntegrationName
  alerts: NotifiedAlert[]
  reason: Reason
  /** What the notification log will say of it, but for the time. */
  entry: Pick<LogEntry, 'firing' | 'resolved'>
  attempts: number
  /** Some of those it is for have it. */
  partly?: true
  /** Of the next attempt; absent while an answer is awaited. */
  nextAttempt?: number
}

/** Of the integrations of one receiver: `webhook_configs[0]`. */
export interface IntegrationName {
  type: string
  index: number
}

/** While it fires, its `endsAt` is only how long it is believed: no receiver is told that. */
export type NotifiedAlert = Alert & { status: 'firing' | 'resolved' }

/** The least time that a flush has for its attempts, ms. */
const shortestFlush = 10_000

/**
 * A group that is born at `now` of this alert: it is flushed after `group_wait`, at once where the alert has waited that
 * long already. (Alertmanager wants it to be more than that long, by a clock of nanoseconds: in ms that is "at least".)
 */
export function bornGroup(route: Route, labels: Labels, alert: Alert, now: number): Group {
  const overdue = alert.startsAt + route.groupWait <= now
  return {
    routeId: route.id,
    labels,
    alerts: { [alert.fingerprint]: alert },
    nextFlush: overdue ? now : now + route.groupWait,
  }
}

/** `{}/{team="web"}:{alertname="X"}`: under this name receivers and the notification log know it. */
export function groupKey(route: Route, labels: Labels): string {
  return `${route.key}:${labelsText(labels)}`
}

/** A flush that begins at `now`, with no sends yet. */
export function bornFlush(group: Group, route: Route, now: number): Flush {
  const resolved = Object.values(group.alerts).filter((alert) => isResolved(alert, now))
  const deadline = now + Math.max(shortestFlush, route.groupInterval)
  return {
    receiver: route.receiver,
    groupKey: groupKey(route, group.labels),
    routeLabels: route.labels,
    repeatInterval: route.repeatInterval,
    deadline,
    resolved,
    sends: [],
    failed: false,
  }
}

/** The group's alerts as they are told at `now`, in Alertmanager's order. */
export function alertsToNotify(group: Group, now: number): NotifiedAlert[] {
  return Object.values(group.alerts)
    .map((alert): Ranked => ({ alert, sorted: sortedLabels(alert.labels) }))
    .toSorted(inPayloadOrder)
    .map(({ alert }) => ({ ...alert, status: isResolved(alert, now) ? 'resolved' : 'firing' }))
}

/** With its labels in order: they are compared many times. */
interface Ranked {
  alert: Alert
  sorted: [string, string][]
}

/** By `job`, by `instance`, those without one last; then those with fewer labels first, then by the labels. */
function inPayloadOrder(a: Ranked, b: Ranked): number {
  const [{ labels: ours }, { labels: theirs }] = [a.alert, b.alert]
  return (
    byLabel(ours, theirs, 'job') ||
    byLabel(ours, theirs, 'instance') ||
    byAllLabels(a.sorted, b.sorted)
  )
}

function byLabel(a: Labels, b: Labels, name: string): number {
  const [one, other] = [labelOf(a, name), labelOf(b, name)]
  if (one === '' || other === '') return Number(one === '') - Number(other === '')
  return compareText(one, other)
}

function byAllLabels(a: Ranked['sorted'], b: Ranked['sorted']): number {
  if (a.length !== b.length) return a.length - b.length
  for (const [i, [name, value]] of a.entries()) {
    const [otherName, otherValue] = b[i] ?? ['', '']
    // Whoever has the earlier name has a label that the other lacks; the one that lacks it comes first.
    const order = compareText(otherName, name) || compareText(value, otherValue)
    if (order !== 0) return order
  }
  return 0
}

/** Forgets the resolved alerts that a successful flush told of, unless they came in again meanwhile. */
export function forgetResolved(group: Group, { resolved }: Flush): void {
  for (const told of resolved) {
    const kept = group.alerts[told.fingerprint]
    const same = kept?.updatedAt === told.updatedAt && kept.endsAt === told.endsAt
    if (same) delete group.alerts[told.fingerprint]
  }
}

/** When the group has something to do next. */
export function dueOf({ nextFlush, flush }: Group): number {
  if (!flush) return nextFlush
  return flush.sends.reduce(
    (earliest, { nextAttempt = Infinity }) => Math.min(earliest, nextAttempt),
    flush.deadline,
  )
}

/** The wait before the next attempt, ms: half a second, each time half as long again, a minute at most. */
export function backoff(attempts: number): number {
  return Math.min(500 * 1.5 ** (attempts - 1), 60_000)
}
