import { createHash } from 'node:crypto'
import type { Identity } from '../pipeline/identity.ts'

/** What is a task's own in its identity. */
export interface TaskParts {
  id: string
  agent?: string
  version?: string
  image?: string | undefined
  deployment?: string | undefined
}

/** Which identities of tasks were told: they go to a compacted topic, and only when something in them is new. */
export interface TasksTold {
  /** True if it was not told yet so: it has to be. `of`: what it has in common with others of its service. */
  isNew(task: TaskParts, of: Identity, nowMs: number): boolean
  /** Forgets tasks that are not `present` and were told before `startMs`. */
  keep(present: ReadonlySet<string>, startMs: number): void
}

export function openTasksTold(): TasksTold {
  const told = new Map<string, { key: string; atMs: number }>()
  /** Thousands of tasks share what is long in an identity. */
  const digests = new WeakMap<Identity, string>()

  function digestOf(of: Identity): string {
    const known = digests.get(of)
    if (known !== undefined) return known
    const digest = createHash('sha1').update(JSON.stringify(of)).digest('base64')
    digests.set(of, digest)
    return digest
  }

  return {
    isNew({ id, agent = '', version = '', image = '', deployment = '' }, of, nowMs) {
      const key = `${digestOf(of)} ${agent} ${version} ${image} ${deployment}`
      if (told.get(id)?.key === key) return false
      told.set(id, { key, atMs: nowMs })
      return true
    },
    keep(present, startMs) {
      for (const [task, { atMs }] of told) {
        if (atMs < startMs && !present.has(task)) told.delete(task)
      }
    },
  }
}
