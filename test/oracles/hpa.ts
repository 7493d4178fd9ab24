import { checkTimelines, checkUpstream } from '../autoscaling/hpa/oracles.ts'
import type { OracleCase as HpaCase, Timeline } from '../autoscaling/hpa/oracle-shapes.ts'
import { differing, type OracleCase, type Replays } from './oracle.ts'

/* Cases made with the real Kubernetes: single functions, and closed loops. */

interface Checked {
  differences: { test: string; expected: unknown; actual: unknown }[]
  unknown: string[]
}

const told = ({ differences, unknown }: Checked): string[] => [
  ...unknown.map((name) => `there is no ${name} here`),
  ...differences.flatMap(({ test, expected, actual }) => differing(test, expected, actual)),
]

export const hpaReplays: Replays = {
  'hpa/upstream-tests': (one: OracleCase) => told(checkUpstream([one as unknown as HpaCase])),
  'hpa/timelines': (one: OracleCase) => told(checkTimelines([one as unknown as Timeline])),
}
