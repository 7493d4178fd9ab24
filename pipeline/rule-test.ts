import type { Level } from './event.ts'
import type { Identity } from './identity.ts'

/** A story of some lines, samples and changes, and what rules have to make of it. Times are ms from its beginning. */
export interface RuleTest {
  name: string
  /** Line of the file it stands at. */
  line: number
  /** Event time at which it begins, ms. */
  startMs: number
  lengthMs: number
  /** Nothing is expected of other rules; undefined: of all. */
  only?: string[]
  input: RuleInput[]
  expect: ExpectedAlerts[]
  /** All that is to be told; undefined where the test does not say. */
  told?: ExpectedTold[]
}

/** One event, or one each `everyMs` of [fromMs, toMs). */
export interface RuleInput {
  fromMs: number
  toMs: number
  everyMs: number
  /** So long after its time it comes. */
  lateMs: number
  identity: Identity
  event: RuleEvent
}

export type RuleEvent =
  | { log: { message: string; level?: Level; fields: Record<string, unknown> } }
  | { sample: Record<string, number> }
  | { change: { kind: string; action: string; message: string; fields: Record<string, unknown> } }

export interface ExpectedAlert {
  alert: string
  state: 'pending' | 'firing' | 'unknown'
  /** Those it has to have, among others. */
  labels: Record<string, string>
  annotations: Record<string, string>
  value?: number
}

/** All alerts that are active then. */
export interface ExpectedAlerts {
  line: number
  atMs: number
  alerts: ExpectedAlert[]
}

export interface ExpectedTold extends Omit<ExpectedAlert, 'state'> {
  line: number
  atMs: number
  state: 'firing' | 'resolved'
}

/** What became of a test: each difference as a sentence with its line. */
export interface RuleTestResult {
  name: string
  line: number
  differences: { line: number; sentence: string }[]
}
