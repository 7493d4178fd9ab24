import { randomUUID } from 'node:crypto'
import { pause } from '../clock.ts'
import { explain, Trouble } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Batch, Bus, BusRecord, Topic } from './bus.ts'
import { claimKey, epochOf, openEpochState, readOn, withEpoch, type EpochState } from './epochs.ts'

/*
 * Of several processes with the same duty (rules, scaling) one leads. Membership of a consumer group says who should; but a
 * process that slept may still believe it does, and Kafka tells of a rebalance late and without waiting. So the topic that
 * holds the duty's state decides, by its order: who begins to lead claims the next epoch there, every record it writes
 * carries that epoch, and what is written with an older one behind the claim is void for every reader. A write resolves
 * only if no newer claim stands before it: who acts on what it has written down (a PATCH, a mail) led when it wrote that.
 */

export interface LeaderOptions {
  bus: Bus
  /** Holds the state of the duty: compacted, of one partition, written by its leader alone. */
  topic: Topic
  /**
   * Opens what leads; called anew for each epoch. Its bus reads the topic as it is true, and writes to it by the epoch. What
   * leads is closed as soon as another does; its writes are refused from then on.
   */
  lead: (bus: Bus) => Promise<{ close(): Promise<void> }>
  /** Who was deposed while it is still its turn claims again after this, ms; 5 s unless set. */
  reclaimMs?: number
  log: Logger
}

export interface Leader {
  /** True while this process leads, as far as it knows. */
  leads(): boolean
  /** Set while it is this process's turn and it cannot lead. */
  trouble(): string | undefined
  /** Closes what leads, then lets another lead. */
  close(): Promise<void>
}

interface Reign {
  epoch: number
  /** The offset of the claim. */
  claimed: number
  bus: Bus
  depose(): void
  /** Writes again what a deposed leader has overwritten. */
  restore(records: readonly BusRecord[]): Promise<void>
}

/** Who claims together with others waits up to so long before the next try. */
const contendMs = 250

/** Leads when it is this process's turn, and whenever it is again. */
export function openLeader(options: LeaderOptions): Leader {
  const { bus, topic, lead, log, reclaimMs = 5000 } = options
  const closed = new AbortController()
  let current: { reign: Reign; duty: { close(): Promise<void> } } | undefined
  /** Beginnings and endings, one after the other. */
  let changing: Promise<unknown> = Promise.resolve()
  let isOurTurn = false
  let trouble: string | undefined

  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = changing.then(action)
    changing = done.catch(() => {})
    return done
  }

  const begin = () =>
    inTurn(async () => {
      if (current || !isOurTurn || closed.signal.aborted) return
      const reign = await claim(bus, topic)
      current = { reign, duty: await lead(reign.bus) }
      trouble = undefined
      log.info({ topic, epoch: reign.epoch }, 'this process leads')
    })

  /** What is closed may still write: until another claims it is all true. */
  function end(): Promise<void> {
    return inTurn(async () => {
      const ending = current
      current = undefined
      await ending?.duty.close()
    }).catch((error: unknown) => {
      log.error({ topic, error: explain(error) }, 'what led did not end well')
    })
  }

  async function watch({ records }: Batch): Promise<void> {
    const reign = current?.reign
    if (!reign) return
    const newer = records.find((record) => epochOf(record) > reign.epoch)
    if (newer) {
      log.warn({ topic, own: reign.epoch, epoch: epochOf(newer) }, 'another process leads')
      reign.depose()
      await end()
      void claimAgain()
      return
    }
    const isVoid = (one: BusRecord) => one.offset > reign.claimed && epochOf(one) < reign.epoch
    const stale = records.filter(isVoid)
    if (stale.length > 0) await reign.restore(stale)
  }

  /** Whoever deposed us may have done so by mistake: it is found out when it leaves. */
  async function claimAgain(): Promise<void> {
    while (isOurTurn && !current && !closed.signal.aborted) {
      await pause(reclaimMs, closed.signal)
      await begin().catch(noteFailure)
    }
  }

  function noteFailure(error: unknown): void {
    if (isOurTurn && !current) trouble = `cannot take over yet: ${explain(error)}`
    log.warn({ topic, error: explain(error) }, 'leading waits for the bus')
  }

  const consumer = bus.consume({
    group: `lead-${topic}`,
    topic,
    async onAssigned() {
      isOurTurn = true
      await end()
      await begin()
      return current ? new Map([[0, current.reign.claimed]]) : undefined
    },
    onRevoked() {
      isOurTurn = false
      trouble = undefined
      void end()
    },
    onBatch: watch,
    onFailure: noteFailure,
  })

  return {
    leads: () => current !== undefined,
    trouble: () => trouble,
    async close() {
      closed.abort()
      // Before another may lead: what is under way here is still ours.
      await end()
      await consumer.close()
    },
  }
}

/** Claims the next epoch, until no other has claimed it before. */
async function claim(bus: Bus, topic: Topic): Promise<Reign> {
  const state = openEpochState()
  await readOn(bus, topic, state)
  for (;;) {
    const epoch = state.epoch + 1
    const id = randomUUID()
    const record = { key: claimKey, value: Buffer.from(JSON.stringify({ v: 1, id })) }
    await bus.produce(topic, [withEpoch(record, epoch)])
    let first: { id: string | undefined; offset: number } | undefined
    await readOn(bus, topic, state, (one) => {
      if (epochOf(one) >= epoch) first ??= { id: idOf(one), offset: one.offset }
    })
    if (first?.id === id && state.epoch === epoch) {
      return openReign(bus, topic, state, epoch, first.offset)
    }
    // Not all at once again, or none would ever be alone.
    await pause(Math.random() * contendMs)
  }
}

function idOf({ key, value }: BusRecord): string | undefined {
  if (key !== claimKey) return undefined
  try {
    return (JSON.parse(Buffer.from(value).toString('utf8')) as { id?: string }).id
  } catch {
    return undefined
  }
}

function openReign(
  bus: Bus,
  topic: Topic,
  state: EpochState,
  epoch: number,
  claimed: number,
): Reign {
  let deposed = false
  let confirming: Promise<void> = Promise.resolve()

  /** Rejects where a newer claim stands in the topic. One after the other: all go on in the same state. */
  function confirm(): Promise<void> {
    const confirmed = confirming.then(async () => {
      await readOn(bus, topic, state)
      if (deposed || state.epoch > epoch) throw deposedTrouble(topic)
    })
    confirming = confirmed.catch(() => {})
    return confirmed
  }

  const own: Bus = {
    ...bus,
    async produce(to, records) {
      if (to !== topic) return bus.produce(to, records)
      if (deposed) throw deposedTrouble(topic)
      await bus.produce(
        topic,
        records.map((record) => withEpoch(record, epoch)),
      )
      await confirm()
    },
    async snapshot(of) {
      if (of !== topic) return bus.snapshot(of)
      // Whoever begins anew within one reign finds what it has written before.
      await confirm()
      return { latest: new Map(state.latest), ends: [state.position] }
    },
  }
  return {
    epoch,
    claimed,
    bus: own,
    depose() {
      deposed = true
    },
    async restore(records) {
      const keys = new Set(records.map(({ key }) => key).filter((key) => key !== claimKey))
      const empty = new Uint8Array()
      await own.produce(
        topic,
        [...keys].map((key) => ({ key, value: state.latest.get(key)?.value ?? empty })),
      )
    },
  }
}

function deposedTrouble(topic: Topic): Trouble {
  return new Trouble(`another process leads ${topic} now: this one writes nothing more there`)
}
