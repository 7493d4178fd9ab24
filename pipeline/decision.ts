import type { ChangeDoc } from './event.ts'
import type { ScalingPause } from './scaling-desk.ts'

/** What became of a service at one evaluation of its scaling policy. */
export const decisionOutcomes = ['scaled', 'would-scale', 'held', 'refused', 'failed'] as const
export type DecisionOutcome = (typeof decisionOutcomes)[number]

/** The step that decided. */
export const decisionReasons = {
  'scaled-up': 'the load asks for more',
  'scaled-down': 'the load allows fewer',
  'no-change': 'the load asks for as many as there are',
  'within-tolerance': 'too close to the target to act',
  'at-maximum': 'the load asks for more than the maximum',
  'at-minimum': 'the load allows fewer than the minimum',
  stabilizing: 'a recent recommendation was for more',
  settling: 'a step waits for what the last change did',
  'rate-limited': 'its policy lets it change only so fast',
  'no-data': 'the signals have no value',
  'thin-data': 'too few tasks were measured to take any away',
  'deployment-running': 'a deployment touches the service',
  'waiting-for-offers': 'instances wait for resources',
  'not-running': 'instances were started and do not run yet',
  idle: 'there is nothing to do: it is scaled to zero until there is',
  suspended: 'the service has no instances: scaled to zero by hand',
  resident: 'it keeps its volumes: which instance goes cannot be chosen',
  pod: 'pods cannot be scaled by a part of their definition',
  'no-service': 'Marathon has no such service',
  'stale-state': 'what Marathon told is too old',
  paused: 'scaling is paused',
  override: 'somebody set its instances by hand',
  'dry-run': 'only tells what it would do',
  'bad-policy': 'its policy has a fault',
  locked: 'Marathon refused: the app is locked by a deployment (409)',
  'deployment-limit': 'Marathon refused: too many deployments (403)',
  refused: 'Marathon refused',
  'marathon-away': 'Marathon did not answer',
  'changed-meanwhile': 'the app was changed since it was read',
} as const satisfies Record<string, string>
export type DecisionReason = keyof typeof decisionReasons

export interface Decision {
  service: string
  /** Evaluation time, ms. */
  ts: number
  outcome: DecisionOutcome
  reason: DecisionReason
  /** One sentence for a person. */
  message: string
  /** Instances wanted before, and as decided: equal unless `outcome` is `scaled` or `would-scale`. */
  from: number
  to: number
  inputs: DecisionInputs
  /** Each step that had a say, in order, with the number of instances before and behind it. */
  steps: DecisionStep[]
  /** What Marathon answered, where it was asked. */
  answer?: { status?: number; deployment?: string; message?: string }
  policy: DecisionPolicy
  /** Instances as the load asks for them, where a pause or an override keeps the service from it. */
  would?: number
  /** What holds it. */
  pause?: ScalingPause
  override?: Override
  /** Absent on those of earlier versions. */
  conditions?: Conditions
  /** What would change the outcome. */
  next?: Outlook[]
}

/** Instances as somebody set them in Marathon, past us. */
export interface Override {
  instances: number
  /** What they were before. */
  from: number
  /** ms */
  sinceMs: number
}

/** As on the status of Kubernetes' autoscaler. */
export type Conditions = Record<'AbleToScale' | 'ScalingActive' | 'ScalingLimited', Condition>

export interface Condition {
  status: boolean
  /** One word, Kubernetes' own where it has one. */
  reason: string
  message: string
}

/** A service that is scaled, or asks for it, as it stands now. */
export interface ScalingStatus {
  service: string
  /** Absent where the policy has a fault: `trouble` names it. */
  policy?: DecisionPolicy
  /** Of the newest evaluation, also where nothing was done. */
  last?: Decision
  /** The newest that changed instances, or would have. */
  lastChange?: Decision
  /** When fewer instances are possible at the earliest (stabilization) or anything is (back-off), ms. */
  notBeforeMs?: number
  trouble?: string
  /** Those that concern it and are not over: its own, and that of all. */
  pauses?: ScalingPause[]
}

/** `scales down to 4`, when `the recommendation of 6 leaves the stabilization window`, at the earliest at `atMs`. */
export interface Outlook {
  change: string
  when: string
  /** ms, where it is known. */
  atMs?: number
}

export interface DecisionInputs {
  wanted?: number
  running?: number
  healthy?: number
  staged?: number
  /** Of the state: when Marathon told it, ms. */
  stateAtMs?: number
  deployments?: string[]
  waitingFor?: string[]
  targets: TargetInput[]
}

/** One target of the policy: what was measured and what it asks for. */
export interface TargetInput {
  signal: string
  /** Absent: what a ready instance shall have; `value`: the service as a whole; `above`, `below`: the bound of a step. */
  kind?: 'value' | 'above' | 'below'
  target: number
  unit?: string
  /** As `target`, what is: total divided by ready instances, the average of those measured, or the whole. */
  value?: number
  /** Tasks that were measured, of those that should be; absent for signals that are not kept per task. */
  measured?: number
  expected?: number
  /** Instances it asks for; absent where it cannot tell. */
  proposal?: number
  /** The calculation in words: `4 × 31.2 ÷ 20 = 6.24, rounded up`. */
  how: string
}

export interface DecisionStep {
  /** `proposal`, `tolerance`, `limits`, `stabilization`, `lock`, `outcome` … */
  step: string
  before: number
  after: number
  why: string
}

/** Of a policy that does not say it, ms. */
export const usualIdleAfterMs = 300_000

export interface DecisionPolicy {
  /** `config`, or `labels` of the app. */
  source: 'config' | 'labels'
  /** How much of a signal each instance shall have. */
  targets: Record<string, number>
  /** What a signal of the service as a whole shall be; instances change in proportion to it. */
  values?: Record<string, number>
  steps?: ScalingStep[]
  min: number
  max: number
  tolerance: number
  stabilizationUpMs: number
  stabilizationDownMs: number
  /** How fast it may go; absent: at once. */
  scaleUp?: RatePolicies
  scaleDown?: RatePolicies
  /** So long a task counts as not ready after it started, ms. */
  warmUpMs?: number
  /** With a minimum of 0: above which value of a signal there is something to do. */
  activation?: Record<string, number>
  /** How long nothing was to be done before it goes to zero, ms. */
  idleAfterMs?: number
  dryRun: boolean
  /** How it was understood, where it was written for another autoscaler. */
  notes?: string[]
}

/** While a signal is above (or below) a bound, so many more (or fewer) than there are. */
export interface ScalingStep {
  signal: string
  above?: number
  below?: number
  add?: Amount
  remove?: Amount
}

export type Amount = { count: number } | { percent: number }

/** How fast it may go in one direction: as the policy allows that allows most, or least, or not at all. */
export interface RatePolicies {
  select: 'max' | 'min' | 'disabled'
  policies: RatePolicy[]
}

/** Within each such time at most so many instances, or so many percent of those that were there when it began. */
export type RatePolicy = Amount & { perMs: number }

/** A decision as it stands on the topic `decisions` and in the store (class `decisions`). */
export interface DecisionDoc extends ChangeDoc {
  'event.kind': 'scaling'
  'event.action': DecisionOutcome
  'scaling.from': number
  'scaling.to': number
  'scaling.reason': DecisionReason
  decision: Decision
}
