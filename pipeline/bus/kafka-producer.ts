import type { Message, Producer } from 'kafkajs'
import { explain, type Trouble } from '../errors.ts'
import type { Logger } from '../log.ts'
import { within } from '../within.ts'
import { partitionOf, type ProducedRecord } from './bus.ts'
import { toTrouble, type KafkaClient } from './kafka-client.ts'
import { pieces, sizeOf, targetBytes, toMessage } from './kafka-pieces.ts'

export interface KafkaProducerOptions {
  client: KafkaClient
  /** An empty value deletes the key: Kafka wants null for that. */
  isCompacted: (topic: string) => boolean
  /** A larger record is refused, bytes. */
  maxRecordBytes: number
  /** A request that is not answered by then, with all that kafkajs tries meanwhile, is refused as retryable, ms. */
  timeoutMs: number
  log: Logger
}

interface Waiting {
  /** The same for all pieces of one call. */
  call: symbol
  messages: Message[]
  bytes: number
  done: PromiseWithResolvers<void>
}

/** Of one partition: what waits is sent together, in its order, one request at a time. */
interface Lane {
  waiting: Waiting[]
  sending: Promise<void> | undefined
}

/** One producer of kafkajs, until a request of it fails. */
interface Session {
  producer: Promise<Producer>
  /** Requests under way. */
  sending: number
  hasFailed: boolean
}

/**
 * Idempotent, acknowledged by all in-sync replicas, and **one partition a request**: kafkajs keeps the answers of brokers over
 * its retries, so that a request over several can resolve while a part of it is missing (tulios/kafkajs#1303). After a
 * failure nobody knows whether the broker has the batch, and with the same sequence number it would take another
 * batch for it, and drop that: so a producer that failed is replaced by a new one.
 *
 * What waits behind a request that failed is refused with it: it must not come before what is sent again.
 */
export function openKafkaProducer({
  client,
  isCompacted,
  maxRecordBytes,
  timeoutMs,
  log,
}: KafkaProducerOptions) {
  const lanes = new Map<string, Lane>()
  let current: Session | undefined
  let isClosed = false

  function openSession(): Session {
    const session: Session = {
      producer: connect(() => session.hasFailed),
      sending: 0,
      hasFailed: false,
    }
    return session
  }

  async function connect(hasFailed: () => boolean): Promise<Producer> {
    const producer = client.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      // Asked before each attempt: the only place where one that was given up can be kept from trying on.
      createPartitioner:
        () =>
        ({ message }) => {
          if (hasFailed()) throw givenUp()
          return message.partition ?? 0
        },
      metadataMaxAge: 60_000,
      retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 10 },
    })
    await producer.connect()
    return producer
  }

  async function idle(): Promise<void> {
    await Promise.all([...lanes.values()].flatMap(({ sending }) => sending ?? []))
  }

  /** Other lanes may still send with it. */
  function endIfUnused(session: Session): void {
    if (!session.hasFailed || session.sending > 0) return
    void session.producer
      .then((producer) => producer.disconnect())
      .catch((error: unknown) =>
        log.debug({ error: explain(error) }, 'a producer did not end well'),
      )
  }

  async function send(topic: string, partition: number, messages: Message[]): Promise<void> {
    const session = (current ??= openSession())
    session.sending++
    const sent = session.producer
      .then(({ send: sendAll }) =>
        sendAll({
          topic,
          acks: -1,
          timeout: 15_000,
          messages: messages.map((message) => ({ ...message, partition })),
        }),
      )
      .finally(() => session.sending--)
    try {
      await within(sent, timeoutMs)
    } catch (error) {
      session.hasFailed = true
      if (current === session) current = undefined
      throw error
    } finally {
      // It may go on for longer than we wait.
      void sent.catch(() => {}).then(() => endIfUnused(session))
    }
  }

  async function work(lane: Lane, topic: string, partition: number): Promise<void> {
    while (lane.waiting.length > 0) {
      const taken = takeSome(lane)
      try {
        await send(
          topic,
          partition,
          taken.flatMap(({ messages }) => messages),
        )
        for (const { done } of taken) done.resolve()
      } catch (error) {
        const trouble = toTrouble(error, `cannot write to ${topic}`, client.place)
        for (const { done } of [...taken, ...takeBehind(lane, taken, trouble)]) done.reject(trouble)
      }
    }
    lane.sending = undefined
  }

  /** All that waits, or of what no retry can mend, the rest of the same calls. */
  function takeBehind(lane: Lane, failed: Waiting[], { retryable }: Trouble): Waiting[] {
    const calls = new Set(failed.map(({ call }) => call))
    const [behind = [], others = []] = [true, false].map((is) =>
      lane.waiting.filter(({ call }) => (retryable || calls.has(call)) === is),
    )
    lane.waiting = others
    return behind
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
    const call = Symbol(key)
    const calls = pieces(records).map((piece) => {
      const messages = piece.map((record) => toMessage(record, isCompacted(topic)))
      const bytes = piece.reduce((sum, record) => sum + sizeOf(record), 0)
      return { call, messages, bytes, done: Promise.withResolvers<void>() }
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
      const producer = await current?.producer.catch(() => undefined)
      await producer?.disconnect()
    },
  }
}

/** Not to be tried again, by kafkajs: by the caller. */
function givenUp(): Error {
  return Object.assign(new Error('this producer was given up'), { retriable: false })
}
