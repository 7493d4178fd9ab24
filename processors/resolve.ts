import type { Bus } from '../pipeline/bus/bus.ts'
import { pause } from '../pipeline/clock.ts'
import type { Identity } from '../pipeline/identity.ts'
import { decodeDocs, encodeRecord, type LogRecord } from '../pipeline/record.ts'
import type { Store } from '../pipeline/store/store.ts'

/** What is known of containers, also of dead ones: their lines come late. Fed by the compacted topic `identity`. */
export interface Catalog {
  get(container: string): Identity | undefined
  /** Waits a short, bounded time for a container that is not known yet; a container is waited for once. */
  waitFor(container: string): Promise<void>
  close(): Promise<void>
}

export interface CatalogOptions {
  bus: Bus
  store: Pick<Store, 'patchIdentity'>
  /** How long a line waits for its identity before it is stored as unresolved, ms. */
  patienceMs: number
}

const pollMs = 50
const maxWaitedFor = 10_000

export async function openCatalog({ bus, store, patienceMs }: CatalogOptions): Promise<Catalog> {
  const known = new Map<string, Identity>()
  const waitedFor = new Set<string>()
  const { latest } = await bus.snapshot('identity')
  for (const [container, { value }] of latest) known.set(container, parseIdentity(value))

  const consumer = bus.consume({
    group: 'resolve',
    topic: 'identity',
    async onBatch({ records }) {
      for (const { key, value } of records) known.set(key, parseIdentity(value))
      // Lines that were stored before get their identity now.
      await store.patchIdentity(records.flatMap(({ key }) => patchesFor(key, known.get(key) ?? {})))
    },
  })
  return {
    get: (container) => known.get(container),
    async waitFor(container) {
      if (known.has(container) || waitedFor.has(container)) return
      for (let waited = 0; waited < patienceMs && !known.has(container); waited += pollMs)
        await pause(pollMs)
      if (waitedFor.size > maxWaitedFor) waitedFor.clear()
      waitedFor.add(container)
    },
    close: () => consumer.close(),
  }
}

function parseIdentity(value: Uint8Array): Identity {
  return value.length === 0 ? {} : (JSON.parse(Buffer.from(value).toString('utf8')) as Identity)
}

export function patchesFor(container: string, identity: Identity) {
  if (!identity.service) return []
  return ['o', 'e'].map((stream) => ({ source: `${container}:${stream}`, identity }))
}

/** The record with the identity the catalog knows; the same record where there is nothing to add. */
export async function resolve(record: LogRecord, catalog: Catalog): Promise<LogRecord> {
  const { identity, source, lineage } = record.head
  if (identity.service || !identity.container) return record
  await catalog.waitFor(identity.container)
  const known = catalog.get(identity.container)
  if (!known?.service) return record
  return encodeRecord(decodeDocs(record), { source, lineage, identity: { ...identity, ...known } })
}
