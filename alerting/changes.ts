import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { identityToEcs } from '../pipeline/identity.ts'
import type { Notification } from './records.ts'
import { spokenDuration } from './rules/humanize.ts'
import { explainValue } from './words.ts'

export type AlertAction = 'fired' | 'resolved' | 'notified' | 'failed'

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
