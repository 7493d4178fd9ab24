import test from 'ava'
import { storeContract } from '../contracts/store.ts'
import { startElasticsearch, type ElasticsearchServer } from '../servers/elasticsearch.ts'
import { openElasticsearchSubject } from './elasticsearch-subject.ts'
import { troubleTests } from './elasticsearch-trouble.ts'

/*
 * The store on a real Elasticsearch, which is started here (and downloaded, the first time: a GB). With the address of one
 * that runs already in MESOSCOPE_TEST_ELASTICSEARCH only the contract is run, on that.
 */
const given = process.env['MESOSCOPE_TEST_ELASTICSEARCH']
let started: ElasticsearchServer | undefined
const server = () => started as ElasticsearchServer

test.before('Elasticsearch is up', async (t) => {
  t.timeout(10 * 60_000)
  if (given === undefined) started = await startElasticsearch()
})

test.after.always('Elasticsearch is down', async () => {
  await started?.close()
})

storeContract(test.serial, () =>
  openElasticsearchSubject(given ?? server().url, { prefix: 'contract' }),
)
if (given === undefined) troubleTests(server)
