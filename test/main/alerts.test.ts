import test from 'ava'
import { readStages } from '../../alerting/stages/read.ts'
import { loadSettings } from '../../config/load.ts'
import type { Settings } from '../../config/settings.ts'
import { openAlerts, ruleFacts } from '../../main/alerts.ts'
import type { BaseWithStore } from '../../main/base.ts'
import type { Component } from '../../pipeline/health.ts'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { pause, wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openWorld, until } from '../alerting/world.ts'

const signals = {
  errors: { from: 'logs', where: '', measure: 'rate', overMs: 1000, by: ['service'] },
} as const

test('what the declared rules read, with their labels; a faulty one is left out', (t) => {
  const rule = { for: 0, keep_firing_for: 0, annotations: {} }
  const alerts = [
    { ...rule, alert: 'A', when: 'errors > 1', labels: { owner: 'ops' } },
    { ...rule, alert: 'B', when: 'nothing > 1', labels: {} },
  ]
  const settings = { alerts } as unknown as Settings
  const declared = { errors: { ...signals.errors, by: [...signals.errors.by] } }
  t.deepEqual(ruleFacts({ settings, signals: declared }), [
    { alert: 'A', reads: ['errors'], labels: { owner: 'ops' } },
  ])
})

test('a reload while the bus is away does not leave the rules without anybody: it is told, and tried again', async (t) => {
  const world = await openWorld(t)
  let isAway = false
  const bus: Bus = {
    ...world,
    async produce(topic, records) {
      if (isAway) throw new Error('the bus is away')
      return world.produce(topic, records)
    },
    async read(...asked) {
      if (isAway) throw new Error('the bus is away')
      return world.read(...asked)
    },
    async ends(topic) {
      if (isAway) throw new Error('the bus is away')
      return world.ends(topic)
    },
  }
  const { settings } = loadSettings(undefined, {}, { alerts: [{ alert: 'A', when: 'errors > 1' }] })
  const components: Component[] = []
  const stack = new AsyncDisposableStack()
  const base = {
    settings,
    signals: {},
    bus,
    services: { all: () => [], marathon: () => [], get: () => undefined },
    store: {},
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
    components,
    stack,
    patiently: async (open: () => Promise<unknown>) => open(),
  } as unknown as BaseWithStore
  const stages = { current: readStages(undefined) }
  const alerting = openAlerts(base, { badRules: [], stages, catalog: undefined }, () => undefined)
  t.teardown(() => stack.disposeAsync())
  await until('it leads', () => alerting.alerts())
  isAway = true
  const reloaded = alerting.reload(settings, [])
  await until('that is told', () => /since they were reloaded/.test(components[0]?.trouble() ?? ''))
  isAway = false
  await Promise.race([reloaded, pause(10_000)])
  await until('it evaluates again', () => alerting.alerts())
  t.notRegex(components[0]?.trouble() ?? '', /since they were reloaded/)
})
