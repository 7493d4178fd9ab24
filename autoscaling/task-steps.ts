import type { DecisionStep } from '../pipeline/decision.ts'
import type { ServiceState } from '../pipeline/service-state.ts'
import type { WishInput } from './wish.ts'
import { counted, span } from './words.ts'

/** What of its tasks is counted in another way than Marathon shows them. */
export function taskSteps({ policy, state, situation }: WishInput): DecisionStep[] {
  const { wanted, groups } = situation
  const { warming, missing } = groups
  const said = (step: string, why: string) => ({ step, before: wanted, after: wanted, why })
  const warm = `${counted(warming, 'instance')} started within ${span(policy.warmUpMs ?? 0)}: not ready yet`
  const lost = `${counted(missing.length, 'task')} cannot be reached: ${lostWords(state?.replaceUnreachable)}`
  return [
    ...(warming > 0 ? [said('warm-up', warm)] : []),
    ...(missing.length > 0 ? [said('unreachable', lost)] : []),
  ]
}

function lostWords(replace: ServiceState['replaceUnreachable']): string {
  if (replace === undefined) return 'counted as not measured'
  if (replace === 'never') return 'counted as not measured; Marathon never replaces such'
  const after = replace === 0 ? 'at once' : `after ${span(replace)}`
  return `counted as not measured; Marathon replaces such ${after}`
}
