import { linksOf } from './message/links.ts'
import { incidentOf, type Notification, type OwnedState } from './records.ts'
import type { PostedAlert } from './stages/alerts.ts'

/** An alert of our own rules fires until it is told to be over: nothing is to be concluded from silence. */
const foreverMs = 10 * 365 * 86_400_000

/** Somebody may have been told of it. */
export const hasFired = ({ alert }: Pick<OwnedState, 'alert'>) =>
  alert.firedAt !== undefined && alert.state !== 'pending'

/** As the dispatcher takes it. Its annotations are those of now; `publicUrl`: where links lead. */
export function ownAlert(
  { alert, facts }: Pick<OwnedState, 'alert' | 'facts'>,
  publicUrl: string | undefined,
): PostedAlert {
  const { labels, annotations, activeAt, firedAt = activeAt, resolvedAt } = alert
  const [link] = linksOf(publicUrl ?? '', { facts, alert, ts: resolvedAt ?? firedAt })
  return {
    labels,
    annotations,
    startsAt: firedAt,
    endsAt: resolvedAt ?? firedAt + foreverMs,
    generatorURL: publicUrl === undefined ? '' : link.url,
  }
}

/** As it would be told by itself. */
export function ownNotification({ alert, facts }: OwnedState): Notification {
  const isOver = alert.resolvedAt !== undefined
  return {
    incident: incidentOf(alert),
    state: isOver ? 'resolved' : 'firing',
    ts: alert.resolvedAt ?? alert.firedAt ?? alert.activeAt,
    alert,
    facts,
    sent: false,
    deliveries: {},
  }
}
