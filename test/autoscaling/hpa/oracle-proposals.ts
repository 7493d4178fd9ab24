/** The replica calculator's cases, fed to `autoscaling/hpa/proposal.ts`. */
import { groupPods, type CpuRules, type Pod } from '../../../autoscaling/hpa/pods.ts'
import {
  fromAverage,
  fromTotal,
  fromUtilization,
  fromValue,
  type Proposed,
  type Tolerance,
} from '../../../autoscaling/hpa/proposal.ts'
import type {
  CpuInput,
  CpuPod,
  OraclePod,
  PodsInput,
  ToleranceInput,
  ValueInput,
} from './oracle-shapes.ts'

/** Every case looks from now; ages are before it. */
export const now = 0
export const second = 1000

export function podOf(pod: OraclePod, measuredAge: number | undefined): Pod {
  const { phase, deleting = false, ready, readyTransitionAgeSeconds, startAgeSeconds } = pod
  return {
    phase,
    deleting,
    ready,
    readySince: -readyTransitionAgeSeconds * second,
    started: -startAgeSeconds * second,
    measured: measuredAge === undefined ? undefined : -measuredAge * second,
  }
}

export const toleranceOf = ({ scaleUp, scaleDown }: ToleranceInput): Tolerance => ({
  up: scaleUp,
  down: scaleDown,
})

/** Utilisation of pods; those without a metric or request have undefined. */
export function utilization(
  pods: (Pod & { usage: number; request: number | undefined })[],
  unknown: number[],
  { target, current, tolerance, cpu }: Asked & { cpu: CpuRules | undefined },
): ReturnType<typeof fromUtilization> {
  if (pods.length === 0) return { error: 'no pods returned by selector' }
  const groups = groupPods(pods, now, cpu)
  if (pods.every(({ measured }) => measured === undefined) && unknown.length === 0) {
    return {
      error:
        'unable to get metrics for resource cpu: no metrics returned from resource metrics API',
    }
  }
  const requests = (of: typeof pods) => of.map(({ request }) => request ?? 0)
  return fromUtilization(
    [
      ...groups.ready.map(({ usage, request }) => ({ usage, ...(request && { request }) })),
      ...unknown.map((usage) => ({ usage })),
    ],
    { missing: requests(groups.missing), unready: requests(groups.unready) },
    target,
    { current, ready: groups.ready.length, tolerance },
  )
}

export interface Asked {
  target: number
  current: number
  tolerance: Tolerance
}

export function average(
  pods: (Pod & { value: number })[],
  { target, current, tolerance }: Asked,
): Proposed {
  const { ready, unready, missing } = groupPods(pods, now)
  return fromAverage(
    ready.map(({ value }) => value),
    { missing: missing.length, unready: unready.length },
    target,
    { current, ready: ready.length, tolerance },
  )
}

const readyCount = (pods: readonly OraclePod[]) =>
  pods.filter(({ phase, ready }) => phase === 'Running' && ready).length

export function value(pods: readonly OraclePod[], total: number, asked: Asked): Proposed {
  const { current, tolerance, target } = asked
  return fromValue(total, target, { current, ready: readyCount(pods), tolerance })
}

const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0)

/** What one container, or all of them, have; undefined where nothing was told. */
function ofContainer(values: number[] | undefined, container: string): number | undefined {
  if (!values || values.length === 0) return undefined
  const index = container === '' ? -1 : Number(/\d+$/.exec(container)?.[0]) - 1
  return index < 0 ? sum(values) : values[index]
}

export function runUtilization(input: CpuInput) {
  const { container, metricAgeSeconds, metricsForUnknownPods } = input
  const pods = input.pods.map((pod: CpuPod) => {
    const usage = ofContainer(pod.usageMilliPerContainer, container)
    return {
      ...podOf(pod, usage === undefined ? undefined : metricAgeSeconds),
      usage: usage ?? 0,
      request: ofContainer(pod.requestMilliPerContainer, container),
    }
  })
  const unknown = metricsForUnknownPods.map(
    ({ usageMilliPerContainer }) => ofContainer(usageMilliPerContainer, container) ?? 0,
  )
  const proposed = utilization(pods, unknown, {
    target: input.targetUtilizationPercent,
    current: input.currentReplicas,
    tolerance: toleranceOf(input.tolerance),
    cpu: input.resource === 'cpu' ? cpuRules(input) : undefined,
  })
  if ('error' in proposed) return { errorContains: proposed.error }
  const { replicas, value: utilizationPercent, rawAverage } = proposed
  return { rawAverageMilli: rawAverage, replicas, utilizationPercent }
}

export function cpuRules(
  input: Pick<
    CpuInput,
    'cpuInitializationPeriodSeconds' | 'initialReadinessDelaySeconds' | 'metricWindowSeconds'
  >,
): CpuRules {
  return {
    initializationMs: input.cpuInitializationPeriodSeconds * second,
    readinessDelayMs: input.initialReadinessDelaySeconds * second,
    windowMs: input.metricWindowSeconds * second,
  }
}

export function runAverage(input: PodsInput) {
  const pods = input.pods.map((pod, i) => {
    const metric = i < input.metricsReturned ? (pod.metricMilli ?? undefined) : undefined
    return { ...podOf(pod, metric === undefined ? undefined : 0), value: metric ?? 0 }
  })
  return told(
    average(pods, {
      target: input.targetMilli,
      current: input.currentReplicas,
      tolerance: toleranceOf(input.tolerance),
    }),
  )
}

export function runValue(input: ValueInput) {
  return told(
    value(input.pods, sum(input.metricMilliValues), {
      target: input.targetMilli,
      current: input.currentReplicas,
      tolerance: toleranceOf(input.tolerance),
    }),
  )
}

export function runTotal(input: ValueInput) {
  const status = input.currentReplicas
  const tolerance = toleranceOf(input.tolerance)
  const total = sum(input.metricMilliValues)
  return told(fromTotal(total, input.targetAverageMilli, { status, tolerance }))
}

function told(proposed: Proposed) {
  if ('error' in proposed) return { errorContains: proposed.error }
  const { replicas, value: usageMilli } = proposed
  return { replicas, usageMilli }
}
