import type { Admin } from 'kafkajs'
import { Trouble } from '../errors.ts'
import type { Logger } from '../log.ts'
import { topics, type Topic } from './bus.ts'
import { ConfigResourceTypes, toTrouble, typeOf, type KafkaClient } from './kafka-client.ts'
import { onceMoved } from './kafka-fetch.ts'

export interface TopicShape {
  /** Goes before the name. */
  prefix: string
  /** How many brokers hold each. */
  replication: number
  partitionsOf: (topic: Topic) => number
  retentionMs: number
  maxRecordBytes: number
}

const allTopics = Object.keys(topics) as Topic[]

/**
 * Creates the topics that are missing, and checks those that are there. Throws Trouble that names each topic of another
 * shape, with what is there and what is wanted; topics that are there are never changed. Resolves with those that were made.
 */
export async function prepareTopics(
  client: KafkaClient,
  shape: TopicShape,
  log: Logger,
): Promise<Topic[]> {
  const admin = client.kafka.admin()
  try {
    await admin.connect()
    const created = await createMissing(admin, shape, log)
    const thin = await onceMoved(() =>
      check(admin, shape, allTopics, (topic, name, config) => {
        if (!created.has(name)) tellRetention(topic, name, config, shape, log)
      }),
    )
    if (thin.length > 0) log.warn({ topics: thin, remedy: thinRemedy }, thinlyAcknowledged)
    return allTopics.filter((topic) => created.has(shape.prefix + topic))
  } catch (error) {
    throw toTrouble(error, 'cannot prepare the topics', client.place)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

/** Of a topic that several brokers hold while one alone answers for a record: if that is lost, so is the record. */
const thinlyAcknowledged = 'records are acknowledged as soon as one broker has them'
const thinRemedy =
  'set min.insync.replicas of these topics to 2, so that what was acknowledged survives the loss of a broker'

/**
 * What is there, in words, without changing anything. Rejects with Trouble where no broker answers, or a topic has another
 * shape.
 */
export async function describeKafka(client: KafkaClient, shape: TopicShape): Promise<string> {
  const admin = client.kafka.admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    const there = new Set(await admin.listTopics())
    const known = allTopics.filter((topic) => there.has(shape.prefix + topic))
    const thin = await check(admin, shape, known)
    const missing = allTopics.length - known.length
    const topicsSaid =
      missing === 0 ? 'all topics are there' : `${missing} topics are made at the first start`
    const said = `${brokers.length} brokers at ${client.place}, ${topicsSaid}`
    if (thin.length === 0) return said
    return `${said}\nwarning: ${thinlyAcknowledged} (${thin.join(', ')}): ${thinRemedy}`
  } catch (error) {
    throw toTrouble(error, 'cannot look at the cluster', client.place)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

async function createMissing(admin: Admin, shape: TopicShape, log: Logger): Promise<Set<string>> {
  const there = new Set(await admin.listTopics())
  const missing = allTopics.filter((topic) => !there.has(shape.prefix + topic))
  if (missing.length === 0) return new Set()
  const names = missing.map((topic) => shape.prefix + topic)
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((topic) => ({
        topic: shape.prefix + topic,
        numPartitions: shape.partitionsOf(topic),
        replicationFactor: shape.replication,
        configEntries: Object.entries(configOf(topic, shape)).map(([name, value]) => ({
          name,
          value,
        })),
      })),
    })
    log.info({ topics: names, replication: shape.replication }, 'topics were created')
  } catch (error) {
    if (!isThere(error)) throw withBrokers(error, shape)
    log.debug({ topics: names }, 'another process has created the topics')
  }
  return new Set(names)
}

/** Several processes start at once. */
function isThere(error: unknown): boolean {
  const { errors = [] } = error as { errors?: unknown[] }
  if (errors.length > 0) return errors.every((one) => typeOf(one) === 'TOPIC_ALREADY_EXISTS')
  return typeOf(error) === 'TOPIC_ALREADY_EXISTS'
}

function withBrokers(error: unknown, { replication }: TopicShape): unknown {
  const { errors = [] } = error as { errors?: unknown[] }
  const first = [error, ...errors].find((one) => typeOf(one) === 'INVALID_REPLICATION_FACTOR')
  if (!first) return error
  return new Trouble(`the topics are to be held by ${replication} brokers, and fewer are there`, {
    remedy: 'start more brokers, or set bus.kafka.replication to how many there are',
    cause: error,
  })
}

