/**
 * The dispatcher: alerts and silences go in, notifications come out, in Alertmanager's times. It reads no clock and sends
 * nothing: the caller asks `nextDue`, calls `advance` then, sends what it gives and reports each answer. `now` is in ms and
 * never falls. `state` is plain data, from which a new dispatcher goes on; what was on its way is sent again.
 */
import { explain } from '../../pipeline/errors.ts'
import { withoutUndefined } from '../../pipeline/without-undefined.ts'
import { ingest, isResolved, merge, type Alert, type PostedAlert } from './alerts.ts'
import type { StagesConfig } from './config.ts'
import type { LogEntry } from './dedup.ts'
import { createDueQueue } from './due.ts'
import { attempt, flush, giveUp, settle, type Answer, type Notification } from './flush.ts'
import { dueOf, groupKey, type Group } from './groups.ts'
import { createInhibitor } from './inhibition.ts'
import type { Labels } from './labels.ts'
import type { Held } from './muting.ts'
import { outline, restore } from './restore.ts'
import { routesById } from './routes.ts'
import { createSilences, type Silence, type Silences } from './silences.ts'
import { keep, routeAlert, type World } from './world.ts'

/** Plain data. */
export interface DispatcherState {
  /** When it was taken, ms. */
  at: number
  /** Of the routes and receivers the groups were made for. */
  routes: string
  alerts: Alert[]
  silences: Silence[]
  groups: Group[]
  log: [string, LogEntry][]
  sends: number
  nextCare: number
}

export interface AlertStatus {
  alert: Alert
  state: 'active' | 'suppressed'
  silencedBy: string[]
  inhibitedBy?: string
  /** Why it is held. */
  mutedBy?: string
}

export interface DispatcherOptions {
  /** Asked of each alert that would be told; see `muting.ts`. */
  held?: Held
}

export interface Dispatcher {
  silences: Silences
  /** Takes the good ones; tells of each other its place and why not. */
  post(alerts: readonly PostedAlert[], now: number): { index: number; sentence: string }[]
  /** When `advance` is to be called next. */
  nextDue(): number | undefined
  /** The notifications that are to be sent now. */
  advance(now: number): Notification[]
  /** What became of a notification; without effect where its flush is over. */
  answer(id: string, answer: Answer, now: number): void
  /** False where the flush of a notification is over: it is not to be sent any more. */
  awaits(id: string): boolean
  /** The alert that inhibits those with these labels now. */
  inhibitedBy(labels: Labels, now: number): string | undefined
  /** What receivers were told, where that has changed since it was asked for last; undefined: it is forgotten. */
  takeTold(): [key: string, entry: LogEntry | undefined][]
  /** Of every alert that is not resolved. */
  status(now: number): AlertStatus[]
  /** As it stands at `now`: the time until it is restored is time in which nobody could be told of. */
  state(now: number): DispatcherState
}

/** How often what is over is looked for and forgotten, ms: until then an alert that fires again may merge with what it was. */
const careInterval = 30 * 60_000

export function createDispatcher(
  config: StagesConfig,
  now: number,
  restored?: DispatcherState,
  { held }: DispatcherOptions = {},
): Dispatcher {
  const world: World = {
    config,
    routes: routesById(config.route),
    alerts: new Map(),
    groups: new Map(),
    log: new Map(restored?.log),
    touched: new Set(),
    underWay: new Map(),
    due: createDueQueue(),
    inhibitor: createInhibitor(config.inhibitRules),
    silences: createSilences(restored?.silences),
    held,
    sends: restored?.sends ?? 0,
    nextCare: restored?.nextCare ?? now + careInterval,
  }
  if (restored?.groups.length || restored?.alerts.length) {
    const { groups, alerts } = restored
    restore(world, { ...restored, ...structuredClone({ groups, alerts }) }, now)
  }
  return {
    silences: world.silences,
    post: (alerts, now) => post(world, alerts, now),
    nextDue: () => world.due.earliest(),
    advance: (now) => advance(world, now),
    answer: (id, answer, now) => settle(world, id, answer, now),
    awaits: (id) => world.underWay.has(id),
    inhibitedBy: (labels, now) => world.inhibitor.inhibitedBy(labels, now),
    takeTold() {
      const told = [...world.touched].map((key): [string, LogEntry | undefined] => [
        key,
        world.log.get(key),
      ])
      world.touched.clear()
      return told
    },
    status: (now) => statusOf(world, now),
    state: (now) =>
      structuredClone({
        at: now,
        routes: outline(config),
        alerts: [...world.alerts.values()],
        silences: world.silences.list(),
        groups: [...world.groups.values()],
        log: [...world.log],
        sends: world.sends,
        nextCare: world.nextCare,
      }),
  }
}

function post(world: World, posted: readonly PostedAlert[], now: number) {
  const refused: { index: number; sentence: string }[] = []
  for (const [index, one] of posted.entries()) {
    try {
      const alert = ingest(one, now, world.config.resolveTimeout)
      const merged = merge(world.alerts.get(alert.fingerprint), alert, now)
      keep(world, merged)
      routeAlert(world, merged, now)
    } catch (error) {
      refused.push({ index, sentence: explain(error) })
    }
  }
  return refused
}

function advance(world: World, now: number): Notification[] {
  if (now >= world.nextCare) care(world, now)
  const notifications: Notification[] = []
  for (let id = world.due.take(now); id !== undefined; id = world.due.take(now)) {
    const group = world.groups.get(id)
    if (!group) continue
    const route = world.routes.get(group.routeId)
    if (group.flush && now >= group.flush.deadline) giveUp(world, id, group, group.flush, now)
    else if (group.flush) attempt(world, group, group.flush, now, notifications)
    else if (route) flush(world, id, group, route, now, notifications)
    if (world.groups.has(id)) world.due.set(id, dueOf(group))
  }
  return notifications
}

/** An entry of a live group stays even when it has expired: without it a resolution would never be told. */
function care(world: World, now: number): void {
  world.nextCare = now + careInterval
  world.silences.forget(now)
  for (const [fingerprint, alert] of world.alerts) {
    if (!isResolved(alert, now)) continue
    world.alerts.delete(fingerprint)
    world.inhibitor.remove(alert)
  }
  const live = new Set<string>()
  for (const group of world.groups.values()) {
    const route = world.routes.get(group.routeId)
    if (route) live.add(groupKey(route, group.labels))
  }
  for (const [key, { expiresAt }] of world.log) {
    const [group] = JSON.parse(key) as [string]
    if (expiresAt >= now || live.has(group)) continue
    world.log.delete(key)
    world.touched.add(key)
  }
}

function statusOf(world: World, now: number): AlertStatus[] {
  return [...world.alerts.values()]
    .filter((alert) => !isResolved(alert, now))
    .map((alert) => {
      const silencedBy = world.silences.mutedBy(alert.labels, now)
      const inhibitedBy = world.inhibitor.inhibitedBy(alert.labels, now)
      const mutedBy = world.held?.(alert.labels, now)
      const suppressed = silencedBy.length > 0 || (inhibitedBy ?? mutedBy) !== undefined
      return {
        alert,
        state: suppressed ? 'suppressed' : 'active',
        silencedBy,
        ...withoutUndefined({ inhibitedBy, mutedBy }),
      }
    })
}
