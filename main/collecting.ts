import { join } from 'node:path'
import { openCanary } from '../collectors/canary.ts'
import { openCollectors } from '../collectors/index.ts'
import { limitLines } from '../collectors/limit.ts'
import { openShipper } from '../collectors/ship.ts'
import { openRedactor } from '../collectors/redact.ts'
import type { Collector } from '../collectors/sink.ts'
import { openSpool } from '../collectors/spool.ts'
import type { Bus } from '../pipeline/bus/bus.ts'
import { directoryId } from '../pipeline/owner.ts'
import { secondsSince, type Base } from './base.ts'

/** Collectors, their spool, and the way to the bus, which need not be there yet. */
export async function openCollecting({
  settings,
  bus,
  clock,
  metrics,
  log,
  components,
  stack,
}: Omit<Base, 'bus' | 'services' | 'signals' | 'patiently'> & {
  bus: Pick<Bus, 'produce' | 'partitions'>
}): Promise<void> {
  const spool = await openSpool({
    dir: join(settings.data, 'spool'),
    maxBytes: settings.spool.max_bytes,
    whenFull: settings.spool.when_full,
    clock,
    metrics,
    log,
  })
  stack.defer(() => spool.close())
  const collectors: Collector[] = []
  const shipper = openShipper({
    name: directoryId(settings.data),
    spool,
    bus,
    collectors,
    markEveryMs: Math.min(1000, settings.evaluation.resolution / 2),
    clock,
    metrics,
    log,
  })
  stack.defer(() => shipper.close())
  components.push(
    { name: 'spool', trouble: spool.trouble, vital: true },
    // While the bus is away the spool holds what is read.
    { name: 'shipping', trouble: shipper.trouble },
  )
  const sink = limitLines(spool, settings.collectors.limit, { clock, metrics })
  components.push({ name: 'limit', trouble: sink.trouble })
  const context = { cluster: settings.cluster, sink, clock, metrics, log }
  const addCollector = (collector: Collector) => {
    collectors.push(collector)
    stack.defer(() => collector.close())
    components.push({
      name: `collector ${collector.name}`,
      trouble: () => collector.trouble(),
      behindSeconds: () => secondsSince(collector.through(), clock),
      ...(collector.lags && { lags: collector.lags }),
    })
  }
  for (const one of await openCollectors(settings.collectors, context)) addCollector(one)
  if (settings.collectors.canary.enabled && collectors.length > 0) await openOwnCanary()

  async function openOwnCanary(): Promise<void> {
    const { canary, max_event_bytes: maxEventBytes } = settings.collectors
    const canaryCollector = await openCanary({
      ...context,
      dir: join(settings.data, 'canary'),
      intervalMs: canary.interval,
      maxEventBytes,
      multiline: false,
      redactor: openRedactor({ enabled: false, patterns: [] }),
    })
    addCollector(canaryCollector)
  }

  // Closed first: from now on what a collector still holds goes beyond the bound of a full spool, and nobody waits.
  stack.defer(() => spool.finish())
}
