/** Whole turns of the loop, and timelines of them, fed to `autoscaling/hpa/reconcile.ts`. */
import { usualRates } from '../../../autoscaling/hpa/limits.ts'
import { fromTotal, fromValue, type Proposed } from '../../../autoscaling/hpa/proposal.ts'
import {
  freshMemory,
  reconcile,
  rescaled,
  type Conditions,
  type HpaConfig,
  type HpaMemory,
} from '../../../autoscaling/hpa/reconcile.ts'
import { rulesOf } from './oracle-limits.ts'
import { average, cpuRules, now, podOf, second, utilization, value } from './oracle-proposals.ts'
import type {
  MetricTarget,
  OracleCase,
  ReconcileInput,
  RulesInput,
  Timeline,
  TimelineStep,
} from './oracle-shapes.ts'

/** Kubernetes' own tests look at CPU so. */
const testingCpu = {
  cpuInitializationPeriodSeconds: 120,
  initialReadinessDelaySeconds: 10,
  metricWindowSeconds: 60,
}

export function runReconcile({ input, test }: OracleCase) {
  const turn = input as ReconcileInput
  const { specReplicas: current, scaleUpRules, scaleDownRules } = turn
  const config: HpaConfig = {
    min: turn.minReplicas,
    max: turn.maxReplicas,
    downscaleStabilizationMs: turn.downscaleStabilizationSeconds * second,
    scaleUpFactor: turn.scaleUpLimitFactor,
    scaleUpAtLeast: turn.scaleUpLimitMinimum,
    ...((scaleUpRules?.policies || scaleDownRules?.policies) && {
      behavior: behaviorOf(scaleUpRules, scaleDownRules),
    }),
  }
  // The recorder wrote no list and an empty one alike; only with no list the initial size is recorded.
  const empty = test.includes('InitialSize') ? {} : { recommendations: [] }
  const memory: HpaMemory = { ...freshMemory, ...empty }
  const { replicas, conditions, error } = reconcile({
    current,
    proposals: () => proposalsOf(turn),
    config,
    memory,
    ts: now,
  })
  const action = replicas === current ? 'none' : replicas > current ? 'scale_up' : 'scale_down'
  return {
    action,
    conditions: shown(conditions, error),
    desiredReplicas: replicas,
    error: error === undefined ? 'none' : 'internal',
  }
}

function behaviorOf(up: RulesInput | null, down: RulesInput | null) {
  return {
    up: up?.policies ? rulesOf(up) : { ...usualRates.up, stabilizationMs: 0 },
    down: down?.policies ? rulesOf(down) : usualRates.down,
  }
}

function proposalsOf(turn: ReconcileInput): Proposed[] {
  const cpu = turn.cpuTargetPercent > 0 ? [cpuProposal(turn)] : []
  return [...(turn.metricsTarget ?? []).map((target) => metricProposal(target, turn)), ...cpu]
}

function cpuProposal(turn: ReconcileInput): Proposed {
  const { reportedLevelsMilli, cpuRequestsMilliPerPod, tolerance, scaleDownRules } = turn
  const pods = turn.pods.map((pod, i) => ({
    ...podOf(pod, i < reportedLevelsMilli.length ? 0 : undefined),
    usage: reportedLevelsMilli[i] ?? 0,
    request: cpuRequestsMilliPerPod[i],
  }))
  const down = scaleDownRules?.tolerance ? milli(scaleDownRules.tolerance) / 1000 : tolerance
  return utilization(pods, [], {
    target: turn.cpuTargetPercent,
    current: turn.specReplicas,
    tolerance: { up: tolerance, down },
    cpu: cpuRules(testingCpu),
  })
}

