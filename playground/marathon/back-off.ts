import type { RunSpec } from './model.ts'
import type { State } from './state.ts'

/** How long launches of a config that keeps failing wait: 1 s, then 1.15 times as long each time, up to 300 s. */
export interface Delay {
  /** When the last failure was, or the last launch after it. */
  from: number
  ms: number
  maxMs: number
}

/** Scaling and restarting keep the delay, another config begins without one. */
function keyOf({ id, versionInfo }: RunSpec): string {
  return `${id} ${versionInfo.lastConfigChangeAt}`
}

export function addDelay(state: State, spec: RunSpec): void {
  const { seconds, factor, maxSeconds } = spec.backoff
  const before = state.delays.get(keyOf(spec))
  const ms = before === undefined ? seconds * 1000 : before.ms * factor
  const maxMs = maxSeconds * 1000
  state.delays.set(keyOf(spec), { from: state.clock.now(), ms: Math.min(ms, maxMs), maxMs })
}

/** A launch on the way: the same delay counts from now. */
export function advanceDelay(state: State, spec: RunSpec): void {
  const delay = state.delays.get(keyOf(spec))
  if (delay) delay.from = state.clock.now()
}

export function resetDelay(state: State, spec: RunSpec): void {
  state.delays.delete(keyOf(spec))
}

/** ms since the epoch, undefined for at once. */
export function delayedUntil(state: State, spec: RunSpec): number | undefined {
  const delay = state.delays.get(keyOf(spec))
  return delay && delay.from + delay.ms
}

/** What ran for as long as the longest delay is forgiven. */
export function forgetOldDelays(state: State): void {
  const now = state.clock.now()
  for (const [key, { from, maxMs }] of state.delays) {
    if (now > from + maxMs) state.delays.delete(key)
  }
}
