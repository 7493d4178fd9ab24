import { openDocIndexer } from '../processors/index-docs.ts'
import { openIndexer } from '../processors/index-lines.ts'
import { openMeasurer } from '../processors/measure.ts'
import { openCatalog } from '../processors/resolve.ts'
import { openRetention } from '../processors/retain.ts'
import { secondsSince, type Base } from './base.ts'

/** From the bus into the store and into signals. */
export async function openProcessing({
  settings,
  signals,
  bus,
  store,
  clock,
  metrics,
  log,
  components,
  stack,
}: Base): Promise<void> {
  const catalog = await openCatalog({ bus, store, patienceMs: 2000 })
  stack.defer(() => catalog.close())
  const indexer = openIndexer({ bus, store, catalog, clock, metrics, log })
  stack.defer(() => indexer.close())
  const docs = openDocIndexer({ bus, store, metrics, log })
  stack.defer(() => docs.close())
  const measurer = openMeasurer({
    bus,
    catalog,
    signals,
    resolutionMs: settings.evaluation.resolution,
    rememberMs: settings.bus.retention,
    metrics,
    log,
  })
  stack.defer(() => measurer.close())
  const retention = openRetention({ store, retentionMs: settings.store.retention, clock, log })
  stack.defer(() => retention.close())
  components.push(
    {
      name: 'index',
      trouble: () => indexer.trouble() ?? docs.trouble() ?? catalog.trouble(),
      vital: true,
    },
    {
      name: 'measure',
      trouble: measurer.trouble,
      behindSeconds: () => secondsSince(measurer.watermark(), clock),
    },
    { name: 'retention', trouble: retention.trouble },
  )
}
