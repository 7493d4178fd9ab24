/** Alerts, groups and silences as Alertmanager's API tells them. */
import type { DeskAlert, DeskGroup, DeskSilence } from '../../pipeline/notification-desk.ts'
import { compareTexts, sortedAlerts, sortedGroups } from './order.ts'

const time = (ms: number) => new Date(ms).toISOString()
const named = (name: string) => ({ name })

function alertAnswer(alert: DeskAlert) {
  const { labels, annotations, fingerprint, generatorURL, receivers } = alert
  const { silencedBy, inhibitedBy, mutedBy } = alert
  const state = mutedBy.length > 0 ? 'suppressed' : alert.state
  return {
    annotations,
    endsAt: time(alert.endsAt),
    fingerprint,
    receivers: receivers.map(named),
    startsAt: time(alert.startsAt),
    status: { inhibitedBy, mutedBy, silencedBy, state },
    updatedAt: time(alert.updatedAt),
    ...(generatorURL === '' ? {} : { generatorURL }),
    labels,
  }
}

export type AlertAnswer = ReturnType<typeof alertAnswer>

/** By fingerprint. */
export function alertsAnswer(alerts: readonly DeskAlert[]) {
  return alerts.toSorted((a, b) => compareTexts(a.fingerprint, b.fingerprint)).map(alertAnswer)
}

/**
 * The groups, each with those of its alerts that are asked for, without the empty ones. Of an alert only those receivers are
 * told whose groups are.
 */
export function groupsAnswer(groups: readonly DeskGroup[], wanted: (alert: DeskAlert) => boolean) {
  const told = groups
    .map((group) => ({ ...group, alerts: group.alerts.filter(wanted) }))
    .filter(({ alerts }) => alerts.length > 0)
  const receivers = receiversOf(told)
  return sortedGroups(told).map(({ alerts, labels, routeLabels = {}, receiver }) => ({
    alerts: sortedAlerts(alerts).map((alert) =>
      alertAnswer({ ...alert, receivers: receivers.get(alert.fingerprint) ?? [] }),
    ),
    labels,
    receiver: named(receiver),
    routeLabels,
  }))
}

/** Of each alert, by its fingerprint, those of its groups. */
function receiversOf(groups: readonly DeskGroup[]): Map<string, string[]> {
  const receivers = new Map<string, string[]>()
  for (const { alerts, receiver } of groups) {
    for (const { fingerprint } of alerts) {
      receivers.set(fingerprint, [...(receivers.get(fingerprint) ?? []), receiver].toSorted())
    }
  }
  return receivers
}

export function silenceAnswer({ id, state, matchers, createdBy, comment, ...times }: DeskSilence) {
  return {
    id,
    status: { state },
    updatedAt: time(times.updatedAt),
    comment,
    createdBy,
    endsAt: time(times.endsAt),
    matchers,
    startsAt: time(times.startsAt),
  }
}

const stateOrder = { active: 1, pending: 2, expired: 3 }

/** Active ones first, the next to end at the top; then pending ones, the next to begin; then the expired, newest first. */
export function silencesAnswer(silences: readonly DeskSilence[]) {
  return silences.toSorted(inOrder).map(silenceAnswer)
}

function inOrder(a: DeskSilence, b: DeskSilence): number {
  if (a.state !== b.state) return stateOrder[a.state] - stateOrder[b.state]
  if (a.state === 'pending') return a.startsAt - b.startsAt
  return a.state === 'active' ? a.endsAt - b.endsAt : b.endsAt - a.endsAt
}
