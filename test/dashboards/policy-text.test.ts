import fc from 'fast-check'
import test from 'ava'
import { declaredPolicy } from '../../config/declared-policy.ts'
import { readPolicy } from '../../config/load.ts'
import type { DecisionPolicy } from '../../pipeline/decision.ts'
import { shownPolicy } from '../../autoscaling/policy.ts'

const { policyText } = (await import(
  new URL('../../dashboards/page/policy-text.js', import.meta.url).href
)) as { policyText: (policy: DecisionPolicy) => string }

const signal = fc.constantFrom('requests', 'cpu', 'queue_length')
const count = fc.integer({ min: 1, max: 50 })
const ms = fc.integer({ min: 1, max: 300 }).map((seconds) => seconds * 1000)
const amount = fc.oneof(
  fc.record({ count }),
  fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
)
const numbers = fc.dictionary(
  signal,
  fc.integer({ min: 1, max: 5000 }).map((value) => value / 10),
  {
    minKeys: 1,
    noNullPrototype: true,
  },
)
const step = fc.oneof(
  fc.record({ signal, above: count, add: amount }),
  fc.record({ signal, below: count, remove: amount }),
)
const rates = fc.record({
  select: fc.constantFrom('max', 'min', 'disabled'),
  policies: fc.array(
    fc.tuple(amount, ms).map(([most, perMs]) => ({ ...most, perMs })),
    { minLength: 1, maxLength: 3 },
  ),
})
const policy = fc
  .record(
    {
      targets: numbers,
      values: numbers,
      steps: fc.array(step, { minLength: 1, maxLength: 3 }),
      min: count,
      max: fc.integer({ min: 50, max: 100 }),
      tolerance: fc.constantFrom(0.05, 0.1),
      stabilizationUpMs: ms,
      stabilizationDownMs: ms,
      scaleUp: rates,
      scaleDown: rates,
      warmUpMs: ms,
      zero: fc.record({ activation: numbers, idleAfterMs: ms }),
      dryRun: fc.boolean(),
    },
    {
      requiredKeys: [
        'targets',
        'min',
        'max',
        'tolerance',
        'stabilizationUpMs',
        'stabilizationDownMs',
        'dryRun',
      ],
    },
  )
  .map(({ zero, values = {}, ...rest }) => {
    // A signal is followed in one way.
    const left = Object.entries(values).filter(([name]) => !Object.hasOwn(rest.targets, name))
    const others = left.length > 0 ? { values: Object.fromEntries(left) } : {}
    return { ...rest, ...others, ...(zero && { ...zero, min: 0 }) }
  })

const plain = (policy: object) => JSON.parse(JSON.stringify(policy)) as unknown

test('the policy that the page offers to change says all of the one that is in force', (t) => {
  fc.assert(
    fc.property(policy, (shown) => {
      const text = policyText({ ...shown, source: 'config' })
      const read = declaredPolicy(readPolicy(text, 'policy', '/shop/web'))
      const back = shownPolicy({ ...read, source: 'config' })
      t.deepEqual(plain(back), plain({ ...shown, source: 'config' }))
    }),
  )
})

test('of one that goes by steps alone there is no empty target', (t) => {
  const text = policyText({
    source: 'labels',
    targets: {},
    steps: [{ signal: 'requests', above: 20, add: { percent: 50 } }],
    min: 2,
    max: 8,
    tolerance: 0.1,
    stabilizationUpMs: 0,
    stabilizationDownMs: 1500,
    dryRun: false,
  })
  t.is(
    text,
    `steps:
  - { signal: requests, above: 20, add: 50% }
min: 2
max: 8
tolerance: 0.1
stabilization: { up: 0s, down: 1500ms }`,
  )
})
