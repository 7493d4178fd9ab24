import test from 'ava'
import fc from 'fast-check'
import type { RatePolicies, RatePolicy } from '../../pipeline/decision.ts'
import { appOf, evaluate, minute, second, service, t0, total } from './app.ts'
import { changesOf, restarted, run, type Course, type Turn } from './loop.ts'

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
  const changes = [
    { ts: t0 - 20 * second, from: 1, to: 2 },
    { ts: t0 - 10 * second, from: 2, to: 5 },
  ]
  const { decision, memory } = evaluate({
    state: appOf(5),
    policy: { scaleUp: max({ count: 3, perMs: 15_000 }) },
    signals: { requests: total(150) },
    memory: { v: 1, service, recommendations: [], changes },
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
  t.deepEqual(memory.changes, changes.slice(1), 'what no policy looks at is forgotten')
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

/** Held against how many there were when the time of each policy began. */
function isWithinRates(turns: readonly Turn[], { policy }: Course): boolean {
  const countBefore = (at: number) =>
    turns.find((turn) => turn.at >= at)?.decision.from ?? Number.NaN
  return turns.every(({ at, decision: { outcome, from, to } }) => {
    if (outcome !== 'scaled') return true
    const rates = to > from ? policy.scaleUp : policy.scaleDown
    if (!rates || rates.select === 'disabled') return rates === undefined
    const fits = rates.policies.map((one) => {
      const start = countBefore(Math.max(0, at - one.perMs / second + 0.001))
      const [more, fewer] =
        'count' in one
          ? [start + one.count, start - one.count]
          : [
              Math.ceil(start * (1 + one.percent / 100)),
              Math.trunc(start * (1 - one.percent / 100)),
            ]
      return to > from ? to <= more : to >= fewer
    })
    return rates.select === 'max' ? fits.some(Boolean) : fits.every(Boolean)
  })
}

test('never faster than the policies, never outside of minimum and maximum', (t) => {
  let changes = 0
  fc.assert(
    fc.property(someCourse, (course) => {
      const turns = run(course)
      changes += changesOf(turns).length
      t.true(turns.every(({ decision: { to } }) => to >= 2 && to <= 40))
      return isWithinRates(turns, course)
    }),
    { numRuns: 300 },
  )
  t.true(changes > 300, `only ${changes} changes`)
})

test('a restart between any two evaluations changes nothing', (t) => {
  fc.assert(
    fc.property(someCourse, (course) => {
      t.deepEqual(run({ ...course, between: restarted }), run(course))
    }),
    { numRuns: 100 },
  )
})
