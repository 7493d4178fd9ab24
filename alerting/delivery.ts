import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { killPoint } from '../pipeline/fault.ts'
import { openGate } from '../pipeline/gate.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { failedDeliveries, type Channel, type Delivery, type Message } from './channels/channel.ts'

export interface RetryTimes {
  /** After the first failure; doubles with each, ms. */
  firstMs: number
  maxMs: number
  /** After a refusal, ms. */
  refusedMs: number
}

export const defaultRetry: RetryTimes = { firstMs: 1000, maxMs: 60_000, refusedMs: 3_600_000 }

/** What is wrong with one message for one target. */
export interface Problem extends Delivery {
  channel: Channel
  /** Of the first failure, ms. */
  since: number
}

/** One channel with what waits for it. */
export interface Outlet {
  channel: Channel
  /**
   * Sends to `targets` until each has accepted, or the outlet is closed. `message` is asked before each attempt;
   * `onOutcome` is told of acceptances and refusals and is awaited; a refused target is tried again later.
   * Resolves with true when all have accepted.
   */
  deliver(
    message: () => Message,
    targets: readonly string[],
    onOutcome: (delivery: Delivery, first: boolean) => Promise<void>,
  ): Promise<boolean>
  problems(): Problem[]
  /** Lets sends under way end for `graceMs`, then breaks them off. */
  close(graceMs: number): Promise<void>
}

export interface OutletOptions {
  channel: Channel
  clock: Clock
  metrics: Metrics
  retry: RetryTimes
  /** From 0 to 1; what spreads the retries. */
  random?: () => number
}

interface Due {
  at: number
  attempts: number
  problem: Problem | undefined
}

const sendsAtOnce = 4

export function openOutlet(options: OutletOptions): Outlet {
  const { channel, clock, metrics, retry, random = Math.random } = options
  const stop = new AbortController()
  const gate = openGate(sendsAtOnce)
  const waiting = new Set<Map<string, Due>>()
  const under = new Set<Promise<unknown>>()
  /** Aborted when the channel works again: what waits for the way to be free need not wait longer. */
  let wake = new AbortController()

  function wakeAll() {
    for (const due of waiting) {
      for (const entry of due.values()) if (entry.problem?.answered === false) entry.at = 0
    }
    wake.abort()
    wake = new AbortController()
  }

  async function sendDue(message: () => Message, due: Map<string, Due>): Promise<Delivery[]> {
    return gate(async () => {
      const now = clock.now()
      const targets = [...due].filter(([, { at }]) => at <= now).map(([target]) => target)
      if (targets.length === 0 || stop.signal.aborted) return []
      killPoint('notify:before-send')
      const sending = sendSafely(message, targets)
      under.add(sending)
      const deliveries = await sending.finally(() => under.delete(sending))
      killPoint('notify:after-send')
      return deliveries
    })
  }

  async function sendSafely(message: () => Message, targets: string[]): Promise<Delivery[]> {
    try {
      return await channel.send(message(), targets)
    } catch (error) {
      return failedDeliveries(targets, explain(error))
    }
  }

  /** Notes an outcome; true if it is one to be told. */
  function note(delivery: Delivery, due: Map<string, Due>): { told: boolean; first: boolean } {
    const { target, outcome } = delivery
    metrics.notifications_total.inc({ channel: channel.name, outcome })
    const entry = due.get(target)
    if (!entry) return { told: false, first: false }
    const first = entry.problem?.outcome !== outcome
    if (outcome === 'accepted') {
      due.delete(target)
      return { told: true, first }
    }
    const now = clock.now()
    entry.problem = { ...delivery, channel, since: entry.problem?.since ?? now }
    entry.attempts++
    entry.at = now + (outcome === 'refused' ? retry.refusedMs : backoff(entry.attempts))
    return { told: outcome === 'refused', first }
  }

  /** Doubles up to the limit, then somewhere between half of it and all of it. */
  function backoff(attempts: number): number {
    const full = Math.min(retry.maxMs, retry.firstMs * 2 ** (attempts - 1))
    return full * (0.5 + random() / 2)
  }

  async function waitFor(due: Map<string, Due>) {
    const next = Math.min(...[...due.values()].map(({ at }) => at))
    const ms = next - clock.now()
    // Timers hold at most 2^31 ms; in between it only looks again.
    if (ms > 0) await pause(Math.min(ms, 3_600_000), AbortSignal.any([stop.signal, wake.signal]))
  }

  return {
    channel,
    async deliver(message, targets, onOutcome) {
      const due = new Map<string, Due>()
      for (const target of targets) due.set(target, { at: 0, attempts: 0, problem: undefined })
      waiting.add(due)
      while (due.size > 0 && !stop.signal.aborted) {
        const deliveries = await sendDue(message, due)
        if (deliveries.some(({ outcome }) => outcome === 'accepted')) wakeAll()
        for (const delivery of deliveries) {
          const { told, first } = note(delivery, due)
          if (told) await onOutcome(delivery, first)
        }
        if (due.size > 0) await waitFor(due)
      }
      // When closing, the rest stays visible as a problem until the end.
      if (due.size > 0) return false
      return waiting.delete(due)
    },
    problems: () =>
      [...waiting].flatMap((due) => [...due.values()].flatMap(({ problem }) => problem ?? [])),
    async close(graceMs) {
      stop.abort()
      const done = Promise.allSettled(under)
      const ended = new AbortController()
      await Promise.race([done, pause(graceMs, ended.signal)])
      ended.abort()
      channel.close()
      await done
    },
  }
}
