import test from 'ava'
import { storeContract } from '../contracts/store.ts'
import { startElasticsearch, type ElasticsearchServer } from '../servers/elasticsearch.ts'
import { openElasticsearchSubject } from './elasticsearch-subject.ts'

/* The contract of every store, on a real Elasticsearch: that of MESOSCOPE_TEST_ELASTICSEARCH, or one that is started here. */
const given = process.env['MESOSCOPE_TEST_ELASTICSEARCH']
let server: ElasticsearchServer | undefined

test.before('Elasticsearch is up', async (t) => {
  t.timeout(600_000)
  if (given === undefined) server = await startElasticsearch()
})

test.after.always('Elasticsearch is down', async () => {
  await server?.close()
})

storeContract(test.serial, () =>
  openElasticsearchSubject(given ?? (server as ElasticsearchServer).url, { prefix: 'contract' }),
)
