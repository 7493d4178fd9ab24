import type { Action, Deployment, Plan } from './model.ts'

/** `ScaleApplication` of an app, `ScalePod` of a pod. */
export function answerAction({ name, spec }: Action): Record<string, string> {
  if (spec.kind === 'app') return { action: name, app: spec.id }
  return { action: name.replace('Application', 'Pod'), pod: spec.id }
}

export function answerStep(step: readonly Action[]): Record<string, unknown> {
  return { actions: step.map(answerAction) }
}

export function answerPlan({ id, steps, version }: Plan): Record<string, unknown> {
  return { id, steps: steps.map(answerStep), version }
}

/** An entry of `/v2/deployments`. */
export function answerDeployment({ plan, step }: Deployment): Record<string, unknown> {
  const current = plan.steps[step - 1] ?? []
  return {
    ...answerPlan(plan),
    affectedApps: affected(plan, 'app'),
    affectedPods: affected(plan, 'pod'),
    currentActions: current.map((action) => ({
      ...answerAction(action),
      readinessCheckResults: [],
    })),
    currentStep: step,
    totalSteps: plan.steps.length,
  }
}

export function affected({ steps }: Plan, kind: 'app' | 'pod'): string[] {
  const specs = steps.flat().map(({ spec }) => spec)
  return [...new Set(specs.filter((spec) => spec.kind === kind).map(({ id }) => id))]
}
