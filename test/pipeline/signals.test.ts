import test from 'ava'
import { openSignalBoard, topicsOf, type SignalDeclaration } from '../../pipeline/signals.ts'
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

const cpu: Partial<SignalDeclaration> = { from: 'metrics', metric: 'container.cpu.usage' }
/** The values of a bucket, as the measurer counts them. */
function valued(from: number, values: number[], more: Partial<SignalBucket> = {}) {
  const sum = values.reduce((total, value) => total + value, 0)
  const [min, max, last] = [Math.min(...values), Math.max(...values), values.at(-1) ?? 0]
  return bucket(from, values.length, { values: { sum, min, max, last }, ...more })
}
const measured = [
  valued(0, [100]),
  valued(10, [1, 2, 9]),
  valued(10, [4], { partition: 1, lastMs: 17 }),
  valued(20, [6, 5]),
]

const metricCases: [
  string,
  Partial<SignalDeclaration>,
  SignalBucket[],
  number,
  number | undefined,
][] = [
  ['avg is Σsum / Σcount of the window', { measure: 'avg' }, measured, 30, 27 / 6],
  ['sum is Σsum', { measure: 'sum' }, measured, 30, 27],
  ['min is the smallest', { measure: 'min' }, measured, 30, 1],
  ['max is the largest', { measure: 'max' }, measured, 30, 9],
  ['last is the newest', { measure: 'last' }, measured, 30, 5],
  ['last of two partitions is the newer one', { measure: 'last' }, measured, 20, 4],
  ['count is that of the samples', { measure: 'count' }, measured, 30, 6],
  ['rate is samples a second', { measure: 'rate' }, measured, 30, 300],
  ['absent is 0 while there are samples', { measure: 'absent' }, measured, 30, 0],
  ['absent is 1 when there are none', { measure: 'absent' }, measured, 60, 1],
  [
    'a bucket replaced is not added',
    { measure: 'avg' },
    [valued(0, [1, 3]), valued(0, [5, 5])],
    10,
    5,
  ],
  [
    'an older bucket that comes later changes no last',
    { measure: 'last' },
    measured.toReversed(),
    30,
    5,
  ],
  ...(['avg', 'sum', 'min', 'max', 'last', 'count', 'rate'] as const).map(
    (measure): (typeof metricCases)[number] => [
      `${measure} of metrics has no value without a sample in the window`,
      { measure },
      measured,
      60,
      undefined,
    ],
  ),
  ['a bucket of lines has no mean', { measure: 'avg' }, [bucket(0, 3)], 10, undefined],
  [
    'a mean is not that of lines',
    { measure: 'avg' },
    [bucket(0, 3), valued(0, [8], { partition: 1 })],
    10,
    8,
  ],
]

for (const [sentence, overrides, buckets, ts, expected] of metricCases) {
  test(`of metrics: ${sentence}`, (t) => {
    t.is(valueAt(boardOf({ ...cpu, ...overrides }, buckets), ts), expected)
  })
}

test('of two partitions with a value of the same ms last is the same, whichever came first', (t) => {
  const [one, other] = [valued(0, [1]), valued(0, [2], { partition: 1 })]
  const last = (buckets: SignalBucket[]) =>
    valueAt(boardOf({ ...cpu, measure: 'last' }, buckets), 10)
  t.is(last([one, other]), last([other, one]))
})

test('changes count as lines do: a known group has 0', (t) => {
  const board = boardOf({ from: 'changes' }, [bucket(0, 2)])
  t.is(valueAt(board, 10), 2)
  t.is(valueAt(board, 100), 0)
})

test('a group without samples is no longer held, and nobody is told of it', (t) => {
  const board = boardOf({ ...cpu, measure: 'avg' }, measured)
  t.deepEqual(board.dropBefore(50), { silent: [], forgotten: [] })
  t.is(board.size(), 0)
  board.remember({ signal: 's', group, lastMs: 40 }, false)
  t.deepEqual(board.dropBefore(60), { silent: [], forgotten: [] })
})

test('a group that was written down when the signal was another one is forgotten there too', (t) => {
  const board = boardOf({ ...cpu, measure: 'avg' }, [])
  const seen = { signal: 's', group, lastMs: 40 }
  board.remember(seen, true)
  t.is(valueAt(board, 50), undefined)
  t.deepEqual(board.dropBefore(60), { silent: [], forgotten: [seen] })
  t.deepEqual(board.dropBefore(70), { silent: [], forgotten: [] })
})

test('the topics are those that a signal is measured from', (t) => {
  t.deepEqual(topicsOf({ a: { from: 'changes' }, b: { from: 'logs' }, c: { from: 'logs' } }), [
    'logs',
    'changes',
  ])
  t.deepEqual(topicsOf({ a: { from: 'metrics' } }), ['metrics'])
  t.deepEqual(topicsOf({}), ['logs'], 'time goes on also without any')
})
