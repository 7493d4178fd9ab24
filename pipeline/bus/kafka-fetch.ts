import { pause } from '../clock.ts'
import { within } from '../within.ts'
import type { BusRecord } from './bus.ts'
import { dropConnections } from './kafka-patch.ts'
import { typeOf, type KafkaBroker, type KafkaCluster, type KafkaMessage } from './kafka-client.ts'

/** A partition by Kafka's name of its topic. */
export interface Place {
  topic: string
  partition: number
}

export interface Wanted extends Place {
  offset: number
  maxBytes: number
}

export interface Fetched extends Place {
  /** From the wanted offset on, ascending. */
  records: BusRecord[]
  /** The first offset that exists, where the wanted one does no more. */
  trimmedTo?: number
  /** The offset to fetch next. */
  next: number
  /** The offset after the last record. */
  end: number
}

/** The metadata is out of date: who leads has changed. */
const moved = new Set([
  'NOT_LEADER_FOR_PARTITION',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'KAFKA_STORAGE_ERROR',
  'REPLICA_NOT_AVAILABLE',
])

/** Soon over, for what is asked of groups. */
const loading = new Set(['GROUP_LOAD_IN_PROGRESS', 'NOT_COORDINATOR_FOR_GROUP'])
/** Pauses between tries, ms. */
const movedMs = { first: 50, most: 2000 }

/**
 * Tries again for some seconds while another broker leads than the metadata says: also of a topic that was just made, of which
 * brokers hear one after the other.
 */
export async function onceMoved<T>(action: () => Promise<T>): Promise<T> {
  for (let waitMs = movedMs.first; ; waitMs *= 2) {
    try {
      return await action()
    } catch (error) {
      const type = typeOf(error) ?? ''
      if (!(moved.has(type) || loading.has(type)) || waitMs > movedMs.most) throw error
      await pause(waitMs)
    }
  }
}

/**
 * A broker that is there and says nothing is given up after so long, ms: to reach it, to hear an answer from it beyond the
 * time it may wait for records, and to hear from any who leads now. Together that is less than half a minute.
 */
const patienceMs = { reach: 8000, answer: 10_000, leaders: 5000 }

/** Whom to ask. Where it cannot be reached, others may lead meanwhile. */
export async function reach(cluster: KafkaCluster, nodeId: string): Promise<KafkaBroker> {
  try {
    return await within(cluster.findBroker({ nodeId }), patienceMs.reach)
  } catch (error) {
    await refresh(cluster)
    throw error
  }
}

/** What the broker answers. Where it says nothing in time it is no longer connected: others are asked who leads. */
async function inTime<T>(broker: KafkaBroker, asked: Promise<T>, waitMs = 0): Promise<T> {
  let isAnswered = false
  const answered = asked.finally(() => (isAnswered = true))
  try {
    return await within(answered, waitMs + patienceMs.answer)
  } catch (error) {
    if (!isAnswered) dropConnections(broker.connectionPool, error as Error)
    throw error
  }
}

/** Asks who leads now. Where nobody answers in time, what is known stays, and who asks next learns more. */
export async function refresh(cluster: KafkaCluster): Promise<void> {
  await within(cluster.refreshMetadata(), patienceMs.leaders).catch(() => {})
}

/** So much is asked for at once where a partition seems to hold nothing (see {@link beyondNothing}). */
const largeBytes = 32 * 2 ** 20

/** The brokers that lead these partitions. Rejects while one has no leader. */
export async function leadersOf<One extends Place>(
  cluster: KafkaCluster,
  wanted: readonly One[],
): Promise<Map<string, One[]>> {
  const byBroker = new Map<string, One[]>()
  for (const one of wanted) {
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(one.topic, [one.partition]))
    if (nodeId === undefined) {
      await refresh(cluster)
      throw new Error(`partition ${one.partition} of ${one.topic} has no leader at the moment`)
    }
    byBroker.set(nodeId, [...(byBroker.get(nodeId) ?? []), one])
  }
  return byBroker
}

/**
 * Fetches from the one broker that leads all of these partitions, each once; waits at most `waitMs` for something to come.
 * An answer may lack partitions of which there is nothing.
 */
export async function fetchFrom(
  cluster: KafkaCluster,
  nodeId: string,
  wanted: readonly Wanted[],
  waitMs: number,
): Promise<Fetched[]> {
  const broker = await reach(cluster, nodeId)
  try {
    const fetched = await ask(broker, wanted, waitMs)
    return await Promise.all(fetched.map((one) => beyondNothing(broker, one, wanted)))
  } catch (error) {
    const type = typeOf(error)
    if (type === 'OFFSET_OUT_OF_RANGE') return backInRange(broker, wanted)
    // Also where the broker is gone: others lead now.
    if (type === undefined || moved.has(type)) await refresh(cluster)
    throw error
  }
}

