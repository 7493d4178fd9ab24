import test from 'ava'
import { openSignalBoard, type SignalDeclaration } from '../../alerting/signals.ts'
import type { SignalBucket } from '../../pipeline/event.ts'

const declaration: SignalDeclaration = {
  from: 'logs',
  where: '',
  measure: 'count',
  overMs: 20,
  by: ['service'],
}
const group = { service: '/a' }

function bucket(from: number, count: number, more: Partial<SignalBucket> = {}): SignalBucket {
  const place = { signal: 's', group, from, to: from + 10, partition: 0 }
  return { ...place, count, lastMs: from + 5, ...more }
}

function boardOf(overrides: Partial<SignalDeclaration>, buckets: SignalBucket[], seenForMs = 1000) {
  const board = openSignalBoard({ s: { ...declaration, ...overrides } }, { seenForMs })
  for (const one of buckets) board.put(one)
  return board
}

const valueAt = (board: ReturnType<typeof boardOf>, ts: number) =>
  [...board.valuesAt('s', ts).values()][0]?.value

const cases: [string, Partial<SignalDeclaration>, SignalBucket[], number, number | undefined][] = [
  ['counts [T − over, T)', {}, [bucket(0, 1), bucket(10, 2), bucket(20, 4), bucket(30, 8)], 30, 6],
  ['a bucket that is not over at T does not count yet', {}, [bucket(0, 1), bucket(10, 2)], 15, 1],
  ['rate is a second', { measure: 'rate' }, [bucket(0, 1), bucket(10, 2)], 20, 150],
  ['partitions add up', {}, [bucket(0, 1), bucket(0, 5, { partition: 3 })], 10, 6],
  ['a later bucket replaces', {}, [bucket(0, 1), bucket(0, 7)], 10, 7],
  ['a known group without events counts 0', {}, [bucket(0, 3)], 100, 0],
  ['a group never seen has no value', {}, [], 100, undefined],
  ['a bucket without events is not having been seen', {}, [bucket(0, 0)], 10, undefined],
  ['a group is forgotten after a while', {}, [bucket(0, 3)], 1006, undefined],
  ['absent is 0 while there are events', { measure: 'absent' }, [bucket(0, 3)], 20, 0],
  ['absent is 1 when there are none', { measure: 'absent' }, [bucket(0, 3)], 30, 1],
  ['absent has no value for a group never seen', { measure: 'absent' }, [], 30, undefined],
]

for (const [sentence, overrides, buckets, ts, expected] of cases) {
  test(sentence, (t) => {
    t.is(valueAt(boardOf(overrides, buckets), ts), expected)
  })
}

test('groups are the same whatever the order of their fields', (t) => {
  const board = boardOf({}, [
    bucket(0, 1, { group: { service: '/a', task: 't' } }),
    bucket(0, 2, { group: { task: 't', service: '/a' }, partition: 1 }),
  ])
  t.deepEqual(
    [...board.valuesAt('s', 10).values()].map(({ value }) => value),
    [3],
  )
})

test('a bucket of no declared signal is not taken', (t) => {
  t.false(boardOf({}, []).put(bucket(0, 1, { signal: 'other' })))
})

test('what no evaluation needs is dropped; the group that fell silent is reported once', (t) => {
  const board = boardOf({ measure: 'absent' }, [bucket(0, 1), bucket(10, 1)])
  t.deepEqual(board.dropBefore(25), { silent: [], forgotten: [] })
  t.is(board.size(), 1)
  const seen = { signal: 's', group, lastMs: 15 }
  t.deepEqual(board.dropBefore(31), { silent: [seen], forgotten: [] })
  t.deepEqual(board.dropBefore(40), { silent: [], forgotten: [] })
  t.deepEqual(board.valuesAt('s', 40).get('{"service":"/a"}'), { group, value: 1, lastMs: 15 })
  t.deepEqual(board.dropBefore(1016), { silent: [], forgotten: [seen] })
  t.is(board.valuesAt('s', 1016).size, 0)
})

test('a silent group that is put back is absent', (t) => {
  const board = boardOf({ measure: 'absent' }, [])
  board.remember({ signal: 's', group, lastMs: 15 }, true)
  t.is(valueAt(board, 100), 1)
  t.deepEqual(board.dropBefore(100).silent, [])
})
