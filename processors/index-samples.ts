import type { Bus, BusRecord } from '../pipeline/bus/bus.ts'
import type { Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { isoToMs, msToIso, type DeadLetter, type SampleDoc } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { samplesFromBus, type SampleHead } from '../pipeline/sample.ts'
import type { Store } from '../pipeline/store/store.ts'
import { readable, sampleOf, tellDead } from './dead.ts'
import { identified, type Complete } from './documents.ts'
import { readSamples, type ReadSamples } from './samples.ts'
import { isMark } from './watermark.ts'

export interface SampleIndexerOptions {
  bus: Bus
  store: Pick<Store, 'putSamples'>
  /** Adds what is known to the identity of a sample. */
  complete?: Complete
  clock: Clock
  metrics: Metrics
  log: Logger
}

/** The way of samples from the bus into the store; a position is committed after the store has accepted. */
export function openSampleIndexer(options: SampleIndexerOptions) {
  const { bus, store, complete, clock, metrics, log } = options
  let trouble: string | undefined

  const consumer = bus.consume({
    group: 'index',
    topic: 'metrics',
    async onBatch(batch) {
      const arrived = readable(
        { ...batch, records: batch.records.filter((record) => !isMark(record)) },
        read,
      )
      const samples = arrived.read.flatMap(({ sound }) =>
        sound.map(({ doc }) => identified(doc, complete).doc),
      )
      const dead = [...arrived.dead, ...arrived.read.flatMap(deadSamples)]
      if (samples.length > 0) await store.putSamples(samples)
      await tellDead(bus, dead)
      count(samples, dead.length)
      trouble = undefined
    },
    onRecovered() {
      trouble = undefined
    },
    onFailure(error) {
      trouble = explain(error)
      metrics.batch_failures_total.inc({ group: 'index' })
      log.error({ trouble }, 'samples cannot be stored; they wait on the bus and are tried again')
    },
  })

  function count(samples: readonly SampleDoc[], dead: number): void {
    metrics.indexed_samples_total.inc(samples.length)
    if (dead > 0) metrics.dead_letters_total.inc({ stage: 'index' }, dead)
    const newest = samples
      .map((doc) => doc['@timestamp'])
      .toSorted()
      .at(-1)
    if (newest) {
      const seconds = Math.max(0, clock.now() - isoToMs(newest)) / 1000
      metrics.lag_seconds.set({ stage: 'index-samples' }, seconds)
    }
  }

  return { trouble: () => trouble, close: () => consumer.close() }
}

interface Arrived extends ReadSamples {
  head: SampleHead
  /** When it came to the bus, ms. */
  atMs: number
}

function read(record: BusRecord): Arrived {
  const samples = samplesFromBus(record)
  return { ...readSamples(samples), head: samples.head, atMs: record.time }
}

/** The same each time they are made, so that trying a batch again tells of each once. */
function deadSamples({ faults, head, atMs }: Arrived): DeadLetter[] {
  return faults.map(({ sequence, line, reason }) => ({
    '@timestamp': msToIso(atMs),
    'event.id': `dead:sample:${head.source}:${head.lineage}:${sequence}`,
    'event.kind': 'dead',
    reason,
    origin: `samples of ${head.source}, number ${sequence}`,
    ...sampleOf(Buffer.from(line)),
  }))
}
