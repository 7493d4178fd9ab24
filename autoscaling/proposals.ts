import type { DecideInput } from './decide.ts'
import type { StepMemory } from './memory.ts'
import type { Situation } from './situation.ts'
import { bySignal, proposeBySteps } from './step-target.ts'
import type { TargetProposal } from './target-parts.ts'
import { proposeFor } from './target.ts'

/** What each target of the policy, and the steps of each signal, ask for. */
export function proposalsOf(
  input: DecideInput,
  situation: Situation,
  steps: StepMemory | undefined,
): TargetProposal[] {
  const { policy, signals, memory, ts, unsure } = input
  const { targets, values = {}, tolerance } = policy
  const { wanted, ready, groups, unmeasured } = situation
  const context = { wanted, ready, groups, tolerance, ts, unmeasured, unsure }
  const stepContext = { ...context, last: memory.taken, steps }
  return [
    ...Object.entries(targets).map(([signal, target]) =>
      proposeFor({ signal, target }, signals(signal), context),
    ),
    ...Object.entries(values).map(([signal, target]) =>
      proposeFor({ signal, kind: 'value', target }, signals(signal), context),
    ),
    ...bySignal(policy.steps).map((some) =>
      proposeBySteps(some, signals(some[0].signal), stepContext),
    ),
  ]
}
