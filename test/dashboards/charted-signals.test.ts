import test from 'ava'
import {
  addNumber,
  addTerm,
  emptyDistribution,
  writtenDistribution,
} from '../../pipeline/distribution.ts'
import type { SignalBucket } from '../../pipeline/event.ts'
import type { SignalDeclaration, SignalDeclarations } from '../../pipeline/signals.ts'
import { open } from './open.ts'

/* Charts of signals that are more than sums: percentiles, different values, and what is made of others. */

const minute = 60_000
const t0 = Date.UTC(2026, 10, 22, 18)
const service = '/shop/web'
const base = { from: 'logs', where: '', overMs: minute, by: ['service'] } as const

const signals: SignalDeclarations = {
  errors: { ...base, measure: 'rate', by: ['service'] },
  requests: { ...base, measure: 'rate', by: ['service'] },
  share: { ...base, from: 'signals', value: 'errors / requests', measure: 'last', by: ['service'] },
  percent: { ...base, from: 'signals', value: 'share * 100', measure: 'last', by: ['service'] },
  slow: { ...base, field: 'ms', measure: 'p90', by: ['service'] },
  users: { ...base, field: 'user', measure: 'cardinality', by: ['service'] },
  cpu: taskSignal(),
  hottest: { ...base, from: 'signals', value: 'cpu', measure: 'max', by: ['service'] },
}

function taskSignal(): SignalDeclaration {
  const by = ['service', 'task'] satisfies SignalDeclaration['by']
  return { ...base, from: 'metrics', metric: 'container.cpu.usage', measure: 'avg', by }
}

function bucket(
  signal: string,
  at: number,
  more: Partial<SignalBucket> & { task?: string },
): SignalBucket {
  const { task, ...rest } = more
  const group = task === undefined ? { service } : { service, task }
  const from = t0 + at
  return { signal, group, from, to: from + 5000, partition: 0, count: 1, lastMs: from, ...rest }
}

const valued = (value: number) => ({
  values: { sum: value, min: value, max: value, last: value },
})

function slowBucket(at: number, numbers: readonly number[]) {
  const distribution = emptyDistribution()
  for (const number of numbers) addNumber(distribution, number)
  const values = {
    sum: numbers.reduce((a, b) => a + b, 0),
    min: Math.min(...numbers),
    max: Math.max(...numbers),
    last: 0,
  }
  return bucket('slow', at, { count: numbers.length, values, ...writtenDistribution(distribution) })
}

function usersBucket(at: number, names: readonly string[]) {
  const distribution = emptyDistribution()
  for (const name of names) addTerm(distribution, name)
  return bucket('users', at, { count: names.length, ...writtenDistribution(distribution) })
}

test('each step of a chart is measured of its buckets, or made of what the others are then', async (t) => {
  const clock = { now: () => t0 + 10 * minute, monotonic: () => 0 }
  const { url, store } = await open(t, { signals, clock })
  const tens = Array.from({ length: 10 }, (_, i) => i + 1)
  await store.putBuckets([
    bucket('errors', 0, { count: 6 }),
    bucket('requests', 0, { count: 60 }),
    bucket('errors', minute, { count: 30 }),
    bucket('requests', minute, { count: 60 }),
    slowBucket(0, tens),
    slowBucket(5000, [1000]),
    slowBucket(minute, [7]),
    usersBucket(0, ['ana', 'bob']),
    usersBucket(5000, ['bob', 'cyn']),
    bucket('cpu', 0, { task: 'a', ...valued(0.5) }),
    bucket('cpu', 0, { task: 'b', ...valued(1.5) }),
  ])
  const series = async (name: string) => {
    const query = `signal=${name}&step=1m`
    const range = `from=${t0}&to=${t0 + 2 * minute}`
    const answer = await fetch(`${url}/api/series?${query}&${range}`)
    t.is(answer.status, 200, await answer.clone().text())
    const { series: found } = (await answer.json()) as { series: { values: (number | null)[] }[] }
    return found[0]?.values
  }
  t.deepEqual(await series('share'), [0.1, 0.5])
  t.deepEqual(await series('percent'), [10, 50])
  t.deepEqual(await series('users'), [3, null])
  t.deepEqual(await series('hottest'), [1.5, null])
  const [p90 = NaN, last = NaN] = ((await series('slow')) ?? []).map(Number)
  t.true(Math.abs(p90 - 10) <= 0.1, `${p90}`)
  t.true(Math.abs(last - 7) <= 0.07)
})
