import { explain } from '../../pipeline/errors.ts'
import { startAction } from './actions.ts'
import { events } from './events.ts'
import type { Deployment, Plan } from './model.ts'
import { locked, tooManyDeployments } from './refusal.ts'
import { deploymentsOf, type State } from './state.ts'

/** @throws Refusal (403) before anything else is looked at. */
export function checkDeploymentLimit(state: State): void {
  const { maxRunningDeployments } = state.flags
  if (state.deployments.size < maxRunningDeployments) return
  state.counts.deploymentsDismissed += 1
  throw tooManyDeployments(maxRunningDeployments)
}

/**
 * Starts a deployment. Others that are about one of its apps or pods lock it out, unless it is forced: then they are
 * cancelled and leave behind what they have done so far. A plan without steps succeeds at once. @throws Refusal (409)
 */
export function startDeployment(state: State, plan: Plan, force: boolean): void {
  const ids = new Set(plan.steps.flat().map(({ spec }) => spec.id))
  const conflicts = [...new Set([...ids].flatMap((id) => deploymentsOf(state, id)))]
  if (conflicts.length > 0 && !force) throw locked(conflicts.map((other) => other.plan.id))
  for (const other of conflicts) cancelDeployment(state, other)
  state.deployments.set(plan.id, { plan, step: 0, running: [] })
  state.counts.deployments += 1
}

/** What it has done stays done. */
export function cancelDeployment(state: State, { plan }: Deployment): void {
  state.deployments.delete(plan.id)
  const reason = 'The upgrade has been cancelled'
  state.events.publish(events.deploymentFailed(state.clock.now(), plan, reason))
}

/** Lets every deployment do what it can now. There is no limit of time: one without offers waits for ever. */
export function advanceDeployments(state: State): void {
  for (const deployment of state.deployments.values()) {
    try {
      while (advance(state, deployment)) continue
    } catch (error) {
      fail(state, deployment, error)
    }
  }
}

/** True when a step was finished and the next may begin. */
function advance(state: State, deployment: Deployment): boolean {
  const { plan, step, running } = deployment
  if (step > 0) {
    deployment.running = running.filter((run) => !run.advance())
    if (deployment.running.length > 0) return false
    state.events.publish(events.stepSuccess(state.clock.now(), plan, plan.steps[step - 1] ?? []))
  }
  const next = plan.steps[step]
  if (!next) {
    finish(state, deployment)
    return false
  }
  deployment.step += 1
  state.events.publish(events.deploymentInfo(state.clock.now(), plan, next))
  deployment.running = next.map((action) => startAction(state, action))
  return true
}

function finish(state: State, { plan }: Deployment): void {
  state.deployments.delete(plan.id)
  state.events.publish(events.deploymentSuccess(state.clock.now(), plan))
  // Whoever died while it was locked.
  for (const { spec } of plan.steps.flat()) state.toScale.add(spec.id)
}

/** Nothing in a step is expected to throw: what does ends the deployment, as in Marathon. */
function fail(state: State, { plan, step }: Deployment, error: unknown): void {
  const now = state.clock.now()
  state.log.error(`deployment ${plan.id} of the playground's Marathon failed: ${explain(error)}`)
  state.deployments.delete(plan.id)
  state.events.publish(events.stepFailure(now, plan, plan.steps[step - 1] ?? []))
  state.events.publish(events.deploymentFailed(now, plan, explain(error)))
}

/** The next leader begins each deployment anew; its steps find what is done already. */
export function restartDeployments(state: State): void {
  for (const deployment of state.deployments.values()) {
    deployment.step = 0
    deployment.running = []
  }
}
