import test from 'ava'
import { shownPolicy, type ScalingPolicy } from '../../autoscaling/policy.ts'
import { declaredPolicy } from '../../config/declared-policy.ts'
import { readPolicy } from '../../config/load.ts'

const { policyText } = (await import(
  new URL('../../dashboards/page/policy-text.js', import.meta.url).href
)) as { policyText: (policy?: object) => string }

const read = (text: string): ScalingPolicy => ({
  ...declaredPolicy(readPolicy(text, 'policy', '/shop/web')),
  source: 'config',
})

const policies: [string, string][] = [
  ['targets alone', 'target: { requests: 10, cpu: 60% }\nmax: 9'],
  ['steps alone', 'steps: [{ signal: cpu, above: 80%, add: 50% }]\nmax: 9'],
  [
    'everything',
    `
target: { cpu: 0.6, behind: { value: 30 } }
steps:
  - { signal: cpu, above: 95%, add: 2 }
  - { signal: cpu, below: 30%, remove: 10% }
min: 0
max: 40
tolerance: 0.2
stabilization: { up: 1500ms, down: 2m }
scale_up: { select: min, policies: [{ count: 4, per: 15s }, { percent: 100, per: 1m }] }
scale_down: { select: disabled }
warm_up: 90s
activation: { queue: 0, behind: 2 }
idle_after: 10m`,
  ],
]

for (const [what, text] of policies) {
  test(`what stands in the form is the policy of now: ${what}`, (t) => {
    const policy = read(text)
    t.deepEqual(shownPolicy(read(policyText(shownPolicy(policy)))), shownPolicy(policy))
  })
}

test('where there is none, one that can be tried', (t) => {
  t.like(read(policyText()), { targets: { requests: 10 }, min: 1, max: 10 })
})
