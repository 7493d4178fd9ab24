import { clusterFaults } from './cluster.ts'
import type { FaultKind } from './kind.ts'
import { loadFaults } from './load.ts'
import { serviceFaults } from './services.ts'

/** All but `calm` and `load-calm`, which end others. Adding one: a line in one of the three. */
export const faultKinds: Readonly<Record<string, FaultKind>> = {
  ...serviceFaults,
  ...clusterFaults,
  ...loadFaults,
}
