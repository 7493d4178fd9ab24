import type { Batch, Bus, BusRecord, ProducedRecord } from '../pipeline/bus/bus.ts'
import { pause } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { taskKey, type Identity } from '../pipeline/identity.ts'
import { decodeBody, type LogHead, type LogRecord } from '../pipeline/record.ts'
import type { IdentityPatch, Store } from '../pipeline/store/store.ts'
import { readable, tellDead } from './dead.ts'
import { isTaskKey, openIdentities, type Identities } from './identities.ts'
import { readTold, renderLives } from './told.ts'
import { linesWithIdentity, withIdentity } from './splice.ts'

/** What is known of containers and tasks, fed by the compacted topic `identity`; see {@link Identities}. */
export interface Catalog extends Pick<Identities, 'get' | 'getTask' | 'complete'> {
  /** The key of the topic `identity` under which more is to be expected; undefined where all is known. */
  lacks(identity: Identity): string | undefined
  /** Waits a short, bounded time for a key that is not known yet, or until `signal` aborts; each is waited for once. */
  waitFor(key: string, signal?: AbortSignal): Promise<void>
  /** Whether a key was waited for in vain. */
  hasWaitedFor(key: string): boolean
  /** Resolves when all is known that was told before the call; rejects where the bus cannot be read. */
  caughtUp(): Promise<void>
  trouble(): string | undefined
  close(): Promise<void>
}

/** What is counted and measured by. */
export type KnownIdentities = Pick<Catalog, 'complete' | 'lacks' | 'caughtUp'>

/** Nothing is known of anybody, and nothing is to be expected. */
export const nothingKnown: KnownIdentities = {
  complete: (identity) => identity,
  lacks: () => undefined,
  caughtUp: () => Promise.resolve(),
}

export interface CatalogOptions {
  bus: Bus
  store: Pick<Store, 'patchIdentity'>
  /** How long a line waits for its identity before it is stored without, ms. */
  patienceMs: number
  /** Of containers and of tasks so many are remembered; 100,000 unless set. */
  maxKnown?: number
}

const pollMs = 50
const readLimits = { maxBytes: 2 ** 20 }
const maxWaitedFor = 10_000
/** On records that put together what several have told of a task. */
const mergedHeader = { kind: 'merged' }

export async function openCatalog({
  bus,
  store,
  patienceMs,
  ...limits
}: CatalogOptions): Promise<Catalog> {
  const known = openIdentities(limits)
  const waitedFor = new Set<string>()
  const positions = Array.from({ length: bus.partitions('identity') }, () => 0)
  const stop = new AbortController()
  let owed = new Map<string, ProducedRecord>()
  let trouble: string | undefined

  /** What cannot be read is told of by whoever patches. */
  async function readOn(partition: number): Promise<void> {
    const batch = await bus.read('identity', partition, positions[partition] ?? 0, readLimits)
    readable(batch, learn)
    positions[partition] = batch.next
  }

  // Not only the newest record of each key: of a task each record may hold another part.
  async function readUp(): Promise<void> {
    for (const [partition, end] of (await bus.ends('identity')).entries()) {
      while ((positions[partition] ?? end) < end) await inTurn(() => readOn(partition))
    }
  }

  let reading: Promise<unknown> = Promise.resolve()
  function inTurn(read: () => Promise<void>): Promise<void> {
    const mine = reading.then(read)
    reading = mine.catch(() => {})
    return mine
  }

  function learn(record: BusRecord): void {
    const { key } = record
    const told = readTold(record)
    const merged = record.headers['kind'] === mergedHeader.kind
    owed.delete(key)
    // The newest first: what was merged before is put before what is known.
    const news = told.length > 0 ? told.toReversed() : [undefined]
    const forgotten = news.flatMap((life) =>
      known.learn(key, life?.identity, { merged, since: life?.since }),
    )
    for (const one of forgotten) owed.set(one, erase(one))
    if (!isTaskKey(key) || told.length === 0) return
    const now = renderLives(known.lives(key))
    if (now !== '' && now !== renderLives(told)) owed.set(key, mergedRecord(key, now))
  }

  /** Every processor needs every identity, also while the store is away: read outside any group. */
  async function follow(): Promise<void> {
    while (!stop.signal.aborted) {
      for (const partition of positions.keys())
        await inTurn(() => readOn(partition)).catch(() => {})
      await pay()
      await pause(pollMs, stop.signal)
    }
  }

  /**
   * A compacted topic keeps one record a key: what Mesos and Marathon tell of the same task is put together again
   * there, with the earlier lives of its id, so that the next start knows all; and what is forgotten here need not stay there.
   */
  async function pay(): Promise<void> {
    if (owed.size === 0) return
    const due = owed
    owed = new Map()
    try {
      await bus.produce('identity', [...due.values()])
    } catch {
      owed = new Map([...due, ...owed])
    }
  }

  await readUp()
  const following = follow()
  // One of the group gives the lines that were stored before their identity.
  const consumer = bus.consume({
    group: 'resolve',
    topic: 'identity',
    async onBatch(batch) {
      await patchLines(batch)
      trouble = undefined
    },
    onRecovered() {
      trouble = undefined
    },
    onFailure(error) {
      trouble = `late identities wait: ${explain(error)}`
    },
  })

  async function patchLines(batch: Batch): Promise<void> {
    const { read, dead } = readable(batch, (record) => {
      const identity = readTold(record).at(-1)?.identity
      return isTaskKey(record.key) ? [] : patchesFor(record.key, known.complete(identity ?? {}))
    })
    const patches = read.flat()
    if (patches.length > 0) await store.patchIdentity(patches)
    await tellDead(bus, dead)
  }

  const isKnown = (key: string) => known.at(key) !== undefined

  return {
    get: known.get,
    getTask: known.getTask,
    complete: known.complete,
    lacks(identity) {
      const { service, container, task } = identity
      // A sandbox does not tell which of a pod's tasks it is; where nobody tells of tasks it stays so.
      const isPart = service === undefined || (task === undefined && known.hasTasks())
      if (isPart && container !== undefined && !isKnown(container)) return container
      if (task === undefined || !known.hasTasks() || known.getTask(task)) return undefined
      // Of a task of another framework its service is known to Mesos alone.
      return service === undefined || isOfMarathon(identity) ? taskKey(task) : undefined
    },
    async waitFor(key, signal) {
      const isOver = () => isKnown(key) || waitedFor.has(key) || signal?.aborted
      if (isOver()) return
      for (let waited = 0; waited < patienceMs && !isOver(); waited += pollMs)
        await pause(pollMs, signal)
      if (waitedFor.size > maxWaitedFor) waitedFor.clear()
      waitedFor.add(key)
    },
    hasWaitedFor: (key) => waitedFor.has(key),
    caughtUp: readUp,
    trouble: () => trouble,
    async close() {
      stop.abort()
      await following
      await consumer.close()
    },
  }
}

