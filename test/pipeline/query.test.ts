import test from 'ava'
import { isRetryable, Trouble } from '../../pipeline/errors.ts'
import type { ChangeDoc, SampleDoc } from '../../pipeline/event.ts'
import { parsePattern, parseQuery } from '../../pipeline/query.ts'
import { docsOf, openSource } from '../contracts/lines.ts'
import {
  queries,
  refused,
  said,
  served,
  servedQueries,
  type Said,
  type Served,
} from '../contracts/queries.ts'
import { toLine } from '../contracts/store-queries.ts'

const names = Object.keys(said) as Said[]
const docs = docsOf(
  openSource('c1:o', { service: '/shop/web', labels: { team: 'shop' } }).write(
    ...names.map(toLine),
  ),
)

for (const { query, finds, because } of queries) {
  test(`${query || '(empty)'}: ${because}`, (t) => {
    const { matches, words, levels, onlyLevel } = parseQuery(query)
    t.deepEqual(
      names.filter((_, i) => matches(docs[i]!)),
      finds,
    )
    for (const doc of docs.filter(matches)) {
      if (levels)
        t.true(levels.includes(doc['log.level']), 'levels names those of all matching lines')
      t.true(words.every((word) => /^[a-z0-9]+$/.test(word)))
    }
    if (onlyLevel)
      t.deepEqual(
        docs.filter(matches),
        docs.filter((doc) => !levels || levels.includes(doc['log.level'])),
      )
  })
}

const servedNames = Object.keys(served) as Served[]
const servedDocs = docsOf(
  openSource('c1:o').write(...servedNames.map((name) => ({ message: served[name] }))),
)
for (const { query, finds, because } of servedQueries) {
  test(`served: ${query}: ${because}`, (t) => {
    const { matches } = parseQuery(query)
    t.deepEqual(
      servedNames.filter((_, i) => matches(servedDocs[i]!)),
      finds,
    )
  })
}

const change: ChangeDoc = {
  '@timestamp': '2026-11-22T18:26:02.000000000Z',
  'event.id': 'change:task:web.1:5',
  'event.kind': 'task',
  'event.action': 'died',
  message: 'died after 3 h: out of memory',
  'service.name': '/shop/web',
  'mesos.task.id': 'web.1',
  'task.state': 'TASK_FAILED',
  'task.reason': 'REASON_CONTAINER_LIMITATION_MEMORY',
  'process.exit_code': 137,
  'container.oom_killed': true,
  'task.last_lines': ['GET /cart HTTP/1.1', 'bye'],
  labels: { team: 'shop' },
}
const sample: SampleDoc = {
  '@timestamp': '2026-11-22T18:26:02.000000000Z',
  'event.id': 'sample:docker:here:l:0',
  'event.sequence': 0,
  metrics: { 'container.cpu.usage': 0.25, 'mesos.master.elected': 1 },
  'service.name': '/shop/web',
  'host.name': 'agent-1',
}
const letter = { 'event.id': 'dead:1', 'event.kind': 'dead', reason: 'not a record', bytes: 120 }

const others: [query: string, ofChange: boolean, ofSample: boolean, ofLetter: boolean][] = [
  ['', true, true, true],
  ['*', true, true, true],
  ['memory', true, false, false],
  ['NOT memory', false, true, true],
  ['/memory$/', true, false, false],
  ['/^$/', false, false, false],
  ['kind:task', true, false, false],
  ['kind:dead OR kind:task', true, false, true],
  ['action:died AND exit:137', true, false, false],
  ['action:killed', false, false, false],
  ['exit:>128', true, false, false],
  ['exit:0', false, false, false],
  ['oom:true', true, false, false],
  ['oom:*', true, false, false],
  ['state:TASK_FAILED', true, false, false],
  ['reason:*MEMORY', true, false, false],
  ['reason:record', false, false, true],
  ['task.last_lines:bye', true, false, false],
  ['method:GET', false, false, false],
  ['task:web.1', true, false, false],
  ['service:"/shop/web"', true, true, false],
  ['labels.team:shop', true, false, false],
  ['agent:agent-1', false, true, false],
  ['metrics.container.cpu.usage:>0.2', false, true, false],
  ['metrics.mesos.master.elected:1', false, true, false],
  ['level:error', false, false, false],
  ['bytes:>100', false, false, true],
  ['id:"change:task:web.1:5"', true, false, false],
]
for (const [query, ...expected] of others) {
  test(`of a change, a sample and a dead letter: ${query || '(empty)'}`, (t) => {
    const { matches, mayMatch } = parseQuery(query)
    t.deepEqual([change, sample, letter].map(matches), expected)
    for (const doc of [change, sample, letter].filter(matches)) {
      t.true(mayMatch(JSON.stringify(doc)))
    }
  })
}