function configOf(topic: Topic, { retentionMs, maxRecordBytes, replication }: TopicShape) {
  const common = {
    'max.message.bytes': String(maxRecordBytes),
    // Of two copies both would have to be there: one broker away, and nothing could be written.
    ...(replication >= 3 ? { 'min.insync.replicas': '2' } : {}),
  }
  return topics[topic].compacted
    ? { ...common, 'cleanup.policy': 'compact', 'delete.retention.ms': String(retentionMs) }
    : { ...common, 'cleanup.policy': 'delete', 'retention.ms': String(retentionMs) }
}

/** Throws where a shape does not fit; resolves with the topics of several copies of which one is enough to acknowledge. */
async function check(
  admin: Admin,
  shape: TopicShape,
  known: readonly Topic[],
  look: (topic: Topic, name: string, config: ReadonlyMap<string, string>) => void = () => {},
): Promise<string[]> {
  if (known.length === 0) return []
  const names = known.map((topic) => shape.prefix + topic)
  const { topics: found } = await admin.fetchTopicMetadata({ topics: names })
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({
      type: ConfigResourceTypes.TOPIC,
      name,
      configNames: ['cleanup.policy', 'retention.ms', 'max.message.bytes', 'min.insync.replicas'],
    })),
  })
  const thin: string[] = []
  const faults = known.flatMap((topic) => {
    const name = shape.prefix + topic
    const partitions = found.find((one) => one.name === name)?.partitions ?? []
    const entries = resources.find(({ resourceName }) => resourceName === name)?.configEntries ?? []
    const config = new Map(entries.map((one) => [one.configName, one.configValue]))
    look(topic, name, config)
    // What stands in the topic, else what the brokers have by default.
    const enough = Number(config.get('min.insync.replicas'))
    if (enough === 1 && copiesOf(partitions) >= 2) thin.push(name)
    return faultsOf(topic, name, partitions, config, shape)
  })
  if (faults.length === 0) return thin
  throw new Trouble(`topics are not as Mesoscope needs them: ${faults.join('; ')}`, {
    remedy: 'change or delete them, or set another bus.kafka.prefix',
  })
}

const copiesOf = (partitions: readonly { replicas: number[] }[]) =>
  Math.min(...partitions.map(({ replicas }) => replicas.length))

function faultsOf(
  topic: Topic,
  name: string,
  partitions: readonly { replicas: number[] }[],
  config: ReadonlyMap<string, string>,
  { replication, partitionsOf, maxRecordBytes }: TopicShape,
): string[] {
  const faults: string[] = []
  const fault = (what: string, there: number | string, wanted: number | string) =>
    faults.push(`${name} has ${what} ${there}, not ${wanted}`)
  const wanted = partitionsOf(topic)
  // With another number each key would go elsewhere: nothing would be in order, and some of it counted twice.
  if (partitions.length !== wanted) {
    faults.push(`${name} has ${partitions.length} partitions, not ${wanted}`)
  }
  const copies = copiesOf(partitions)
  if (copies < replication) faults.push(`${name} is held by ${copies} brokers, not ${replication}`)
  const policy = config.get('cleanup.policy') ?? ''
  const wantedPolicy = topics[topic].compacted ? 'compact' : 'delete'
  if (policy !== wantedPolicy) fault('cleanup.policy', policy, wantedPolicy)
  const bytes = Number(config.get('max.message.bytes'))
  if (bytes < maxRecordBytes) fault('max.message.bytes', bytes, `at least ${maxRecordBytes}`)
  return faults
}

/** It may have been changed on purpose, and nothing breaks by it. */
function tellRetention(
  topic: Topic,
  name: string,
  config: ReadonlyMap<string, string>,
  { retentionMs }: TopicShape,
  log: Logger,
): void {
  const found = Number(config.get('retention.ms'))
  if (topics[topic].compacted || found === retentionMs) return
  log.warn(
    { topic: name, 'retention.ms': found, wanted: retentionMs },
    'a topic keeps records for another time than bus.retention says; it is left as it is',
  )
}
