import type { Decision } from './decision.ts'

/** What a scaling policy would have decided. */
export interface SimulationQuestion {
  /** The app's id. */
  service: string
  /** One entry of `autoscaling.services` as YAML; the policies of then unless given. */
  policy?: { text: string; /** For faults. */ file: string }
  /** Evaluation times, ms: from ≤ time ≤ to. */
  from: number
  to: number
  /** How long a new instance takes until it is ready, ms; as it took then unless given. */
  startMs?: number
  /** What one ready instance can take, by signal; its target and the tolerance unless given. */
  capacity?: Record<string, number>
}

export interface SimulationAnswer {
  service: string
  /** First and last evaluation, ms. */
  evaluated: { from: number; to: number; count: number }
  /** With the policies of then: whether the same was decided. */
  exactness?: Exactness
  /** With another policy. */
  other?: {
    /** Since when something else would have been done, ms; undefined where nothing would. */
    differsFrom?: number
    /** How long a new instance was taken to need, ms, and of how many starts that is the median: 0 where it was given or assumed. */
    startMs: number
    starts: number
  }
  /** What limits what this says, a sentence each. */
  remarks: string[]
  /** What happened, and what would have. */
  happened: SimulationFigures
  simulated: SimulationFigures
  /** What `load` of the points is of: of all instances together, or of the service. */
  load?: { signal: string; isTotal: boolean }
  /** In their order; thinned out where there are very many. */
  points: SimulationPoint[]
  /** Of the simulation, where something changes, or the reason for changing nothing. */
  decisions: Decision[]
}

/** Of what was decided then, how much is decided again. */
export interface Exactness {
  decisions: number
  identical: number
  /** Of those that stand on the topic `decisions`, whole. */
  told: { decisions: number; identical: number }
  /** Told by a process that ended before it could write down what it knew. */
  unrecorded: number
  first?: { ts: number; recorded?: Decision; simulated?: Decision }
}

export interface SimulationFigures {
  /** Minutes in which a ready instance had more than it can take; absent where nothing says how much that is. */
  saturatedMinutes?: number
  taskHours: number
  /** Of the number of instances wanted. */
  changes: number
  /** A change in the other direction than the one before. */
  turns: number
  least: number
  most: number
}

export interface SimulationPoint {
  ts: number
  load?: number
  happened?: SimulationState
  simulated?: SimulationState
}

export interface SimulationState {
  wanted: number
  ready: number
  /** What a ready instance has of each signal, or the service of one that is no total; where it is known. */
  each: Record<string, number>
}

/** A line of the answer on its way: how much of the history is done (0 to 1), and at last the answer, or what went wrong. */
export type SimulationLine =
  { progress: number } | { answer: SimulationAnswer } | { error: string; remedy?: string }
