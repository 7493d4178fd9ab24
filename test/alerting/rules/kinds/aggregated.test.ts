import test from 'ava'
import {
  openAggregating,
  type AggregatingState,
} from '../../../../alerting/rules/kinds/aggregated.ts'
import type { KindEvent, Share } from '../../../../alerting/rules/kinds/kind.ts'

const minute = 60_000
const parameters = { buffer_time: 60 * minute, match_bucket_filter: 'level:error', query_key: 'ip' }

const eventsOf = (ms: number, count: number): KindEvent[] =>
  Array.from({ length: count }, (_, i) => ({ ms, fields: { ip: `10.${i}`, 'log.level': 'error' } }))

test('however many groups there are, what is remembered stays bounded, and each line costs the same', (t) => {
  const state: AggregatingState = { slices: [] }
  const aggregating = openAggregating('percentage_match', parameters, state)
  const began = performance.now()
  for (let at = 0; at < 20; at++) aggregating.add(eventsOf(at * minute, 20_000))
  t.true(performance.now() - began < 5000)
  const groups = state.slices.map(({ groups }) => Object.keys(groups).length)
  t.true(groups.every((count) => count <= 10_000))
  t.is(
    groups.reduce((sum, count) => sum + count, 0),
    60_000,
  )
})

test('what has left the window makes room, also after a restart', (t) => {
  const state: AggregatingState = { slices: [] }
  const first = openAggregating('percentage_match', parameters, state)
  for (let at = 0; at < 6; at++) first.add(eventsOf(at * minute, 10_000))
  const second = openAggregating('percentage_match', parameters, state)
  second.add(eventsOf(6 * minute, 1))
  t.is(state.slices.length, 7)
  t.deepEqual(state.slices.at(-1)?.groups, {}, 'it is full')
  const shares: Share[] = []
  const kind = { addShare: (share: Share) => void shares.push(share), take: () => [] }
  second.run(64 * minute, kind)
  second.add(eventsOf(64 * minute, 3))
  second.run(65 * minute, kind)
  t.is(shares.filter(({ ms }) => ms === 65 * minute).length, 10_000)
  t.deepEqual(
    shares.find(({ ms, keys }) => ms === 65 * minute && keys[0] === '10.0'),
    { ms: 65 * minute, keys: ['10.0'], matching: 2, others: 0 },
  )
})
