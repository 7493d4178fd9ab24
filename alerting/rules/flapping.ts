/**
 * Whether a state changes too often to be told each time, as Nagios sees it (`base/flapping.c`): of the last 21 states, those
 * that were confirmed and recoveries, the newest changes weigh most.
 */
export interface FlapParameters {
  /** Percent: it flaps from `high` on, until it is at `low` or below. */
  low: number
  high: number
  /** So often in a row a state that is not ok has to be seen to be confirmed. */
  maxCheckAttempts: number
}

/** Plain data; 0 is ok. */
export interface FlapState {
  /** The oldest first. */
  history: number[]
  isFlapping: boolean
  state: number
  attempt: number
  isHard: boolean
}

export interface FlapResult {
  state: FlapState
  /** Of changes; undefined where the state was not recorded, since it is not confirmed. */
  percent: number | undefined
  /** Since this result. */
  flapping: 'started' | 'stopped' | undefined
  /** The state is another, or closer to being confirmed. */
  isNews: boolean
}

const entries = 21
const [lowWeight, highWeight] = [0.75, 1.25]

export const freshFlapState = (): FlapState => ({
  history: Array.from({ length: entries }, () => 0),
  isFlapping: false,
  state: 0,
  attempt: 1,
  isHard: true,
})

export function observe(before: FlapState, result: number, parameters: FlapParameters): FlapResult {
  const confirmed = confirm(before, result, parameters)
  const isNews = result !== before.state || confirmed.attempt !== before.attempt
  const isRecovery = result === 0
  if (!confirmed.isHard && !isRecovery) {
    const state = { ...confirmed, history: before.history, isFlapping: before.isFlapping }
    return { state, percent: undefined, flapping: undefined, isNews }
  }
  const history = [...before.history.slice(1), result]
  const percent = percentOf(history)
  const isFlapping = before.isFlapping ? percent > parameters.low : percent >= parameters.high
  const turned = isFlapping ? 'started' : 'stopped'
  return {
    state: { ...confirmed, history, isFlapping },
    percent,
    flapping: isFlapping === before.isFlapping ? undefined : turned,
    isNews,
  }
}

function confirm(
  { state, attempt, isHard }: FlapState,
  result: number,
  { maxCheckAttempts }: FlapParameters,
): Pick<FlapState, 'state' | 'attempt' | 'isHard'> {
  if (result === 0) return { state: 0, attempt: 1, isHard: true }
  if (state !== 0 && isHard) return { state: result, attempt, isHard: true }
  const next = state === 0 ? 1 : attempt + 1
  return { state: result, attempt: next, isHard: next >= maxCheckAttempts }
}

function percentOf(history: readonly number[]): number {
  let changes = 0
  for (let i = 1; i < history.length; i++) {
    if (history[i] === history[i - 1]) continue
    changes += ((i - 1) * (highWeight - lowWeight)) / (entries - 2) + lowWeight
  }
  return (changes * 100) / (entries - 1)
}
