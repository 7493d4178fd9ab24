import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { isoDay, msToIso } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Store } from '../pipeline/store/store.ts'

const hourMs = 3_600_000

export interface RetentionOptions {
  store: Pick<Store, 'retain'>
  retentionMs: number
  clock: Clock
  log: Logger
}

/** Deletes whole days that are older than the retention, now and every hour. */
export function openRetention({ store, retentionMs, clock, log }: RetentionOptions) {
  const stop = new AbortController()
  let trouble: string | undefined

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        const days = await store.retain(isoDay(msToIso(clock.now() - retentionMs)))
        if (days.length > 0) log.info({ days }, 'days beyond the retention were deleted')
        trouble = undefined
      } catch (error) {
        trouble = explain(error)
        log.error({ trouble }, 'old days cannot be deleted')
      }
      await pause(hourMs, stop.signal)
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
