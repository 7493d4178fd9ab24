/** What keeps an alert from being told now: Alertmanager's reasons, and what the caller holds. */
import type { NotifiedAlert } from './groups.ts'
import type { Labels } from './labels.ts'
import type { Route } from './routes.ts'
import { contains } from './time-intervals.ts'
import type { World } from './world.ts'

/** A sentence that says why alerts with these labels are held at `now` (ms), undefined where they are not. */
export type Held = (labels: Labels, now: number) => string | undefined

/** What the stages ask: a part of the world of a dispatcher. */
type Asked = Pick<World, 'config' | 'inhibitor' | 'silences' | 'held'>

/** Of a route with active times it must be in one, and in none of its mute times. */
function isOutOfTime({ config }: Asked, route: Route, now: number): boolean {
  const inside = (name: string) =>
    (config.timeIntervals.get(name) ?? []).some((interval) => contains(interval, now))
  const { activeTimeIntervals, muteTimeIntervals } = route
  const isActive = activeTimeIntervals.length === 0 || activeTimeIntervals.some(inside)
  return !isActive || muteTimeIntervals.some(inside)
}

export interface Unmuted {
  /** What nothing mutes, and what is held. */
  alerts: NotifiedAlert[]
  /** Fingerprints of those that are held. */
  held: ReadonlySet<string>
}

/**
 * The alerts of a group that may be told at `now`, ms. In Alertmanager what is muted when it resolves is never told, and its
 * receiver keeps an open incident. A silence is set by somebody who knows of the alert; a lease begins by itself, and mostly
 * ends the very trouble that was told before: so what is held is kept from those alone who have not been told of it yet. To
 * others it goes on as it was, repetitions included, and its resolution is told.
 */
export function unmuted(
  world: Asked,
  route: Route,
  alerts: readonly NotifiedAlert[],
  now: number,
): Unmuted {
  if (isOutOfTime(world, route, now)) return { alerts: [], held: new Set() }
  const { inhibitor, silences } = world
  const left = alerts.filter(
    ({ labels }) =>
      inhibitor.inhibitedBy(labels, now) === undefined &&
      silences.mutedBy(labels, now).length === 0,
  )
  const held = left.filter(({ labels }) => world.held?.(labels, now) !== undefined)
  return { alerts: left, held: new Set(held.map(({ fingerprint }) => fingerprint)) }
}

/** Without those that are held and that a receiver, which was told last that `firing` fire, does not know of. */
export function withoutHeldNews(
  { alerts, held }: Unmuted,
  firing: readonly string[] = [],
): NotifiedAlert[] {
  if (held.size === 0) return alerts
  const told = new Set(firing)
  return alerts.filter(({ fingerprint }) => !held.has(fingerprint) || told.has(fingerprint))
}
