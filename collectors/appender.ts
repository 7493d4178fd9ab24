import { pause } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Collected, Sink } from './sink.ts'

export interface Appender {
  /**
   * Appends in the order of the calls. Waits while the sink is blocked and tries again while it refuses; false only if
   * that was given up because we are closed. Never rejects.
   */
  append(batch: Collected): Promise<boolean>
  trouble(): string | undefined
  /** What the sink takes within three seconds is appended; the rest is measured again, or told again, by the next start. */
  close(): Promise<void>
}

const closingMs = 3_000
const retryMs = 1_000

export function openAppender({
  name,
  sink,
  log,
}: {
  name: string
  sink: Sink
  log: Logger
}): Appender {
  const closing = new AbortController()
  const givenUp = Promise.withResolvers<false>()
  let last: Promise<boolean> = Promise.resolve(true)
  let trouble: string | undefined

  async function put(batch: Collected): Promise<boolean> {
    while (!(closing.signal.aborted && trouble)) {
      try {
        const done = sink.append(batch).then(() => true)
        const isDone = await Promise.race([done, givenUp.promise])
        // What is given up may still reject, or get through.
        if (!isDone) done.catch(() => {})
        else trouble = undefined
        return isDone
      } catch (error) {
        trouble = `${name}: what was read cannot be stored: ${explain(error)}`
        log.error({ err: error, collector: name }, 'the spool refused a batch; trying again')
        await pause(retryMs, closing.signal)
      }
    }
    return false
  }

  return {
    append(batch) {
      const isEmpty = Object.values(batch).every((part) => Object.keys(part ?? {}).length === 0)
      if (!isEmpty) last = last.then(() => put(batch))
      return last
    },
    trouble: () => trouble,
    async close() {
      closing.abort()
      const timer = setTimeout(() => givenUp.resolve(false), closingMs)
      await last.finally(() => clearTimeout(timer))
    },
  }
}
