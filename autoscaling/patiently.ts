import { pause } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'

/** Tries again what the bus refused, for ever, and tells meanwhile what is wrong. */
export function openPatience({ log, signal }: { log: Logger; signal: AbortSignal }) {
  let failure: string | undefined
  return {
    trouble: () => failure,
    /** Undefined when closed before it succeeded. */
    async patiently<T>(action: () => Promise<T>): Promise<T | undefined> {
      for (let attempt = 0; ; attempt++) {
        try {
          const result = await action()
          failure = undefined
          return result
        } catch (error) {
          if (signal.aborted) return undefined
          failure = `scaling waits for the bus: ${explain(error)}`
          log.warn({ error: explain(error), attempt }, 'scaling waits for the bus')
          await pause(Math.min(100 * 2 ** attempt, 10_000), signal)
          if (signal.aborted) return undefined
        }
      }
    },
  }
}
