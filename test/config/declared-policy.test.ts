import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { readLabels } from '../../autoscaling/labels.ts'
import { declaredPolicy } from '../../config/declared-policy.ts'
import { loadSettings } from '../../config/load.ts'
import type { ServiceState } from '../../pipeline/service-state.ts'

const settings = `
collectors:
  marathon: [{ urls: ['http://marathon:8080'] }]
signals:
  behind: { from: metrics, metric: prometheus.behind, measure: last, over: 1m, by: [service] }
autoscaling:
  services:
    - service: /shop/web
      target: { cpu: 60%, memory: { average: 0.7 }, behind: { value: 30 } }
      steps:
        - { signal: cpu, above: 80%, add: 2 }
        - { signal: cpu, above: .95, add: 50% }
        - { signal: cpu, below: 30%, remove: 1 }
      min: 0
      max: 9
      scale_up: { policies: [{ count: 4, per: 15s }, { percent: 100, per: 15s }] }
      scale_down: { select: disabled }
      warm_up: 60s
      activation: { behind: 0 }
    - { service: /plain, target: { cpu: 0.6 }, max: 5 }
`

const labels = {
  'autoscale.enabled': 'true',
  'autoscale.target.cpu': '60%',
  'autoscale.target.memory': '0.7',
  'autoscale.value.behind': '30',
  'autoscale.steps': 'cpu > 80% +2, cpu>.95 +50%,cpu < 30 % -1',
  'autoscale.min': '0',
  'autoscale.max': '9',
  'autoscale.scale_up.policies': '4/15s, 100%/15s',
  'autoscale.scale_down.select': 'disabled',
  'autoscale.warm_up': '60s',
  'autoscale.activation.behind': '0',
}

test('what labels say as text is what the settings say as a tree', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-config-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'mesoscope.yaml')
  writeFileSync(file, settings)
  const { autoscaling } = loadSettings(file, {}).settings
  const [policy, plain] = autoscaling.services.map(declaredPolicy)
  t.deepEqual(policy, {
    service: '/shop/web',
    targets: { cpu: 0.6, memory: 0.7 },
    values: { behind: 30 },
    steps: [
      { signal: 'cpu', above: 0.8, add: { count: 2 } },
      { signal: 'cpu', above: 0.95, add: { percent: 50 } },
      { signal: 'cpu', below: 0.3, remove: { count: 1 } },
    ],
    min: 0,
    max: 9,
    tolerance: 0.1,
    stabilizationUpMs: 0,
    stabilizationDownMs: 300_000,
    scaleUp: {
      select: 'max',
      policies: [
        { count: 4, perMs: 15_000 },
        { percent: 100, perMs: 15_000 },
      ],
    },
    scaleDown: { select: 'disabled', policies: [] },
    warmUpMs: 60_000,
    activation: { behind: 0 },
    idleAfterMs: 300_000,
    dryRun: false,
    resident: false,
    overrideMs: 600_000,
  })
  const app = { labels, env: {}, service: '/shop/web' } as unknown as ServiceState
  t.deepEqual(readLabels(app, {}), { declaration: policy!, faults: [], remarks: [] })
  t.deepEqual(
    Object.keys(plain ?? {}).toSorted(),
    'dryRun max min overrideMs resident service stabilizationDownMs stabilizationUpMs targets tolerance'.split(
      ' ',
    ),
    'what is not asked for stands nowhere',
  )
})
