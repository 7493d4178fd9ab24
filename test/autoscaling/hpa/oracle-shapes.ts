/** The shapes of `oracles/hpa/*.json`: quantities in milli-units, ages in seconds. */

export interface OraclePod {
  phase: string
  deleting?: boolean
  ready: boolean
  readyTransitionAgeSeconds: number
  startAgeSeconds: number
}

export interface CpuPod extends OraclePod {
  requestMilliPerContainer: number[]
  usageMilliPerContainer?: number[]
}

export interface MetricPod extends OraclePod {
  metricMilli?: number | null
}

export interface ToleranceInput {
  scaleUp: number
  scaleDown: number
}

export interface CpuInput {
  pods: CpuPod[]
  /** Empty: all containers. */
  container: string
  currentReplicas: number
  targetUtilizationPercent: number
  tolerance: ToleranceInput
  cpuInitializationPeriodSeconds: number
  initialReadinessDelaySeconds: number
  metricAgeSeconds: number
  metricWindowSeconds: number
  metricsForUnknownPods: { podName: string; usageMilliPerContainer: number[] }[]
  resource: string
}

export interface PodsInput {
  pods: MetricPod[]
  currentReplicas: number
  targetMilli: number
  metricsReturned: number
  tolerance: ToleranceInput
}

export interface ValueInput {
  pods: OraclePod[]
  currentReplicas: number
  metricMilliValues: number[]
  targetMilli: number
  targetAverageMilli: number
  tolerance: ToleranceInput
}

export interface RulesInput {
  stabilizationWindowSeconds?: number | null
  selectPolicy: 'Max' | 'Min' | 'Disabled'
  policies: { type: 'Pods' | 'Percent'; value: number; periodSeconds: number }[]
  tolerance?: string
}

export interface EventInput {
  ageSeconds: number
  replicaChange: number
  outdated?: boolean
}

export interface RangeInput {
  currentReplicas: number
  desiredReplicas: number
  minReplicas: number
  maxReplicas: number
  scaleUpLimitFactor: number
  scaleUpLimitMinimum: number
  scaleUp: RulesInput
  scaleDown: RulesInput
  scaleUpEvents: EventInput[]
  scaleDownEvents: EventInput[]
}

export interface StabilizeInput {
  currentReplicas: number
  desiredReplicas: number
  recommendations: { ageSeconds: number; replicas: number }[]
  windowSeconds: number
  scaleUpStabilizationWindowSeconds: number
  scaleDownStabilizationWindowSeconds: number
}

export interface StoreInput {
  periodSeconds: number
  prevScaleEvents: EventInput[]
  replicaChange: number
  rules: RulesInput | null
}

export interface MetricTarget {
  type: string
  pods?: { target: { averageValue: string } }
  object?: { target: { type: string; value?: string; averageValue?: string } }
  external?: { target: { type: string; value?: string; averageValue?: string } }
}

export interface ReconcileInput {
  pods: OraclePod[]
  cpuRequestsMilliPerPod: number[]
  /** 0: none. */
  cpuTargetPercent: number
  metricsTarget: MetricTarget[] | null
  reportedLevelsMilli: number[]
  downscaleStabilizationSeconds: number
  minReplicas: number
  maxReplicas: number
  specReplicas: number
  statusReplicas: number
  recommendations: { ageSeconds: number; replicas: number }[]
  scaleUpLimitFactor: number
  scaleUpLimitMinimum: number
  scaleUpRules: RulesInput | null
  scaleDownRules: RulesInput | null
  tolerance: number
}

export interface OracleCase {
  id: string
  test: string
  function: string
  input: unknown
  expected: Record<string, unknown>
}

export interface TimelinePod extends MetricPod {
  requestMilli: number
}

export interface TimelineStep {
  /** Seconds since the beginning. */
  t: number
  specReplicas: number
  statusReplicas: number
  pods: TimelinePod[]
  externalMilli?: number
  metricsError: boolean
  updateError: boolean
  replicasAfter: number
  reconcileError: boolean
  conditions: Partial<Record<string, { reason: string; status: string }>>
}

export interface Timeline {
  id: string
  metric: 'cpuUtilization' | 'podsAverageValue' | 'externalValue' | 'externalAverageValue'
  target: number
  minReplicas: number
  maxReplicas: number
  tolerance: number
  behavior: { scaleUp: RulesInput; scaleDown: RulesInput } | null
  downscaleStabilizationSeconds: number
  cpuInitializationPeriodSeconds: number
  initialReadinessDelaySeconds: number
  metricWindowSeconds: number
  scaleUpLimitFactor: number
  scaleUpLimitMinimum: number
  steps: TimelineStep[]
}
