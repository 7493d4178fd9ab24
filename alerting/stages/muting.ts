/** Why an alert is not told now: all that may keep one back, in one list. */
import type { NotifiedAlert } from './groups.ts'
import type { Labels } from './labels.ts'
import type { Route } from './routes.ts'
import { contains } from './time-intervals.ts'
import type { World } from './world.ts'

/** A sentence that says why alerts with these labels are held at `now` (ms), undefined where they are not. */
export type Held = (labels: Labels, now: number) => string | undefined

/** What the stages ask: a part of the world of a dispatcher. */
type Asked = Pick<World, 'config' | 'inhibitor' | 'silences' | 'held'>

interface MutingStage {
  /**
   * `all`: also that an alert is resolved is not told, as Alertmanager has it. `news`: only what the receiver has not been told
   * of; see {@link unmuted}.
   */
  mutes: 'all' | 'news'
  /** Asked once a flush; the answer is asked for each alert, and is the reason or undefined. */
  at(world: Asked, route: Route, now: number): (labels: Labels) => string | undefined
}

/** What holds alerts (the caller's: leases of deployments, lost agents), then Alertmanager's. */
const mutingStages: readonly MutingStage[] = [
  {
    mutes: 'news',
    at:
      ({ held }, _, now) =>
      (labels) =>
        held?.(labels, now),
  },
  {
    mutes: 'all',
    at:
      ({ inhibitor }, _, now) =>
      (labels) =>
        inhibitor.inhibitedBy(labels, now),
  },
  {
    mutes: 'all',
    at:
      ({ silences }, _, now) =>
      (labels) =>
        silences.mutedBy(labels, now)[0],
  },
  {
    mutes: 'all',
    at: (world, route, now) => {
      const reason = outOfTime(world, route, now)
      return () => reason
    },
  },
]

/** Of a route with active times it must be in one, and in none of its mute times. */
function outOfTime({ config }: Asked, route: Route, now: number): string | undefined {
  const inside = (name: string) =>
    (config.timeIntervals.get(name) ?? []).some((interval) => contains(interval, now))
  const { activeTimeIntervals, muteTimeIntervals } = route
  if (activeTimeIntervals.length > 0 && !activeTimeIntervals.some(inside)) {
    return `outside of ${activeTimeIntervals.join(', ')}`
  }
  return muteTimeIntervals.find(inside)
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
  const stagesOf = (mutes: MutingStage['mutes']) =>
    mutingStages
      .filter((stage) => stage.mutes === mutes)
      .map((stage) => stage.at(world, route, now))
  const [muting, holding] = [stagesOf('all'), stagesOf('news')]
  const left = alerts.filter(({ labels }) => muting.every((by) => by(labels) === undefined))
  const held = left.filter(({ labels }) => holding.some((by) => by(labels) !== undefined))
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
