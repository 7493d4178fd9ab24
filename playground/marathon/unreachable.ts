import { expunge, setCondition } from './instances.ts'
import type { Instance } from './model.ts'
import type { State } from './state.ts'

/**
 * At each reconciliation: what has been unreachable for longer than `inactiveAfterSeconds` no longer counts, so that
 * another one is started; after `expungeAfterSeconds` it is forgotten, and killed should it come back.
 */
export function giveUpLost(state: State): void {
  for (const instance of state.instances.values()) {
    const { unreachable } = instance.spec
    if (unreachable === 'disabled') continue
    const lostFor = unreachableFor(state, instance)
    if (lostFor === undefined) continue
    if (lostFor > unreachable.inactiveAfterSeconds * 1000) {
      setCondition(state, instance, 'UnreachableInactive')
      state.toScale.add(instance.spec.id)
    }
    if (lostFor > unreachable.expungeAfterSeconds * 1000) expunge(state, instance)
  }
}

/** ms; undefined for what can be reached. */
function unreachableFor(state: State, { condition, tasks }: Instance): number | undefined {
  if (condition !== 'Unreachable' && condition !== 'UnreachableInactive') return undefined
  const since = tasks.filter((task) => task.condition === 'Unreachable').map((task) => task.since)
  return state.clock.now() - Math.min(...since)
}
