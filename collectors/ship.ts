import type { Bus, ProducedRecord, Topic } from '../pipeline/bus/bus.ts'
import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { killPoint } from '../pipeline/fault.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { signalTopics, type SignalTopic } from '../pipeline/signals.ts'
import type { Collector } from './sink.ts'
import type { Spool, SpooledRecord } from './spool.ts'

export interface ShipperOptions {
  /** Names this process in watermarks; the same after a restart. */
  name: string
  spool: Spool
  /** May not be there yet: it rejects until it is. */
  bus: Pick<Bus, 'produce' | 'partitions'>
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
/** A collector in trouble holds the watermark no longer than this: its lines may come late, those of others go on. */
const troubledMs = 30_000

/**
 * Carries the spool to the bus, in order, and sends watermarks behind it: a mark says that all lines written, samples
 * taken and changes noticed before its time are on the bus. A kill between the bus's answer and the trimming sends
 * records twice; processors know them by their ids and sequences.
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
  const troubles = new Map<'shipping' | 'marks', string>()
  let shipped = 0

  async function ship(): Promise<void> {
    for (;;) {
      const records = await untilItWorks('spool', () => spool.next(shipped, batchBytes))
      const last = records.at(-1)
      if (!last) continue
      killPoint('ship:before-produce')
      for (const [topic, run] of Map.groupBy(records, (record) => record.topic)) {
        await untilItWorks(topic, () => bus.produce(topic, run.map(toProduced)))
      }
      killPoint('ship:after-produce')
      await untilItWorks('spool', () => spool.trim(last.id))
      shipped = last.id
    }
  }

  /** Tries until it works; rejects when we are closed, so that nothing is trimmed that was not produced. */
  async function untilItWorks<T>(what: Topic | 'spool', work: () => Promise<T>): Promise<T> {
    for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, lastRetryMs)) {
      stop.signal.throwIfAborted()
      try {
        const result = await work()
        troubles.delete('shipping')
        return result
      } catch (error) {
        const trouble = explain(error)
        troubles.set('shipping', trouble)
        metrics.produce_failures_total.inc({ topic: what })
        log.error({ what, trouble }, 'cannot carry on, the spool holds the records')
        await pause(retryMs, stop.signal)
      }
    }
  }

  async function mark(): Promise<void> {
    for (;;) {
      await pause(markEveryMs, stop.signal)
      const through = reached()
      const upTo = spool.last()
      while (shipped < upTo && !stop.signal.aborted) await pause(20, stop.signal)
      if (stop.signal.aborted) return
      if (through !== undefined) await sendMarks(through)
    }
  }

  /** The next ones say more: these are not tried again. */
  async function sendMarks(through: number): Promise<void> {
    metrics.lag_seconds.set({ stage: 'collect' }, Math.max(0, clock.now() - through) / 1000)
    const sent = await Promise.allSettled(
      signalTopics.map(async (topic) => bus.produce(topic, marks(topic, through))),
    )
    troubles.delete('marks')
    for (const [i, outcome] of sent.entries()) {
      if (outcome.status === 'fulfilled') continue
      troubles.set('marks', `watermarks do not get through: ${explain(outcome.reason)}`)
      metrics.produce_failures_total.inc({ topic: signalTopics[i] })
    }
  }

  /** What all collectors have passed; undefined while none that works has looked everywhere yet. */
  function reached(): number | undefined {
    const oldest = clock.now() - troubledMs
    const counted = collectors.filter(
      (collector) => collector.through() >= oldest || collector.trouble() === undefined,
    )
    const through = Math.min(...counted.map((collector) => collector.through()))
    return Number.isFinite(through) && through > 0 ? through : undefined
  }

  function marks(topic: SignalTopic, through: number): ProducedRecord[] {
    const headers = { kind: 'mark', collector: name, through: String(through) }
    return Array.from({ length: bus.partitions(topic) }, (_, partition) => ({
      key: 'mark',
      value: new Uint8Array(),
      headers,
      partition,
    }))
  }

  const done = Promise.all([ship(), mark()]).catch((error: unknown) => {
    if (stop.signal.aborted) return
    troubles.set('shipping', `shipping has stopped: ${explain(error)}`)
    log.fatal({ trouble: explain(error) }, 'shipping has stopped')
  })
  return {
    trouble: () => troubles.values().next().value,
    /** Ends after the batch under way; what is left stays in the spool. */
    async close() {
      stop.abort()
      spool.wake()
      await done
    },
  }
}

function toProduced({ key, headers, value }: SpooledRecord): ProducedRecord {
  return { key, headers, value }
}
