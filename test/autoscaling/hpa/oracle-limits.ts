/** Cases of limits and stabilization, fed to `autoscaling/hpa/limits.ts` and `stabilize.ts`. */
import {
  changeWithin,
  clampToFactor,
  clampToRates,
  storeScaleEvent,
  type ScaleEvent,
} from '../../../autoscaling/hpa/limits.ts'
import type { Behavior } from '../../../autoscaling/hpa/reconcile.ts'
import {
  stabilize,
  stabilizeDown,
  type Recommendation,
} from '../../../autoscaling/hpa/stabilize.ts'
import { now, second } from './oracle-proposals.ts'
import type {
  EventInput,
  RangeInput,
  RulesInput,
  StabilizeInput,
  StoreInput,
} from './oracle-shapes.ts'

export function rulesOf({ selectPolicy, policies, stabilizationWindowSeconds }: RulesInput) {
  return {
    select: selectPolicy,
    rules: policies.map(({ type, value, periodSeconds }) => ({
      type,
      value,
      periodMs: periodSeconds * second,
    })),
    ...(typeof stabilizationWindowSeconds === 'number' && {
      stabilizationMs: stabilizationWindowSeconds * second,
    }),
  } satisfies Behavior
}

const eventsOf = (events: readonly EventInput[]): ScaleEvent[] =>
  events.map(({ ageSeconds, replicaChange, outdated = false }) => ({
    ts: -ageSeconds * second,
    change: replicaChange,
    outdated,
  }))

const recommendationsOf = (input: StabilizeInput): Recommendation[] =>
  input.recommendations.map(({ ageSeconds, replicas }) => ({ ts: -ageSeconds * second, replicas }))

export function runFactor(input: RangeInput) {
  const { replicas, limit } = clampToFactor(
    input.desiredReplicas,
    { min: input.minReplicas, max: input.maxReplicas },
    {
      current: input.currentReplicas,
      factor: input.scaleUpLimitFactor,
      atLeast: input.scaleUpLimitMinimum,
    },
  )
  return { condition: limit, replicas }
}

export function runRates(input: RangeInput) {
  const range = { min: input.minReplicas, max: input.maxReplicas }
  const { replicas, limit } = clampToRates(input.desiredReplicas, range, input.currentReplicas, {
    up: rulesOf(input.scaleUp),
    down: rulesOf(input.scaleDown),
    upEvents: eventsOf(input.scaleUpEvents),
    downEvents: eventsOf(input.scaleDownEvents),
    ts: now,
  })
  return { condition: limit, replicas }
}

export function runStabilizeDown(input: StabilizeInput) {
  const { replicas, recommendations } = stabilizeDown(
    input.desiredReplicas,
    recommendationsOf(input),
    input.windowSeconds * second,
    now,
  )
  return { logLength: recommendations.length, replicas }
}

export function runStabilize(input: StabilizeInput) {
  const { replicas, recommendations } = stabilize(input.desiredReplicas, {
    current: input.currentReplicas,
    recommendations: recommendationsOf(input),
    upMs: input.scaleUpStabilizationWindowSeconds * second,
    downMs: input.scaleDownStabilizationWindowSeconds * second,
    ts: now,
  })
  const storedRecommendations = recommendations.map((one) => one.replicas)
  return { replicas, storedRecommendations }
}

export function runStore(input: StoreInput) {
  const before = eventsOf(input.prevScaleEvents)
  const after = input.rules
    ? storeScaleEvent(before, input.replicaChange, rulesOf(input.rules), now)
    : before
  return {
    newScaleEvents: after.map(({ outdated, change }) => ({ outdated, replicaChange: change })),
    replicasChangePerPeriod: changeWithin(before, input.periodSeconds * second, now),
  }
}
