import test from 'ava'
import { openKind, type KindName } from '../../../../alerting/rules/kinds/index.ts'
import { lookup, type KindEvent } from '../../../../alerting/rules/kinds/kind.ts'

/* What each kind matches is replayed from ElastAlert's own answers (`test/oracles`); here is what one has to know to use them. */

const second = 1000
const event = (at: number, fields: Record<string, unknown> = {}): KindEvent => ({
  ms: at * second,
  fields,
})

test('frequency: so many within a timeframe, by group, then anew', (t) => {
  const kind = openKind('frequency', {
    num_events: 3,
    timeframe: 10 * second,
    query_key: 'user.name',
  })
  const of = (at: number, name: string) => event(at, { user: { name } })
  kind.add?.([
    of(0, 'ana'),
    of(1, 'bob'),
    of(5, 'ana'),
    of(9, 'ana'),
    of(9.5, 'ana'),
    of(12, 'bob'),
  ])
  t.deepEqual(
    kind.take().map(({ ms, fields }) => [ms, lookup(fields, 'user.name')]),
    [[9 * second, 'ana']],
  )
  kind.add?.([of(9.7, 'ana'), of(9.8, 'ana')])
  t.is(kind.take().length, 1, 'the fourth began anew')
})

test('flatline: too few at each run, also without any event', (t) => {
  const kind = openKind('flatline', { threshold: 2, timeframe: 60 * second })
  kind.collect?.(0)
  kind.add?.([event(10)])
  kind.collect?.(59 * second)
  t.deepEqual(kind.take(), [])
  kind.collect?.(60 * second)
  kind.collect?.(120 * second)
  t.deepEqual(
    kind.take().map(({ added }) => added),
    [
      { key: 'all', count: 1, threshold: 2 },
      { key: 'all', count: 0, threshold: 2 },
    ],
  )
})

test('new_term: once, and what is known from the past not at all', (t) => {
  const parameters = { fields: ['version', ['service', 'status']] }
  const past = { seen: { version: ['"1"'] } }
  const kind = openKind('new_term', parameters, past)
  const fields = { version: '1', service: '/web', status: 500 }
  kind.add?.([event(0, fields), event(1, fields), event(2, { version: '2' })])
  t.deepEqual(
    kind.take().map(({ ms, added }) => [ms, added['new_field']]),
    [
      [0, ['service', 'status']],
      [2 * second, 'version'],
    ],
  )
  const again = openKind('new_term', parameters, kind.save())
  again.add?.([event(3, fields), event(4, { version: '2' })])
  t.deepEqual(again.take(), [], 'a restart knows it')
  t.deepEqual(past, { seen: { version: ['"1"'] } }, 'what was given is not changed')
})

const wrong: [kind: KindName, parameters: unknown, message: RegExp][] = [
  ['frequency', { timeframe: 1000 }, /^frequency: num_events: /],
  ['frequency', { num_events: 1, timeframe: 1000, num_event: 2 }, /^frequency: num_event: /],
  ['spike', { timeframe: 1000, spike_height: 2, spike_type: 'sideways' }, /^spike: spike_type: /],
  [
    'cardinality',
    { timeframe: 1000, cardinality_field: 'host' },
    /needs max_cardinality or min_cardinality/,
  ],
  [
    'change',
    { query_key: 'user', compound_compare_key: [], ignore_null: true },
    /compound_compare_key/,
  ],
  [
    'metric_aggregation',
    { metric_agg_key: 'cpu', metric_agg_type: 'guess', max_threshold: 1 },
    /metric_agg_type/,
  ],
  ['flatline', 5, /^flatline: /],
]
for (const [kind, parameters, message] of wrong) {
  test(`${kind} with ${JSON.stringify(parameters)} is refused, and says why`, (t) => {
    t.throws(() => openKind(kind, parameters), { instanceOf: TypeError, message })
  })
}

test('fields are found by dotted names, whole or nested, and nothing else is', (t) => {
  const fields = { 'service.name': '/web', http: { response: { status_code: 500 } }, empty: null }
  t.is(lookup(fields, 'service.name'), '/web')
  t.is(lookup(fields, 'http.response.status_code'), 500)
  t.is(lookup(fields, 'http.request'), undefined)
  t.is(lookup(fields, 'empty'), undefined)
  t.is(lookup(fields, '__proto__.toString'), undefined)
  t.is(lookup(fields, 'constructor'), undefined)
})

test('keys that are no text, or look like names of objects, are groups like others', (t) => {
  const kind = openKind('frequency', { num_events: 2, timeframe: 10 * second, query_key: 'user' })
  for (const user of ['__proto__', 'constructor', 5, null, ['a'], undefined]) {
    kind.add?.([event(0, { user }), event(1, { user })])
    t.is(kind.take().length, 1, String(user))
  }
})
