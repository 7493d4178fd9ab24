import test from 'ava'
import fc from 'fast-check'
import { fromTotal } from '../../autoscaling/hpa/proposal.ts'
import {
  freshMemory as freshHpa,
  reconcile,
  rescaled,
  type Behavior,
  type HpaConfig,
} from '../../autoscaling/hpa/reconcile.ts'
import type { RatePolicies, RatePolicy } from '../../pipeline/decision.ts'
import { appOf, evaluate, minute, second, service, t0, total } from './app.ts'
import { changesOf, restarted, run, type Course } from './loop.ts'

const max = (...policies: RatePolicy[]): RatePolicies => ({ select: 'max', policies })
const min = (...policies: RatePolicy[]): RatePolicies => ({ select: 'min', policies })
const never: RatePolicies = { select: 'disabled', policies: [] }

const rising = { state: appOf(2), signals: { requests: total(1500) } }
const falling = { state: appOf(100), signals: { requests: total(15) } }

const table: [string, Parameters<typeof evaluate>[0], string][] = [
  ['without a policy it goes at once', rising, 'scaled 2 → 100'],
  [
    'the most that one of them allows',
    {
      ...rising,
      policy: { scaleUp: max({ count: 4, perMs: 15_000 }, { percent: 100, perMs: 15_000 }) },
    },
    'scaled 2 → 6: requests 1500/s over 2 ready instances is 750 each, target 15 (asks for 100, at most 4 more within 15s)',
  ],
  [
    'the least that one of them allows',
    {
      ...rising,
      policy: { scaleUp: min({ count: 4, perMs: 15_000 }, { percent: 100, perMs: 15_000 }) },
    },
    'scaled 2 → 4: requests 1500/s over 2 ready instances is 750 each, target 15 (asks for 100, at most 100 % more within 15s)',
  ],
  [
    'not up at all',
    { ...rising, policy: { scaleUp: never } },
    'stays at 2: it asks for 100 (requests 1500/s over 2 ready instances is 750 each, target 15), but its policy never scales up',
  ],
  [
    'not down at all',
    { ...falling, policy: { scaleDown: never, stabilizationDownMs: 0 } },
    'stays at 100: 1 would do (requests 15/s over 100 ready instances is 0.15 each, target 15), but its policy never scales down',
  ],
  [
    'down by a share of what was there',
    {
      ...falling,
      policy: { scaleDown: max({ percent: 10, perMs: minute }), stabilizationDownMs: 0 },
    },
    'scaled 100 → 90: requests 15/s over 100 ready instances is 0.15 each, target 15 (asks for 1, at most 10 % fewer within 1m)',
  ],
  [
    'the maximum counts behind them',
    { ...rising, policy: { scaleUp: max({ count: 50, perMs: 15_000 }), max: 20 } },
    'scaled 2 → 20: requests 1500/s over 2 ready instances is 750 each, target 15 (asks for 100, limited by its policy)',
  ],
]

for (const [title, given, message] of table) {
  test(`rates: ${title}`, (t) => {
    const { decision } = evaluate({
      ...given,
      policy: { min: 1, max: 200, ...given?.policy },
    })
    t.true(decision.message.startsWith(message), decision.message)
  })
}

test('which policy held it back stands among the steps, and when more is possible', (t) => {
  const up = [
    { ts: t0 - 20 * second, change: 1, outdated: false },
    { ts: t0 - 10 * second, change: 3, outdated: false },
  ]
  const { decision } = evaluate({
    state: appOf(5),
    policy: { scaleUp: max({ count: 3, perMs: 15_000 }) },
    signals: { requests: total(150) },
    memory: { v: 1, service, recommendations: [], events: { up, down: [] } },
  })
  t.is(decision.reason, 'rate-limited')
  t.deepEqual(
    decision.steps.map(({ step, before, after, why }) => `${step} ${before} → ${after}: ${why}`),
    [
      'proposal 5 → 10: requests: 150/s ÷ 15/s = 10, rounded up 10',
      'rate 10 → 5: at most 3 more within 15s, 3 of them added already',
      'outcome 5 → 5: its policy lets it change only so fast',
    ],
  )
  t.deepEqual(decision.next, [
    { change: 'scales up to 8', when: 'its rate policy lets it go on', atMs: t0 + 5 * second },
  ])
})

