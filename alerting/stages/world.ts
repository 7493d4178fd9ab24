/** All that a dispatcher holds, and how an alert comes into it. */
import type { Alert } from './alerts.ts'
import type { StagesConfig } from './config.ts'
import type { LogEntry } from './dedup.ts'
import type { DueQueue } from './due.ts'
import { bornGroup, dueOf, type Group } from './groups.ts'
import type { Inhibitor } from './inhibition.ts'
import { labelsText, type Labels } from './labels.ts'
import type { Held } from './muting.ts'
import { groupLabelsOf, routesOf, type Route } from './routes.ts'
import type { Silences } from './silences.ts'

export interface World {
  config: StagesConfig
  routes: ReadonlyMap<string, Route>
  alerts: Map<string, Alert>
  groups: Map<string, Group>
  log: Map<string, LogEntry>
  /** Keys of entries that were set or forgotten since somebody asked. */
  touched: Set<string>
  /** The group of each notification under way. */
  underWay: Map<string, string>
  due: DueQueue
  inhibitor: Inhibitor
  silences: Silences
  held: Held | undefined
  sends: number
  nextCare: number
}

export function groupId(routeId: string, labels: Labels): string {
  return `${routeId}:${labelsText(labels)}`
}

/** Takes the place of the kept one with the same labels. */
export function keep(world: World, alert: Alert): void {
  world.alerts.set(alert.fingerprint, alert)
  world.inhibitor.set(alert)
}

/** Puts the alert into its group under each route that takes it; a group that is not there is born. */
export function routeAlert(world: World, alert: Alert, now: number): void {
  for (const route of routesOf(world.config.route, alert.labels)) {
    const labels = groupLabelsOf(route, alert.labels)
    const id = groupId(route.id, labels)
    const group = world.groups.get(id)
    if (group) group.alerts[alert.fingerprint] = alert
    else addGroup(world, id, bornGroup(route, labels, alert, now))
  }
}

/** With what it has under way. */
export function addGroup(world: World, id: string, group: Group): void {
  world.groups.set(id, group)
  for (const send of group.flush?.sends ?? []) world.underWay.set(send.id, id)
  world.due.set(id, dueOf(group))
}

/** What a receiver has been told. */
export function noteTold(world: World, key: string, entry: LogEntry): void {
  world.log.set(key, entry)
  world.touched.add(key)
}
