import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { pause } from '../clock.ts'
import { coalesce } from '../coalesce.ts'
import { Trouble } from '../errors.ts'
import { openWorker } from '../rpc.ts'
import type { Batch, Bus, Consumer, ConsumerOptions, ProducedRecord, Topic } from './bus.ts'
import { bulkTopics, topics } from './bus.ts'
import type { EmbeddedBusData, EmbeddedBusHandlers } from './embedded-worker.ts'
import { openGroups } from './groups.ts'

export interface EmbeddedBusOptions extends Partial<
  Pick<EmbeddedBusData, 'retentionMs' | 'maxBytes'>
> {
  /** The directory that holds `bus.db`. The caller owns it (see `pipeline/owner.ts`). */
  dir: string
  clock: Clock
}

const day = 86_400_000
const trimEveryMs = 60_000

/** The bus of one machine: SQLite in a thread of its own. */
export async function openEmbeddedBus({
  dir,
  clock,
  retentionMs = day,
  maxBytes = 10 * 2 ** 30,
}: EmbeddedBusOptions): Promise<Bus> {
  const data: EmbeddedBusData = { file: join(dir, 'bus.db'), retentionMs, maxBytes }
  const { remote, close } = openWorker<EmbeddedBusHandlers>(
    import.meta.url,
    './embedded-worker',
    data,
  )
  const groups = openGroups({
    partitions: (topic) => topics[topic].partitions,
    read: (topic, partition, offset, bytes) => remote.read(topic, partition, offset, bytes),
    committed: async (group, topic) => new Map(await remote.committed(group, topic)),
    commit: coalesce((positions: Parameters<typeof remote.commit>[0][number][]) =>
      remote.commit(positions),
    ),
  })
  const appendAll = async (appends: { topic: Topic; records: readonly ProducedRecord[] }[]) => {
    for (const { topic, partition } of await remote.append(appends, clock.now()))
      groups.wake(topic, partition)
  }
  // Lines and samples may be refused because the bus is full; what processors make of them must not be refused with them.
  const append = { bulk: coalesce(appendAll), others: coalesce(appendAll) }
  // The first call fails if the file cannot be opened.
  await remote.ends('logs').catch(async (error: unknown) => {
    await close()
    throw error
  })
  let closed = false
  const stop = new AbortController()
  const trimming = trimForever(() => remote.trim(clock.now()), stop.signal)

  return {
    partitions: (topic) => topics[topic].partitions,
    async produce(topic, records) {
      if (closed) throw new Trouble(`the bus ${data.file} is closed`)
      if (records.length === 0) return
      checkPartitions(topic, records)
      await (bulkTopics.has(topic) ? append.bulk : append.others)({ topic, records })
    },
    consume: (options: ConsumerOptions): Consumer => groups.join(options),
    read: (topic, partition, offset, { maxBytes: bytes }): Promise<Batch> =>
      remote.read(topic, partition, offset, bytes),
    ends: (topic) => remote.ends(topic),
    async snapshot(topic) {
      const { latest, ends } = await remote.snapshot(topic)
      return { latest: new Map(latest), ends }
    },
    committed: async (group, topic) => new Map(await remote.committed(group, topic)),
    async close() {
      stop.abort()
      // Handlers under way may still produce.
      await groups.close()
      closed = true
      await Promise.all([append.bulk.idle(), append.others.idle()])
      await trimming
      await remote.shut().catch(() => {})
      await close()
    },
  }
}

/** Before they are batched with those of others, who must not fail with them. */
function checkPartitions(topic: Topic, records: readonly ProducedRecord[]): void {
  const { partitions } = topics[topic]
  for (const { partition = 0 } of records) {
    if (Number.isInteger(partition) && partition >= 0 && partition < partitions) continue
    throw new Trouble(`the bus has no partition ${partition} of topic ${topic}`)
  }
}

async function trimForever(trim: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(trimEveryMs, signal)
    // A failure (a full disk) is met by the next produce, which tells it.
    if (!signal.aborted) await trim().catch(() => {})
  }
}
