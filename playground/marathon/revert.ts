import type { Deployment, Plan } from './model.ts'
import { changeRoot } from './root.ts'
import type { State } from './state.ts'

/** Undoes what a deployment changes, and leaves alone what others have changed since. */
export function revert(state: State, { plan }: Deployment): Plan {
  const affected = new Set(plan.steps.flat().map(({ spec }) => spec.id))
  return changeRoot(state, {
    groupId: '/',
    force: true,
    specs(now) {
      const kept = [...now].filter(([id]) => !affected.has(id))
      const before = [...plan.original.specs].filter(([id]) => affected.has(id))
      return new Map([...kept, ...before])
    },
  })
}
