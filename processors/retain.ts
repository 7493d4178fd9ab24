import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { isoDay, msToIso } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import { everyClass, type EventClass, type FirstDays } from '../pipeline/store/retention.ts'
import type { Store } from '../pipeline/store/store.ts'

/** How long things are kept, ms: by retention class, of each class of events. */
export type RetentionTimes = { default: Readonly<Record<EventClass, number>> } & Readonly<
  Record<string, Readonly<Record<EventClass, number>>>
>

export interface RetentionOptions {
  store: Pick<Store, 'retain'>
  times: RetentionTimes
  /** Of several processes one deletes. */
  isOurs: () => boolean
  clock: Clock
  log: Logger
  /** How often it is found out whether it is due, ms; a minute unless set. */
  lookMs?: number
}

const hourMs = 3_600_000

/** Deletes whole days that are older than they are kept, soon and every hour. */
export function openRetention(options: RetentionOptions) {
  const { store, times, isOurs, clock, log, lookMs = 60_000 } = options
  const stop = new AbortController()
  let trouble: string | undefined
  let doneMs = -Infinity

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      if (!isOurs()) trouble = undefined
      else if (clock.now() - doneMs >= hourMs) await retain(clock.now())
      await pause(lookMs, stop.signal)
    }
  }

  async function retain(nowMs: number): Promise<void> {
    try {
      const days = await store.retain(firstDaysAt(times, nowMs))
      if (days.length > 0) log.info({ days }, 'what is no longer kept of these days was deleted')
      trouble = undefined
      doneMs = nowMs
    } catch (error) {
      trouble = explain(error)
      log.error({ trouble }, 'old days cannot be deleted')
    }
  }

  const running = run()
  return {
    trouble: () => trouble,
    async close() {
      stop.abort()
      await running
    },
  }
}

function firstDaysAt(times: RetentionTimes, nowMs: number): FirstDays {
  const daysOf = (kept: Readonly<Record<EventClass, number>>) =>
    everyClass((one) => isoDay(msToIso(nowMs - kept[one])))
  const others = Object.entries(times).map(([name, kept]) => [name, daysOf(kept)] as const)
  return { ...Object.fromEntries(others), default: daysOf(times.default) }
}
