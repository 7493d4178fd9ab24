/**
 * The life of an alert, with Prometheus's semantics: pure, in event time. Given the state before, the time and
 * what the rule's expression gave, the state after and what changed.
 */
import type { Sample } from './rule.ts'

/** One alert. `inactive` ones were firing; they are remembered for a while after they were resolved. */
export interface AlertState extends Sample {
  state: 'pending' | 'firing' | 'inactive'
  /** When the condition began to hold, ms; with the fingerprint it names the incident. */
  activeAt: number
  firedAt?: number
  resolvedAt?: number
  /** While firing only because of `keep_firing_for`: since when the condition does not hold. */
  keepFiringSince?: number
  /** While pending and nobody could evaluate it: when it last was evaluated, ms. */
  suspendedAt?: number
  /** The worst value since `activeAt`. */
  peak: number
}

/** By fingerprint. */
export type AlertStates = ReadonlyMap<string, AlertState>

/** What {@link advance} needs to know of a rule. */
export interface StateRule {
  forMs: number
  keepFiringForMs: number
  lowIsWorse: boolean
}

export interface Transition {
  to: 'pending' | 'firing' | 'resolved' | 'dropped'
  /** Evaluation time, ms. */
  ts: number
  alert: AlertState
  /** True where the same incident has fired before (its `for` was made longer meanwhile). */
  again: boolean
}

/** How long a resolved alert is remembered. */
export const resolvedRetentionMs = 15 * 60_000

/** One evaluation at `ts` that gave `vector`. Not to be called where none was possible: see {@link markUnknown}. */
export function advance(
  states: AlertStates,
  rule: StateRule,
  ts: number,
  vector: readonly Sample[],
): { states: Map<string, AlertState>; transitions: Transition[] } {
  const after = new Map<string, AlertState>()
  const transitions: Transition[] = []
  const results = new Map(vector.map((sample) => [sample.fingerprint, sample]))
  const step = (before: AlertState | undefined, alert: AlertState | undefined) => {
    if (alert) after.set(alert.fingerprint, alert)
    const transition = compare(before, alert, ts)
    if (transition) transitions.push(transition)
  }
  for (const [fingerprint, before] of states) {
    const sample = results.get(fingerprint)
    results.delete(fingerprint)
    step(before, sample ? present(before, rule, ts, sample) : missing(before, rule, ts))
  }
  for (const sample of results.values()) step(undefined, present(undefined, rule, ts, sample))
  return { states: after, transitions }
}

/** No evaluation is possible: everything stays as it is, told to be unknown since `ts` at the latest. */
export function markUnknown(states: AlertStates, ts: number): Map<string, AlertState> {
  const marked = new Map<string, AlertState>()
  for (const [key, state] of states) {
    const active = state.state !== 'inactive'
    marked.set(key, active ? { ...state, unknownSince: state.unknownSince ?? ts } : state)
  }
  return marked
}

/** The rule is gone: what it had firing is over, though nothing was measured. */
export function abandon(state: AlertState, ts: number): Transition | undefined {
  if (state.state === 'inactive') return undefined
  return compare(state, resolve(known(state), ts), ts)
}

function present(
  before: AlertState | undefined,
  rule: StateRule,
  ts: number,
  sample: Sample,
): AlertState {
  const active = before && before.state !== 'inactive' ? before : undefined
  const alert: AlertState = {
    ...(active ? known(active) : { state: 'pending', activeAt: ts }),
    ...sample,
    peak: active ? worse(rule, active.peak, sample.value) : sample.value,
  }
  delete alert.keepFiringSince
  return hold(alert, rule, ts)
}

/** Pending long enough becomes firing; firing for less than a `for` that was made longer becomes pending. */
function hold(alert: AlertState, rule: StateRule, ts: number): AlertState {
  const longEnough = ts - alert.activeAt >= rule.forMs
  if (alert.state === 'pending' && longEnough) {
    return { ...alert, state: 'firing', firedAt: alert.firedAt ?? ts }
  }
  return alert.state === 'firing' && !longEnough ? { ...alert, state: 'pending' } : alert
}

function missing(before: AlertState, rule: StateRule, ts: number): AlertState | undefined {
  if (before.state === 'inactive') {
    return ts - (before.resolvedAt ?? ts) > resolvedRetentionMs ? undefined : before
  }
  if (before.state === 'pending') {
    // Somebody was told that it fires, before its `for` was made longer: tell the end as well.
    return before.firedAt === undefined ? undefined : resolve(known(before), ts)
  }
  const keepFiringSince = before.keepFiringSince ?? ts
  const keep = rule.keepFiringForMs > 0 && ts - keepFiringSince < rule.keepFiringForMs
  return keep ? hold({ ...known(before), keepFiringSince }, rule, ts) : resolve(known(before), ts)
}

function resolve(alert: AlertState, ts: number): AlertState {
  return { ...alert, state: 'inactive', resolvedAt: ts }
}

function known(alert: AlertState): AlertState {
  const copy = { ...alert }
  delete copy.unknownSince
  delete copy.unknown
  delete copy.cause
  return copy
}

/** Of a stand-in there is no value. */
function worse(rule: StateRule, a: number, b: number): number {
  if (Number.isNaN(a)) return b
  if (Number.isNaN(b)) return a
  return rule.lowIsWorse ? Math.min(a, b) : Math.max(a, b)
}

function compare(
  before: AlertState | undefined,
  after: AlertState | undefined,
  ts: number,
): Transition | undefined {
  const again = before?.firedAt !== undefined
  if (!after) {
    return before?.state === 'pending'
      ? { to: 'dropped', ts, alert: before, again: false }
      : undefined
  }
  const sameIncident = before?.state !== 'inactive' && before !== undefined
  const was = sameIncident ? before.state : undefined
  if (after.state === was || after === before) return undefined
  const to = after.state === 'inactive' ? 'resolved' : after.state
  return { to, ts, alert: after, again: to === 'firing' && sameIncident && again }
}
