import type { SimulationFigures, SimulationPoint, SimulationState } from '../pipeline/simulation.ts'

/** An evaluation, with what a ready instance could take by then. */
export interface Point extends SimulationPoint {
  limits: Record<string, number>
  happened: SimulationState | undefined
  simulated: SimulationState | undefined
}

type Side = 'happened' | 'simulated'

/** Longer than this between two evaluations nobody measured, ms. */
const gapMs = 60_000
const hourMs = 3_600_000

export function figuresOf(points: readonly Point[], side: Side): SimulationFigures {
  const wanted = points.flatMap((point) => point[side]?.wanted ?? [])
  const moves = wanted.slice(1).flatMap((now, i) => Math.sign(now - (wanted[i] ?? now)) || [])
  const knowsLimits = points.some(({ limits }) => Object.values(limits).some(Number.isFinite))
  let saturatedMs = 0
  let taskMs = 0
  for (const [i, point] of points.entries()) {
    const state = point[side]
    if (!state) continue
    const untilNext = (points[i + 1]?.ts ?? point.ts) - point.ts
    const ms = untilNext > gapMs ? 0 : untilNext
    taskMs += state.wanted * ms
    if (isSaturated(state, point.limits)) saturatedMs += ms
  }
  return {
    ...(knowsLimits ? { saturatedMinutes: saturatedMs / 60_000 } : {}),
    taskHours: taskMs / hourMs,
    changes: moves.length,
    turns: moves.filter((move, i) => i > 0 && move !== moves[i - 1]).length,
    least: wanted.reduce((least, count) => Math.min(least, count), wanted[0] ?? 0),
    most: wanted.reduce((most, count) => Math.max(most, count), 0),
  }
}

function isSaturated({ each }: SimulationState, limits: Record<string, number>): boolean {
  return Object.entries(limits).some(([signal, limit]) => (each[signal] ?? 0) > limit)
}

/** About so many are enough for a chart; each change of instances stays. */
const enough = 1000

export function thinned(points: readonly Point[]): SimulationPoint[] {
  const stride = Math.max(1, Math.ceil(points.length / enough))
  return points.flatMap(({ ts, load, happened, simulated }, i) => {
    const before = points[i - 1]
    const isChange =
      before?.happened?.wanted !== happened?.wanted ||
      before?.simulated?.wanted !== simulated?.wanted
    if (i % stride !== 0 && !isChange && i < points.length - 1) return []
    return [
      {
        ts,
        ...(load === undefined ? {} : { load }),
        ...(happened ? { happened } : {}),
        ...(simulated ? { simulated } : {}),
      },
    ]
  })
}
