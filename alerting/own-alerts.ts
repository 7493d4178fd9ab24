import { linksOf } from './message/links.ts'
import { incidentOf, type AlertRecords, type Notification, type OwnedState } from './records.ts'
import type { PostedAlert } from './stages/alerts.ts'
import { fingerprint } from './stages/labels.ts'

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

/**
 * What is to be told, or told on, after a start: what fires, and of what is over that of which a receiver is still told that
 * it fires. `leftovers` hold the end of those too that are no states any more (resolved long ago, or of a rule that is gone).
 */
export function openAlerts(
  states: readonly OwnedState[],
  { told, leftovers }: { told: AlertRecords['told']; leftovers: readonly Notification[] },
  publicUrl: string | undefined,
): PostedAlert[] {
  const known = new Set(states.map(({ alert }) => alert.fingerprint))
  const ends = new Map(
    leftovers
      .filter(({ state, alert }) => state === 'resolved' && !known.has(alert.fingerprint))
      .toSorted((a, b) => a.ts - b.ts)
      .map((end) => [end.alert.fingerprint, end]),
  )
  const firing = new Set(told.flatMap(([, entry]) => entry.firing))
  return [...ends.values(), ...states.filter(hasFired)]
    .filter(
      ({ alert: { resolvedAt, labels } }) =>
        resolvedAt === undefined || firing.has(fingerprint(labels)),
    )
    .map((one) => ownAlert(one, publicUrl))
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
