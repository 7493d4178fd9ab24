import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import kafkajs, {
  type ISocketFactoryArgs,
  type Kafka,
  type KafkaConfig,
  type logCreator,
  type LogEntry,
  type SASLOptions,
} from 'kafkajs'
import type { ConnectionPool } from './kafka-patch.ts'
import './kafka-patch.ts'
import { explain, Trouble } from '../errors.ts'
import type { Logger } from '../log.ts'

/*
 * kafkajs is no longer released (2.2.4 is its last), so that its inside does not move: its consumer, which tells of a
 * rebalance late and does not wait for handlers (tulios/kafkajs#1720, #1527, #1441, #707), is not used; members of groups are
 * ours (`kafka-member.ts`), and so is fetching. What we take from inside are its connections and its encoding of requests.
 */

/** CommonJS: its names cannot be imported one by one. */
export const { AssignerProtocol, ConfigResourceTypes } = kafkajs
const { logLevel } = kafkajs

/** How Kafka is reached. */
export interface KafkaConnection {
  /** `host:port` of some brokers; the others are found through them. */
  brokers: readonly string[]
  clientId?: string
  /** `true`, or PEMs. */
  tls?: boolean | { ca?: string; cert?: string; key?: string }
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; user: string; password: string }
}

/** One broker, as kafkajs has it inside. Answers with an error code reject with {@link KafkaError}. */
export interface KafkaBroker {
  connectionPool: ConnectionPool
  fetch(request: {
    replicaId: -1
    isolationLevel: 1
    maxWaitTime: number
    minBytes: number
    maxBytes: number
    topics: {
      topic: string
      partitions: { partition: number; fetchOffset: string; maxBytes: number }[]
    }[]
  }): Promise<{
    responses: {
      topicName: string
      partitions: { partition: number; highWatermark: string; messages: KafkaMessage[] }[]
    }[]
  }>
  listOffsets(request: {
    replicaId: -1
    isolationLevel: 1
    topics: { topic: string; partitions: { partition: number; timestamp: string }[] }[]
  }): Promise<{
    responses: { topic: string; partitions: { partition: number; offset: string }[] }[]
  }>
  joinGroup(request: {
    groupId: string
    sessionTimeout: number
    rebalanceTimeout: number
    memberId: string
    protocolType: 'consumer'
    groupProtocols: { name: string; metadata: Buffer }[]
  }): Promise<{
    generationId: number
    leaderId: string
    memberId: string
    members: { memberId: string; memberMetadata: Buffer }[]
  }>
  syncGroup(request: {
    groupId: string
    generationId: number
    memberId: string
    groupAssignment: { memberId: string; memberAssignment: Buffer }[]
  }): Promise<{ memberAssignment: Buffer }>
  heartbeat(request: {
    groupId: string
    groupGenerationId: number
    memberId: string
  }): Promise<unknown>
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>
  offsetCommit(request: {
    groupId: string
    groupGenerationId: number
    memberId: string
    topics: { topic: string; partitions: { partition: number; offset: string }[] }[]
  }): Promise<unknown>
  offsetFetch(request: {
    groupId: string
    topics: { topic: string; partitions: { partition: number }[] }[]
  }): Promise<{ responses: { partitions: { partition: number; offset: string }[] }[] }>
}

export interface KafkaMessage {
  offset: string
  timestamp: string
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, Buffer | string | (Buffer | string)[] | undefined>
}

/** The connections to a cluster: one to each broker. Requests on one are answered one after the other. */
export interface KafkaCluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addMultipleTargetTopics(topics: string[]): Promise<void>
  refreshMetadata(): Promise<void>
  findBroker(request: { nodeId: string }): Promise<KafkaBroker>
  findGroupCoordinator(request: { groupId: string }): Promise<KafkaBroker>
  /** Partitions by the id of the broker that leads them. */
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>
}

/** What kafkajs throws. */
export interface KafkaError extends Error {
  /** Of answers: `NOT_LEADER_FOR_PARTITION` … */
  type?: string
  retriable?: boolean
  /** With `MEMBER_ID_REQUIRED`. */
  memberId?: string
  cause?: unknown
}

export const requestTimeoutMs = 20_000

export interface KafkaClient {
  kafka: Kafka
  /** Where it is, for messages. */
  place: string
  /** Connections of their own. */
  openCluster(): KafkaCluster
  /** Ends every connection. kafkajs forgets one now and then when it connects anew, which would keep the process alive. */
  close(): void
}

