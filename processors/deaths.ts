import type { Batch, Bus, BusRecord } from '../pipeline/bus/bus.ts'
import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { isoToMs, type ChangeDoc } from '../pipeline/event.ts'
import { killPoint } from '../pipeline/fault.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { Store } from '../pipeline/store/store.ts'
import { openContext, recentMs } from './deaths/context.ts'
import {
  addHealthKill,
  addPiece,
  distance,
  idOf,
  isEnough,
  openDeath,
  type Death,
} from './deaths/death.ts'
import { docOf, toldIn } from './deaths/doc.ts'
import { nearest, openDeathMemory, type Known } from './deaths/memory.ts'
import { readHealthKill, readPiece, readStart, type Piece } from './deaths/piece.ts'

export interface DeathsOptions {
  bus: Bus
  store: Pick<Store, 'search' | 'samples' | 'docs'>
  /** See `processors/resolve.ts`. */
  complete: (identity: Identity) => Identity
  /** All lines before this time are in the store, ms; undefined where that is not known yet. */
  linesThrough: () => number | undefined
  clock: Clock
  metrics: Metrics
  log: Logger
  /** How long Docker's word waits for that of Mesos, ms; 5 s unless set. */
  patienceMs?: number
  /** How long the last lines of a task are waited for, ms; 3 s unless set. */
  linesPatienceMs?: number
}

/** One partition of `changes`. */
interface Lane {
  /** What comes before this offset was taken; that may be beyond the batch under way. */
  taken: number
  /** What is not committed yet. */
  works: { offset: number; known: Known }[]
}

const pollMs = 25
const readLimits = { maxBytes: 2 ** 20 }
/** A long history is taken in pieces of this size. */
const maxWorks = 500
/** So many records before the committed position are read again at the start. */
const warmUpRecords = 2000

/**
 * Makes one change of kind `task` of each end of a task, out of what Docker, Mesos and Marathon tell of it, in whatever
 * order and however often. It is on the bus as soon as there is enough to tell, and again, under the same id, when more
 * is known. The position is committed after that: after a kill the pieces come again and make the same.
 */
