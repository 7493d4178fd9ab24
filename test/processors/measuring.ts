import type { ExecutionContext } from 'ava'
import type { Bus, ProducedRecord, Topic } from '../../pipeline/bus/bus.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { SignalBucket } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { readBuckets } from '../../pipeline/signal-records.ts'
import type { SignalTopic } from '../../pipeline/signals.ts'
import { openMeasurer, type MeasurerOptions } from '../../processors/measure.ts'
import { nothingKnown } from '../../processors/resolve.ts'
import { jsonOf, readAll, until } from '../helpers/pipeline.ts'

export function openMeasuring(
  t: ExecutionContext,
  bus: Bus,
  options: Pick<MeasurerOptions, 'signals'> & Partial<MeasurerOptions>,
) {
  const metrics = openMetrics()
  const measurer = openMeasurer({
    bus,
    catalog: nothingKnown,
    resolutionMs: 1000,
    rememberMs: 86_400_000,
    metrics,
    log: silentLog,
    ...options,
  })
  t.teardown(() => measurer.close())
  return { ...measurer, metrics }
}

/** Waits until all that is on the bus now has been measured. */
export async function measured(bus: Bus, topic: SignalTopic = 'logs'): Promise<void> {
  const ends = await bus.ends(topic)
  await until('all is measured', async () => {
    const positions = await bus.committed('measure', topic)
    return ends.every((end, partition) => (positions.get(partition) ?? 0) >= end)
  })
}

export const keyOf = ({ signal, group, from, partition }: SignalBucket) =>
  JSON.stringify([signal, group, from, partition])

export interface PublishedWatermark {
  topic: SignalTopic
  partition: number
  through: number
}

/** All that was published, in order. */
export async function published(bus: Bus) {
  const records = await readAll(bus, 'signals')
  return {
    buckets: records
      .filter(({ headers }) => headers['kind'] === 'bucket')
      .flatMap(({ value }) => readBuckets(value)),
    watermarks: records
      .filter(({ headers }) => headers['kind'] === 'watermark')
      .map((one) => jsonOf(one) as PublishedWatermark),
  }
}

/** The newest value of each bucket. */
export async function newest(bus: Bus): Promise<SignalBucket[]> {
  return [...new Map((await published(bus)).buckets.map((one) => [keyOf(one), one])).values()]
}

export function mark(
  bus: Bus,
  through: number,
  collector = 'c',
  topic: SignalTopic = 'logs',
): Promise<void> {
  const headers = { kind: 'mark', collector, through: String(through) }
  return bus.produce(
    topic,
    Array.from({ length: bus.partitions(topic) }, (_, partition) => ({
      key: 'mark',
      value: new Uint8Array(),
      headers,
      partition,
    })),
  )
}

/** The bus as seen by a process that dies at its n-th produce, which is or is not carried out. */
export function dyingBus(
  bus: Bus,
  dieAt: number,
  carriedOut: boolean,
): Bus & { died: Promise<void> } {
  const death = Promise.withResolvers<void>()
  let left = dieAt
  return {
    ...bus,
    died: death.promise,
    async produce(topic: Topic, records: readonly ProducedRecord[]) {
      if (records.length === 0) return
      left--
      if (left === 0 && carriedOut) await bus.produce(topic, records)
      if (left <= 0) {
        death.resolve()
        throw new Trouble('dead', { retryable: true })
      }
      await bus.produce(topic, records)
    },
  }
}