/** Connects to nothing yet. */
export function openKafkaClient(connection: KafkaConnection, log: Logger): KafkaClient {
  const { brokers, clientId = 'mesoscope', tls, sasl } = connection
  const sockets = new Set<Socket>()
  let isClosed = false
  const options: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    connectionTimeout: 5000,
    requestTimeout: requestTimeoutMs,
    retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 8 },
    socketFactory(request) {
      const socket = openSocket(request)
      sockets.add(socket)
      // Something inside still tries.
      if (isClosed) socket.destroy(closed())
      return socket.once('close', () => sockets.delete(socket))
    },
    logLevel: logLevel.INFO,
    logCreator: logTo(log),
    ...(tls === undefined || tls === false ? {} : { ssl: tls }),
    ...(sasl ? { sasl: loginOf(sasl) } : {}),
  }
  const kafka = new kafkajs.Kafka(options)
  const [createCluster] = Object.getOwnPropertySymbols(kafka).filter(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  if (!createCluster) throw new Error('this is not kafkajs 2.2.4: its inside has changed')
  const inside = kafka as unknown as Record<symbol, (options: object) => KafkaCluster>
  return {
    kafka,
    place: brokers.join(', '),
    openCluster: () =>
      (inside[createCluster] as (options: object) => KafkaCluster)({
        metadataMaxAge: 60_000,
        allowAutoTopicCreation: false,
        isolationLevel: 1,
      }),
    close() {
      isClosed = true
      // With an error: kafkajs would go on looking each 100 ms whether answers are late.
      for (const socket of sockets) socket.destroy(closed())
    },
  }
}

const closed = () => new Error('this client is closed')

/** As kafkajs does it, without the warning that many requests wait for one connection. */
function openSocket({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
  const name = isIP(host) ? {} : { servername: host }
  // eslint-disable-next-line typescript/no-unnecessary-condition -- absent without TLS, whatever the types say
  const socket = ssl
    ? connectTls({ host, port, ...name, ...ssl }, onConnect)
    : connect({ host, port }, onConnect)
  socket.setKeepAlive(true, 60_000)
  socket.setMaxListeners(0)
  return socket
}

function loginOf({ mechanism, user, password }: NonNullable<KafkaConnection['sasl']>) {
  return { mechanism, username: user, password } as SASLOptions
}

/** What kafkajs calls an error is often one that it tries again by itself; who is refused tells it. */
function logTo(log: Logger): logCreator {
  return () =>
    ({ level, log: { message, timestamp: _at, ...details } }: LogEntry) => {
      const line = { kafka: shortened(details) }
      if (level <= logLevel.WARN) log.debug(line, message)
      else log.trace(line, message)
    }
}

/** Without stacks, which kafkajs puts into its lines. */
function shortened({ stack: _stack, logger: _logger, ...details }: Record<string, unknown>) {
  return details
}

/** The kind of answer, also of an error that was wrapped on its way. */
export function typeOf(error: unknown): string | undefined {
  for (let one = error as KafkaError | undefined; one; one = one.cause as KafkaError | undefined) {
    if (typeof one.type === 'string') return one.type
  }
  return undefined
}

/** In words, whom it concerns and what would mend it. Retryable unless no retry can help. */
export function toTrouble(error: unknown, doing: string, place: string): Trouble {
  if (error instanceof Trouble) return error
  const type = typeOf(error)
  const text = innermost(error)
  const refusal = refusals.find(
    ({ types, words }) => types.includes(type ?? '') || words.test(text),
  )
  return new Trouble(`${doing}: Kafka (${place}) says: ${text}`, {
    remedy: refusal?.remedy ?? 'see whether the brokers run and can be reached; it is tried again',
    retryable: refusal?.retryable ?? true,
    cause: error,
  })
}

function innermost(error: unknown): string {
  const { cause } = error as KafkaError
  return cause instanceof Error ? innermost(cause) : explain(error)
}

const refusals = [
  {
    types: ['SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE'],
    words: /SASL .*authentication failed|invalid credentials/i,
    remedy: 'correct bus.kafka.user, bus.kafka.password and bus.kafka.sasl',
    retryable: false,
  },
  {
    types: [],
    words: /certificate|self.signed|unable to (get|verify)|wrong version number|ssl3|tlsv1/i,
    remedy: 'see whether bus.kafka.tls, ca, cert and key fit the brokers',
    retryable: false,
  },
  {
    types: [
      'TOPIC_AUTHORIZATION_FAILED',
      'GROUP_AUTHORIZATION_FAILED',
      'CLUSTER_AUTHORIZATION_FAILED',
    ],
    words: /not authorized/i,
    remedy: 'give this user the rights that the page on operating it lists',
    retryable: true,
  },
  {
    types: ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'],
    words: /larger than the max/i,
    remedy: 'raise max.message.bytes of the topic',
    retryable: false,
  },
]
