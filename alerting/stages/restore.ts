/** A dispatcher goes on where another has stopped, also where routes and receivers are other ones by now. */
import { isResolved, type Alert } from './alerts.ts'
import type { StagesConfig } from './config.ts'
import type { DispatcherState } from './dispatch.ts'
import { integrationOf } from './flush.ts'
import { groupKey, type Flush, type Group } from './groups.ts'
import { addGroup, groupId, keep, routeAlert, type World } from './world.ts'

/** What a group relies on: the routes, and which integrations each receiver has. No secret is in it. */
export function outline({ route, receivers }: StagesConfig): string {
  const integrations = [...receivers].map(([name, list]) => [name, list.map(({ type }) => type)])
  return JSON.stringify([route, integrations], (_, value: unknown) =>
    value instanceof Set ? [...value] : value,
  )
}

/** Takes over what `state` says (which becomes part of `world`) at `now`, ms. */
export function restore(world: World, state: DispatcherState, now: number): void {
  const away = Math.max(0, now - state.at)
  for (const alert of state.alerts) keep(world, lengthened(alert, state.at, away))
  for (const group of state.groups) {
    for (const [fingerprint, alert] of Object.entries(group.alerts)) {
      group.alerts[fingerprint] = lengthened(alert, state.at, away)
    }
    // Whether the last attempt arrived is not known.
    for (const send of group.flush?.sends ?? []) send.nextAttempt ??= now
  }
  if (state.routes === outline(world.config)) {
    for (const group of state.groups) addGroup(world, groupId(group.routeId, group.labels), group)
  } else regroup(world, state.groups, now)
}

/** While nobody listened no alert could be told again: that time does not make one resolved. */
function lengthened(alert: Alert, stoppedAt: number, away: number): Alert {
  return isResolved(alert, stoppedAt) ? alert : { ...alert, endsAt: alert.endsAt + away }
}

/** Alerts are grouped anew; the notification log keeps them from being told twice. */
function regroup(world: World, groups: readonly Group[], now: number): void {
  for (const { alerts } of groups) {
    for (const alert of Object.values(alerts)) routeAlert(world, alert, now)
  }
  const successors = groupsByKey(world)
  for (const { flush, labels } of groups) {
    if (!flush) continue
    const left = flush.sends.filter((send) => integrationOf(world.config, flush, send.integration))
    if (left.length > 0) goOn(world, successors, { ...flush, sends: left }, labels)
  }
}

function groupsByKey(world: World): Map<string, [string, Group]> {
  const byKey = new Map<string, [string, Group]>()
  for (const [id, group] of world.groups) {
    const route = world.routes.get(group.routeId)
    if (!route) continue
    byKey.set(successorKey(route.receiver, groupKey(route, group.labels)), [id, group])
  }
  return byKey
}

function successorKey(receiver: string, key: string): string {
  return JSON.stringify([receiver, key])
}

/**
 * What was under way goes on in the group that the receiver knows by the same key. Where there is none, the receiver is still
 * told what is resolved: its incident would stay open for ever. What fires is told under its new key, and there alone.
 */
function goOn(
  world: World,
  successors: ReadonlyMap<string, [string, Group]>,
  flush: Flush,
  labels: Group['labels'],
): void {
  const key = successorKey(flush.receiver, flush.groupKey)
  const [id, group] = successors.get(key) ?? []
  if (id !== undefined && group && !group.flush) {
    addGroup(world, id, { ...group, flush })
    return
  }
  const sends = flush.sends.filter(({ alerts }) =>
    alerts.every(({ status }) => status === 'resolved'),
  )
  if (sends.length === 0) return
  const routeId = `gone ${key}`
  const left = { routeId, labels, alerts: {}, nextFlush: flush.deadline }
  addGroup(world, groupId(routeId, labels), { ...left, flush: { ...flush, sends } })
}