function erase(key: string): ProducedRecord {
  return { key, value: new Uint8Array() }
}

function mergedRecord(key: string, lives: string): ProducedRecord {
  return { key, value: Buffer.from(lives), headers: mergedHeader }
}

/** Only Marathon sets `MARATHON_APP_VERSION`, and its task ids hold a UUID. */
function isOfMarathon({ version, task = '' }: Identity): boolean {
  return version !== undefined || (task.length < maxTaskId && marathonTask.test(task))
}

const maxTaskId = 1024
const marathonTask =
  /^.+[._-][0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:[._]|$)/

/**
 * For all lines of the container that were stored without a service or task; none where that is still not known. Lines
 * that lack only what else Mesos and Marathon know of their task (deployment, framework) stay as they are: they are found
 * without it, and to write most of a busy hour anew for it would cost more than it gives.
 */
export function patchesFor(container: string, known: Identity): IdentityPatch[] {
  // The lines are stored already, and stay where they are.
  const { retention: _, ...identity } = known
  return (['service', 'task'] as const).flatMap((lacking) => {
    if (!identity[lacking]) return []
    return ['o', 'e'].map((stream) => ({ source: `${container}:${stream}`, lacking, identity }))
  })
}

/** Waits, for all of them at once, until all is known of the records' containers and tasks or the patience has ended. */
export async function awaitIdentities(
  records: readonly LogRecord[],
  catalog: Pick<Catalog, 'complete' | 'lacks' | 'waitFor'>,
  signal?: AbortSignal,
): Promise<void> {
  const unknown = new Map<string, Identity>()
  for (const { head } of records) {
    const lacking = catalog.lacks(catalog.complete(head.identity))
    if (lacking !== undefined) unknown.set(lacking, head.identity)
  }
  await Promise.all(
    [...unknown].map(async ([key, identity]) => {
      await catalog.waitFor(key, signal)
      // What is known of its container now may tell of which task it is.
      const next = catalog.lacks(catalog.complete(identity))
      if (next !== undefined && next !== key) await catalog.waitFor(next, signal)
    }),
  )
}

/** The containers of the records that came without a service or task. */
export function unknownContainers(records: readonly LogRecord[]): Set<string> {
  return new Set(
    records.flatMap(({ head: { identity } }) =>
      identity.service && identity.task ? [] : (identity.container ?? []),
    ),
  )
}

/**
 * The record with the identity the catalog knows, head and lines; the same record where there is nothing to add. Throws
 * if its body is damaged.
 */
export function resolve(record: LogRecord, catalog: Pick<Catalog, 'complete'>): LogRecord {
  const { identity } = record.head
  const complete = catalog.complete(identity, record.head.time[0])
  return complete === identity ? record : withIdentity(record, complete)
}

/** A record as who only looks at it needs it. */
export interface Lines {
  head: LogHead
  /** The NDJSON, valid until the next call of any; throws where the body is damaged. */
  ndjson(): Buffer
}

/** What {@link resolve} gives, opened only when it is asked for, and not compressed again. */
export function resolveLines(record: LogRecord, catalog: Pick<Catalog, 'complete'>): Lines {
  const { head } = record
  const identity = catalog.complete(head.identity, head.time[0])
  if (identity === head.identity) return { head, ndjson: () => decodeBody(record) }
  return {
    head: { ...head, identity },
    ndjson: () => linesWithIdentity(record, identity),
  }
}
