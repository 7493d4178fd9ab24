import { pause } from './clock.ts'
import { explain } from './errors.ts'
import type { Logger } from './log.ts'

export interface PatienceOptions {
  /** Who waits, as the log says it: "scaling waits for the bus". */
  waiting: string
  /** The same for whoever asks what is wrong, where that says more. */
  trouble?: string
  log: Logger
  signal: AbortSignal
}

export interface Patience {
  /** What is wrong while something is tried again. */
  trouble(): string | undefined
  /** Undefined when closed before it succeeded. */
  patiently<T>(action: () => Promise<T>): Promise<T | undefined>
  /** False when closed before it succeeded. */
  untilDone(action: () => Promise<unknown>): Promise<boolean>
}

/** Tries again what the bus refused, for ever, and tells meanwhile what is wrong. */
export function openPatience({
  waiting,
  trouble = waiting,
  log,
  signal,
}: PatienceOptions): Patience {
  let failure: string | undefined

  async function patiently<T>(action: () => Promise<T>): Promise<T | undefined> {
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await action()
        failure = undefined
        return result
      } catch (error) {
        if (signal.aborted) return undefined
        failure = `${trouble}: ${explain(error)}`
        log.warn({ error: explain(error), attempt }, waiting)
        await pause(Math.min(100 * 2 ** attempt, 10_000), signal)
        if (signal.aborted) return undefined
      }
    }
  }

  return {
    trouble: () => failure,
    patiently,
    async untilDone(action) {
      const done = await patiently(async () => {
        await action()
        return true
      })
      return done ?? false
    },
  }
}
