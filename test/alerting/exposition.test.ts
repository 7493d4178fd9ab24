import test from 'ava'
import { openExposition } from '../../alerting/exposition.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { groupKey, type SignalDeclaration, type SignalValue } from '../../pipeline/signals.ts'

const declared = (by: (keyof Identity)[]): SignalDeclaration => ({
  from: 'logs',
  where: '',
  measure: 'rate',
  overMs: 60_000,
  by,
})

const values = (...all: [group: Identity, value: number, unknown?: boolean][]) =>
  new Map(
    all.map(([group, value, unknown]): [string, SignalValue] => [
      groupKey(group),
      { group, value, lastMs: 0, ...(unknown ? { unknown } : {}) },
    ]),
  )

test('signals are on /metrics with the identity they are measured by', async (t) => {
  const metrics = openMetrics()
  const signals = { errors: declared(['service', 'owner']), cpu: declared(['service', 'task']) }
  const expose = openExposition({ signals, metrics })
  const given = {
    errors: values(
      [{ service: '/web', owner: 'shop' }, 2.5],
      [{ service: '/db' }, 7, true],
      [{}, 1],
    ),
    cpu: values([{ service: '/web', task: 'web.1' }, 0.5]),
  }
  expose((signal) => given[signal as keyof typeof given])
  const lines = async () =>
    (await metrics.registry.metrics())
      .split('\n')
      .filter((line) => line.startsWith('mesoscope_signal_'))
  t.deepEqual(await lines(), [
    'mesoscope_signal_value{signal="errors",service="/web",owner="shop"} 2.5',
    'mesoscope_signal_value{signal="errors"} 1',
    'mesoscope_signal_series_left_out 0',
  ])
  expose((signal) => (signal === 'errors' ? values([{ service: '/db' }, 3]) : new Map()))
  t.deepEqual(
    await lines(),
    [
      'mesoscope_signal_value{signal="errors",service="/db"} 3',
      'mesoscope_signal_series_left_out 0',
    ],
    'a series that is no more is gone',
  )
})

test('too many series are counted, not exposed', async (t) => {
  const metrics = openMetrics()
  const expose = openExposition({
    signals: { errors: declared(['service']) },
    metrics,
    maxSeries: 3,
  })
  const many = Array.from({ length: 5 }, (_, n): [Identity, number] => [{ service: `/${n}` }, n])
  expose(() => values(...many))
  t.is((await metrics.signal_value.get()).values.length, 3)
  t.is((await metrics.signal_series_left_out.get()).values[0]?.value, 2)
})
