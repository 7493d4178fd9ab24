import { isProposal, type Proposed } from './proposal.ts'

/**
 * The largest of what several metrics ask for. Undefined where it cannot be told: all have failed, or some have and
 * the others would take replicas away.
 */
export function largest(proposals: readonly Proposed[], current: number): number | undefined {
  const known = proposals.filter(isProposal).map(({ replicas }) => replicas)
  if (known.length === 0) return undefined
  const most = Math.max(...known)
  const failed = known.length < proposals.length
  return failed && most < current ? undefined : most
}
