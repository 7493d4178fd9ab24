import type { Bus } from '../../pipeline/bus/bus.ts'
import { pause } from '../../pipeline/clock.ts'
import { isRetryable } from '../../pipeline/errors.ts'
import { produced } from '../contracts/bus-subject.ts'

/**
 * Produces numbered records to all partitions of `logs`, all of them in one call, again where it is refused, until it is told to
 * stop. Partitions are led by several brokers: a call is that of tulios/kafkajs#1303.
 */
export function openWriter(bus: Bus) {
  const stop = new AbortController()
  const acknowledged: number[] = []
  let refusals = 0
  async function write() {
    for (let n = 0; !stop.signal.aborted; n += 3) {
      const numbers = [n, n + 1, n + 2]
      const records = [0, 1, 2, 3].flatMap((partition) =>
        numbers.map((one) => produced(`p${partition}`, one, { partition })),
      )
      while (!(await attempt(records))) {
        if (stop.signal.aborted) return
        await pause(50)
      }
      acknowledged.push(...numbers)
    }
  }
  async function attempt(records: ReturnType<typeof produced>[]): Promise<boolean> {
    try {
      await bus.produce('logs', records)
      return true
    } catch (error) {
      if (!isRetryable(error)) throw error
      refusals++
      return false
    }
  }
  const writing = write()
  return {
    acknowledged,
    count: () => acknowledged.length,
    refusals: () => refusals,
    async stop() {
      stop.abort()
      await writing
    },
  }
}

/** In the order of their first coming, each number once; how many came more than once. */
export function judge(read: number[]): { order: number[]; repeated: number } {
  const order = [...new Set(read)]
  return { order, repeated: read.length - order.length }
}
