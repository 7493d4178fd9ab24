import { openCanaryWatch } from '../processors/canary.ts'
import { openDeaths } from '../processors/deaths.ts'
import { openDocIndexer } from '../processors/index-docs.ts'
import { openIndexer } from '../processors/index-lines.ts'
import { openSampleIndexer } from '../processors/index-samples.ts'
import { openPostures } from '../processors/posture.ts'
import { openMeasurer } from '../processors/measure.ts'
import { openCatalog, type Catalog } from '../processors/resolve.ts'
import { openOddRetentions } from '../processors/odd-retentions.ts'
import { openRetention } from '../processors/retain.ts'
import { secondsSince, type BaseWithStore } from './base.ts'
import { retentionTimes } from './retention.ts'

export interface Processing {
  /** What is known of identities. */
  catalog: Catalog
  /** Measures the signals as they are declared now. */
  remeasure(): Promise<void>
}

/** From the bus into the store and into signals. */
export async function openProcessing(base: BaseWithStore): Promise<Processing> {
  const { settings, signals, bus, store, clock, metrics, log, components, stack } = base
  const opened = <T extends { close(): Promise<void> }>(part: T) => {
    stack.defer(() => part.close())
    return part
  }
  const catalog = opened(await base.patiently(() => openCatalog({ bus, store, patienceMs: 2000 })))
  const { complete } = catalog
  const declared = Object.keys(settings.store.retention_classes)
  const oddRetentions = openOddRetentions({ declared, clock, log })
  const canary = opened(openCanaryWatch({ store, clock, metrics }))
  const lines = opened(
    openIndexer({
      bus,
      store,
      catalog,
      clock,
      metrics,
      log,
      onIdentity: oddRetentions.look,
      onStored: canary.stored,
    }),
  )
  const samples = opened(openSampleIndexer({ bus, store, complete, clock, metrics, log }))
  const docs = opened(openDocIndexer({ bus, store, complete, metrics, log }))
  const deaths = opened(
    openDeaths({ bus, store, complete, linesThrough: lines.through, clock, metrics, log }),
  )
  const postures = opened(openPostures({ bus, clock, metrics, log }))
  const measure = () =>
    openMeasurer({
      bus,
      catalog,
      complete,
      signals,
      resolutionMs: settings.evaluation.resolution,
      rememberMs: settings.bus.retention,
      metrics,
      log,
    })
  let measurer = measure()
  stack.defer(() => measurer.close())
  const retention = opened(
    openRetention({
      store,
      times: retentionTimes(settings.store),
      isOurs: docs.isFirst,
      clock,
      log,
    }),
  )
  const indexing = [lines, samples, docs, catalog]
  components.push(
    {
      name: 'index',
      trouble: () => firstTrouble(indexing),
      behindSeconds: () => secondsSince(lines.ownThrough(), clock),
      vital: true,
    },
    {
      name: 'measure',
      trouble: () => measurer.trouble(),
      behindSeconds: () => secondsSince(measurer.watermark(), clock),
    },
    { name: 'canary', trouble: canary.trouble, behindSeconds: canary.seconds },
    { name: 'deaths', trouble: deaths.trouble },
    { name: 'posture', trouble: postures.trouble },
    { name: 'retention', trouble: () => retention.trouble() ?? oddRetentions.trouble() },
  )
  return {
    catalog,
    async remeasure() {
      await measurer.close()
      measurer = measure()
    },
  }
}

function firstTrouble(parts: readonly { trouble(): string | undefined }[]): string | undefined {
  return parts.map((part) => part.trouble()).find((trouble) => trouble !== undefined)
}
