/**
 * A scaling policy along what was recorded: that of then, to see that the same is decided, or another, to see what it would
 * have done. Without bus or clock.
 */
import type { Decision, DecisionDoc } from '../pipeline/decision.ts'
import type { SimulationAnswer } from '../pipeline/simulation.ts'
import { openComparison } from './comparison.ts'
import { figuresOf, thinned, type Point } from './figures.ts'
import type { JournalEntry } from './journal.ts'
import { modelRemark } from './model.ts'
import { openOther, type Other, type Told } from './other.ts'
import type { ScalingPolicy } from './policy.ts'
import { openReplay, type Replay, type ReplayOptions, type Scene, type Step } from './replay.ts'
import { limitsOf, loadOf, standingOf } from './standing.ts'

export interface SimulationOptions extends ReplayOptions {
  /** Evaluations within are told of, ms. */
  from: number
  to: number
  /** Instead of those of then. */
  policy?: ScalingPolicy | undefined
  /** How long a new instance takes, ms, and of how many starts that is known. */
  start: { ms: number; starts: number }
  /** What a ready instance can take, by signal. */
  capacity: Record<string, number>
}

export interface Simulation extends Pick<Replay, 'takeSignals' | 'interrupt'> {
  take(entry: JournalEntry): void
  /** `told`: what stands on the topic `decisions` of the service, from then. */
  result(told: readonly DecisionDoc[]): Omit<SimulationAnswer, 'service'> | undefined
}

export function openSimulation(options: SimulationOptions): Simulation {
  const { from, to, policy, start, capacity } = options
  const replay = openReplay(options)
  const comparison = openComparison(from, to)
  const decisions: Decision[] = []
  const points: Point[] = []
  const remarks = new Set<string>()
  let drawn: SimulationAnswer['load']
  let other: Other | undefined
  /** Set at the beginning of another process, until what it found is told: whether both remembered the same before. */
  let wasOurs: boolean | undefined

  function evaluation(step: Step & { scene: Scene }, before: Replay['memory']) {
    const { ts } = step.scene
    if (ts < from || ts > to) return
    comparison.evaluated(step)
    if (policy) other ??= openOther(policy, start.ms, before())
    const simulated = other?.evaluate(step) ?? { told: toldOf(step), scene: step.scene }
    keep(simulated.told)
    const by = policy ?? step.policy
    const limits = limitsOf(by, capacity)
    const signals = Object.keys(limits)
    if (policy) noteRemarks(signals, step.scene)
    const happened = standingOf(step.scene, by, limits)
    const load = loadOf(signals, step.scene, by, happened)
    drawn ??= load && { signal: load.signal, isTotal: load.isTotal }
    points.push({
      ts,
      limits,
      happened,
      simulated: standingOf(simulated.scene, by, limits),
      ...(load ? { load: load.value } : {}),
    })
  }

  function keep(told: Told | undefined) {
    if (told?.isNews) decisions.push(told.decision)
  }

  function noteRemarks(signals: readonly string[], scene: Scene) {
    for (const signal of signals) {
      const reading = scene.signals(signal)
      const remark = reading
        ? modelRemark(signal, reading.declaration)
        : scene.unmeasured === undefined && `${signal} was not measured then`
      if (remark) remarks.add(remark)
    }
  }

  return {
    takeSignals: replay.takeSignals,
    interrupt: replay.interrupt,
    take(entry) {
      const before = replay.memory()
      if (entry.kind === 'begin' && entry.cause === 'start' && other) {
        wasOurs = JSON.stringify(other.memory()) === JSON.stringify(before)
      }
      if (entry.kind === 'evaluation' && wasOurs !== undefined) {
        other?.restart(before, wasOurs)
        wasOurs = undefined
      }
      const step = replay.take(entry)
      if (step?.scene) return evaluation({ ...step, scene: step.scene }, () => before)
      if (step?.decision && isWithin(step.decision, from, to)) {
        comparison.answered(step)
        if (!other) keep(toldOf(step))
      }
      keep(other?.answer(entry))
    },
    result(told) {
      // What was evaluated without a measurement is ahead of what was measured.
      points.sort((a, b) => a.ts - b.ts)
      const [first, last] = [points[0], points.at(-1)]
      if (!first || !last) return undefined
      const differsFrom = other?.differsFrom()
      return {
        evaluated: { from: first.ts, to: last.ts, count: points.length },
        ...(policy
          ? {
              other: {
                ...(differsFrom === undefined ? {} : { differsFrom }),
                startMs: start.ms,
                starts: start.starts,
              },
            }
          : { exactness: comparison.result(told) }),
        ...(drawn ? { load: drawn } : {}),
        remarks: [...remarks],
        happened: figuresOf(points, 'happened'),
        simulated: figuresOf(points, 'simulated'),
        points: thinned(points),
        decisions,
      }
    },
  }
}

const isWithin = ({ ts }: Decision, from: number, to: number) => ts >= from && ts <= to

const toldOf = ({ decision, isNews }: Step): Told | undefined => decision && { decision, isNews }
