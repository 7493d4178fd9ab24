import test from 'ava'
import { quantile } from '../../collectors/exposition-histogram.ts'
import { openExpositionReader, type Split } from '../../collectors/exposition-measured.ts'
import { ownerOf } from '../../collectors/exposition-owner.ts'
import { readExposition } from '../../collectors/exposition.ts'

const start = Date.UTC(2026, 10, 27)
const whole: Split<string> = (labels) => ({ key: '', owner: 'target', labels })

/** What each of the texts, ten seconds apart, is made of. */
function readings(texts: string[], maxSeries = 1000) {
  const reader = openExpositionReader<string>({ maxSeries })
  return texts.map((text, at) =>
    reader.read(readExposition(text, 'text').series, start + at * 10_000, whole),
  )
}

const last = (...texts: string[]) => readings(texts).at(-1)?.groups ?? []
const of = (groups: ReturnType<typeof last>, labels: Record<string, string> = {}) =>
  groups.find((group) => JSON.stringify(group.labels) === JSON.stringify(labels))?.metrics

test('gauges are as they are: without labels of the whole, with labels of their label set', (t) => {
  const groups = last(
    'up_since 5\nfree{disk="a"} 1\nfree{disk="b"} 2\nused{disk="a"} 3\nodd NaN\nmuch +Inf\n',
  )
  t.deepEqual(of(groups), { 'prometheus.up_since': 5 })
  t.deepEqual(of(groups, { disk: 'a' }), { 'series.free': 1, 'series.used': 3 })
  t.deepEqual(of(groups, { disk: 'b' }), { 'series.free': 2 })
})

test('counters are rates, of each label set and of all together; the first reading tells none', (t) => {
  const at = (ok: number, bad: number) =>
    `# TYPE requests_total counter\nrequests_total{code="200"} ${ok}\nrequests_total{code="500"} ${bad}\nfree 1\n`
  t.deepEqual(
    last(at(100, 5)).map(({ metrics }) => metrics),
    [{ 'prometheus.free': 1 }],
  )
  const groups = last(at(100, 5), at(150, 5))
  t.deepEqual(of(groups, { code: '200' }), { 'series.requests_total.rate': 5 })
  t.deepEqual(of(groups, { code: '500' }), { 'series.requests_total.rate': 0 })
  t.deepEqual(of(groups), { 'prometheus.free': 1, 'prometheus.requests_total.rate': 5 })
})

test('a counter that falls began anew; one that is new tells nothing yet', (t) => {
  const total = (value: number) => `# TYPE n_total counter\nn_total ${value}\n`
  t.deepEqual(of(last(total(1000), total(30))), { 'prometheus.n_total.rate': 3 })
  t.deepEqual(last(total(10), '', total(20)), [], 'it was away for a reading')
})

test('times of their own count, for rates and for the sample', (t) => {
  const at = (value: number, seconds: number) => `n_total ${value} ${start + seconds * 1000}\n`
  t.deepEqual(of(last(at(10, 0), at(20, 5))), { 'prometheus.n_total.rate': 2 })
  t.deepEqual(last(at(10, 0), at(10, 0)), [], 'nothing new was measured')
  t.deepEqual(of(last(at(10, 0), at(10, 0), at(40, 20))), { 'prometheus.n_total.rate': 1.5 })
  t.is(last(`free 1 ${start - 500}\n`)[0]?.timeMs, start - 500)
  const labelled = (value: number, seconds: number) =>
    at(value, seconds).replace('n_total', 'n_total{a="b"}')
  t.deepEqual(
    last(labelled(10, 0), labelled(20, 5)).map(({ timeMs }) => timeMs),
    [start + 5000, start + 5000],
    'of counters, and of what is made of them',
  )
})

test('the time that one series has of its own is not that of its neighbours', (t) => {
  const at = (value: number) => `free 1 ${start}\nn_total ${value}\n`
  t.is(of(last(at(0), at(100)))?.['prometheus.n_total.rate'], 10)
})

const histogram = (counts: [string, number][], sum: number, labels = '') => {
  const lines = counts.map(([le, count]) => `h_bucket{${labels}le="${le}"} ${count}`)
  const of = labels === '' ? '' : `{${labels}}`
  return `# TYPE h histogram\n${lines.join('\n')}\nh_sum${of} ${sum}\nh_count${of} ${counts.at(-1)?.[1]}\n`
}

test('histograms tell what was observed since the last reading', (t) => {
  const before = histogram(
    [
      ['0.1', 100],
      ['0.5', 100],
      ['1', 100],
      ['+Inf', 100],
    ],
    3,
  )
  const now = histogram(
    [
      ['0.1', 150],
      ['0.5', 190],
      ['1', 200],
      ['+Inf', 200],
    ],
    23,
  )
  // 100 observations: half of them up to 0.1, 40 up to 0.5, 10 up to 1.
  t.deepEqual(of(last(before, now)), {
    'prometheus.h.rate': 10,
    'prometheus.h.avg': 0.2,
    'prometheus.h.p50': 0.1,
    'prometheus.h.p90': 0.5,
    'prometheus.h.p95': 0.75,
    'prometheus.h.p99': 0.95,
  })
  t.deepEqual(of(last(now, now)), { 'prometheus.h.rate': 0 }, 'nothing was observed')
  t.deepEqual(of(last(now, before))?.['prometheus.h.rate'], 10, 'it began anew')
})

