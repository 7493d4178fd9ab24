import { kill } from './instances.ts'
import type { State } from './state.ts'

/** What was launched and does not run for too long is killed, and then launched again. */
export function killOverdue(state: State): void {
  const before = state.clock.now() - state.flags.launchTimeoutMs
  for (const instance of state.instances.values()) {
    const { condition, tasks, killedAt = 0 } = instance
    const starting = ['Provisioned', 'Staging', 'Starting'].includes(condition)
    const [first] = tasks
    if (!starting || !first || first.stagedAt > before || killedAt > first.stagedAt) continue
    kill(state, instance)
  }
}
