import type { Clock } from '../pipeline/clock.ts'
import type { GridInput } from '../pipeline/signal-grid.ts'

const defaultStalledAfterMs = 60_000

/** Sees whether measuring moves, by the clock: without it nothing can be evaluated, and alerts are unknown. */
export function openWatch({
  clock,
  stalledAfterMs = defaultStalledAfterMs,
}: {
  clock: Clock
  stalledAfterMs?: number
}) {
  let seen: number | undefined
  let movedAt = clock.now()
  let told = false
  const isStalled = (now: number) => now - movedAt > stalledAfterMs
  return {
    /** To be told of each move. */
    saw(measured: number | undefined): void {
      if (measured === seen) return
      seen = measured
      movedAt = clock.now()
    },
    /** True once for each time it comes to a standstill. */
    stalled(): boolean {
      const now = clock.now()
      const before = told
      told = isStalled(now)
      return told && !before
    },
    trouble({ topic, partition, through }: GridInput) {
      if (!isStalled(clock.now())) return undefined
      const since = Math.round((clock.now() - movedAt) / 1000)
      const input = `partition ${partition}${topic === 'logs' ? '' : ` of ${topic}`}`
      const where =
        through === undefined
          ? `${input} has measured nothing yet`
          : `${input} stands at ${new Date(through).toISOString()}`
      return `no signal was measured for ${since} s (${where}), alerts are unknown: see whether collectors and processors run`
    },
  }
}
