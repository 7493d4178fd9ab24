import test from 'ava'
import type { Settings } from '../../config/settings.ts'
import { ruleFacts } from '../../main/alerts.ts'

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
