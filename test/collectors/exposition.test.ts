import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { readExposition, type Series } from '../../collectors/exposition.ts'
import { sharedDir } from '../helpers/shared.ts'

const plain = ({ name, labels, value, timeMs }: Series) =>
  timeMs === undefined ? [name, labels, value] : [name, labels, value, timeMs]
const text = (lines: string) => readExposition(lines, 'text')
const openMetrics = (lines: string) => readExposition(lines, 'openmetrics')

test('names, labels, values and times of both formats', (t) => {
  const { series, problems, isComplete } = text(`# HELP x some words
# TYPE x counter

x{a="b",c="d e"} 1.5e3 1395066363000
x{ a = "b" , } 2
  x 3\t
y{q="a\\"b\\\\c\\nd\\e"} +Inf\r
y NaN
z{} -0x10
z -inf
{"http.requests", "status.code"="200"} 7
`)
  t.deepEqual(
    problems.map(({ path }) => path),
    ['line 9'],
    'a hexadecimal number has no sign',
  )
  t.true(isComplete)
  t.deepEqual(series.map(plain), [
    ['x', { a: 'b', c: 'd e' }, 1500, 1395066363000],
    ['x', { a: 'b' }, 2],
    ['x', {}, 3],
    ['y', { q: 'a"b\\c\nd\\e' }, Infinity],
    ['y', {}, Number.NaN],
    ['z', {}, -Infinity],
    ['http.requests', { 'status.code': '200' }, 7],
  ])
  const { series: timed } = openMetrics(
    'x 1 1395066363.25 # {trace="a b"} 0.5 1\nx 2 # {} 1\nx 3 1.001\n# EOF\nafter 1\n',
  )
  t.deepEqual(timed.map(plain), [
    ['x', {}, 1, 1395066363250],
    ['x', {}, 2],
    ['x', {}, 3, 1001],
  ])
})

test('a series has the family and type that its ending belongs to', (t) => {
  const { series } = openMetrics(`h_bucket{le="1"} 2
# TYPE h histogram
h_count 2
h_sum 1.5
h_created 12
# TYPE requests counter
requests_total 5
requests_created 3
# TYPE s summary
s{quantile="0.5"} 1
s_count 1
# TYPE g gauge
g_count 4
# TYPE build info
build_info{version="1"} 1
# TYPE mode stateset
mode{mode="on"} 1
other_total 1
# EOF
`)
  t.deepEqual(
    series.map(({ name, family, type, ending }) => [name, family, type, ending]),
    [
      ['h_bucket', 'h', 'histogram', '_bucket'],
      ['h_count', 'h', 'histogram', '_count'],
      ['h_sum', 'h', 'histogram', '_sum'],
      ['h_created', 'h', 'histogram', '_created'],
      ['requests_total', 'requests', 'counter', '_total'],
      ['requests_created', 'requests', 'counter', '_created'],
      ['s', 's', 'summary', ''],
      ['s_count', 's', 'summary', '_count'],
      ['g_count', 'g_count', 'unknown', ''],
      ['build_info', 'build', 'info', '_info'],
      ['mode', 'mode', 'stateset', ''],
      ['other_total', 'other_total', 'unknown', ''],
    ],
  )
})

test('what is no series is named by its line, and the rest is read', (t) => {
  const { series, problems } = text(`good 1
no value
x{a="b" 1
x{a=b} 1
x{a="b} 1
x
x one
x 1 late
x 1 2 3
{} 1
<html>
# a comment
also_good 2`)
  t.deepEqual(
    series.map(({ name }) => name),
    ['good', 'also_good'],
  )
  t.deepEqual(
    problems.map(({ path }) => path),
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((line) => `line ${line}`),
  )
})

test('a line of very many labels takes linear time', (t) => {
  const line = `x{${'a="",'.repeat(600_000)}} 1\n`
  const begun = performance.now()
  t.is(text(line).series.length, 1)
  const ms = performance.now() - begun
  t.true(ms < 5000, `${ms} ms; quadratic would be twenty seconds`)
})