test('what is done now is in the way of what comes next', (t) => {
  const { decision } = evaluate({
    ...rising,
    policy: { max: 200, scaleUp: max({ count: 4, perMs: 15_000 }) },
  })
  t.is(decision.to, 6)
  t.deepEqual(decision.next, [
    { change: 'scales up to 10', when: 'its rate policy lets it go on', atMs: t0 + 15 * second },
  ])
})

const climb: Course = {
  policy: { min: 1, max: 40, scaleUp: max({ count: 4, perMs: 15_000 }) },
  instances: 2,
  seconds: 60,
  signals: () => ({ requests: total(600) }),
}

test('a load that jumps is followed as fast as the policy allows', (t) => {
  t.deepEqual(changesOf(run(climb)), [
    '0 s: 2 → 6',
    '15 s: 6 → 10',
    '30 s: 10 → 14',
    '45 s: 14 → 18',
    '60 s: 18 → 22',
  ])
})

test('what Marathon refused counts for nothing', (t) => {
  const turns = run({ ...climb, refuses: (at) => at < 10 })
  t.deepEqual(changesOf(turns).slice(0, 4), [
    '0 s: 2 → 6',
    '5 s: 2 → 6',
    '10 s: 2 → 6',
    '25 s: 6 → 10',
  ])
})

const somePolicy: fc.Arbitrary<RatePolicy> = fc.oneof(
  fc.record({
    count: fc.integer({ min: 1, max: 6 }),
    perMs: fc.constantFrom(5000, 15_000, 60_000),
  }),
  fc.record({
    percent: fc.integer({ min: 1, max: 200 }),
    perMs: fc.constantFrom(5000, 15_000, 60_000),
  }),
)
const someRates: fc.Arbitrary<RatePolicies> = fc.record({
  select: fc.constantFrom('max', 'min', 'disabled'),
  policies: fc.array(somePolicy, { minLength: 1, maxLength: 3 }),
})

const someCourse: fc.Arbitrary<Course> = fc
  .record({
    scaleUp: someRates,
    scaleDown: someRates,
    instances: fc.integer({ min: 2, max: 40 }),
    loads: fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 12, maxLength: 40 }),
    downMs: fc.constantFrom(0, 20_000),
  })
  .map(({ scaleUp, scaleDown, instances, loads, downMs }) => ({
    policy: { min: 2, max: 40, scaleUp, scaleDown, stabilizationDownMs: downMs },
    instances,
    seconds: (loads.length - 1) * 5,
    signals: ({ at }) => ({ requests: total(loads[at / 5] ?? 0) }),
  }))

test('a restart between any two evaluations changes nothing', (t) => {
  fc.assert(
    fc.property(someCourse, (course) => {
      t.deepEqual(run({ ...course, between: restarted }), run(course))
    }),
    { numRuns: 100 },
  )
})

const behaviourOf = ({ select, policies }: RatePolicies, stabilizationMs: number): Behavior => ({
  stabilizationMs,
  select: ({ max: 'Max', min: 'Min', disabled: 'Disabled' } as const)[select],
  rules: policies.map((policy) =>
    'count' in policy
      ? { type: 'Pods', value: policy.count, periodMs: policy.perMs }
      : { type: 'Percent', value: policy.percent, periodMs: policy.perMs },
  ),
})

test("with the same policies Kubernetes' autoscaler decides the same", (t) => {
  fc.assert(
    fc.property(someCourse, ({ policy, signals, ...course }) => {
      const { scaleUp = never, scaleDown = never, stabilizationDownMs = 0 } = policy
      const config: HpaConfig = {
        min: 2,
        max: 40,
        downscaleStabilizationMs: 0,
        scaleUpFactor: 2,
        scaleUpAtLeast: 4,
        behavior: {
          up: behaviourOf(scaleUp, 0),
          down: behaviourOf(scaleDown, stabilizationDownMs),
        },
      }
      let memory = freshHpa
      for (const { at, decision } of run({ policy, signals, ...course })) {
        const { from, to } = decision
        const ts = t0 + at * second
        const sum = signals({ at, running: from })['requests']?.values[0]?.value ?? 0
        const tolerance = { up: 0.1, down: 0.1 }
        const proposals = () => [fromTotal(sum * 1000, 15_000, { status: from, tolerance })]
        const theirs = reconcile({ current: from, proposals, config, memory, ts })
        t.is(to, theirs.replicas, decision.message)
        t.is(decision.conditions?.ScalingLimited.reason, theirs.conditions.ScalingLimited ?? '')
        memory = to === from ? theirs.memory : rescaled(theirs.memory, { from, to }, config, ts)
      }
    }),
    { numRuns: 200 },
  )
})
