import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'

/** Those who want to be told of something, in the order in which they came. */
export interface Listeners<T> {
  /** Returns what ends it. */
  add(listener: (told: T) => void): () => void
  tell(told: T): void
}

/** One listener's mistake keeps neither the others from hearing nor the teller from going on. */
export function openListeners<T>(log: Logger): Listeners<T> {
  const listeners = new Set<(told: T) => void>()
  return {
    add(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    tell(told) {
      for (const listener of listeners) {
        try {
          listener(told)
        } catch (error) {
          log.error({ error }, `a listener of the playground failed: ${explain(error)}`)
        }
      }
    },
  }
}
