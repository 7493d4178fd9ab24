/**
 * One turn of the loop of Kubernetes' horizontal pod autoscaler: for comparison (oracles, bench). Our own loop
 * (`autoscaling/decide.ts`) shares its parts and knows Marathon.
 */
import { largest } from './combine.ts'
import {
  clampToFactor,
  clampToRates,
  storeScaleEvent,
  type Limited,
  type Range,
  type ScaleEvent,
  type ScalingRules,
} from './limits.ts'
import { isProposal, type Proposed } from './proposal.ts'
import { stabilize, stabilizeDown, type Recommendation, type Stabilized } from './stabilize.ts'

export interface HpaConfig extends Range {
  /** Without `behavior`, and where that does not set the window of scaling down, ms. */
  downscaleStabilizationMs: number
  scaleUpFactor: number
  scaleUpAtLeast: number
  behavior?: { up: Behavior; down: Behavior }
}

export interface Behavior extends ScalingRules {
  stabilizationMs?: number
}

export interface HpaMemory {
  /** Undefined before the first turn. */
  recommendations?: Recommendation[]
  upEvents: readonly ScaleEvent[]
  downEvents: readonly ScaleEvent[]
}

export const freshMemory: HpaMemory = { upEvents: [], downEvents: [] }

/** The reason of each condition; absent where it was not told. */
export interface Conditions {
  AbleToScale?: string
  ScalingActive?: string
  ScalingLimited?: string
}

export interface Reconciled {
  replicas: number
  conditions: Conditions
  /** A metric failed, or the replicas could not be told. */
  error?: string
  memory: HpaMemory
}

export interface Turn {
  /** Wanted now. */
  current: number
  /** What each metric asks for; called only if it is asked. */
  proposals: () => Proposed[]
  config: HpaConfig
  memory: HpaMemory
  ts: number
}

/** `memory` is to be kept; once the write has succeeded, with {@link rescaled}. */
export function reconcile({ current, proposals, config, memory, ts }: Turn): Reconciled {
  const { min, max } = config
  const recommendations = memory.recommendations ?? [{ ts, replicas: current }]
  const kept = { ...memory, recommendations }
  const able = { AbleToScale: 'SucceededGetScale' }
  if (current === 0 && min !== 0) {
    return {
      replicas: 0,
      conditions: { ...able, ScalingActive: 'ScalingDisabled' },
      memory: kept,
    }
  }
  if (current > max || current < min) {
    const replicas = current > max ? max : min
    return { replicas, conditions: { AbleToScale: 'SucceededRescale' }, memory: kept }
  }
  const proposed = proposals()
  const [error] = proposed.flatMap((one) => (isProposal(one) ? [] : one.error))
  const raw = largest(proposed, current)
  if (raw === undefined) {
    return {
      replicas: current,
      conditions: { ...able, ScalingActive: 'Failed' },
      error: error ?? '',
      memory: kept,
    }
  }
  const stable = stabilizeAs(config, raw, current, recommendations, ts)
  const { replicas, limit } = limitAs(config, stable.replicas, current, kept, ts)
  const conditions = {
    AbleToScale:
      replicas === current ? ableReason(raw, current, stable, config) : 'SucceededRescale',
    ScalingActive: 'ValidMetricFound',
    ScalingLimited: limit,
  }
  return {
    replicas,
    conditions,
    ...(error === undefined ? {} : { error }),
    memory: { ...kept, recommendations: stable.recommendations },
  }
}

/** What is remembered once replicas were changed. */
export function rescaled(
  memory: HpaMemory,
  change: { from: number; to: number },
  { behavior }: HpaConfig,
  ts: number,
): HpaMemory {
  const { from, to } = change
  if (!behavior) return memory
  if (to > from) {
    const upEvents = storeScaleEvent(memory.upEvents, to - from, behavior.up, ts)
    return { ...memory, upEvents }
  }
  return { ...memory, downEvents: storeScaleEvent(memory.downEvents, from - to, behavior.down, ts) }
}

function stabilizeAs(
  { behavior, downscaleStabilizationMs }: HpaConfig,
  raw: number,
  current: number,
  recommendations: Recommendation[],
  ts: number,
): Stabilized {
  if (!behavior) return stabilizeDown(raw, recommendations, downscaleStabilizationMs, ts)
  return stabilize(raw, {
    current,
    recommendations,
    upMs: behavior.up.stabilizationMs ?? 0,
    downMs: behavior.down.stabilizationMs ?? downscaleStabilizationMs,
    ts,
  })
}

function limitAs(
  config: HpaConfig,
  wanted: number,
  current: number,
  { upEvents, downEvents }: HpaMemory,
  ts: number,
): Limited {
  const { behavior, scaleUpFactor, scaleUpAtLeast } = config
  if (behavior) {
    const rates = { up: behavior.up, down: behavior.down, upEvents, downEvents, ts }
    return clampToRates(wanted, config, current, rates)
  }
  return clampToFactor(wanted, config, {
    current,
    factor: scaleUpFactor,
    atLeast: scaleUpAtLeast,
  })
}

function ableReason(
  raw: number,
  current: number,
  { replicas }: Stabilized,
  { behavior }: HpaConfig,
): string {
  if (replicas === raw) return 'ReadyForNewScale'
  return behavior && raw >= current ? 'ScaleUpStabilized' : 'ScaleDownStabilized'
}
