import { Trouble } from '../errors.ts'
import type { Logger } from '../log.ts'
import { within } from '../within.ts'
import { topics, type Batch, type Bus, type BusRecord, type Topic } from './bus.ts'
import { openKafkaClient, toTrouble, type KafkaConnection } from './kafka-client.ts'
import { cutTo, openKafkaConsumer } from './kafka-consumer.ts'
import {
  fetchFrom,
  leadersOf,
  offsetsOf,
  onceMoved,
  placeKey,
  reach,
  refresh,
} from './kafka-fetch.ts'
import { openKafkaProducer } from './kafka-producer.ts'
import { describeKafka, prepareTopics, type TopicShape } from './kafka-topics.ts'

export interface KafkaBusOptions extends KafkaConnection {
  /** Goes before the names of topics and groups; `mesoscope.` unless set. */
  prefix?: string
  /** How many brokers hold each topic; 3 unless set. */
  replication?: number
  /** Of the bulk topics; those of `topics` unless set. So many processes at most can share their work. */
  partitions?: { logs?: number; metrics?: number }
  /** How long topics that are not compacted keep records, ms; a day unless set. */
  retentionMs?: number
  /** A member that gives no sign for so long has lost its partitions, ms; 10 s unless set. */
  sessionTimeoutMs?: number
  /** What is not acknowledged by then is refused, to be sent again, ms; 45 s unless set. */
  produceTimeoutMs?: number
  log: Logger
}

const day = 86_400_000
/** Positions of a group are told by then, or it is given up: the one that keeps them may say nothing. */
const positionsMs = 25_000
/** Of our topics; a whole snapshot of a partition is one record. */
const maxRecordBytes = 16 * 2 ** 20

/**
 * The bus of a cluster: Apache Kafka. Rejects with Trouble where no broker can be reached, or a topic has another shape than
 * it needs.
 */
