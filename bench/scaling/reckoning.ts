import type { Aim } from './scalers.ts'
import type { Shape } from './shapes.ts'

/** A second of a service that is scaled. */
export interface Sample {
  /** Requests a second of all users. */
  load: number
  wanted: number
  ready: number
}

export interface ScalingRow {
  scaler: string
  shape: string
  /** Most instances beyond the most that were needed; 0 too where it never came so far. */
  overshoot: number
  /** From the rise until there are enough, for good, s; infinite where there never were, undefined where the load never stays. */
  settlingSeconds: number | undefined
  /** Changes of direction; a load that rises and falls once takes one, the sine seven. */
  flaps: number
  /** With more load on each ready instance than it can carry. */
  saturationMinutes: number
  changes: number
  instanceHours: number
}

/** Of one instance, requests/s. */
export const capacity = 20

/** What a way to follow a load is worth, of what there was each second. */
export function reckon(samples: readonly Sample[], aim: Aim, plateau: Shape['plateau']) {
  const wanted = samples.map((sample) => sample.wanted)
  const needed = samples.map(({ load }) => neededFor(load, aim))
  const saturated = samples.filter(({ load, ready }) => load > capacity * ready).length
  const moves = movesOf(wanted).map(({ from, to }) => Math.sign(to - from))
  return {
    overshoot: Math.max(0, Math.max(...wanted) - Math.max(...needed)),
    settlingSeconds: settling(samples, aim, plateau),
    flaps: moves.filter((move, i) => i > 0 && move !== moves[i - 1]).length,
    saturationMinutes: saturated / 60,
    changes: moves.length,
    instanceHours: wanted.reduce((sum, count) => sum + count, 0) / 3600,
  }
}

export interface Move {
  from: number
  to: number
}

/** The changes in a series of counts. */
export function movesOf(counts: readonly number[]): Move[] {
  return counts.flatMap((to, t) => {
    const from = counts[t - 1] ?? to
    return from === to ? [] : { from, to }
  })
}

function neededFor(load: number, { target, min, max }: Aim): number {
  return Math.min(max, Math.max(min, Math.ceil(load / target)))
}

/** Enough: no instance has more than a tenth beyond its target. */
function settling(
  samples: readonly Sample[],
  { target }: Aim,
  plateau: Shape['plateau'],
): number | undefined {
  if (!plateau) return undefined
  const isShort = ({ load, ready }: Sample) => load > 1.1 * target * ready
  const last = samples.slice(0, plateau.to).findLastIndex(isShort)
  if (last === plateau.to - 1) return Infinity
  return Math.max(0, last + 1 - plateau.from)
}

/** One line of the bench: what it is about, and the numbers. */
export function inWords(row: ScalingRow): { name: string; value: string } {
  const { settlingSeconds, overshoot, flaps, saturationMinutes, instanceHours, changes } = row
  return {
    name: `${row.shape} load, ${row.scaler}`,
    value: `${settledWords(settlingSeconds)}, ${overshoot} too many, ${flaps} turns in ${changes} changes, ${saturationMinutes.toFixed(1)} min saturated, ${instanceHours.toFixed(2)} instance-hours`,
  }
}

function settledWords(seconds: number | undefined): string {
  if (seconds === undefined) return 'a load that never stays'
  return Number.isFinite(seconds) ? `enough after ${seconds} s` : 'never enough'
}
