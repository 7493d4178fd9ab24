import {
  usualIdleAfterMs,
  type DecisionPolicy,
  type RatePolicies,
  type ScalingStep,
} from '../pipeline/decision.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import type { ScalingPolicySettings } from './settings.ts'

type Rates = ScalingPolicySettings['scale_up']
type Targets = ScalingPolicySettings['target']

interface DeclaredPolicy extends Omit<DecisionPolicy, 'source'> {
  service: string
  resident: boolean
  overrideMs: number
}

/** A policy of the settings as the autoscaler takes it. */
export function declaredPolicy(settings: ScalingPolicySettings): DeclaredPolicy {
  const { service, target, min, max, tolerance, stabilization, resident } = settings
  const { steps, scale_up: up, scale_down: down, warm_up: warmUpMs, activation } = settings
  const values = valuesOf(target)
  return {
    service,
    targets: averagesOf(target),
    ...withoutUndefined({
      values: Object.keys(values).length > 0 ? values : undefined,
      steps: steps.length > 0 ? steps.map(declaredStep) : undefined,
      scaleUp: declaredRates(up),
      scaleDown: declaredRates(down),
      warmUpMs,
      activation,
      idleAfterMs: settings.idle_after ?? (activation && usualIdleAfterMs),
    }),
    min,
    max,
    tolerance,
    stabilizationUpMs: stabilization.up,
    stabilizationDownMs: stabilization.down,
    dryRun: settings.dry_run,
    resident,
    overrideMs: settings.override,
  }
}

function averagesOf(targets: Targets): Record<string, number> {
  const averages = Object.entries(targets).flatMap(([name, target]) =>
    'average' in target ? [[name, target.average] as const] : [],
  )
  return Object.fromEntries(averages)
}

/** Those that are for the service as a whole. */
function valuesOf(targets: Targets): Record<string, number> {
  const values = Object.entries(targets).flatMap(([name, target]) =>
    'value' in target ? [[name, target.value] as const] : [],
  )
  return Object.fromEntries(values)
}

export function declaredStep(step: ScalingPolicySettings['steps'][number]): ScalingStep {
  return { signal: step.signal, ...withoutUndefined(step) }
}

export function declaredRates(rates: Rates): RatePolicies | undefined {
  if (!rates) return undefined
  const policies = rates.policies.map(({ count, percent = 1, per: perMs }) =>
    count === undefined ? { percent, perMs } : { count, perMs },
  )
  return { select: rates.select, policies }
}
