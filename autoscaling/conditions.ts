/** How a service stands in three words, as Kubernetes' autoscaler tells it: with its reasons where they fit. */
import type { Condition, Conditions, DecisionReason } from '../pipeline/decision.ts'
import type { Verdict } from './facts.ts'
import type { Limit } from './hpa/limits.ts'
import { isProposal } from './hpa/proposal.ts'
import type { TargetProposal } from './target-parts.ts'
import type { Wish } from './wish.ts'

const yes = (reason: string, message: string): Condition => ({ status: true, reason, message })
const no = (reason: string, message: string): Condition => ({ status: false, reason, message })

/** `wish` and `targets` are missing for a service that is left alone. */
export function conditionsOf(
  verdict: Verdict,
  targets: readonly TargetProposal[],
  wish?: Wish,
): Conditions {
  return {
    AbleToScale: able(verdict, wish),
    ScalingActive: active(verdict, targets, wish),
    ScalingLimited: limited(wish?.limit),
  }
}

/** Of one whose policy has a fault. */
export function conditionsOfFault(why: string): Conditions {
  return {
    AbleToScale: yes('ReadyForNewScale', 'nothing stands against a change'),
    ScalingActive: no('InvalidPolicy', why),
    ScalingLimited: limited(undefined),
  }
}

/** Once Marathon has refused. */
export function notUpdated(conditions: Conditions | undefined, because: string) {
  return conditions && { ...conditions, AbleToScale: no('FailedUpdateScale', because) }
}

const unable: Partial<Record<DecisionReason, string>> = {
  'no-service': 'FailedGetScale',
  'stale-state': 'FailedGetScale',
  pod: 'NotScalable',
  resident: 'NotScalable',
  'deployment-running': 'DeploymentRunning',
  'waiting-for-offers': 'WaitingForOffers',
  locked: 'FailedUpdateScale',
  'deployment-limit': 'FailedUpdateScale',
  refused: 'FailedUpdateScale',
  'marathon-away': 'FailedUpdateScale',
  'changed-meanwhile': 'FailedUpdateScale',
}

function able({ outcome, reason, because, step }: Verdict, wish: Wish | undefined): Condition {
  const failed = step === 'running' ? 'InstancesStarting' : unable[reason]
  if (failed !== undefined) return no(failed, because)
  if (outcome === 'scaled') return yes('SucceededRescale', because)
  if (outcome === 'would-scale') return yes('DryRun', because)
  const stabilization = wish?.steps.find((one) => one.step === 'stabilization')
  if (!stabilization) return yes('ReadyForNewScale', 'nothing stands against a change')
  const isDown = stabilization.before < stabilization.after
  return yes(isDown ? 'ScaleDownStabilized' : 'ScaleUpStabilized', stabilization.why)
}

const inactive: Partial<Record<DecisionReason, string>> = {
  suspended: 'ScalingDisabled',
  idle: 'ScalerNotActive',
  paused: 'Paused',
  override: 'SetByHand',
}

function active(
  { reason, because }: Verdict,
  targets: readonly TargetProposal[],
  wish: Wish | undefined,
): Condition {
  const why = inactive[reason]
  if (why !== undefined) return no(why, because)
  if (!wish) return no('NotEvaluated', 'its signals were not looked at')
  const failed = targets.filter(({ proposed }) => !isProposal(proposed))
  const [first] = failed
  if (first && (failed.length === targets.length || wish.verdict.reason === 'no-data')) {
    return no('FailedGetMetric', first.words)
  }
  return yes('ValidMetricFound', 'its signals have a value')
}

const limitWords: Record<Limit, string> = {
  DesiredWithinRange: 'what is asked for is within its limits',
  TooFewReplicas: 'fewer are asked for than its minimum',
  TooManyReplicas: 'more are asked for than its maximum',
  ScaleUpLimit: 'more are asked for than its policy lets it add at once',
  ScaleDownLimit: 'fewer are asked for than its policy lets it take away at once',
}

function limited(limit: Limit = 'DesiredWithinRange'): Condition {
  return { status: limit !== 'DesiredWithinRange', reason: limit, message: limitWords[limit] }
}
