import { openCluster } from './cluster.ts'
import { hpa, ours, seed, type Aim, type Scaler } from './scalers.ts'
import { shapes, type Shape } from './shapes.ts'

export interface ScalingRow {
  scaler: string
  shape: string
  /** Most instances beyond the most that were needed; 0 too where it never came so far. */
  overshoot: number
  /** From the rise until there are enough, for good, s; undefined where the load never stays or there never were. */
  settlingSeconds: number | undefined
  /** The load stays at its height for a while. */
  stays: boolean
  /** Changes of direction; a load that rises and falls once takes one, the sine seven. */
  flaps: number
  /** With more load on each ready instance than it can carry. */
  saturationMinutes: number
  changes: number
  instanceHours: number
}

const aim: Aim = { target: 15, min: 2, max: 20 }
/** Of one instance, requests/s. */
const capacity = 20
const startSeconds = 10

/** One load under one way to follow it, second by second; the same each time. */
export function simulate(scaler: Scaler, shape: Shape): ScalingRow {
  const cluster = openCluster({ instances: 2, startSeconds })
  const wanted: number[] = []
  const ready: number[] = []
  while (cluster.t < shape.seconds) {
    cluster.pass(shape.load(cluster.t))
    if (cluster.t % scaler.everySeconds === 0) scaler.look(cluster)
    wanted.push(cluster.wanted)
    ready.push(cluster.ready().length)
  }
  const needed = wanted.map((_, t) => neededAt(shape, t))
  const saturated = ready.filter((count, t) => shape.load(t) > capacity * count).length
  const moves = wanted.flatMap((count, t) => {
    const move = count - (wanted[t - 1] ?? count)
    return move === 0 ? [] : Math.sign(move)
  })
  return {
    scaler: scaler.name,
    shape: shape.name,
    overshoot: Math.max(0, Math.max(...wanted) - Math.max(...needed)),
    settlingSeconds: settling(shape, ready),
    stays: shape.plateau !== undefined,
    flaps: moves.filter((move, i) => i > 0 && move !== moves[i - 1]).length,
    saturationMinutes: saturated / 60,
    changes: moves.length,
    instanceHours: wanted.reduce((sum, count) => sum + count, 0) / 3600,
  }
}

function neededAt({ load }: Shape, t: number): number {
  const { target, min, max } = aim
  return Math.min(max, Math.max(min, Math.ceil(load(t) / target)))
}

/** Enough: no instance has more than a tenth beyond its target. */
function settling(shape: Shape, ready: readonly number[]): number | undefined {
  const { plateau, load } = shape
  if (!plateau) return undefined
  const isShort = (count: number, t: number) => load(t) > 1.1 * aim.target * count
  const last = ready.slice(0, plateau.to).findLastIndex(isShort)
  if (last === plateau.to - 1) return undefined
  return Math.max(0, last + 1 - plateau.from)
}

/** All shapes under all of them. */
export function compareScaling(): ScalingRow[] {
  return shapes.flatMap((shape) => [ours, hpa, seed].map((open) => simulate(open(aim), shape)))
}

/** One line of the bench: what it is about, and the numbers. */
export function inWords(row: ScalingRow): { name: string; value: string } {
  const { overshoot, flaps, saturationMinutes, instanceHours, changes } = row
  return {
    name: `${row.shape} load, ${row.scaler}`,
    value: `${settlingWords(row)}, ${overshoot} too many, ${flaps} turns in ${changes} changes, ${saturationMinutes.toFixed(1)} min saturated, ${instanceHours.toFixed(1)} instance-hours`,
  }
}

function settlingWords({ settlingSeconds, stays }: ScalingRow): string {
  if (!stays) return 'a load that never stays'
  return settlingSeconds === undefined ? 'never enough' : `enough after ${settlingSeconds} s`
}
