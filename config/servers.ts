import type { KafkaConnection } from '../pipeline/bus/kafka-client.ts'
import { readPem } from '../pipeline/http-connection.ts'
import type { ElasticsearchConnection } from '../pipeline/store/elasticsearch-client.ts'
import type { Settings } from './settings.ts'

type Kafka = NonNullable<Settings['bus']['kafka']>
type Elasticsearch = NonNullable<Settings['store']['elasticsearch']>

/** Reads the files it names; throws a Trouble that names the one which cannot be read. */
export function kafkaConnection(kafka: Kafka): KafkaConnection {
  const { brokers, tls, sasl: mechanism, user, password } = kafka
  const [ca, cert, key] = [kafka.ca, kafka.cert, kafka.key].map(readPem)
  const pems = { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) }
  return {
    brokers,
    ...(tls ? { tls: Object.keys(pems).length > 0 ? pems : true } : {}),
    ...(mechanism && user !== undefined
      ? { sasl: { mechanism, user, password: password?.reveal() ?? '' } }
      : {}),
  }
}

/** Likewise. */
export function elasticsearchConnection(elasticsearch: Elasticsearch): ElasticsearchConnection {
  const { urls, user, password, api_key: apiKey } = elasticsearch
  const ca = readPem(elasticsearch.ca)
  return {
    urls,
    ...(user === undefined ? {} : { username: user, password: password?.reveal() ?? '' }),
    ...(apiKey ? { apiKey: apiKey.reveal() } : {}),
    ...(ca ? { ca } : {}),
  }
}