function metricProposal(target: MetricTarget, turn: ReconcileInput): Proposed {
  const { specReplicas: current, statusReplicas: status, reportedLevelsMilli: levels } = turn
  const tolerance = { up: turn.tolerance, down: turn.tolerance }
  if (target.pods) {
    const pods = turn.pods.map((pod, i) => ({
      ...podOf(pod, i < levels.length ? 0 : undefined),
      value: levels[i] ?? 0,
    }))
    const asked = { target: milli(target.pods.target.averageValue), current, tolerance }
    return average(pods, asked)
  }
  const whole = target.object ?? target.external
  if (!whole) return { error: 'InvalidMetricSourceType' }
  const total = levels.reduce((all, one) => all + one, 0)
  const { value: targetValue, averageValue } = whole.target
  if (averageValue !== undefined) {
    return fromTotal(total, milli(averageValue), { status, tolerance })
  }
  const ready = turn.pods.filter(({ ready: is, phase }) => is && phase === 'Running').length
  return fromValue(total, milli(targetValue ?? ''), { current, ready, tolerance })
}

/** `15` and `6666m` in milli-units. */
function milli(quantity: string): number {
  return quantity.endsWith('m') ? Number(quantity.slice(0, -1)) : Number(quantity) * 1000
}

/** Which source failed is the metrics client's business, not ours: the first failure's name stands in its error. */
function shown(conditions: Conditions, error: string | undefined) {
  const status = { ScalingActive: conditions.ScalingActive === 'ValidMetricFound' }
  const failed = error === 'InvalidMetricSourceType' ? error : 'FailedGetResourceMetric'
  return Object.entries(conditions).map(([type, reason]) => ({
    reason: reason === 'Failed' ? failed : reason,
    status: isTrue(type, reason, status.ScalingActive) ? 'True' : 'False',
    type,
  }))
}

function isTrue(type: string, reason: string, active: boolean): boolean {
  if (type === 'ScalingActive') return active
  return type === 'AbleToScale' || reason !== 'DesiredWithinRange'
}

/** Every step's replicas, as we have them. */
export function runTimeline(timeline: Timeline): number[] {
  const { behavior } = timeline
  const config: HpaConfig = {
    min: timeline.minReplicas,
    max: timeline.maxReplicas,
    downscaleStabilizationMs: timeline.downscaleStabilizationSeconds * second,
    scaleUpFactor: timeline.scaleUpLimitFactor,
    scaleUpAtLeast: timeline.scaleUpLimitMinimum,
    ...(behavior && {
      behavior: { up: rulesOf(behavior.scaleUp), down: rulesOf(behavior.scaleDown) },
    }),
  }
  let memory: HpaMemory = freshMemory
  return timeline.steps.map((step) => {
    const { specReplicas: current, updateError } = step
    const ts = step.t * second
    const proposals = () => [stepProposal(timeline, step)]
    const turn = reconcile({ current, proposals, config, memory, ts })
    memory = turn.memory
    if (updateError || turn.replicas === current) return current
    memory = rescaled(memory, { from: current, to: turn.replicas }, config, ts)
    return turn.replicas
  })
}

function stepProposal(timeline: Timeline, step: TimelineStep): Proposed {
  const { specReplicas: current, statusReplicas: status, externalMilli = 0 } = step
  const { metric, target } = timeline
  const tolerance = { up: timeline.tolerance, down: timeline.tolerance }
  const asked = { target, current, tolerance }
  if (step.metricsError) return { error: 'the metrics could not be had' }
  const pods = step.pods.map((pod) => ({
    ...podOf(pod, typeof pod.metricMilli === 'number' ? 0 : undefined),
    usage: pod.metricMilli ?? 0,
    value: pod.metricMilli ?? 0,
    request: pod.requestMilli,
  }))
  switch (metric) {
    case 'cpuUtilization':
      return utilization(pods, [], { ...asked, cpu: cpuRules(timeline) })
    case 'podsAverageValue':
      return average(pods, asked)
    case 'externalValue':
      return value(step.pods, externalMilli, asked)
    default:
      return fromTotal(externalMilli, target, { status, tolerance })
  }
}
