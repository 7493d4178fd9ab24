import test from 'ava'
import { containerMetrics, openReadings, type Reading } from '../../collectors/container-metrics.ts'
import { readingOf, type ContainerUsage } from '../../collectors/mesos-statistics.ts'

const s = 1_000_000_000n
const close = (actual: number | undefined, expected: number) =>
  actual !== undefined && Math.abs(actual - expected) < 1e-9

test('one reading has levels, no rates', (t) => {
  const reading = { timeNs: 10n * s, cpuSeconds: 5, cpuLimit: 2, memory: 50, memoryLimit: 100 }
  t.deepEqual(containerMetrics(reading, undefined), {
    'container.cpu.limit': 2,
    'container.memory.usage': 50,
    'container.memory.limit': 100,
    'container.memory.utilization': 0.5,
  })
})

test('two readings give rates', (t) => {
  const before = {
    timeNs: 10n * s,
    cpuSeconds: 5,
    received: 100,
    sent: 7,
    periods: 10,
    throttledPeriods: 1,
  }
  const now = {
    timeNs: 15n * s,
    cpuSeconds: 6,
    cpuLimit: 0.4,
    received: 600,
    sent: 7,
    periods: 60,
    throttledPeriods: 6,
    processes: 3,
  }
  const metrics = containerMetrics(now, before)
  t.true(close(metrics['container.cpu.usage'], 0.2))
  t.true(close(metrics['container.cpu.utilization'], 0.5))
  t.true(close(metrics['container.cpu.throttled'], 0.1))
  t.is(metrics['container.network.receive'], 100)
  t.is(metrics['container.network.transmit'], 0)
  t.is(metrics['container.processes'], 3)
})

const without: [string, Reading, Reading][] = [
  ['a counter that fell', { timeNs: 2n * s, cpuSeconds: 1 }, { timeNs: 1n * s, cpuSeconds: 5 }],
  ['a time that stood still', { timeNs: 1n * s, cpuSeconds: 6 }, { timeNs: 1n * s, cpuSeconds: 5 }],
  [
    'a time that ran backwards',
    { timeNs: 1n * s, cpuSeconds: 6 },
    { timeNs: 2n * s, cpuSeconds: 5 },
  ],
  [
    'readings an hour apart',
    { timeNs: 3601n * s, cpuSeconds: 6 },
    { timeNs: 1n * s, cpuSeconds: 5 },
  ],
  ['a counter that was not there before', { timeNs: 2n * s, cpuSeconds: 6 }, { timeNs: 1n * s }],
  ['a counter that is not there any more', { timeNs: 2n * s }, { timeNs: 1n * s, cpuSeconds: 5 }],
]

for (const [title, now, before] of without) {
  test(`no usage from ${title}`, (t) => {
    t.deepEqual(containerMetrics(now, before), {})
  })
}

test('32-bit counters of periods may wrap; those that began anew say nothing', (t) => {
  const near = 2 ** 32 - 10
  const before = { timeNs: 0n, periods: near, throttledPeriods: near }
  const wrapped = { timeNs: 5n * s, periods: 40, throttledPeriods: 15 }
  t.is(containerMetrics(wrapped, before)['container.cpu.throttled'], 0.5)
  const anew = { timeNs: 5n * s, periods: 40, throttledPeriods: 5 }
  const old = { timeNs: 0n, periods: 100, throttledPeriods: 50 }
  t.deepEqual(containerMetrics(anew, old), {})
})

test('limits near 2^63 and of 0 are none', (t) => {
  for (const memoryLimit of [9223372036854771712, 0]) {
    t.deepEqual(containerMetrics({ timeNs: 0n, memory: 5, memoryLimit, cpuLimit: 0 }, undefined), {
      'container.memory.usage': 5,
    })
  }
})

const memory: [string, ContainerUsage, number | undefined][] = [
  [
    'cgroups: the total without page cache',
    { memTotal: 100, memCache: 30, memRss: 60, memAnon: 60 },
    70,
  ],
  ['posix or Docker: rss', { memRss: 60 }, 60],
  ['before 0.23: anon, since rss was the total', { memRss: 100, memAnon: 70, memCache: 30 }, 70],
  ['the total alone', { memTotal: 100 }, 100],
  ['a cache above the total cannot be', { memTotal: 10, memCache: 30, memRss: 60 }, 60],
  ['nothing', {}, undefined],
]

for (const [title, usage, expected] of memory) {
  test(`memory of Mesos: ${title}`, (t) => {
    t.is(readingOf(usage, 0n).memory, expected)
  })
}

test('limits of Mesos: the hard one, else what was asked for; times of its own, else those of reading', (t) => {
  t.like(readingOf({ cpuLimit: 1.1, cpuSoftLimit: 0.6, timeNs: 5n }, 9n), {
    cpuLimit: 1.1,
    timeNs: 5n,
  })
  t.like(readingOf({ cpuSoftLimit: 0.6 }, 9n), { cpuLimit: 0.6, timeNs: 9n })
  t.is(
    readingOf({ cpuUserSeconds: 1 }, 9n).cpuSeconds,
    undefined,
    'half of the CPU is not all of it',
  )
})

test('a reading that was told already is not told again, and old ones are forgotten', (t) => {
  const readings = openReadings()
  const level = { timeNs: s, memory: 5 }
  t.deepEqual(readings.measure('a', level, 0), { 'container.memory.usage': 5 })
  t.deepEqual(readings.measure('a', level, 1), {})
  readings.measure('b', { timeNs: s, cpuSeconds: 1 }, 1000)
  readings.prune(301_500)
  t.deepEqual(readings.measure('b', { timeNs: 2n * s, cpuSeconds: 2 }, 301_500), {})
})
