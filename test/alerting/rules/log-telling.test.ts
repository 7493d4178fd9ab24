import test from 'ava'
import { openTelling, type Tellable } from '../../../alerting/rules/log-telling.ts'

const minute = 60_000

const matchOf = (key: string): Tellable => ({
  match: { user: key },
  key,
  sample: {
    fingerprint: key,
    labels: { user: key },
    group: {},
    value: 1,
    signals: {},
    lastMs: 0,
    annotations: {},
  },
})

const many = (count: number, prefix = 'u') =>
  Array.from({ length: count }, (_, i) => matchOf(`${prefix}${i}`))

test('a match of a value that was told of lately is none, also after a restart', (t) => {
  const first = openTelling({ realert: minute }, undefined)
  t.is(first.told(0, [matchOf('__proto__'), matchOf('a'), matchOf('a')]).length, 2)
  const { telling } = first.save()
  const second = openTelling({ realert: minute }, structuredClone(telling))
  t.is(second.told(1000, [matchOf('a'), matchOf('__proto__'), matchOf('b')]).length, 1)
  t.is(second.told(2 * minute, [matchOf('a')]).length, 1)
})

test('ten thousand different values take no time that grows with each of them', (t) => {
  const { told } = openTelling({ realert: minute }, undefined)
  const began = performance.now()
  t.is(told(0, many(20_000)).length, 20_000)
  t.true(performance.now() - began < 2000)
  t.is(told(1, [matchOf('u19999')]).length, 0)
  t.is(told(1, [matchOf('u0')]).length, 1, 'the oldest are forgotten')
})

test('what is told together is bounded: beyond, different values are told as one', (t) => {
  const telling = openTelling({ aggregation: minute, aggregation_key: 'user' }, undefined)
  t.deepEqual(telling.told(0, many(12_000)), [])
  const told = telling.told(2 * minute, [])
  t.is(told.length, 10_001)
  t.is(
    told.reduce((sum, { value }) => sum + value, 0),
    12_000,
  )
  t.false(telling.isWaiting())
})