test('histograms of several label sets are one for the whole', (t) => {
  const none = [
    ['1', 0],
    ['2', 0],
    ['+Inf', 0],
  ] as [string, number][]
  const all = (a: [string, number][], b: [string, number][]) =>
    histogram(a, a.length, 'path="a",') +
    histogram(b, b.length, 'path="b",').split('\n').slice(1).join('\n')
  const groups = last(
    all(none, none),
    all(
      [
        ['1', 10],
        ['2', 10],
        ['+Inf', 10],
      ],
      [
        ['1', 0],
        ['2', 10],
        ['+Inf', 10],
      ],
    ),
  )
  t.is(of(groups, { path: 'a' })?.['series.h.p50'], 0.5)
  t.is(of(groups, { path: 'b' })?.['series.h.p50'], 1.5)
  t.is(of(groups)?.['prometheus.h.p50'], 1)
  t.is(of(groups)?.['prometheus.h.rate'], 2)
})

test('summaries tell their quantiles, and rate and mean as histograms do', (t) => {
  const at = (sum: number, count: number) =>
    `# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.999"} 9\ns{quantile="0.9"} NaN\ns_sum ${sum}\ns_count ${count}\n`
  t.deepEqual(of(last(at(0, 0), at(50, 20))), {
    'prometheus.s.p50': 1,
    'prometheus.s.p99.9': 9,
    'prometheus.s.rate': 2,
    'prometheus.s.avg': 2.5,
  })
})

test('the mean of label sets with intervals of their own is that of all observations', (t) => {
  const part = (label: string, count: number, seconds: number) =>
    `s_count{a="${label}"} ${count} ${start + seconds * 1000}\ns_sum{a="${label}"} ${count} ${start + seconds * 1000}\n`
  const at = (count: number, one: number, other: number) =>
    `# TYPE s summary\n${part('1', count, one)}${part('2', count, other)}`
  t.deepEqual(of(last(at(0, 10, 0), at(10, 20, 20))), {
    'prometheus.s.rate': 1.5,
    'prometheus.s.avg': 1,
  })
})

test('beyond the limit series are left out, those that were there first stay', (t) => {
  const many = (from: number) =>
    Array.from({ length: 5 }, (_, n) => `x{n="${from + n}"} 1\n`).join('')
  const [first, second] = readings([many(0), many(3) + many(0)], 5)
  t.is(first?.groups.length, 5)
  t.is(first?.leftOut.size, 0)
  t.deepEqual(second?.groups.map(({ labels }) => labels['n']).toSorted(), ['0', '1', '2', '3', '4'])
  t.deepEqual(second?.leftOut, new Map([['x', 3]]))
})

test('new label sets that come before the known ones do not widen the limit', (t) => {
  const some = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => `x{n="${from + n}"} 1\n`).join('')
  const read = readings([some(0, 4), some(10, 5) + some(0, 4), some(10, 5), some(10, 5)], 5)
  t.deepEqual(
    read.map(({ groups, leftOut }) => [groups.length, leftOut.get('x') ?? 0]),
    [
      [4, 0],
      [5, 4],
      [1, 4],
      [5, 0],
    ],
    'places of those that vanished are free one reading later',
  )
})

test('quantiles are those of Prometheus’ histogram_quantile', (t) => {
  const buckets = (...pairs: [number, number][]) => new Map(pairs)
  for (const [q, of, expected] of [
    [0.5, buckets([1, 0], [2, 10], [Infinity, 10]), 1.5],
    [0, buckets([1, 5], [Infinity, 5]), 0],
    [1, buckets([1, 5], [Infinity, 5]), 1],
    [0.9, buckets([1, 5], [Infinity, 10]), 1],
    [0.5, buckets([-2, 10], [Infinity, 10]), -2],
    [0.5, buckets([1, 10], [2, 9], [Infinity, 20]), 1],
    [0.5, buckets([1, 10]), undefined],
    [0.5, buckets([Infinity, 10]), undefined],
    [0.5, buckets([1, 0], [Infinity, 0]), undefined],
  ] as const) {
    t.is(quantile(q, of), expected, JSON.stringify([...of]))
  }
})

test('of a cAdvisor each container owns its series; other cgroups are nobody’s', (t) => {
  const id = 'c'.repeat(64)
  const at = (value: number) => `# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{id="/",cpu="0"} ${value}
container_cpu_usage_seconds_total{id="/system.slice/ssh.service",cpu="0"} ${value}
container_cpu_usage_seconds_total{id="/docker/${id}",name="web",image="web:1",container_label_a="b",cpu="0"} ${value}
container_cpu_usage_seconds_total{id="/docker/${id}",name="web",image="web:1",container_label_a="b",cpu="1"} ${value}
machine_cpu_cores 4
`
  const reader = openExpositionReader<object>({ maxSeries: 100 })
  const split = () => ownerOf({ cluster: 'c', service: 'host', agent: 'a1' })
  reader.read(readExposition(at(10), 'text').series, start, split())
  const { groups } = reader.read(readExposition(at(15), 'text').series, start + 10_000, split())
  const container = {
    cluster: 'c',
    agent: 'a1',
    container: id,
    containerName: 'web',
    image: 'web:1',
  }
  t.deepEqual(
    groups.map(({ owner, labels, metrics }) => [owner, labels, metrics]),
    [
      [container, { cpu: '0' }, { 'series.container_cpu_usage_seconds_total.rate': 0.5 }],
      [container, { cpu: '1' }, { 'series.container_cpu_usage_seconds_total.rate': 0.5 }],
      [{ cluster: 'c', service: 'host', agent: 'a1' }, {}, { 'prometheus.machine_cpu_cores': 4 }],
      [container, {}, { 'prometheus.container_cpu_usage_seconds_total.rate': 1 }],
    ],
  )
})
