import type { Collected } from './sink.ts'

/** Many small batches as one, in order; of one position the last counts. For a few, see `merge` of the pump. */
export function joined(batches: readonly Collected[]): Collected {
  const all: Required<Pick<Collected, 'changes' | 'tasks' | 'identities' | 'positions'>> = {
    changes: [],
    tasks: [],
    identities: [],
    positions: {},
  }
  for (const { changes = [], tasks = [], identities = [], positions } of batches) {
    all.changes.push(...changes)
    all.tasks.push(...tasks)
    all.identities.push(...identities)
    Object.assign(all.positions, positions)
  }
  return all
}
