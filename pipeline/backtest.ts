import type { LogDoc } from './event.ts'
import type { SignalDeclarations } from './signals.ts'

/** What would have been told, had this rule been there. */
export interface BacktestQuestion {
  rule: BacktestRule
  /** All that the condition may read. */
  signals: SignalDeclarations
  /** Evaluation times, ms: from ≤ time ≤ to. */
  from: number
  to: number
  /** Ask what would have been told had every event been on time, instead of what would have been told then. */
  hindsight: boolean
}

export interface BacktestRule {
  alert: string
  /** CEL over signals. */
  when: string
  clearWhen?: string
  /** Instead of a condition: a rule on single lines. */
  log?: { type: string; where: string; holdMs?: number; parameters: Record<string, unknown> }
  /** Instead of a condition: it always fires. */
  watchdog?: boolean
  noData?: 'unknown' | 'ok' | 'keep' | 'alert'
  onError?: 'keep' | 'alert'
  forMs: number
  keepFiringForMs: number
  labels: Record<string, string>
  annotations: Record<string, string>
}

export interface BacktestAnswer {
  alert: string
  /** First and last evaluation, ms; undefined where nothing that was recorded reaches so far. */
  evaluated: { from: number; to: number; count: number } | undefined
  /** What the evaluations read: what was measured then, or what came then and was measured again. */
  source: 'recorded' | 'measured again'
  /** Evaluations that failed, by their error. */
  failures: { error: string; count: number }[]
  /** In the order in which they were told. */
  incidents: BacktestIncident[]
}

/** Times are ms. */
export interface BacktestIncident {
  incident: string
  labels: Record<string, string>
  annotations: Record<string, string>
  /** Since when the condition held, and when it was told. */
  since: number
  firedAt: number
  /** Undefined while it fires at the end. */
  resolvedAt?: number
  /** `7.2 errors/s > 5` */
  explanation: string
  /** The worst value. */
  peak: number
  /** Some of the lines behind it, where it is about lines and the store has them. */
  lines: LogDoc[]
}

/** A line of the answer on its way: how much of the history is done (0 to 1), and at last the answer, or what went wrong. */
export type BacktestLine =
  { progress: number } | { answer: BacktestAnswer } | { error: string; remedy?: string }