test('OpenMetrics that breaks off is told to', (t) => {
  const { series, problems, isComplete } = openMetrics('# TYPE x gauge\nx 1\n')
  t.is(series.length, 1)
  t.false(isComplete)
  t.regex(problems[0]?.problem ?? '', /# EOF/)
})

test('whatever is written is read back; any text is read', (t) => {
  const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,20}$/)
  const label = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,10}$/)
  const escaped = (value: string) =>
    value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
  fc.assert(
    fc.property(
      name,
      fc.dictionary(label, fc.string({ unit: 'grapheme' })),
      fc.double(),
      (written, labels, value) => {
        const pairs = Object.entries(labels).map(([key, one]) => `${key}="${escaped(one)}"`)
        const number = Number.isFinite(value)
          ? String(value)
          : value > 0
            ? '+Inf'
            : value < 0
              ? '-Inf'
              : 'NaN'
        const { series, problems } = text(`${written}{${pairs.join(',')}} ${number}\n`)
        if (problems.length > 0) return false
        const { __proto__: _, ...expected } = labels
        const read = series[0] as Series
        return (
          read.name === written &&
          Object.is(read.value, value === 0 ? read.value : value) &&
          JSON.stringify(Object.entries(read.labels)) === JSON.stringify(Object.entries(expected))
        )
      },
    ),
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (any) => text(any).isComplete),
  )
  t.pass()
})

const shared = sharedDir()
const of = shared ? test : test.skip

/** Lines that are series, and families of them, counted with grep; the values by eye. */
const fixtures = [
  ['cadvisor/prometheus_metrics.prom.txt', 287, 107, 'container_cpu_cfs_periods_total', 723],
  ['cadvisor/prometheus_machine_metrics.prom.txt', 66, 17, 'machine_cpu_cores', 4],
  ['cadvisor/prometheus_metrics_failure.prom.txt', 1, 1, 'container_scrape_error', 1],
  [
    'cadvisor/prometheus_metrics_whitelist_filtered.prom.txt',
    287,
    107,
    'container_cpu_cfs_burst_seconds_total',
    0.5,
  ],
  ['node_exporter/e2e-output.prom.txt', 3027, 1181, 'node_boot_time_seconds', 1.418183276e9],
  [
    'node_exporter/prometheus-textparse-1histogram.om.txt',
    42,
    1,
    'golang_manual_histogram_seconds_sum',
    10,
  ],
  [
    'node_exporter/prometheus-textparse-alltypes.237mfs.prom.txt',
    1857,
    237,
    'go_memstats_alloc_bytes',
    8.3523288e7,
  ],
  ['node_exporter/textfile-different_metric_types.prom.txt', 24, 4, 'events_total', 10],
  [
    'node_exporter/textfile-histogram.prom.txt',
    15,
    3,
    'prometheus_tsdb_compaction_chunk_range_count',
    1.691853e6,
  ],
  ['node_exporter/textfile-inconsistent_metrics.prom.txt', 21, 4, 'go_goroutines', 20],
  ['node_exporter/textfile-metrics_merge_different_help.prom.txt', 5, 3, 'events_total', 10],
  [
    'node_exporter/textfile-summary.prom.txt',
    22,
    3,
    'event_duration_seconds_total_count',
    1.492355615e9,
  ],
] as const

for (const [file, count, families, name, value] of fixtures) {
  of(`a real exposition: ${file}`, (t) => {
    const content = readFileSync(join(shared ?? '', 'fixtures', file), 'utf8')
    const format = file.endsWith('.om.txt') ? 'openmetrics' : 'text'
    const { series, problems } = readExposition(content, format)
    t.deepEqual(problems, [])
    t.is(series.length, count)
    t.is(new Set(series.map(({ family }) => family)).size, families)
    t.is(series.find((one) => one.name === name)?.value, value)
  })
}
