import type { KindEvent } from './kind.ts'

/** An event in a window, and what it counts. */
export interface Counted extends KindEvent {
  count: number | null
  /** Stands for no event: it only says how late it is. */
  placeholder?: true
}

/** Events of less than `timeframe` before the newest of them, by time. Plain data. */
export interface EventWindow {
  events: Counted[]
  /** Of all events in it. */
  sum: number
}

export const openWindow = (): EventWindow => ({ events: [], sum: 0 })

/** Puts an event at its place; returns those that are too old now, the oldest first. */
export function push(window: EventWindow, event: Counted, timeframeMs: number): Counted[] {
  const { events } = window
  let at = events.length
  while (at > 0 && (events[at - 1] as Counted).ms > event.ms) at--
  events.splice(at, 0, event)
  window.sum += event.count ?? 0
  const newest = (events.at(-1) as Counted).ms
  const kept = events.findIndex(({ ms }) => newest - ms < timeframeMs)
  const gone = events.splice(0, kept < 0 ? events.length : kept)
  for (const { count } of gone) window.sum -= count ?? 0
  return gone
}

export const newestOf = ({ events }: EventWindow) => events.at(-1) as Counted

/** Of real events; undefined where there is none. */
export function meanOf({ events }: EventWindow): number | undefined {
  const real = events.filter(({ placeholder }) => !placeholder)
  if (real.length === 0) return undefined
  return real.reduce((sum, { count }) => sum + (count ?? 0), 0) / real.length
}

export function extremeOf(
  { events }: EventWindow,
  pick: (...values: number[]) => number,
): number | undefined {
  return events.length === 0 ? undefined : pick(...events.map(({ count }) => count ?? 0))
}