test('what stands in fields of changes and samples is not looked for in the message', (t) => {
  const own = ['kind:task', 'exit:137', 'state:TASK_FAILED', 'task.last_lines:bye', 'metrics.x:5']
  for (const query of own) t.deepEqual(parseQuery(query).words, [], query)
  t.deepEqual(parseQuery('task_id:web').words, ['web'], 'other fields are')
})

test('text that holds no match is passed over, and only that', (t) => {
  const asked = [...queries, ...servedQueries].map(({ query }) => parseQuery(query))
  const all = [...docs, ...servedDocs]
  let passedOver = 0
  for (const { text, matches, mayMatch } of asked) {
    for (const doc of all) {
      const may = mayMatch(JSON.stringify(doc))
      if (matches(doc)) t.true(may, `${text} in ${doc.message}`)
      if (!may) passedOver++
    }
    const matching = all.filter(matches)
    if (matching.length > 0) t.true(mayMatch(all.map((doc) => JSON.stringify(doc)).join('\n')))
  }
  t.true(passedOver > all.length * asked.length * 0.3, `${passedOver} are passed over`)
})

const passing: [query: string, json: string, may: boolean][] = [
  ['status:>=500', '{"message":"nothing here"}', false],
  ['status:>=500', '{"message":"a - - [1] \\"GET / HTTP/1.1\\" 5"}', true],
  ['status:>=500', '{"message":"{\\"status\\":5}"}', true],
  ['status:>=500', '{"message":"\\u0073tatus"}', true],
  ['user.id:5', '{"message":"GET / HTTP/1.1 5"}', false],
  ['user.id:5', '{"message":"{\\"user\\":{\\"id\\":5}}"}', true],
  ['user.id:5', '{"message":"{\\"user\\":{\\"id\\":6}}"}', false],
  ['zone:1 AND rack:1', '{"message":"{\\"zone\\":1}"}', false],
  ['zone:1 OR rack:1', '{"message":"{\\"zone\\":1}"}', true],
  ['zone:1 OR rack:1', '{"message":"1 c"}', false],
  ['NOT zone:1', '{"message":"c"}', true],
  ['timeout', '{"message":"a TimeOut"}', true],
  ['timeout', '{"message":"a time"}', false],
  ['timeout', '{"message":"a \\u0074imeout"}', true],
  ['"straße"', '{"message":"x"}', true],
]
for (const [query, json, may] of passing) {
  test(`${query} ${may ? 'may match' : 'cannot match'} ${json}`, (t) => {
    t.is(parseQuery(query).mayMatch(json), may)
  })
}

for (const query of refused) {
  test(`the query ${query.slice(0, 20)} is refused in words`, (t) => {
    const error = t.throws(() => parseQuery(query), { instanceOf: Trouble })
    t.false(isRetryable(error))
    t.true(error.message.length > 10)
  })
}

const patterns: [pattern: string, text: string, found: boolean][] = [
  ['cart', 'GET /cart', true],
  ['/cart', 'GET /cart', true],
  ['a.c', 'xabcx', true],
  ['a.c', 'ac', false],
  ['^GET', 'GET /cart', true],
  ['\\d{3}$', 'status 502', true],
  ['(a+)+$', `${'a'.repeat(5000)}b`, false],
  ['a_b', 'a_b', true],
]
for (const [pattern, text, found] of patterns) {
  test(`the pattern ${pattern} ${found ? 'is' : 'is not'} in ${text.slice(0, 20)}`, (t) => {
    t.is(parsePattern(pattern).test(text), found)
  })
}

for (const pattern of ['(', '[z-a]', '(?=look)', '\\1']) {
  test(`the pattern ${pattern} is refused with what to write instead`, (t) => {
    const error = t.throws(() => parsePattern(pattern), { instanceOf: Trouble })
    t.regex(error.remedy ?? '', /RE2/)
  })
}