async function ask(
  broker: KafkaBroker,
  wanted: readonly Wanted[],
  waitMs: number,
): Promise<Fetched[]> {
  const asked = broker.fetch({
    replicaId: -1,
    isolationLevel: 1,
    maxWaitTime: waitMs,
    minBytes: 1,
    maxBytes: largeBytes,
    topics: groupedByTopic(wanted, ({ partition, offset, maxBytes }) => ({
      partition,
      fetchOffset: String(offset),
      maxBytes,
    })),
  })
  const { responses } = await inTime(broker, asked, waitMs)
  return responses.flatMap(({ topicName: topic, partitions }) =>
    partitions.flatMap(({ partition, highWatermark, messages }) => {
      const one = wanted.find((w) => w.topic === topic && w.partition === partition)
      return one ? [fetchedOf(one, messages, Number(highWatermark))] : []
    }),
  )
}

/** An answer begins with the batch that holds the wanted offset, which may begin before it. */
function fetchedOf({ topic, partition, offset }: Wanted, messages: KafkaMessage[], end: number) {
  const records = messages.filter((one) => Number(one.offset) >= offset).map(toRecord)
  const next = (records.at(-1)?.offset ?? offset - 1) + 1
  return { topic, partition, records, next, end }
}

function toRecord({ offset, timestamp, key, value, headers }: KafkaMessage): BusRecord {
  return {
    offset: Number(offset),
    time: Number(timestamp),
    key: key?.toString('utf8') ?? '',
    value: value ?? new Uint8Array(0),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, one]) => [
        name,
        String(Array.isArray(one) ? one[0] : one),
      ]),
    ),
  }
}

/**
 * The cleaner of compacted topics leaves batches without records behind, of which kafkajs tells nothing. Where even a large
 * answer holds no record, none is there up to the end that stood in the first.
 */
async function beyondNothing(
  broker: KafkaBroker,
  fetched: Fetched,
  wanted: readonly Wanted[],
): Promise<Fetched> {
  const { topic, partition, records, next, end } = fetched
  if (records.length > 0 || next >= end) return fetched
  const one = wanted.find((w) => w.topic === topic && w.partition === partition)
  if (!one) return fetched
  const [again] = await ask(broker, [{ ...one, maxBytes: largeBytes }], 0)
  if (!again) return fetched
  return again.records.length > 0 ? again : { ...again, next: end }
}

/** One of them asks for what was trimmed away, or for what is not there yet. */
async function backInRange(broker: KafkaBroker, wanted: readonly Wanted[]): Promise<Fetched[]> {
  const [first, end] = await Promise.all([
    offsetsOf(broker, wanted, 'earliest'),
    offsetsOf(broker, wanted, 'latest'),
  ])
  return wanted.flatMap((one) => {
    const key = placeKey(one)
    const [from = 0, to = 0] = [first.get(key), end.get(key)]
    if (one.offset >= from && one.offset <= to) return []
    const { topic, partition } = one
    // Beyond the end: the topic was made anew, and all of it is new.
    return [{ topic, partition, records: [], trimmedTo: from, next: from, end: to }]
  })
}

export const placeKey = ({ topic, partition }: Place) => `${topic}/${partition}`

const times = { earliest: '-2', latest: '-1' }

/** The first offset of each partition, or the one that the next record will get; all led by this broker. */
export async function offsetsOf(
  broker: KafkaBroker,
  places: readonly Place[],
  which: 'earliest' | 'latest',
): Promise<Map<string, number>> {
  const topics = groupedByTopic(places, ({ partition }) => ({ partition, timestamp: times[which] }))
  const asked = broker.listOffsets({ replicaId: -1, isolationLevel: 1, topics })
  const { responses } = await inTime(broker, asked)
  const offsets = new Map<string, number>()
  for (const { topic, partitions } of responses) {
    for (const { partition, offset } of partitions) {
      offsets.set(placeKey({ topic, partition }), Number(offset))
    }
  }
  return offsets
}

function groupedByTopic<One extends Place, Part>(
  places: readonly One[],
  partOf: (one: One) => Part,
): { topic: string; partitions: Part[] }[] {
  const grouped = Map.groupBy(places, ({ topic }) => topic)
  return [...grouped].map(([topic, ones]) => ({ topic, partitions: ones.map(partOf) }))
}
