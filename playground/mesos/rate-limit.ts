import { pause } from '../../pipeline/clock.ts'

/**
 * Lets requests pass one after another, each at least `1000 / perSecond` ms after the one before; more wait in a queue of
 * any length, as with Mesos.
 */
export function openRateLimit(perSecond: number): () => Promise<void> {
  let next: Promise<void> = Promise.resolve()
  return () => {
    const turn = next
    next = turn.then(() => pause(1000 / perSecond))
    return turn
  }
}
