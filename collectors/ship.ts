import type { Bus, ProducedRecord, Topic } from '../pipeline/bus/bus.ts'
import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { killPoint } from '../pipeline/fault.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { Collector } from './sink.ts'
import type { Spool, SpooledRecord } from './spool.ts'

export interface ShipperOptions {
  /** Names this process in watermarks; the same after a restart. */
  name: string
  spool: Spool
  bus: Bus
  collectors: readonly Collector[]
  /** How often the watermark is sent on, ms. */
  markEveryMs: number
  clock: Clock
  metrics: Metrics
  log: Logger
}

const batchBytes = 4 * 2 ** 20
const firstRetryMs = 200
const lastRetryMs = 10_000

/**
 * Carries the spool to the bus, in order, and sends watermarks behind it: a mark says that all lines written before
 * its time are on the bus. A kill between the bus's answer and the trimming sends records twice; processors know
 * them by their ids and sequences.
 */
export function openShipper({
  name,
  spool,
  bus,
  collectors,
  markEveryMs,
  clock,
  metrics,
  log,
}: ShipperOptions) {
  const stop = new AbortController()
  let shipped = 0
  let trouble: string | undefined
  let retryMs = firstRetryMs

  async function ship(): Promise<void> {
    while (!stop.signal.aborted) {
      const records = await untilItWorks('spool', () => spool.next(shipped, batchBytes))
      const last = records?.at(-1)
      if (!records || !last) continue
      killPoint('ship:before-produce')
      for (const [topic, run] of Map.groupBy(records, (record) => record.topic)) {
        await untilItWorks(topic, () => bus.produce(topic, run.map(toProduced)))
      }
      killPoint('ship:after-produce')
      if (stop.signal.aborted && trouble) return
      await untilItWorks('spool', () => spool.trim(last.id))
      shipped = last.id
    }
  }

  /** Tries until it works, or gives up (undefined) when we are closed. */
  async function untilItWorks<T>(
    what: Topic | 'spool',
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    for (;;) {
      try {
        const result = await work()
        trouble = undefined
        retryMs = firstRetryMs
        return result
      } catch (error) {
        trouble = explain(error)
        metrics.produce_failures_total.inc({ topic: what })
        log.error({ what, trouble }, 'cannot carry on, the spool holds the records')
        await pause(retryMs, stop.signal)
        retryMs = Math.min(retryMs * 2, lastRetryMs)
        if (stop.signal.aborted) return undefined
      }
    }
  }

  async function mark(): Promise<void> {
    while (!stop.signal.aborted) {
      await pause(markEveryMs, stop.signal)
      const through = Math.min(...collectors.map((collector) => collector.through()))
      const upTo = spool.last()
      while (shipped < upTo && !stop.signal.aborted) await pause(20, stop.signal)
      if (stop.signal.aborted || !Number.isFinite(through)) continue
      metrics.lag_seconds.set({ stage: 'collect' }, Math.max(0, clock.now() - through) / 1000)
      await bus.produce('logs', marks(through)).catch(() => {})
    }
  }

  function marks(through: number): ProducedRecord[] {
    const headers = { kind: 'mark', collector: name, through: String(through) }
    return Array.from({ length: bus.partitions('logs') }, (_, partition) => ({
      key: 'mark',
      value: new Uint8Array(),
      headers,
      partition,
    }))
  }

  const done = Promise.all([ship(), mark()])
  done.catch((error: unknown) => {
    trouble = `shipping has stopped: ${explain(error)}`
    log.fatal({ trouble }, 'shipping has stopped')
  })
  return {
    trouble: () => trouble,
    /** Ends after the batch under way; what is left stays in the spool. */
    async close() {
      stop.abort()
      spool.wake()
      await done.catch(() => {})
    },
  }
}

function toProduced({ key, headers, value }: SpooledRecord): ProducedRecord {
  return { key, headers, value }
}