export async function openKafkaBus(options: KafkaBusOptions): Promise<Bus> {
  const { log } = options
  const shape = shapeOf(options)
  const { prefix, partitionsOf } = shape
  const client = openKafkaClient(options, log)
  const { place } = client
  const nameOf = (topic: Topic) => prefix + topic
  const compacted = new Set(
    (Object.keys(topics) as Topic[]).filter((topic) => topics[topic].compacted).map(nameOf),
  )
  /** For what is read outside of groups. */
  const reading = client.openCluster()
  const producer = openKafkaProducer({
    client,
    isCompacted: (topic) => compacted.has(topic),
    maxRecordBytes,
    timeoutMs: options.produceTimeoutMs ?? 45_000,
    log,
  })
  const consumers = new Set<{ close(): Promise<void> }>()
  let isClosed = false

  const telling = async <T>(doing: string, action: () => Promise<T>): Promise<T> => {
    try {
      return await onceMoved(action)
    } catch (error) {
      throw toTrouble(error, doing, place)
    }
  }

  try {
    const created = await prepareTopics(client, shape, log)
    await telling('cannot read', async () => {
      await reading.connect()
      await reading.addMultipleTargetTopics((Object.keys(topics) as Topic[]).map(nameOf))
    })
    // A broker may hear late that it leads a new topic: whoever reads from now on is not to be refused for that.
    for (const topic of created) await telling('cannot read', () => ends(topic))
  } catch (error) {
    client.close()
    throw error
  }

  async function read(topic: Topic, partition: number, offset: number, maxBytes: number) {
    const place = { topic: nameOf(topic), partition }
    for (let from = offset; ;) {
      const [leader] = [...(await leadersOf(reading, [place])).keys()]
      const [found] = await fetchFrom(
        reading,
        leader as string,
        [{ ...place, offset: from, maxBytes: Math.max(1, maxBytes) }],
        0,
      )
      const trimmedTo = found?.trimmedTo
      if (found && trimmedTo !== undefined && trimmedTo < found.end && trimmedTo !== from) {
        from = trimmedTo
        continue
      }
      const records = cutTo(found?.records ?? [], maxBytes)
      const next =
        records.length > 0 ? (records.at(-1) as BusRecord).offset + 1 : (found?.next ?? from)
      const batch: Batch = {
        topic,
        partition,
        records,
        from: records[0]?.offset ?? next,
        next,
        end: Math.max(next, found?.end ?? next),
      }
      return batch
    }
  }

  async function ends(topic: Topic): Promise<number[]> {
    const places = Array.from({ length: partitionsOf(topic) }, (_, partition) => ({
      topic: nameOf(topic),
      partition,
    }))
    const byLeader = await leadersOf(reading, places)
    const found = await Promise.all(
      [...byLeader].map(async ([nodeId, ones]) => {
        const broker = await reach(reading, nodeId)
        try {
          return await offsetsOf(broker, ones, 'latest')
        } catch (error) {
          await refresh(reading)
          throw error
        }
      }),
    )
    const offsets = new Map(found.flatMap((one) => [...one]))
    return places.map((one) => offsets.get(placeKey(one)) ?? 0)
  }

  async function snapshot(topic: Topic) {
    const until = await ends(topic)
    const latest = new Map<string, BusRecord>()
    for (const [partition, end] of until.entries()) {
      for (let offset = 0; offset < end;) {
        const { records, next } = await read(topic, partition, offset, 8 * 2 ** 20)
        for (const record of records) {
          if (record.offset >= end) break
          if (record.value.length === 0) latest.delete(record.key)
          else latest.set(record.key, record)
        }
        if (next <= offset) throw new Error(`${nameOf(topic)} gives nothing at ${offset} of ${end}`)
        offset = next
      }
    }
    return { latest, ends: until }
  }

  async function committed(group: string, topic: Topic): Promise<Map<number, number>> {
    const groupId = groupName(prefix, group, topic)
    const partitions = Array.from({ length: partitionsOf(topic) }, (_, partition) => ({
      partition,
    }))
    const asked = { groupId, topics: [{ topic: nameOf(topic), partitions }] }
    const { responses } = await within(
      reading.findGroupCoordinator({ groupId }).then((broker) => broker.offsetFetch(asked)),
      positionsMs,
    )
    const positions = responses.flatMap((one) => one.partitions)
    return new Map(
      positions.flatMap(({ partition, offset }) =>
        Number(offset) < 0 ? [] : [[partition, Number(offset)] as const],
      ),
    )
  }

  return {
    partitions: partitionsOf,
    async produce(topic, records) {
      if (records.length === 0) return
      const partitions = partitionsOf(topic)
      const wrong = records.find(({ partition = 0 }) => !(partition >= 0 && partition < partitions))
      if (wrong) throw new Trouble(`the bus has no partition ${wrong.partition} of topic ${topic}`)
      await producer.produce(nameOf(topic), partitions, records)
    },
    consume(consumer) {
      if (isClosed) throw new Trouble(`the bus is closed: ${consumer.group} cannot read it`)
      const { group, topic } = consumer
      const opened = openKafkaConsumer({
        ...consumer,
        client,
        names: { group: groupName(prefix, group, topic), topic: nameOf(topic) },
        partitions: partitionsOf(topic),
        sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
        committed: () => telling('cannot read positions', () => committed(group, topic)),
      })
      const entry = {
        async close() {
          await opened.close()
          consumers.delete(entry)
        },
      }
      consumers.add(entry)
      return entry
    },
    read: (topic, partition, offset, { maxBytes }) =>
      telling(`cannot read ${nameOf(topic)}`, () => read(topic, partition, offset, maxBytes)),
    ends: (topic) => telling(`cannot read ${nameOf(topic)}`, () => ends(topic)),
    snapshot: (topic) => telling(`cannot read ${nameOf(topic)}`, () => snapshot(topic)),
    committed: (group, topic) =>
      telling(`cannot read positions of ${group}`, () => committed(group, topic)),
    async close() {
      isClosed = true
      // Handlers under way may still produce.
      await Promise.all([...consumers].map((consumer) => consumer.close()))
      await producer.close()
      await reading.disconnect()
      client.close()
    },
  }
}

/** What is there, in words; see `kafka-topics.ts`. */
export async function inspectKafka(options: KafkaBusOptions): Promise<string> {
  const client = openKafkaClient(options, options.log)
  try {
    return await describeKafka(client, shapeOf(options))
  } finally {
    client.close()
  }
}

function shapeOf(options: KafkaBusOptions): TopicShape {
  const { prefix = 'mesoscope.', replication = 3, retentionMs = day, partitions = {} } = options
  const partitionsOf = (topic: Topic) =>
    (topic === 'logs' || topic === 'metrics' ? partitions[topic] : undefined) ??
    topics[topic].partitions
  return { prefix, replication, retentionMs, maxRecordBytes, partitionsOf }
}

/** A group of ours reads several topics, each with members of its own. */
function groupName(prefix: string, group: string, topic: Topic): string {
  return `${prefix}${group}.${topic}`
}
