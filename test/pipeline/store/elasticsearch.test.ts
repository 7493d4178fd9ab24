import test, { type ExecutionContext } from 'ava'
import { manualClock } from '../../../pipeline/clock.ts'
import { isRetryable, Trouble } from '../../../pipeline/errors.ts'
import { openElasticsearchStore } from '../../../pipeline/store/elasticsearch.ts'
import { decodeDocs } from '../../../pipeline/record.ts'
import { dayMs, messages, noon, openSource } from '../../contracts/lines.ts'
import { rejection } from '../../contracts/suite.ts'
import {
  openHttpServer,
  type Asked,
  type Handler,
  type HttpServer,
} from '../../helpers/http-server.ts'

/*
 * What no healthy Elasticsearch answers when one wants it to: a server that is busy, too small, or another one. The
 * contract and the rest run on a real one, in `test/real/elasticsearch*.test.ts`.
 */

type Respond = (asked: Asked) => {
  status?: number
  body: unknown
  headers?: Record<string, string>
}

/** As Elasticsearch says who it is; `respond` decides the rest. */
function handler(respond: Respond): Handler {
  return (asked, response) => {
    const {
      status = 200,
      body,
      headers = { 'x-elastic-product': 'Elasticsearch' },
    } = respond(asked)
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
}

const sound: Respond = ({ url }) => ({
  body:
    url === '/'
      ? { version: { number: '9.4.3', build_flavor: 'default' } }
      : url.startsWith('/_index_template/')
        ? { index_templates: [] }
        : { acknowledged: true },
})

const clock = manualClock(noon + dayMs)

async function open(t: ExecutionContext, server: HttpServer, patienceMs = 2000) {
  const store = await openElasticsearchStore({
    connection: { urls: [server.url], requestTimeoutMs: 5000 },
    clock,
    bulk: { patienceMs },
  })
  t.teardown(() => store.close())
  return store
}

const wrongServers: [title: string, respond: Respond, message: RegExp][] = [
  [
    'a server that is not Elasticsearch',
    () => ({ body: { version: { number: '2.19.0' } }, headers: {} }),
    /is not Elasticsearch$/,
  ],
  [
    'an Elasticsearch of long ago',
    () => ({ body: { version: { number: '7.17.28', build_flavor: 'default' } } }),
    /is 7\.17\.28$/,
  ],
  [
    'one without indices of its own',
    () => ({ body: { version: { number: '9.4.3', build_flavor: 'serverless' } } }),
    /is serverless$/,
  ],
  [
    'one that lacks a kind of field',
    (asked) =>
      asked.method === 'PUT'
        ? {
            status: 400,
            body: {
              error: {
                type: 'mapper_parsing_exception',
                reason: 'No handler for type [flattened] declared on field [labels]',
              },
            },
          }
        : sound(asked),
    /lacks what Mesoscope needs: No handler for type \[flattened\]/,
  ],
  [
    'one that does not know us',
    () => ({
      status: 401,
      body: { error: { type: 'security_exception', reason: 'missing authentication credentials' } },
    }),
    /does not let us in: missing authentication credentials/,
  ],
]

for (const [title, respond, message] of wrongServers) {
  test(`${title} is refused at start, with what to do`, async (t) => {
    const server = await openHttpServer(t, handler(respond))
    const error = await rejection(t, open(t, server))
    t.regex(error.message, message)
    t.true(error instanceof Trouble)
    t.truthy((error as Trouble).remedy)
    t.false(isRetryable(error))
  })
}

test('one that is away is told as something that passes, without its password', async (t) => {
  const server = await openHttpServer(t, handler(sound))
  server.close()
  const connection = { urls: [server.url.replace('//', '//u:secret@')] }
  const error = await rejection(t, openElasticsearchStore({ connection, clock }))
  t.regex(error.message, /does not answer/)
  t.notRegex(error.message, /secret/)
  t.true(isRetryable(error))
})

/** The ids of a bulk request. */
const idsOf = ({ body }: Asked) =>
  body
    .split('\n')
    .filter((line) => line.startsWith('{"create"'))
    .map((line) => (JSON.parse(line) as { create: { _id: string } }).create._id)

interface Item {
  status: number
  error?: { type: string; reason: string }
}

/** Answers to bulk requests, in turn; the last one goes on. */
function bulkAnswers(...answers: ((asked: Asked) => Item[] | number)[]): Respond {
  let n = 0
  return (asked) => {
    if (!asked.url.includes('_bulk')) return sound(asked)
    const answer = answers[Math.min(n++, answers.length - 1)]?.(asked) ?? []
    if (typeof answer === 'number') {
      const reason = 'as the test has it'
      return { status: answer, body: { error: { type: 'some_exception', reason } } }
    }
    const items = answer.map((item) => ({ create: item }))
    return { body: { errors: answer.some(({ error }) => error), items } }
  }
}

const stored = (asked: Asked): Item[] => idsOf(asked).map(() => ({ status: 201 }))
const failed = (status: number, type: string, reason = 'as the test has it'): Item => ({
  status,
  error: { type, reason },
})
const record = openSource('c1:o', { service: 'web' }).tick(4)
const ids = decodeDocs(record).map((doc) => doc['event.id'])
const bulks = (server: HttpServer) => server.asked.filter(({ url }) => url.includes('_bulk'))

test('lines that found no room in the queue are sent again, and only they', async (t) => {
  const respond = bulkAnswers(
    () => [
      { status: 201 },
      failed(429, 'es_rejected_execution_exception'),
      failed(409, 'version_conflict_engine_exception'),
      failed(503, 'unavailable_shards_exception'),
    ],
    stored,
  )
  const server = await openHttpServer(t, handler(respond))
  const store = await open(t, server)
  t.deepEqual(await store.appendLogs([record]), { stored: 3, duplicates: 1, rejected: [] })
  t.deepEqual(bulks(server).map(idsOf), [ids, [ids[1], ids[3]]])
})

test('a busy server is asked again; one that stays busy is told as something that passes', async (t) => {
  const server = await openHttpServer(
    t,
    handler(
      bulkAnswers(
        () => 503,
        () => 429,
        stored,
      ),
    ),
  )
  const store = await open(t, server)
  t.is((await store.appendLogs([record])).stored, 4)
  server.answer(handler(bulkAnswers(() => 503)))
  const impatient = await open(t, server, 300)
  const error = await rejection(t, impatient.appendLogs([record]))
  t.true(isRetryable(error), error.message)
  t.regex(error.message, /503/)
})

test('a request that is too large is cut in halves', async (t) => {
  const respond = bulkAnswers((asked) => (idsOf(asked).length > 1 ? 413 : stored(asked)))
  const server = await openHttpServer(t, handler(respond))
  const store = await open(t, server)
  t.is((await store.appendLogs([record])).stored, 4)
  t.deepEqual(new Set(bulks(server).flatMap(idsOf)), new Set(ids))
})

test('a line that is refused is rejected with its reason, its neighbours are stored', async (t) => {
  const bad = failed(400, 'document_parsing_exception', 'failed to parse field [x]')
  const respond = bulkAnswers(() => [{ status: 201 }, bad, bad, { status: 201 }])
  const server = await openHttpServer(t, handler(respond))
  const store = await open(t, server)
  const result = await store.appendLogs([record])
  t.is(result.stored, 2)
  t.is(result.rejected.length, 1)
  const [rejected] = result.rejected
  t.deepEqual(rejected?.record.head.sequence, [1, 2])
  t.deepEqual(messages(decodeDocs(rejected?.record ?? record)), ['c1:o 1', 'c1:o 2'])
  t.is(rejected?.reason, 'failed to parse field [x] (document_parsing_exception)')
})

const noFaultOfALine: [title: string, item: Item, message: RegExp][] = [
  [
    'a full disk',
    failed(429, 'cluster_block_exception', 'disk usage exceeded flood-stage watermark'),
    /takes no writes for mesoscope-logs-default-2026\.11\.22: disk usage exceeded flood-stage/,
  ],
  [
    'an index that is read-only',
    failed(403, 'cluster_block_exception', 'index read-only (api)'),
    /takes no writes for .*: index read-only/,
  ],
  [
    'an index that is closed',
    failed(400, 'index_closed_exception', 'closed'),
    /did not store in .*closed/,
  ],
  [
    'a cluster that has too many shards',
    failed(400, 'validation_exception', 'this action would add [2] shards, but there are 1000'),
    /did not store in .*would add \[2\] shards/,
  ],
  [
    'indices that may not be made',
    failed(404, 'index_not_found_exception', 'no such index and auto_create is off'),
    /no such index/,
  ],
]

for (const [title, item, message] of noFaultOfALine) {
  test(`${title} rejects no line: it is told at once, and the same call succeeds later`, async (t) => {
    const respond = bulkAnswers((asked) => idsOf(asked).map(() => item))
    const server = await openHttpServer(t, handler(respond))
    const store = await open(t, server, 60_000)
    const error = await rejection(t, store.appendLogs([record]))
    t.regex(error.message, message)
    t.true(isRetryable(error))
    t.is(bulks(server).length, 1)
    server.answer(handler(bulkAnswers(stored)))
    t.is((await store.appendLogs([record])).stored, 4)
  })
}

test('many lines go in requests of limited size, three at a time, each line once', async (t) => {
  let under = 0
  let most = 0
  const server = await openHttpServer(t, (asked, response) => {
    under++
    most = Math.max(most, under)
    setTimeout(() => {
      under--
      return handler(bulkAnswers(stored))(asked, response)
    }, 5)
  })
  const store = await openElasticsearchStore({
    connection: { urls: [server.url] },
    clock,
    bulk: { maxDocs: 30 },
  })
  t.teardown(() => store.close())
  const source = openSource('c2:o', { service: 'web' })
  const records = Array.from({ length: 20 }, () => source.tick(10))
  most = 0
  const results = await Promise.all([
    store.appendLogs(records.slice(0, 10)),
    store.appendLogs(records.slice(10)),
  ])
  t.is(
    results.reduce((sum, one) => sum + one.stored, 0),
    200,
  )
  const sent = bulks(server).map(idsOf)
  t.true(sent.every((one) => one.length <= 30))
  t.is(new Set(sent.flat()).size, 200)
  t.is(sent.flat().length, 200)
  t.true(most <= 3)
})

test('lines of days that cannot be are rejected with the reason: each day is an index', async (t) => {
  const server = await openHttpServer(t, handler(bulkAnswers(stored)))
  const store = await open(t, server)
  const source = openSource('c1:o', { service: 'web' })
  const { stored: n, rejected } = await store.appendLogs([
    source.tick(2, noon - 400 * dayMs),
    source.tick(2, noon),
    source.tick(2, noon + 9 * dayMs),
  ])
  t.is(n, 2)
  t.deepEqual(
    rejected.map(({ reason }) => reason),
    ['older than 366 days: 2025-10-18', 'in the future: 2026-12-01'],
  )
})

test('what begins the names of indices is checked', async (t) => {
  const server = await openHttpServer(t, handler(sound))
  for (const prefix of ['', 'Big', 'a-b', 'a*', '-x', '../x']) {
    const opening = openElasticsearchStore({ connection: { urls: [server.url] }, clock, prefix })
    const error = await rejection(t, opening)
    t.true(error instanceof Trouble, error.message)
  }
})
