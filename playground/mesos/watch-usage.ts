import { pause, type Clock } from '../../pipeline/clock.ts'
import { memoryLimit } from './ending.ts'
import type { Life } from './life.ts'
import type { Meter } from './measure.ts'

export interface UsageWatch {
  meter: Meter
  lives(): Life[]
  clock: Clock
  signal: AbortSignal
}

/** Measures all tasks in one pass, again and again, and ends those that use more memory than they may. */
export async function watchUsage({ meter, lives, clock, signal }: UsageWatch): Promise<void> {
  while (!signal.aborted) {
    await pause(meter.everyMs, signal)
    await pass(meter, lives(), clock.now())
  }
}

async function pass(meter: Meter, lives: Life[], at: number): Promise<void> {
  const running = lives.flatMap((life) => {
    const pid = life.pid()
    return pid === undefined ? [] : [{ life, pid }]
  })
  const pids = running.map(({ pid }) => pid)
  const usages = await meter.measure(pids, at)
  for (const { life, pid } of running) {
    const usage = usages.get(pid)
    // A process that has just ended has no memory any more.
    if (!usage || usage.rss === 0 || life.pid() !== pid) continue
    const limit = memoryLimit(life.task.spec)
    // The kernel would not have let it come further.
    life.measured({ ...usage, rss: Math.min(usage.rss, limit) })
    if (usage.rss > limit) life.oom()
  }
}
