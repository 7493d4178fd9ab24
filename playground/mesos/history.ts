import { terminalStates, type Task } from './model.ts'

/** The tasks a master knows: those that have not ended, and of each framework the last that have. */
export interface History {
  add(task: Task): void
  /** To be told after its state has changed. */
  updated(task: Task): void
  /** The oldest first. */
  all(): Task[]
  /** Ids can be used again: the last one that had it. */
  latest(id: string): Task | undefined
}

export function openHistory(keptEnded: number): History {
  const known = new Set<Task>()
  const byId = new Map<string, Task>()
  /** By framework, in the order in which they ended. */
  const ended = new Map<string, Set<Task>>()

  function drop(task: Task): void {
    known.delete(task)
    if (byId.get(task.spec.id) === task) byId.delete(task.spec.id)
  }

  return {
    add(task) {
      known.add(task)
      byId.set(task.spec.id, task)
    },
    updated(task) {
      if (!terminalStates.has(task.state)) return
      const framework = task.spec.framework.id
      const ring = ended.get(framework) ?? new Set()
      ended.set(framework, ring.add(task))
      if (ring.size <= keptEnded) return
      const [oldest] = ring
      if (!oldest) return
      ring.delete(oldest)
      drop(oldest)
    },
    all: () => [...known],
    latest: (id) => byId.get(id),
  }
}
