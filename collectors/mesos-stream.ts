import { pause, type Clock } from '../pipeline/clock.ts'
import { explain, Trouble } from '../pipeline/errors.ts'
import { parseJson, type HttpClient } from '../pipeline/http.ts'
import type { Problem } from './answer.ts'
import { v1Headers } from './mesos-ask.ts'
import { readMasterEvent, type MasterEvent } from './mesos-events.ts'
import { openRecordIo } from './recordio.ts'

export interface MasterStreamOptions {
  client: HttpClient
  clock: Clock
  /** Events in their order; the next are read when it resolves. Never rejects. */
  onEvents(events: MasterEvent[], problems: Problem[]): Promise<unknown>
  /** It broke off, or could not be opened. */
  onEnd(): void
}

export interface MasterStream {
  /** True from the snapshot at its beginning on. */
  isLive(): boolean
  /** What is wrong with it, if that is so for a while already. */
  trouble(): string | undefined
  close(): Promise<void>
}

const firstRetryMs = 1_000
const lastRetryMs = 30_000
/** A leader that changes, or a restart, is over by then; until then polling is enough. */
const troubleMs = 60_000
/** Without a sign of life for so many intervals the master, or the connection, is dead. */
const missedHeartbeats = 5
/** Before the master has told how often it gives one. */
const usualHeartbeatMs = 15_000

/**
 * Subscribes to the events of the leading master, for ever. It cannot go on where it broke off: each subscription begins
 * with a snapshot of all, which replaces what was known.
 */
export function openMasterStream(options: MasterStreamOptions): MasterStream {
  const { client, clock, onEvents, onEnd } = options
  const stopping = new AbortController()
  let isLive = false
  let failure: { told: string; sinceMs: number } | undefined

  async function follow(): Promise<void> {
    const request = { method: 'POST', body: { type: 'SUBSCRIBE' }, headers: v1Headers } as const
    const { body } = await client.stream('/api/v1', { ...request, signal: stopping.signal })
    const watchdog = openWatchdog((ms) => {
      const message = `the stream of events of the Mesos master gave no sign of life for ${ms / 1000} s`
      body.destroy(new Trouble(message, { remedy: 'it is opened again', retryable: true }))
    })
    try {
      const cut = openRecordIo()
      for await (const chunk of body) {
        // A sink that is full is not the master's fault.
        watchdog.stop()
        await take(cut(chunk as Buffer), watchdog)
        watchdog.reset()
      }
    } finally {
      watchdog.stop()
      body.destroy()
    }
    throw new Trouble('the Mesos master ended the stream of events', { retryable: true })
  }

  async function take(records: readonly Buffer[], watchdog: Watchdog): Promise<void> {
    if (records.length === 0) return
    const events: MasterEvent[] = []
    const problems: Problem[] = []
    for (const record of records) {
      const read = readMasterEvent(parsed(record))
      problems.push(...read.problems)
      if (read.event) events.push(read.event)
      if (read.event?.type === 'SUBSCRIBED') {
        watchdog.allow(read.event.heartbeatSeconds * 1000 * missedHeartbeats)
        isLive = true
        failure = undefined
      }
    }
    await onEvents(events, problems)
  }

  async function run(): Promise<void> {
    for (let retryMs = firstRetryMs; !stopping.signal.aborted;) {
      const startMs = clock.now()
      await follow().catch((error: unknown) => {
        failure ??= { told: '', sinceMs: clock.now() }
        failure.told = explain(error)
      })
      const wasLive = isLive
      isLive = false
      if (stopping.signal.aborted) return
      onEnd()
      // One that lived was no failure; but a master with too many subscribers closes the oldest at once.
      retryMs = wasLive && clock.now() - startMs > lastRetryMs ? firstRetryMs : retryMs
      await pause(retryMs * (0.75 + Math.random() / 2), stopping.signal)
      retryMs = Math.min(lastRetryMs, retryMs * 2)
    }
  }

  const running = run()
  return {
    isLive: () => isLive,
    trouble() {
      const isLong = failure !== undefined && clock.now() - failure.sinceMs >= troubleMs
      return isLong ? `no events from the Mesos master, only polling: ${failure?.told}` : undefined
    },
    async close() {
      stopping.abort()
      await running
    },
  }
}

/** What is no JSON is given on as the text it is: that is noted. */
function parsed(record: Buffer): unknown {
  const text = record.toString('utf8')
  try {
    return parseJson(text)
  } catch {
    return text
  }
}

interface Watchdog {
  reset(): void
  allow(ms: number): void
  stop(): void
}

function openWatchdog(bark: (ms: number) => void): Watchdog {
  let allowedMs = usualHeartbeatMs * missedHeartbeats
  let timer: NodeJS.Timeout | undefined
  function reset() {
    clearTimeout(timer)
    timer = setTimeout(bark, allowedMs, allowedMs)
  }
  reset()
  return {
    reset,
    allow(ms) {
      allowedMs = ms
    },
    stop: () => clearTimeout(timer),
  }
}
