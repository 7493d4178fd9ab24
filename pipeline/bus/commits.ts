import { pause } from '../clock.ts'
import type { Batch, ConsumerOptions, Held } from './bus.ts'

interface CommitsOptions extends Pick<ConsumerOptions, 'onBatch' | 'onFailure'> {
  commit(batch: Batch): Promise<void>
  retryMs: { first: number; most: number }
  /** The partition is given up: nothing is tried again. */
  signal: AbortSignal
}

/** Commits the batches of one partition in order, those that are held when what they hold has settled. */
export function openCommits({ commit, onBatch, onFailure, retryMs, signal }: CommitsOptions) {
  /** Until it resolves nothing newer may be committed. */
  let last: Promise<boolean> | undefined

  /** Resolves to whether the batch was committed; a held one that failed is handled again before that. */
  async function settle(
    batch: Batch,
    held: Held | void,
    before: Promise<boolean> | undefined,
  ): Promise<boolean> {
    if (before && !(await before)) return false
    let again = held
    for (let waitMs = retryMs.first; ; waitMs = Math.min(waitMs * 2, retryMs.most)) {
      try {
        await again?.settled
        await commit(batch)
        return true
      } catch (error) {
        onFailure?.(error, batch)
        await pause(waitMs, signal)
        if (signal.aborted) return false
        again = { settled: handleAgain(batch) }
      }
    }
  }

  async function handleAgain(batch: Batch): Promise<void> {
    const held = await onBatch(batch)
    await held?.settled
  }

  return {
    /** Resolves when the next batch may be handled; rejects if this one, held by nothing, could not be committed. */
    async handled(batch: Batch, held: Held | void): Promise<void> {
      if (!held && !last) return commit(batch)
      // It may fail before its turn has come.
      held?.settled.catch(() => {})
      const mine = settle(batch, held, last)
      last = mine
      void mine.then(() => {
        if (last === mine) last = undefined
      })
    },
    /** Resolves when nothing is held any more. */
    async end(): Promise<void> {
      await last
    },
  }
}
