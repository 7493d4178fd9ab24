import { freshFlapState, observe } from '../../alerting/rules/flapping.ts'
import { differing, type OracleCase, type Replays } from './oracle.ts'

/* Cases made with the real Nagios Core: results of checks, and what it wrote to its logs. */

interface FlapCase {
  low: number
  high: number
  maxCheckAttempts: number
  results: number[]
  flapChecks: (number | null)[]
  events: ({ flapping: string } | { index: number; state: string; type: string; attempt: number })[]
}

const names = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN']

function flapping(one: OracleCase): string[] {
  const { results, flapChecks, events, ...parameters } = one as OracleCase & FlapCase
  let state = freshFlapState()
  const percents: (number | null)[] = []
  const told: unknown[] = []
  for (const [index, result] of results.entries()) {
    const { isHard: wasHard, attempt: attemptBefore } = state
    const seen = observe(state, result, parameters)
    percents.push(seen.percent === undefined ? null : Number(seen.percent.toFixed(2)))
    if (seen.flapping) told.push(seen.flapping.toUpperCase())
    // Its log has hard states alone; one that is over counts the attempts that confirmed it.
    if (seen.isNews && (result === 0 ? wasHard : seen.state.isHard)) {
      const attempt = result === 0 ? attemptBefore : seen.state.attempt
      told.push({ index, state: names[result], type: 'HARD', attempt })
    }
    state = seen.state
  }
  const wanted = events.map((event) => ('flapping' in event ? event.flapping : event))
  return [...differing('percent', flapChecks, percents), ...differing('events', wanted, told)]
}

export const nagiosReplays: Replays = { 'nagios/flapping': flapping }
