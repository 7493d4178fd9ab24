import test from 'ava'
import { declaredPolicy } from '../../config/declared-policy.ts'
import { readPolicy } from '../../config/load.ts'

// The page is plain JavaScript without declarations.
const { policyText } = (await import(
  new URL('../../dashboards/page/policy-text.js', import.meta.url).href
)) as { policyText: (policy?: object) => string }

const policies: [string, string][] = [
  ['the least', 'max: 4\ntarget: { requests: 15 }'],
  [
    'values and windows',
    'max: 9\nmin: 2\ntarget: { behind: { value: 30 }, cpu: 60% }\ntolerance: 0.2',
  ],
  ['windows', 'max: 9\ntarget: { requests: 1.5 }\nstabilization: { up: 1500ms, down: 90s }'],
  [
    'steps',
    'max: 9\nsteps: [{ signal: cpu, above: 80%, add: 2 }, { signal: cpu, below: 0.3, remove: 50% }]',
  ],
  [
    'rates, warm-up and zero',
    `max: 30
min: 0
target: { requests: 15 }
scale_up: { policies: [{ count: 4, per: 15s }, { percent: 100, per: 1m }], select: min }
scale_down: { select: disabled }
warm_up: 20s
activation: { requests: 0.5 }
idle_after: 10m`,
  ],
]

for (const [what, text] of policies) {
  test(`a policy is written as the settings read it: ${what}`, (t) => {
    const policy = declaredPolicy(readPolicy(text, 'policy', '/shop/web'))
    const written = policyText(policy)
    t.deepEqual(declaredPolicy(readPolicy(written, 'policy', '/shop/web')), policy, written)
  })
}

test('where there is none, one to begin with', (t) => {
  t.like(readPolicy(policyText(), 'policy', '/shop/web'), { min: 1, max: 10 })
})
