import kafkajs, { type Admin } from 'kafkajs'
import { until } from '../contracts/suite.ts'
import type { KafkaServers } from '../servers/kafka.ts'

/* What a cluster of three says of itself, asked by a client that is not ours. Brokers count from 0, as in KafkaServers. */

/** Asks all brokers but those that say nothing. */
export async function asking<T>(
  { brokers }: KafkaServers,
  silent: readonly number[],
  ask: (admin: Admin) => Promise<T>,
): Promise<T> {
  const awake = brokers.filter((_, broker) => !silent.includes(broker))
  const admin = new kafkajs.Kafka({ brokers: awake, logLevel: 0 }).admin()
  await admin.connect()
  try {
    return await ask(admin)
  } finally {
    await admin.disconnect()
  }
}

/** Which broker leads each partition. */
export function leadersOf(servers: KafkaServers, topic: string, silent: readonly number[] = []) {
  return asking(servers, silent, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const partitions = topics[0]?.partitions ?? []
    return new Map(partitions.map(({ partitionId, leader }) => [partitionId, leader - 1]))
  })
}

/** Until others lead what this broker led. */
export function deposed(servers: KafkaServers, topic: string, broker: number, patienceMs: number) {
  return until(
    'others to lead',
    async () => {
      const leaders = await leadersOf(servers, topic, [broker]).catch(() => undefined)
      return leaders && [...leaders.values()].every((one) => one >= 0 && one !== broker)
    },
    patienceMs,
  )
}

/** How many records each partition holds, by its number. */
export function countsOf(servers: KafkaServers, topic: string, silent: readonly number[] = []) {
  return asking(servers, silent, async (admin) => {
    const offsets = await admin.fetchTopicOffsets(topic)
    return new Map(offsets.map(({ partition, high }) => [partition, Number(high)]))
  })
}
