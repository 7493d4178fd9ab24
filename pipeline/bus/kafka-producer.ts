import type { Message, Producer } from 'kafkajs'
import { explain } from '../errors.ts'
import type { Logger } from '../log.ts'
import { partitionOf, type ProducedRecord } from './bus.ts'
import { toTrouble, type KafkaClient } from './kafka-client.ts'

export interface KafkaProducerOptions {
  client: KafkaClient
  /** An empty value deletes the key: Kafka wants null for that. */
  isCompacted: (topic: string) => boolean
  /** A larger record is refused, bytes. */
  maxRecordBytes: number
  log: Logger
}

interface Waiting {
  messages: Message[]
  bytes: number
  done: PromiseWithResolvers<void>
}

/** Of one partition: what waits is sent together, in its order, one request at a time. */
interface Lane {
  waiting: Waiting[]
  sending: Promise<void> | undefined
}

/** One request holds about so much, unless a single call has more in one partition: brokers take 1 MiB unless told otherwise. */
const targetBytes = 900_000
const perRecordBytes = 70

/**
 * Idempotent, acknowledged by all in-sync replicas, and **one partition a request**: kafkajs keeps the answers of brokers over
 * its retries, so that a request over several can resolve while a part of it is missing (tulios/kafkajs#1303). After a
 * failure nobody knows whether the broker has the batch, and with the same sequence number it would take another
 * batch for it, and drop that: so a producer that failed is replaced by a new one.
 */
export function openKafkaProducer({
  client,
  isCompacted,
  maxRecordBytes,
  log,
}: KafkaProducerOptions) {
  const lanes = new Map<string, Lane>()
  let current: Promise<Producer> | undefined
  let isClosed = false

  async function connect(): Promise<Producer> {
    const producer = client.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
      metadataMaxAge: 60_000,
      retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 10 },
    })
    await producer.connect()
    return producer
  }

  async function idle(): Promise<void> {
    await Promise.all([...lanes.values()].flatMap(({ sending }) => sending ?? []))
  }

  function replace(failed: Promise<Producer>): void {
    if (current !== failed) return
    current = undefined
    // Other lanes may still send with it.
    void failed
      .then(async (producer) => {
        await idle()
        await producer.disconnect()
      })
      .catch((error: unknown) =>
        log.debug({ error: explain(error) }, 'a producer did not end well'),
      )
  }

  async function send(topic: string, partition: number, messages: Message[]): Promise<void> {
    const producer = (current ??= connect())
    try {
      const { send: sendAll } = await producer
      await sendAll({
        topic,
        acks: -1,
        timeout: 15_000,
        messages: messages.map((message) => ({ ...message, partition })),
      })
    } catch (error) {
      replace(producer)
      throw error
    }
  }

  async function work(lane: Lane, topic: string, partition: number): Promise<void> {
    while (lane.waiting.length > 0) {
      const taken = takeSome(lane)
      const sent = send(
        topic,
        partition,
        taken.flatMap(({ messages }) => messages),
      )
      await sent.then(
        () => taken.forEach(({ done }) => done.resolve()),
        (error: unknown) => {
          const trouble = toTrouble(error, `cannot write to ${topic}`, client.place)
          taken.forEach(({ done }) => done.reject(trouble))
        },
      )
    }
    lane.sending = undefined
  }

  function takeSome(lane: Lane): Waiting[] {
    let bytes = 0
    const cut = lane.waiting.findIndex((one, i) => (bytes += one.bytes) > targetBytes && i > 0)
    return lane.waiting.splice(0, cut < 0 ? lane.waiting.length : cut)
  }

  function enqueue(topic: string, partition: number, records: ProducedRecord[]): Promise<void> {
    const key = `${topic}/${partition}`
    const lane: Lane = lanes.get(key) ?? { waiting: [], sending: undefined }
    lanes.set(key, lane)
    const calls = pieces(records).map((piece) => {
      const messages = piece.map((record) => toMessage(record, isCompacted(topic)))
      const bytes = piece.reduce((sum, record) => sum + sizeOf(record), 0)
      return { messages, bytes, done: Promise.withResolvers<void>() }
    })
    lane.waiting.push(...calls)
    lane.sending ??= work(lane, topic, partition)
    return Promise.all(calls.map(({ done }) => done.promise)).then(() => {})
  }

  return {
    async produce(topic: string, partitions: number, records: readonly ProducedRecord[]) {
      if (isClosed)
        throw toTrouble(new Error('this bus is closed'), `cannot write to ${topic}`, client.place)
      const tooLarge = records.find((record) => sizeOf(record) > maxRecordBytes)
      if (tooLarge) {
        const error = Object.assign(
          new Error(
            `a record of ${sizeOf(tooLarge)} bytes is larger than the maximum of ${maxRecordBytes}`,
          ),
          { type: 'MESSAGE_TOO_LARGE' },
        )
        throw toTrouble(error, `cannot write to ${topic}`, client.place)
      }
      const byPartition = Map.groupBy(
        records,
        ({ partition, key }) => partition ?? partitionOf(key, partitions),
      )
      await Promise.all(
        [...byPartition].map(([partition, part]) => enqueue(topic, partition, part)),
      )
    },
    /** Waits for what is under way. */
    async close() {
      isClosed = true
      await idle()
      const producer = await current?.catch(() => undefined)
      await producer?.disconnect()
    },
  }
}

/** What is too much for one request is several, in order. */
function pieces(records: readonly ProducedRecord[]): ProducedRecord[][] {
  const cut: ProducedRecord[][] = []
  let bytes = Infinity
  for (const record of records) {
    bytes += sizeOf(record)
    if (bytes > targetBytes) {
      cut.push([])
      bytes = sizeOf(record)
    }
    cut.at(-1)?.push(record)
  }
  return cut
}

function sizeOf({ key, value, headers = {} }: ProducedRecord): number {
  let bytes = perRecordBytes + value.length + 3 * key.length
  for (const [name, text] of Object.entries(headers)) bytes += 3 * (name.length + text.length) + 10
  return bytes
}

function toMessage({ key, value, headers }: ProducedRecord, isCompacted: boolean): Message {
  return {
    key,
    value: isCompacted && value.length === 0 ? null : asBuffer(value),
    ...(headers ? { headers } : {}),
  }
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
