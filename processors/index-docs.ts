import type { Batch, Bus, BusRecord, Consumer } from '../pipeline/bus/bus.ts'
import { explain } from '../pipeline/errors.ts'
import type { SignalBucket } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { DocClass, Store, StoredDoc } from '../pipeline/store/store.ts'

/** Changes, dead letters and buckets of signals on their way from the bus into the store. */
export function openDocIndexer({
  bus,
  store,
  metrics,
  log,
}: {
  bus: Bus
  store: Store
  metrics: Metrics
  log: Logger
}) {
  let trouble: string | undefined
  const consume = (
    topic: 'changes' | 'dead' | 'signals',
    onBatch: (batch: Batch) => Promise<void>,
  ): Consumer =>
    bus.consume({
      group: 'index',
      topic,
      async onBatch(batch) {
        await onBatch(batch)
        trouble = undefined
      },
      onFailure(error) {
        trouble = explain(error)
        metrics.batch_failures_total.inc({ group: 'index' })
        log.error(
          { topic, trouble },
          'documents cannot be stored; they wait on the bus and are tried again',
        )
      },
    })
  const putDocs = (docClass: DocClass) => (batch: Batch) =>
    store.putDocs(
      docClass,
      batch.records.map((record) => parse(record) as StoredDoc),
    )

  const consumers = [
    consume('changes', putDocs('changes')),
    consume('dead', putDocs('dead')),
    consume('signals', ({ records }) =>
      store.putBuckets(
        records
          .filter(({ headers }) => headers['kind'] === 'bucket')
          .flatMap((record) => parse(record) as SignalBucket[]),
      ),
    ),
  ]
  return {
    trouble: () => trouble,
    async close() {
      await Promise.all(consumers.map((consumer) => consumer.close()))
    },
  }
}

/** These topics are written by this program alone. */
function parse({ value }: BusRecord): unknown {
  return JSON.parse(Buffer.from(value).toString('utf8'))
}
