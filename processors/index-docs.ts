import type { Batch, Bus, BusRecord, Consumer, ConsumerOptions } from '../pipeline/bus/bus.ts'
import { explain } from '../pipeline/errors.ts'
import type { SignalBucket } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { readBuckets } from '../pipeline/signal-records.ts'
import type { DocClass, Store } from '../pipeline/store/store.ts'
import { readable } from './dead.ts'
import { identified, readDoc, type Complete } from './documents.ts'
import { isMark } from './watermark.ts'

type DocTopic = 'changes' | 'decisions' | 'dead' | 'signals'

/** Changes, decisions, dead letters and buckets of signals on their way from the bus into the store. */
export function openDocIndexer({
  bus,
  store,
  complete,
  metrics,
  log,
}: {
  bus: Bus
  store: Store
  /** Adds what is known to the identity of a change. */
  complete?: Complete
  metrics: Metrics
  log: Logger
}) {
  const troubles = new Map<DocTopic, string>()
  let isFirst = false

  /** What cannot be read goes to the dead letters at once: over the bus a bad dead letter would never end. */
  async function put<T>(
    batch: Batch,
    read: (record: BusRecord) => T,
    write: (read: T[]) => Promise<void>,
  ): Promise<void> {
    const records = batch.records.filter((record) => !isMark(record))
    const { read: good, dead } = readable({ ...batch, records }, read)
    if (dead.length > 0) {
      await store.putDocs('dead', dead)
      metrics.dead_letters_total.inc({ stage: 'index' }, dead.length)
    }
    if (good.length > 0) await write(good)
  }

  const consume = (
    topic: DocTopic,
    onBatch: (batch: Batch) => Promise<void>,
    more?: Pick<ConsumerOptions, 'onAssigned' | 'onRevoked'>,
  ): Consumer =>
    bus.consume({
      ...more,
      group: 'index',
      topic,
      async onBatch(batch) {
        await onBatch(batch)
        troubles.delete(topic)
      },
      onRecovered() {
        troubles.delete(topic)
      },
      onFailure(error) {
        const trouble = explain(error)
        troubles.set(topic, trouble)
        metrics.batch_failures_total.inc({ group: 'index' })
        log.error(
          { topic, trouble },
          'documents cannot be stored; they wait on the bus and are tried again',
        )
      },
    })
  const putDocs = (docClass: DocClass, known?: Complete) => (batch: Batch) =>
    put(batch, readDoc, (docs) =>
      store.putDocs(
        docClass,
        docs.map((doc) => identified(doc, known).doc),
      ),
    )

  const consumers = [
    consume('changes', putDocs('changes', complete), {
      async onAssigned(partitions) {
        isFirst ||= partitions.includes(0)
      },
      onRevoked(partitions) {
        if (partitions.includes(0)) isFirst = false
      },
    }),
    consume('decisions', putDocs('decisions')),
    consume('dead', putDocs('dead')),
    consume('signals', (batch) =>
      put(batch, bucketsOf, (buckets) => store.putBuckets(buckets.flat())),
    ),
  ]
  return {
    trouble: () => troubles.values().next().value,
    /** One of all processes: what needs doing once can be done here. */
    isFirst: () => isFirst,
    async close() {
      await Promise.all(consumers.map((consumer) => consumer.close()))
    },
  }
}

function bucketsOf({ headers, value }: BusRecord): SignalBucket[] {
  return headers['kind'] === 'bucket' ? readBuckets(value) : []
}
