import type { Bus, BusRecord } from '../pipeline/bus/bus.ts'
import { pause } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { Identity } from '../pipeline/identity.ts'
import { decodeDocs, encodeRecord, type LogRecord } from '../pipeline/record.ts'
import type { IdentityPatch, Store } from '../pipeline/store/store.ts'
import { readable, tellDead } from './dead.ts'

/** What is known of containers, also of dead ones: their lines come late. Fed by the compacted topic `identity`. */
export interface Catalog {
  get(container: string): Identity | undefined
  /** Waits a short, bounded time for a container that is not known yet; a container is waited for once. */
  waitFor(container: string): Promise<void>
  trouble(): string | undefined
  close(): Promise<void>
}

export interface CatalogOptions {
  bus: Bus
  store: Pick<Store, 'patchIdentity'>
  /** How long a line waits for its identity before it is stored as unresolved, ms. */
  patienceMs: number
}

const pollMs = 50
const readLimits = { maxBytes: 2 ** 20 }
const maxWaitedFor = 10_000
/** Beyond this many the containers that were told of longest ago are forgotten: their late lines stay unresolved. */
const maxKnown = 100_000

export async function openCatalog({ bus, store, patienceMs }: CatalogOptions): Promise<Catalog> {
  const known = new Map<string, Identity>()
  const waitedFor = new Set<string>()
  const { latest, ends } = await bus.snapshot('identity')
  const stop = new AbortController()
  let trouble: string | undefined
  // What cannot be read is told of by whoever patches.
  readable({ topic: 'identity', partition: 0, records: [...latest.values()] }, learn)

  function learn({ key, value }: BusRecord): void {
    const identity = parseIdentity(value)
    known.delete(key)
    known.set(key, identity)
    if (known.size > maxKnown) known.delete(known.keys().next().value as string)
  }

  /** Every processor needs every identity, also while the store is away: read outside any group. */
  async function follow(): Promise<void> {
    while (!stop.signal.aborted) {
      for (const [partition, offset] of ends.entries()) {
        const batch = await bus
          .read('identity', partition, offset, readLimits)
          .catch(() => undefined)
        if (!batch) continue
        readable(batch, learn)
        ends[partition] = batch.next
      }
      await pause(pollMs, stop.signal)
    }
  }

  const following = follow()
  // One of the group gives the lines that were stored before their identity.
  const consumer = bus.consume({
    group: 'resolve',
    topic: 'identity',
    async onBatch(batch) {
      const { read, dead } = readable(batch, ({ key, value }) =>
        patchesFor(key, parseIdentity(value)),
      )
      const patches = read.flat()
      if (patches.length > 0) await store.patchIdentity(patches)
      await tellDead(bus, dead)
      trouble = undefined
    },
    onFailure(error) {
      trouble = `late identities wait: ${explain(error)}`
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
    trouble: () => trouble,
    async close() {
      stop.abort()
      await following
      await consumer.close()
    },
  }
}

/** An empty value deletes: nothing is known any more. */
function parseIdentity(value: Uint8Array): Identity {
  if (value.length === 0) return {}
  const identity = JSON.parse(Buffer.from(value).toString('utf8')) as Identity | null
  if (typeof identity !== 'object' || identity === null) throw new TypeError('not an identity')
  return identity
}

/** For all lines of the container that were stored without a service; none if that is still not known. */
export function patchesFor(container: string, identity: Identity): IdentityPatch[] {
  if (!identity.service) return []
  return ['o', 'e'].map((stream) => ({ source: `${container}:${stream}`, identity }))
}

/** Waits, for all of them at once, until the records' containers are known or the patience has ended. */
export async function awaitIdentities(
  records: readonly LogRecord[],
  catalog: Catalog,
): Promise<void> {
  await Promise.all([...unknownContainers(records)].map(catalog.waitFor))
}

/** The containers of the records that came without a service. */
export function unknownContainers(records: readonly LogRecord[]): Set<string> {
  return new Set(
    records.flatMap(({ head: { identity } }) =>
      identity.service ? [] : (identity.container ?? []),
    ),
  )
}

/**
 * The record with the identity the catalog knows; the same record where there is nothing to add. Throws if its body
 * is damaged.
 */
export function resolve(record: LogRecord, catalog: Catalog): LogRecord {
  const { identity, source, lineage } = record.head
  if (identity.service || !identity.container) return record
  const known = catalog.get(identity.container)
  if (!known?.service) return record
  return encodeRecord(decodeDocs(record), { source, lineage, identity: { ...identity, ...known } })
}
