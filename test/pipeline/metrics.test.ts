import test from 'ava'
import { catalogue, openMetrics } from '../../pipeline/metrics.ts'

test('every metric of the catalogue is exposed by its name, kind and help', async (t) => {
  const text = await openMetrics().registry.metrics()
  for (const [name, { kind, help }] of Object.entries(catalogue)) {
    t.true(text.includes(`# HELP mesoscope_${name} ${help}\n`), name)
    t.true(text.includes(`# TYPE mesoscope_${name} ${kind}\n`), name)
  }
})

for (const [name, { kind, labels }] of Object.entries(catalogue)) {
  test(`mesoscope_${name} is named as Prometheus asks`, (t) => {
    t.regex(name, /^[a-z]+(_[a-z]+)*$/)
    t.is(name.endsWith('_total'), kind === 'counter', 'counters, and only they, end in _total')
    for (const label of labels) t.regex(label, /^[a-z]+(_[a-z]+)*$/)
    t.false(
      (labels as readonly string[]).some((label) => ['task', 'container', 'id'].includes(label)),
      'labels are few',
    )
  })
}

test('instances do not share their counts', async (t) => {
  const [a, b] = [openMetrics(), openMetrics()]
  a.indexed_lines_total.inc(5)
  t.regex(await a.registry.metrics(), /^mesoscope_indexed_lines_total 5$/m)
  t.regex(await b.registry.metrics(), /^mesoscope_indexed_lines_total 0$/m)
})

test('a label that is not declared is refused', (t) => {
  const { dropped_lines_total: dropped } = openMetrics()
  dropped.inc({ stage: 'spool', cause: 'full' })
  t.throws(() => dropped.inc({ service: 'web' }))
})
