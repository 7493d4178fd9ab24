import type { Batch, Bus, BusRecord, Consumer } from '../pipeline/bus/bus.ts'
import { explain } from '../pipeline/errors.ts'
import type { BucketValues, SignalBucket } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { DocClass, Store } from '../pipeline/store/store.ts'
import { readable } from './dead.ts'
import { identified, readDoc, type Complete } from './documents.ts'

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

  /** What cannot be read goes to the dead letters at once: over the bus a bad dead letter would never end. */
  async function put<T>(
    batch: Batch,
    read: (record: BusRecord) => T,
    write: (read: T[]) => Promise<void>,
  ): Promise<void> {
    const records = batch.records.filter(({ headers }) => headers['kind'] !== 'mark')
    const { read: good, dead } = readable({ ...batch, records }, read)
    if (dead.length > 0) {
      await store.putDocs('dead', dead)
      metrics.dead_letters_total.inc({ stage: 'index' }, dead.length)
    }
    if (good.length > 0) await write(good)
  }

  const consume = (topic: DocTopic, onBatch: (batch: Batch) => Promise<void>): Consumer =>
    bus.consume({
      group: 'index',
      topic,
      async onBatch(batch) {
        await onBatch(batch)
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
    consume('changes', putDocs('changes', complete)),
    consume('decisions', putDocs('decisions')),
    consume('dead', putDocs('dead')),
    consume('signals', (batch) =>
      put(batch, readBuckets, (buckets) => store.putBuckets(buckets.flat())),
    ),
  ]
  return {
    trouble: () => troubles.values().next().value,
    async close() {
      await Promise.all(consumers.map((consumer) => consumer.close()))
    },
  }
}

function readBuckets({ headers, value }: BusRecord): SignalBucket[] {
  if (headers['kind'] !== 'bucket') return []
  const buckets = JSON.parse(Buffer.from(value).toString('utf8')) as SignalBucket[]
  if (!Array.isArray(buckets) || !buckets.every(isBucket)) throw new TypeError('not buckets')
  return buckets
}

function isBucket(bucket: Partial<SignalBucket> | null): boolean {
  const { signal, group, from, to, partition, count, lastMs, values } = bucket ?? {}
  const numbers = [from, to, partition, count, lastMs]
  const times = [from, to].every((ms) => Math.abs(ms ?? Infinity) <= maxMs)
  return (
    typeof signal === 'string' &&
    typeof group === 'object' &&
    group !== null &&
    numbers.every(Number.isSafeInteger) &&
    times &&
    (values === undefined || hasValues(values))
  )
}

function hasValues(values: Partial<BucketValues> | null): boolean {
  const { sum, min, max, last } = values ?? {}
  return [sum, min, max, last].every(Number.isFinite)
}

/** What a Date can hold. */
const maxMs = 8.64e15
