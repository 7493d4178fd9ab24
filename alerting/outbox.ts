import type { RuleTransition } from './engine.ts'
import { incidentOf, notifyKey, type Notification } from './records.ts'

/** Firing and resolved are told to people; each once an incident, whatever is evaluated again. */
export function notificationOf(
  transition: RuleTransition,
  told: ReadonlySet<string>,
): Notification | undefined {
  const { to, ts, alert, facts, reason, again } = transition
  if ((to !== 'firing' && to !== 'resolved') || again) return undefined
  const notification: Notification = {
    incident: incidentOf(alert),
    state: to,
    ts,
    alert,
    facts,
    ...(reason === undefined ? {} : { reason }),
    sent: false,
    deliveries: {},
  }
  return told.has(notifyKey(notification)) ? undefined : notification
}
