/** Feeds the cases of a file laid out like `oracles/hpa/*.json` to our arithmetic. */
import { isDeepStrictEqual } from 'node:util'
import { runFactor, runRates, runStabilize, runStabilizeDown, runStore } from './oracle-limits.ts'
import { runReconcile, runTimeline } from './oracle-loop.ts'
import { runAverage, runTotal, runUtilization, runValue } from './oracle-proposals.ts'
import type { OracleCase, Timeline } from './oracle-shapes.ts'

export interface Difference {
  id: string
  test: string
  expected: unknown
  actual: unknown
}

export interface OracleResult {
  cases: number
  differences: Difference[]
  /** Functions that we do not have. */
  unknown: string[]
}

const ofInput =
  <Input>(run: (input: Input) => unknown) =>
  ({ input }: OracleCase) =>
    run(input as Input)

/** By the name of Kubernetes' function. */
export const functions: Record<string, (oracle: OracleCase) => unknown> = {
  resourceUtilization: ofInput(runUtilization),
  podsAverageValue: ofInput(runAverage),
  objectValue: ofInput(runValue),
  externalValue: ofInput(runValue),
  objectAverageValue: ofInput(runTotal),
  externalAverageValue: ofInput(runTotal),
  convertDesiredReplicasWithRules: ofInput(runFactor),
  convertDesiredReplicasWithBehaviorRate: ofInput(runRates),
  stabilizeRecommendation: ofInput(runStabilizeDown),
  stabilizeRecommendationWithBehaviors: ofInput(runStabilize),
  storeScaleEvent: ofInput(runStore),
  reconcileAutoscaler: runReconcile,
}

export function checkUpstream(cases: readonly OracleCase[]): OracleResult {
  const unknown = new Set<string>()
  const differences = cases.flatMap((oracle) => {
    const run = functions[oracle.function]
    if (!run) {
      unknown.add(oracle.function)
      return []
    }
    const actual = run(oracle)
    const { id, test, expected } = oracle
    return agrees(expected, actual) ? [] : [{ id, test, expected, actual }]
  })
  return { cases: cases.length, differences, unknown: [...unknown] }
}

/** A case whose steps do not all agree differs, at its first step that does not. */
export function checkTimelines(cases: readonly Timeline[]): OracleResult {
  const differences = cases.flatMap((timeline) => {
    const actual = runTimeline(timeline)
    const at = timeline.steps.findIndex(({ replicasAfter }, i) => replicasAfter !== actual[i])
    if (at < 0) return []
    const expected = timeline.steps[at]?.replicasAfter
    return [{ id: timeline.id, test: `step ${at}`, expected, actual: actual[at] }]
  })
  return { cases: cases.length, differences, unknown: [] }
}

function agrees(expected: Record<string, unknown>, actual: unknown): boolean {
  const { errorContains, ...told } = expected
  if (typeof errorContains === 'string') {
    return (actual as { errorContains?: string }).errorContains?.includes(errorContains) ?? false
  }
  // What is null there was not looked at by the test that was recorded.
  const looked = Object.entries(told).filter(([, value]) => value !== null)
  const values = actual as Record<string, unknown>
  return looked.every(([key, value]) => isDeepStrictEqual(values[key], value))
}
