import { freshFlapState, observe } from './flapping.ts'
import type { AlertState, AlertStates } from './state.ts'

/** When an alert flaps: see `flapping.ts`. A rule's `for` confirms its state, so that each counts at once. */
export interface FlapSettings {
  /** Percent of changes among the last 21 states. */
  low: number
  high: number
  /** A state that stays as it is counts once in so long, ms; one that is another at once. */
  everyMs: number
}

/** What is remembered of an alert; plain data. */
export interface FlapMark {
  /** A digit each, the oldest first: 0 is over, 2 fires. */
  history: string
  isFlapping: boolean
  /** Of changes, the newest weigh most. */
  percent: number
  /** When a state was counted last, ms. */
  atMs: number
}

export interface FlapChange {
  to: 'started' | 'stopped'
  alert: AlertState
  percent: number
}

const fires = 2
/** None that has come to an end is remembered for longer than its changes count. */
export const isQuiet = ({ history, isFlapping }: FlapMark) => !isFlapping && !/[^0]/.test(history)

/** Marks the alerts of one evaluation. What cannot be told (unknown) counts for nothing. */
export function markFlapping(
  before: AlertStates,
  after: ReadonlyMap<string, AlertState>,
  ts: number,
  settings: FlapSettings,
): { states: Map<string, AlertState>; changes: FlapChange[] } {
  const states = new Map<string, AlertState>()
  const changes: FlapChange[] = []
  for (const [key, { flap: _, ...alert }] of after) {
    const known = before.get(key)?.flap
    const marked = markOf(alert, known, ts, settings)
    const state = marked ? { ...alert, flap: marked } : alert
    states.set(key, state)
    if ((marked?.isFlapping ?? false) === (known?.isFlapping ?? false)) continue
    const to = marked?.isFlapping ? 'started' : 'stopped'
    changes.push({ to, alert: state, percent: marked?.percent ?? 0 })
  }
  return { states, changes }
}

function markOf(
  alert: AlertState,
  known: FlapMark | undefined,
  ts: number,
  { low, high, everyMs }: FlapSettings,
): FlapMark | undefined {
  const state = alert.state === 'firing' ? fires : 0
  if (!known && state === 0) return undefined
  const isDue = !known || Math.floor(ts / everyMs) > Math.floor(known.atMs / everyMs)
  const isNews = state !== Number(known?.history.at(-1) ?? 0)
  if (known && (alert.unknownSince !== undefined || !(isDue || isNews))) return known
  const fresh = freshFlapState()
  const history = known ? known.history.split('').map(Number) : fresh.history
  const last = history.at(-1) ?? 0
  const flap = { ...fresh, history, isFlapping: known?.isFlapping ?? false, state: last }
  const { state: seen, percent = 0 } = observe(flap, state, { low, high, maxCheckAttempts: 1 })
  const mark = { history: seen.history.join(''), isFlapping: seen.isFlapping, percent, atMs: ts }
  return isQuiet(mark) ? undefined : mark
}