export function openDeaths(options: DeathsOptions) {
  const { bus, complete, clock, metrics, log } = options
  const { patienceMs = 5000, linesPatienceMs = 3000 } = options
  const stop = new AbortController()
  const { signal } = stop
  const context = openContext({ ...options, linesPatienceMs, signal })
  const memory = openDeathMemory()
  const lanes = new Map<number, Lane>()
  let trouble: string | undefined

  async function onAssigned(partitions: number[]): Promise<void> {
    const committed = await bus.committed('deaths', 'changes')
    for (const partition of partitions) {
      const taken = committed.get(partition) ?? 0
      await warmUp(partition, taken)
      lanes.set(partition, { taken, works: [] })
    }
  }

  /** What was told of lately is known again, whether or not the store has it already. */
  async function warmUp(partition: number, end: number): Promise<void> {
    let offset = Math.max(0, end - warmUpRecords)
    for (let first = offset > 0; offset < end; first = false) {
      const batch = await bus.read('changes', partition, offset, readLimits)
      if (first) memory.coverFrom(batch.records[0]?.time ?? clock.now())
      for (const record of batch.records) if (record.offset < end) recall(record)
      offset = batch.next
    }
  }

  /** Returns what it holds; undefined for what cannot be read, of which the indexer makes a dead letter. */
  function recall(record: BusRecord): Record<string, unknown> | undefined {
    const doc = parse(record)
    if (!doc) return undefined
    const start = readStart(doc)
    if (start) memory.noteStart(start)
    const told = toldIn(doc)
    if (told) memory.recall(told, record.time)
    const kill = readHealthKill(doc)
    if (kill) memory.noteKill(kill)
    return doc
  }

  /** The deaths of which it was not known that Marathon killed for health checks: an event may come late. */
  function killed(doc: Record<string, unknown>): Known[] {
    const kill = readHealthKill(doc)
    if (!kill) return []
    const deaths = memory.noteKill(kill)
    for (const known of deaths) {
      known.death = addHealthKill(known.death, kill)
      known.changed = true
      settle(known).catch(() => {})
    }
    return deaths
  }

  function take(lane: Lane, { records, next }: Batch): void {
    for (const record of records) {
      if (record.offset < lane.taken) continue
      const doc = recall(record)
      const piece = doc && readPiece(doc)
      if (piece) lane.works.push({ offset: record.offset, known: arrive(piece, record.time) })
      for (const known of doc ? killed(doc) : []) lane.works.push({ offset: record.offset, known })
    }
    lane.taken = Math.max(lane.taken, next)
  }

  function arrive(piece: Piece, heardMs: number): Known {
    const known = memory.find(piece) ?? openKnown(piece, heardMs)
    known.death = withKill(addPiece(known.death, piece))
    known.pieces.push(piece)
    known.changed = true
    // Whoever waits for the batch is told of a failure.
    settle(known).catch(() => {})
    return known
  }

  function withKill(death: Death): Death {
    const kill = memory.killOf(death)
    return kill ? addHealthKill(death, kill) : death
  }

  function openKnown(piece: Piece, heardMs: number): Known {
    // Mesos knows when this run of the task began; its id may have been used before.
    const uptimeSeconds = piece.uptimeSeconds ?? memory.uptime(piece)
    const death = openDeath(piece)
    const context = uptimeSeconds === undefined ? {} : { uptimeSeconds }
    const known = memory.open({ ...death, context }, heardMs)
    known.lookedUp = memory.covers(piece)
    return known
  }

  function settle(known: Known): Promise<void> {
    known.settled = false
    return (known.busy ??= work(known))
  }

  async function work(known: Known): Promise<void> {
    try {
      do {
        known.changed = false
        await lookUp(known)
        await untilEnough(known)
        await write(known)
        const found = await context.gather(known.death, complete(known.death.identity))
        known.death = { ...known.death, context: found }
        await write(known)
      } while (known.changed)
      known.settled = true
    } finally {
      known.busy = undefined
    }
  }

  /** An earlier life of ours may have told of it, too long ago to be in memory. */
  async function lookUp(known: Known): Promise<void> {
    const [first] = known.pieces
    if (known.lookedUp || !first) return
    const earlier = await context.earlier(first.name, first.time)
    known.lookedUp = true
    const told = nearest(earlier, ({ death }) => distance(death, first))
    if (!told || memory.isTaken(idOf(told.death), known)) return
    known.written = told.text
    const found = { ...known.death.context, ...told.death.context }
    known.death = withKill({ ...known.pieces.reduce(addPiece, told.death), context: found })
  }

  /** What happened a while ago is told at once: there is nobody left to wait for. */
  async function untilEnough(known: Known): Promise<void> {
    const old = clock.now() - isoToMs(known.death.time) > recentMs
    if (old || known.written !== undefined) return
    for (let waited = 0; waited < patienceMs && !isEnough(known.death); waited += pollMs) {
      await pause(pollMs, signal)
      signal.throwIfAborted()
    }
  }

  /** If it tells more than what was written before. */
  async function write(known: Known): Promise<void> {
    const { death } = known
    const doc = docOf(death, complete(death.identity))
    const text = JSON.stringify(doc)
    if (text === known.written) return
    await produce(doc, text)
    if (known.written === undefined) metrics.task_ends_total.inc({ ending: doc['event.action'] })
    known.written = text
    known.own = true
  }

  /** Tries until it works; rejects when we are closed, so that the position is not committed. */
  async function produce(doc: ChangeDoc, text: string): Promise<void> {
    const service = doc['service.name']
    const key = typeof service === 'string' ? service : ''
    for (let retryMs = 100; ; retryMs = Math.min(retryMs * 2, 10_000)) {
      signal.throwIfAborted()
      try {
        killPoint('deaths:before-produce')
        await bus.produce('changes', [{ key, value: Buffer.from(text) }])
        trouble = undefined
        return
      } catch (error) {
        fail(error)
        metrics.produce_failures_total.inc({ topic: 'changes' })
        await pause(retryMs, signal)
      }
    }
  }

  function fail(error: unknown): void {
    if (signal.aborted) return
    trouble = `ends of tasks cannot be told: ${explain(error)}`
    log.error({ trouble }, 'ends of tasks wait for the bus')
  }

  /**
   * While deaths of this batch wait for what comes behind it, that is taken in as well: nothing waits in line, and only
   * the commit waits for all.
   */
  async function onBatch(batch: Batch): Promise<void> {
    const lane = lanes.get(batch.partition)
    if (!lane) throw new Error(`partition ${batch.partition} was not assigned`)
    take(lane, batch)
    const mine = lane.works.filter(({ offset }) => offset < batch.next)
    const done = Promise.allSettled(
      mine.flatMap(({ known }) => (known.settled ? [] : [settle(known)])),
    )
    let over = false
    void done.then(() => (over = true))
    while (!over && !signal.aborted) {
      await Promise.race([done, pause(pollMs, signal)])
      if (!over) await readAhead(lane, batch.partition)
    }
    const failed = (await done).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
    lane.works = lane.works.filter(({ offset }) => offset >= batch.next)
  }

  /** What cannot be read now comes with the next batch. */
  async function readAhead(lane: Lane, partition: number): Promise<void> {
    if (lane.works.length >= maxWorks) return
    const batch = await bus
      .read('changes', partition, lane.taken, readLimits)
      .catch(() => undefined)
    if (batch) take(lane, batch)
  }

  const consumer = bus.consume({
    group: 'deaths',
    topic: 'changes',
    maxBytes: 2 ** 18,
    onAssigned,
    onRevoked: (partitions) => partitions.forEach((partition) => lanes.delete(partition)),
    onBatch,
    onFailure: fail,
    onRecovered() {
      trouble = undefined
    },
  })
  return {
    trouble: () => trouble,
    /** What is not told of yet is told after the next start. */
    async close(): Promise<void> {
      stop.abort()
      await consumer.close()
    },
  }
}

function parse({ value }: BusRecord): Record<string, unknown> | undefined {
  try {
    const doc: unknown = JSON.parse(Buffer.from(value).toString('utf8'))
    return typeof doc === 'object' && doc !== null ? (doc as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
