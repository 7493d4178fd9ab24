import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { identityToEcs } from '../pipeline/identity.ts'
import { sha256 } from '../pipeline/sha256.ts'
import type { Delivery } from './channels/channel.ts'
import { incidentOf, type Notification } from './records.ts'
import type { FlapChange } from './rules/flap-marking.ts'
import { fourDigits, spokenDuration } from './rules/humanize.ts'
import type { Notification as DispatcherNotification } from './stages/flush.ts'
import { explainValue, type RuleFacts } from './words.ts'

export type AlertAction = 'fired' | 'resolved' | 'notified' | 'failed'

/** That an alert changes too often, or does no more. */
export function flapChange(
  { to, alert, percent, facts }: FlapChange & { facts: RuleFacts },
  ts: number,
): ChangeDoc {
  const incident = incidentOf(alert)
  const action = to === 'started' ? 'flapping' : 'steady'
  const verb = to === 'started' ? 'flaps' : 'flaps no more'
  return {
    '@timestamp': msToIso(ts),
    'event.id': `change:alert:${alert.fingerprint}:${action}:${ts}`,
    'event.kind': 'alert',
    'event.action': action,
    message: `${facts.alert} ${verb}: ${fourDigits(percent)} % of its last 21 states were changes`,
    'alert.name': facts.alert,
    'alert.incident': incident,
    'alert.labels': alert.labels,
    ...identityToEcs(alert.group),
  }
}

/** What happened to an alert, for the timeline; the same event always has the same id. */
export function alertChange(
  notification: Notification,
  action: AlertAction,
  { atMs, message, about = '' }: { atMs: number; message: string; about?: string },
): ChangeDoc {
  const { incident, alert, state } = notification
  const id = ['change', 'alert', incident, state, action, about].filter((part) => part !== '')
  return {
    '@timestamp': msToIso(atMs),
    'event.id': id.join(':'),
    'event.kind': 'alert',
    'event.action': action,
    message,
    'alert.name': notification.facts.alert,
    'alert.incident': incident,
    'alert.state': state,
    'alert.labels': alert.labels,
    ...identityToEcs(alert.group),
  }
}

/** That it fired, or is over. */
export function stateChange(notification: Notification): ChangeDoc {
  const { alert, facts, ts, state, reason } = notification
  if (state === 'firing') {
    const message = `${facts.alert} fires: ${explainValue(facts, alert, ts)}`
    return alertChange(notification, 'fired', { atMs: ts, message })
  }
  const lasted = spokenDuration((alert.resolvedAt ?? ts) - alert.activeAt)
  const because = reason === undefined ? '' : `, because ${reason}`
  const message = `${facts.alert} is resolved after ${lasted}${because}`
  return alertChange(notification, 'resolved', { atMs: ts, message })
}

/** That a receiver was told of a group, or has refused to be. */
export function deliveryDoc(
  { receiver, groupKey, status, alerts, integration }: DispatcherNotification,
  { target, outcome, detail }: Delivery,
  atMs: number,
): ChangeDoc {
  const [first] = alerts
  const name = first?.labels['alertname'] ?? 'alerts'
  const more = alerts.length > 1 ? ` and ${alerts.length - 1} more` : ''
  const isAccepted = outcome === 'accepted'
  const verb = isAccepted ? 'was sent to' : 'was refused by'
  const { service } = first?.labels ?? {}
  const told = alerts.map((one) => [one.fingerprint, one.startsAt])
  const about = sha256(JSON.stringify([groupKey, status, told]), 24)
  return {
    '@timestamp': msToIso(atMs),
    'event.id': `change:alert:${about}:${receiver}:${integration.type}:${target}:${outcome}:${atMs}`,
    'event.kind': 'alert',
    'event.action': isAccepted ? 'notified' : 'failed',
    message: `${name}${more} (${status}) ${verb} ${receiver} by ${integration.type} (${target}): ${detail}`,
    'alert.name': name,
    'alert.state': status,
    ...(service === undefined ? {} : { 'service.name': service }),
  }
}
