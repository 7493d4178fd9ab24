import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { openAppender } from './appender.ts'
import type { Collected, Collector, Sink } from './sink.ts'

export interface PollerOptions {
  name: string
  /** From one poll's beginning to the next. */
  intervalMs: number
  clock: Clock
  sink: Sink
  metrics: Metrics
  log: Logger
  /**
   * Asks, and returns what is to be appended. Rejects with a Trouble where it cannot be asked: it is tried again, for
   * ever. `signal` aborts when we are closed; it has to end then. What it remembers may count as appended when it returns: a batch is given
   * up only when the program ends.
   */
  poll(nowMs: number, signal: AbortSignal): Promise<Collected | undefined>
}

export interface Poller extends Collector {
  /** Something may be new: polls soon. Calls that come while it polls, or just after, are one. */
  wake(): void
  /** Appends what came between the polls; in the order of the calls, also with what polls return. */
  append(collected: Collected): Promise<boolean>
}

/** However slow the answer, the watermark of all is held no further back. */
const slowMs = 1_000
/** So long a start may wait for the first answer. */
const firstMs = 10_000
const lastBackOffMs = 30_000
/** Woken again within this time, it polls once. */
const coalesceMs = 200

/**
 * Polls something at once, then every `intervalMs`, never twice at a time; while that fails ever more rarely, at
 * most half a minute apart.
 *
 * What `through` says becomes, with that of all other collectors, the watermark that lets windows close and absence be
 * concluded (`collectors/ship.ts`). A poll differs from a file: it has no backlog. What nobody measured in a moment that
 * is over will never come, so there is nothing to wait for:
 * - Between polls, also between polls that fail, all that can ever be known up to now has been appended: it is now. A
 *   Marathon that is away thus holds back nobody's log lines, not even for the half minute that trouble is given.
 * - While a poll is under way, what it finds may be as old as its beginning: it is held there, but no further than a second
 *   behind now. The samples of a slower answer come late and correct their window, as late lines do.
 * - While the sink is blocked the samples are there and wait for the disk: it is held at the poll's beginning (or at what was
 *   told before: it never goes back). All others wait for the disk as well.
 * - At the start it is 0, so that nothing is absent before somebody looked; but no longer than ten seconds, and not after
 *   the first failure, so that a service that hangs from the start holds back nobody for long.
 */
export function openPoller(options: PollerOptions): Poller {
  const { name, intervalMs, clock, sink, metrics, log, poll } = options
  const stopping = new AbortController()
  const appender = openAppender({ name, sink, log })
  const openedMs = clock.now()
  let isFirst = true
  let failures = 0
  let failure: string | undefined
  let underWay: { sinceMs: number; isAppending: boolean } | undefined
  let toldMs = 0
  let isWoken = false
  let resting: AbortController | undefined

  /** Returns how long the answer took, ms. */
  async function pollOnce(): Promise<number> {
    isWoken = false
    const current = { sinceMs: clock.now(), isAppending: false }
    let tookMs = 0
    underWay = current
    try {
      const collected = await poll(current.sinceMs, stopping.signal)
      // Before it is held: what was told meanwhile stays told.
      through()
      current.isAppending = true
      tookMs = clock.now() - current.sinceMs
      await appender.append(collected ?? {})
      note(undefined)
    } catch (error) {
      if (!stopping.signal.aborted) note(error)
    }
    isFirst = false
    underWay = undefined
    return Math.max(0, tookMs)
  }

  function note(error: unknown) {
    metrics.polls_total.inc({ collector: name, outcome: error === undefined ? 'ok' : 'failed' })
    if (error === undefined) {
      if (failures > 0) log.info({ collector: name }, 'it answers again')
      failures = 0
      failure = undefined
      return
    }
    failures++
    failure = explain(error)
    if (failures === 1) log.warn({ err: error, collector: name }, 'cannot be asked; trying again')
  }

  /** A slow service gets a rest as long as half of what it took, and thrice as long as it took where events wake us. */
  async function rest(tookMs: number) {
    const jitter = 0.95 + Math.random() / 10
    const waitMs =
      failures > 0
        ? intervalMs * 2 ** (failures - 1)
        : Math.max(intervalMs * jitter - tookMs, tookMs / 2)
    const usualMs = Math.min(waitMs, Math.max(lastBackOffMs, intervalMs))
    const soonestMs = Math.min(usualMs, Math.max(coalesceMs, 3 * tookMs))
    await pause(soonestMs, stopping.signal)
    if (isWoken) return
    resting = new AbortController()
    await pause(usualMs - soonestMs, AbortSignal.any([resting.signal, stopping.signal]))
    resting = undefined
  }

  function through(): number {
    const nowMs = clock.now()
    if (isFirst && nowMs - openedMs < firstMs) return 0
    toldMs = Math.max(toldMs, reachedMs(nowMs))
    return toldMs
  }

  function reachedMs(nowMs: number): number {
    if (!underWay) return nowMs
    const { sinceMs, isAppending } = underWay
    return isAppending ? sinceMs : Math.max(sinceMs, nowMs - slowMs)
  }

  function noAnswerYet(): string | undefined {
    const waitedMs = clock.now() - openedMs
    if (!isFirst || waitedMs < firstMs) return undefined
    return `${name}: no answer yet, for ${Math.round(waitedMs / 1000)} s; the others go on without it`
  }

  async function run() {
    while (!stopping.signal.aborted) await rest(await pollOnce())
  }

  const running = Promise.resolve().then(run)
  return {
    name,
    through,
    trouble: () => appender.trouble() ?? failure ?? noAnswerYet(),
    wake() {
      isWoken = true
      resting?.abort()
    },
    append: (collected) => appender.append(collected),
    async close() {
      stopping.abort()
      await appender.close()
      await running
      await appender.close()
    },
  }
}
