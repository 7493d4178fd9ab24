/** By what a notification, and the group it tells of, are known to those who get them. */
import { sha256 } from '../../pipeline/sha256.ts'
import { groupHash } from '../channels/texts.ts'
import type { GroupNews } from '../stages/flush.ts'

/** The same for all notifications of the group, one day and the next: 16 digits of the hash that others get of it. */
export function threadOf({ groupKey }: Pick<GroupNews, 'groupKey'>): string {
  return `group-${groupHash({ groupKey }).slice(0, 16)}`
}

/**
 * The same however often this notification is attempted, another for every other one of the group. A reminder tells what
 * was told before: only its own name sets it apart.
 */
export function notificationId(notification: GroupNews): string {
  const { receiver, groupKey, status, alerts, reason, id } = notification
  const told = alerts.map(({ fingerprint, status, startsAt, endsAt }) => [
    fingerprint,
    status,
    startsAt,
    // While it fires this is only how long it is believed.
    status === 'resolved' ? endsAt : 0,
  ])
  const reminder = reason === 'repeat interval elapsed' ? [id] : []
  return sha256(JSON.stringify([receiver, groupKey, status, told, reminder]), 32)
}
