import test from 'ava'
import { builtinSignals, measuredSignals } from '../../config/builtin-signals.ts'
import { declaredSignals } from '../../config/declared.ts'
import { loadSettings, type Overrides } from '../../config/load.ts'
import { makeReference } from '../../config/reference.ts'
import { unitOf } from '../../pipeline/metric-names.ts'
import { parseQuery } from '../../pipeline/query.ts'

const names = [
  'cpu',
  'memory',
  'errors',
  'instances_wanted',
  'instances_running',
  'instances_healthy',
  'deaths',
]
const measured = (overrides: Overrides = {}) =>
  measuredSignals(loadSettings(undefined, {}, overrides).settings)

test('they are measured without being declared', (t) => {
  t.deepEqual(Object.keys(measured()), names)
  t.deepEqual(measured()['cpu'], {
    from: 'metrics',
    metric: 'container.cpu.utilization',
    where: '',
    measure: 'avg',
    over: 30_000,
    by: ['service', 'task'],
  })
  t.like(measured()['memory'], { metric: 'container.memory.utilization', measure: 'max' })
  t.like(measured()['errors'], { from: 'logs', measure: 'rate', over: 60_000, by: ['service'] })
  t.like(measured()['instances_healthy'], { metric: 'service.instances.healthy', measure: 'last' })
  t.like(measured()['deaths'], { from: 'changes', measure: 'count', over: 600_000 })
})

test('one that is declared takes the place of the built-in one; none are there if switched off', (t) => {
  const errors = { where: 'panic', measure: 'count', over: '2m' }
  const both = measured({ signals: { errors, mine: errors } })
  t.deepEqual(Object.keys(both), [...names, 'mine'])
  t.like(both['errors'], { where: 'panic', measure: 'count', over: 120_000 })
  t.deepEqual(Object.keys(measured({ builtin_signals: false, signals: { mine: errors } })), [
    'mine',
  ])
  t.deepEqual(measured({ builtin_signals: false }), {})
})

test('their windows are whole buckets, whatever the resolution', (t) => {
  for (const resolution of ['100ms', '1s', '7s', '45s', '11m']) {
    const { settings } = loadSettings(
      undefined,
      {},
      { evaluation: { resolution, interval: resolution } },
    )
    const { resolution: ms } = settings.evaluation
    for (const [name, { over }] of Object.entries(measuredSignals(settings))) {
      t.is(over % ms, 0, `${name} at ${resolution}`)
      t.true(over > 0 && over - (builtinSignals[name]?.over ?? 0) < ms, `${name} at ${resolution}`)
    }
  }
})

test('each can be measured: known metrics, readable queries', (t) => {
  for (const [name, { from, metric, where }] of Object.entries(builtinSignals)) {
    t.is(from === 'metrics', metric !== undefined, name)
    if (metric !== undefined) t.truthy(unitOf(metric), name)
    t.notThrows(() => parseQuery(where), name)
  }
})

test('each stands in the reference', (t) => {
  const reference = makeReference()
  for (const name of names) t.regex(reference, new RegExp(`^\\| \`${name}\` \\| .*\\. \\|$`, 'm'))
  t.true(reference.includes('| `builtin_signals` | true or false | `true` |'))
  t.true(
    reference.includes(
      '| `cpu` | metrics: `container.cpu.utilization` | avg over 30s by service, task |',
    ),
  )
  t.true(reference.includes('changes: `kind:task AND action:died` | count over 10m by service |'))
})

test('the window of one that is made of others is the longest of theirs, however they are entangled', (t) => {
  const base = { from: 'logs', where: '', measure: 'count' }
  const signals: Record<string, object> = {
    s0: { ...base, over: '1m' },
    s1: { ...base, over: '5m' },
  }
  // Each path from the last to the first looked at by itself would be looked at for hours.
  for (let n = 2; n < 60; n++) {
    signals[`s${n}`] = { from: 'signals', value: `s${n - 1} + s${n - 2}` }
  }
  const { settings } = loadSettings(undefined, {}, { signals })
  const declared = declaredSignals(settings)
  t.is(declared['s0']?.overMs, 60_000)
  t.is(declared['s59']?.overMs, 300_000)
})
