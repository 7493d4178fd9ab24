import { pause } from '../clock.ts'
import { explain } from '../errors.ts'
import type { Bus, BusRecord, ProducedRecord, Topic } from './bus.ts'

/*
 * A compacted topic that only the leader of a duty may write (`leader.ts`), as its order makes it true: each record carries
 * the epoch of who wrote it, and one of an older epoch behind one of a newer is void.
 */

/** The key of claims of epochs; their records are no part of the state. */
export const claimKey = '~leader'
const epochHeader = 'epoch'
const readLimits = { maxBytes: 4 * 2 ** 20 }

/** 0 for records without one: of times before there were leaders. */
export function epochOf({ headers }: Pick<BusRecord, 'headers'>): number {
  const epoch = Number(headers[epochHeader] ?? 0)
  return Number.isSafeInteger(epoch) && epoch > 0 ? epoch : 0
}

export function withEpoch(record: ProducedRecord, epoch: number): ProducedRecord {
  return { ...record, headers: { ...record.headers, [epochHeader]: String(epoch) } }
}

export interface EpochState {
  /** The newest record of each key that is true; those that delete are left out. */
  latest: Map<string, BusRecord>
  /** The newest epoch. */
  epoch: number
  /** The offset to read next. */
  position: number
  /** Takes a record in its order; false if it is void. */
  take(record: BusRecord): boolean
}

export function openEpochState(): EpochState {
  const state: EpochState = {
    latest: new Map(),
    epoch: 0,
    position: 0,
    take(record) {
      if (record.offset < state.position) return false
      state.position = record.offset + 1
      const epoch = epochOf(record)
      if (epoch < state.epoch) return false
      state.epoch = epoch
      if (record.key === claimKey) return true
      if (record.value.length === 0) state.latest.delete(record.key)
      else state.latest.set(record.key, record)
      return true
    },
  }
  return state
}

/** Takes what is in the topic from the state's position to its end; `seen` is told of each record before. */
export async function readOn(
  bus: Pick<Bus, 'ends' | 'read'>,
  topic: Topic,
  state: EpochState,
  seen: (record: BusRecord) => void = () => {},
): Promise<void> {
  const end = (await bus.ends(topic))[0] ?? 0
  while (state.position < end) {
    const batch = await bus.read(topic, 0, state.position, readLimits)
    for (const record of batch.records) {
      seen(record)
      state.take(record)
    }
    state.position = Math.max(state.position, batch.next)
  }
}

export interface EpochView {
  /** The newest record of each key that is true. */
  latest(): ReadonlyMap<string, BusRecord>
  /** Set while the topic cannot be read. */
  trouble(): string | undefined
  close(): Promise<void>
}

const pollMs = 100

/** Follows the topic for who only looks at it. Rejects if the bus is away. */
export async function followEpochs(bus: Bus, topic: Topic): Promise<EpochView> {
  const state = openEpochState()
  const stop = new AbortController()
  let trouble: string | undefined
  await readOn(bus, topic, state)

  async function follow(): Promise<void> {
    while (!stop.signal.aborted) {
      await pause(pollMs, stop.signal)
      try {
        await readOn(bus, topic, state)
        trouble = undefined
      } catch (error) {
        trouble = `the topic ${topic} cannot be read: ${explain(error)}`
      }
    }
  }

  const following = follow()
  return {
    latest: () => state.latest,
    trouble: () => trouble,
    async close() {
      stop.abort()
      await following
    },
  }
}
