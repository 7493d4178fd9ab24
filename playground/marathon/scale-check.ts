import { retire, schedule } from './instances.ts'
import { proposeScaling } from './kill-selection.ts'
import { deploymentsOf, instancesOf, type State } from './state.ts'

/** Brings the apps that had a reason for it to their count, unless a deployment has them locked. */
export function checkScales(state: State): void {
  for (const id of state.toScale) {
    if (deploymentsOf(state, id).length > 0) continue
    state.toScale.delete(id)
    const spec = state.root.specs.get(id)
    if (!spec) continue
    const { toKill, toStart } = proposeScaling(instancesOf(state, id), spec, spec.instances)
    for (const instance of toKill) retire(state, instance)
    if (toStart > 0) schedule(state, spec, toStart)
  }
}
