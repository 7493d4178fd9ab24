import { elasticsearchConnection, kafkaConnection } from '../config/servers.ts'
import type { Settings } from '../config/settings.ts'
import { silentLog } from '../pipeline/log.ts'
import { found, type Finding } from './examine.ts'

/** Kafka and Elasticsearch, where they are set up: they answer, take the login, and can be used. Nothing is changed. */
export function checkServers({ bus, store }: Pick<Settings, 'bus' | 'store'>): Promise<Finding>[] {
  const { kafka, retention } = bus
  const { elasticsearch } = store
  return [
    ...(kafka ? [checkKafka(kafka, retention)] : []),
    ...(elasticsearch ? [checkElasticsearch(elasticsearch)] : []),
  ]
}

function checkKafka(
  kafka: NonNullable<Settings['bus']['kafka']>,
  retentionMs: number,
): Promise<Finding> {
  return found('Kafka', 'check bus.kafka, and that the brokers run', async () => {
    const { prefix, replication, partitions } = kafka
    const { inspectKafka } = await import('../pipeline/bus/kafka.ts')
    const options = { prefix, replication, partitions, retentionMs, log: silentLog }
    return inspectKafka({ ...kafkaConnection(kafka), ...options })
  })
}

function checkElasticsearch(
  elasticsearch: NonNullable<Settings['store']['elasticsearch']>,
): Promise<Finding> {
  return found('Elasticsearch', 'check store.elasticsearch, and that it runs', async () => {
    const { inspectElasticsearch } = await import('../pipeline/store/elasticsearch.ts')
    return inspectElasticsearch(elasticsearchConnection(elasticsearch))
  })
}
