import { installElasticsearch } from './elasticsearch-install.ts'
import { findJdk } from './java.ts'
import { installKafka } from './kafka.ts'

/** `npm run servers`: downloads what the suites on real servers need, once, and says where it is. */

process.stdout.write(`Kafka: ${await installKafka()}\n`)
process.stdout.write(`Elasticsearch: ${await installElasticsearch(findJdk(21))}\n`)
