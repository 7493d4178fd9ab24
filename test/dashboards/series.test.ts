import test from 'ava'
import { newestValue } from '../../dashboards/charts.ts'
import { newestOf, seriesOf, stepsOver, withoutOpenStep } from '../../dashboards/series.ts'
import type { SignalFacts } from '../../dashboards/api.ts'
import type { Measure } from '../../pipeline/measures.ts'
import type { BucketValues, SignalBucket } from '../../pipeline/event.ts'

const steps = { from: 0, stepMs: 10_000, length: 4 }

function bucket(from: number, count: number, more: Partial<SignalBucket> = {}): SignalBucket {
  const group = { service: '/shop/web' }
  return { signal: 's', group, from, to: from + 5000, partition: 0, count, lastMs: from, ...more }
}

const values = (sum: number, min: number, max: number, last: number): BucketValues => ({
  sum,
  min,
  max,
  last,
})

/** Rates and counts are of lines, the others of samples. */
function factsOf(measure: Measure, overMs = 0): SignalFacts {
  const counted = measure === 'rate' || measure === 'count'
  return { from: counted ? 'logs' : 'metrics', measure, overMs }
}

const cases: [measure: Measure, buckets: SignalBucket[], expected: (number | null)[]][] = [
  ['rate', [bucket(0, 5), bucket(5000, 15), bucket(30_000, 10)], [2, 0, 0, 1]],
  ['count', [bucket(10_000, 5), bucket(10_000, 1, { partition: 1 })], [null, 6, null, null]],
  ['absent', [bucket(0, 5), bucket(10_000, 0)], [0, 1, null, null]],
  [
    'avg',
    [bucket(0, 2, { values: values(3, 1, 2, 2) }), bucket(20_000, 0)],
    [1.5, null, null, null],
  ],
  [
    'avg',
    [
      bucket(0, 1, {
        group: { service: '/shop/web', task: 'a' },
        values: values(0.2, 0.2, 0.2, 0.2),
      }),
      bucket(0, 3, {
        group: { service: '/shop/web', task: 'b' },
        values: values(2.4, 0.8, 0.8, 0.8),
      }),
    ],
    [0.65, null, null, null],
  ],
  [
    'min',
    [bucket(0, 2, { values: values(3, 1, 2, 2) }), bucket(0, 1, { values: values(0, 0, 0, 0) })],
    [0, null, null, null],
  ],
  [
    'max',
    [bucket(0, 2, { values: values(3, 1, 2, 2) }), bucket(5000, 1, { values: values(9, 9, 9, 9) })],
    [9, null, null, null],
  ],
  [
    'sum',
    [bucket(0, 2, { values: values(3, 1, 2, 2) }), bucket(5000, 1, { values: values(9, 9, 9, 9) })],
    [12, null, null, null],
  ],
  [
    'last',
    [bucket(5000, 1, { values: values(7, 7, 7, 7) }), bucket(0, 1, { values: values(3, 3, 3, 3) })],
    [7, null, null, null],
  ],
]

for (const [measure, buckets, expected] of cases) {
  test(`${measure} of ${buckets.length} buckets is [${expected.join(', ')}]`, (t) => {
    t.deepEqual(seriesOf(factsOf(measure), buckets, steps), expected)
  })
}

test('steps cover the whole range and begin at multiples of their length', (t) => {
  t.deepEqual(stepsOver({ from: 12_345, to: 40_001 }, 10_000), {
    from: 10_000,
    stepMs: 10_000,
    length: 4,
  })
  t.deepEqual(stepsOver({ from: 10_000, to: 20_000 }, 10_000).length, 1)
})

test('buckets outside of the steps count nowhere', (t) => {
  const series = seriesOf(factsOf('count'), [bucket(-5000, 5), bucket(40_000, 5)], steps)
  t.deepEqual(series, [null, null, null, null])
})

test('a step that has not ended yet shows nothing rather than too little', (t) => {
  t.deepEqual(withoutOpenStep([1, 2, 3, 4], steps, 35_000), [1, 2, 3, null])
  t.deepEqual(withoutOpenStep([1, 2, 3, 4], steps, 40_000), [1, 2, 3, 4])
})

test('the newest value is the last that was measured', (t) => {
  t.is(newestOf([1, null, 0, null]), 0)
  t.is(newestOf([null, null]), undefined)
})

test('between two measurements the earlier one holds for the length of the window', (t) => {
  const at = (from: number, value: number) =>
    bucket(from, 1, { values: values(value, value, value, value) })
  const many = { from: 0, stepMs: 10_000, length: 7 }
  const facts = factsOf('last', 20_000)
  t.deepEqual(seriesOf(facts, [at(0, 1), at(20_000, 2), at(60_000, 3)], many), [
    1,
    1,
    2,
    null,
    null,
    null,
    3,
  ])
  t.deepEqual(seriesOf(factsOf('last'), [at(0, 1), at(20_000, 2)], { ...many, length: 3 }), [
    1,
    null,
    2,
  ])
})

test('a rate is 0 half a minute after its last line; what is measured holds until it is old', (t) => {
  const lines = [bucket(100_000, 50), bucket(105_000, 50)]
  t.is(newestValue(factsOf('rate'), lines, 120_000), 10)
  t.is(newestValue(factsOf('rate'), lines, 145_000), 0)
  t.is(newestValue(factsOf('rate'), lines, 300_000), undefined, 'nobody has looked for long')
  const samples = [bucket(100_000, 1, { values: values(0.4, 0.4, 0.4, 0.4) })]
  t.is(newestValue(factsOf('max', 30_000), samples, 145_000), 0.4)
  const counter: SignalFacts = { from: 'metrics', measure: 'rate', counter: true, overMs: 30_000 }
  const grown = [bucket(100_000, 1, { values: values(50, 50, 50, 50) })]
  t.is(newestValue(counter, grown, 145_000), 5, 'between two scrapes it has not stopped')
})
