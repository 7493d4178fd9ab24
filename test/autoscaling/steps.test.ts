import test from 'ava'
import fc from 'fast-check'
import type { ScalingStep } from '../../pipeline/decision.ts'
import {
  appOf,
  cpu,
  evaluate,
  minute,
  perTask,
  requests,
  second,
  service,
  t0,
  task,
  total,
  type Asked,
} from './app.ts'
import { changesOf, restarted, run, type Course } from './loop.ts'

const steps: ScalingStep[] = [
  { signal: 'cpu', above: 0.8, add: { count: 2 } },
  { signal: 'cpu', above: 0.95, add: { percent: 50 } },
  { signal: 'cpu', below: 0.3, remove: { count: 1 } },
  { signal: 'cpu', below: 0.1, remove: { percent: 50 } },
]

/** Each of so many tasks uses so much. */
const used = (count: number, value: number) => ({
  cpu: perTask(
    Array.from({ length: count }, () => value),
    cpu,
  ),
})

const asked = (count: number, value: number, more: Asked = {}): Asked => ({
  state: appOf(count),
  signals: used(count, value),
  ...more,
  policy: { targets: {}, steps, min: 1, max: 20, stabilizationDownMs: 0, ...more.policy },
})

const after = (
  change: { from: number; to: number },
  secondsAgo: number,
  settledSecondsAgo?: number,
) => ({
  v: 1 as const,
  service,
  recommendations: [],
  taken: { ts: t0 - secondsAgo * second, ...change },
  steps: {
    from: change.from,
    ...(settledSecondsAgo === undefined ? {} : { settledTs: t0 - settledSecondsAgo * second }),
  },
})

const table: [string, Asked, string][] = [
  [
    'above a bound so many more',
    asked(4, 0.85),
    'scaled 4 → 6: cpu is 85 % on average, above 80 %',
  ],
  [
    'above two the further one',
    asked(10, 0.97),
    'scaled 10 → 15: cpu is 97 % on average, above 95 %',
  ],
  ['a share is rounded up', asked(5, 0.97), 'scaled 5 → 8: cpu is 97 % on average, above 95 %'],
  ['at a bound nothing', asked(4, 0.8), 'stays at 4: cpu is 80 % on average, within its steps'],
  ['below a bound fewer', asked(4, 0.2), 'scaled 4 → 3: cpu is 20 % on average, below 30 %'],
  [
    'below two the larger change',
    asked(9, 0.05),
    'scaled 9 → 5: cpu is 5 % on average, below 10 %',
  ],
  [
    'one at least',
    asked(3, 0.05, { policy: { steps: steps.slice(3) } }),
    'scaled 3 → 2: cpu is 5 % on average, below 10 %',
  ],
  [
    'not below the minimum',
    asked(2, 0.2, { policy: { min: 2 } }),
    'stays at 2: the minimum; cpu is 20 % on average, below 30 %, would do with 1',
  ],
  [
    'not above the maximum',
    asked(20, 0.9),
    'stays at 20: the maximum; cpu is 90 % on average, above 80 %, asks for 22',
  ],
  [
    'what asks for most counts: a target beside it keeps them',
    asked(4, 0.2, {
      signals: { ...used(4, 0.2), requests: total(60) },
      policy: { targets: { requests: 15 } },
    }),
    'stays at 4: requests 60/s over 4 ready instances is 15 each, target 15: within 10 %',
  ],
  [
    'a signal that only asks for more leaves fewer to the others',
    asked(4, 0.5, {
      signals: { ...used(4, 0.5), requests: total(30) },
      policy: { targets: { requests: 15 }, steps: steps.slice(0, 1) },
    }),
    'scaled 4 → 2: requests 30/s over 4 ready instances is 7.5 each, target 15',
  ],
  [
    'a signal that also takes away has its say between its bounds',
    asked(4, 0.5, {
      signals: { ...used(4, 0.5), requests: total(30) },
      policy: { targets: { requests: 15 } },
    }),
    'stays at 4: cpu is 50 % on average, within its steps',
  ],
  [
    'without a value nothing is taken away',
    asked(4, 0.2, {
      signals: { requests: total(30) },
      policy: { targets: { requests: 15 }, steps: steps.slice(0, 1) },
    }),
    'stays at 4: cpu is not measured, and the others alone may not take instances away',
  ],
  [
    'tasks that were not measured take none away',
    asked(4, 0.2, { signals: used(3, 0.2) }),
    'stays at 4: cpu was measured of 3 of 4 tasks: nothing is taken away',
  ],
  [
    'and count as idle where some are to be added',
    asked(4, 0.85, { signals: used(3, 0.85) }),
    'stays at 4: cpu is 85 % on average, within its steps',
  ],
  [
    'of a total each ready instance has its share',
    {
      state: appOf(4),
      signals: { requests: total(200, requests) },
      policy: { targets: {}, steps: [{ signal: 'requests', above: 40, add: { count: 1 } }] },
    },
    'scaled 4 → 5: requests is 50/s, above 40/s',
  ],
  [
    'after a change it waits until the instances are ready',
    asked(6, 0.9, {
      state: appOf(6, {
        tasks: [0, 1, 2, 3, 4, 5].map((i) => task(`web.${i}`, { healthy: i < 5 })),
      }),
      signals: used(5, 1),
      memory: after({ from: 4, to: 6 }, 20),
      policy: { steps: steps.slice(0, 1) },
    }),
    'stays at 6: cpu is 100 % on average, above 80 %; steps wait until all instances are ready after the change 4 → 6',
  ],
  [
    'and until its window was measured with them',
    asked(6, 0.9, { memory: after({ from: 4, to: 6 }, 40, 29) }),
    'stays at 6: cpu is 90 % on average, above 80 %; steps wait until 30s were measured after the change 4 → 6',
  ],
  [
    'then it goes on',
    asked(6, 0.9, { memory: after({ from: 4, to: 6 }, 40, 30) }),
    'scaled 6 → 8: cpu is 90 % on average, above 80 %',
  ],
  [
    'a further step adds the difference at once',
    asked(10, 0.97, { memory: after({ from: 8, to: 10 }, 40, 10) }),
    'scaled 10 → 12: cpu is 97 % on average, above 95 %',
  ],
  [
    'more are added at once where fewer were too few',
    asked(3, 0.9, { memory: after({ from: 4, to: 3 }, 40, 10) }),
    'scaled 3 → 5: cpu is 90 % on average, above 80 %',
  ],
  [
    'what was added is not taken away before it was measured',
    asked(6, 0.2, { memory: after({ from: 4, to: 6 }, 40, 10) }),
    'stays at 6: cpu is 20 % on average, below 30 %; steps wait until 30s were measured after the change 4 → 6',
  ],
  [
    'one that never gets ready is not waited for for ever',
    asked(6, 0.9, {
      state: appOf(6, {
        tasks: [0, 1, 2, 3, 4, 5].map((i) => task(`web.${i}`, { healthy: i < 5 })),
      }),
      signals: used(5, 1),
      memory: after({ from: 4, to: 6 }, 700, 100),
      policy: { steps: steps.slice(0, 1) },
    }),
    'scaled 6 → 8: cpu is 100 % on average, above 80 %',
  ],
]

for (const [title, given, message] of table) {
  test(`steps: ${title}`, (t) => t.is(evaluate(given).decision.message, message))
}

test('a step says how it counts, and what it waits for', (t) => {
  const { inputs, next } = evaluate(
    asked(10, 0.97, { memory: after({ from: 8, to: 10 }, 40, 10) }),
  ).decision
  t.deepEqual(inputs.targets, [
    {
      signal: 'cpu',
      kind: 'above',
      target: 0.95,
      unit: 'ratio',
      value: 0.97,
      measured: 10,
      expected: 10,
      proposal: 12,
      how: '8 + 50 % = 12',
    },
  ])
  t.is(next, undefined)
  const waiting = evaluate(asked(6, 0.9, { memory: after({ from: 4, to: 6 }, 40, 10) })).decision
  t.is(waiting.reason, 'settling')
  t.deepEqual(waiting.next, [
    { change: 'steps go on', when: 'the window was measured', atMs: t0 + 20 * second },
  ])
  t.deepEqual(evaluate(asked(4, 0.5)).decision.next, [
    { change: 'scales up', when: 'cpu is above 80 %' },
    { change: 'scales down', when: 'cpu is below 30 %' },
  ])
})

/** The work of so many instances, on those that run; each starts for 20 s. */
const loop = (work: (at: number) => number, course: Partial<Course> = {}): Course => ({
  policy: { targets: {}, steps, min: 1, max: 40, stabilizationDownMs: minute },
  instances: 4,
  seconds: 300,
  startSeconds: 20,
  signals: ({ at, running }) => used(running, Math.min(1, work(at) / running)),
  ...course,
})

test('steps do not pile up: each waits for what the one before did', (t) => {
  t.deepEqual(changesOf(run(loop(() => 5.5))), ['0 s: 4 → 6', '50 s: 6 → 8'])
  const hot = changesOf(run(loop((at) => (at < 60 ? 4 : 1))))
  t.deepEqual(hot, ['0 s: 4 → 6', '115 s: 6 → 5', '205 s: 5 → 4', '295 s: 4 → 3'])
})

test('a step that its rates let go on only in parts stays one step', (t) => {
  const course = loop(() => 20, {
    policy: {
      targets: {},
      steps: [{ signal: 'cpu', above: 0.8, add: { count: 4 } }],
      min: 1,
      max: 40,
      scaleUp: { select: 'max', policies: [{ count: 2, perMs: 10_000 }] },
    },
    startSeconds: 0,
    seconds: 45,
  })
  t.deepEqual(changesOf(run(course)), ['0 s: 4 → 6', '10 s: 6 → 8', '45 s: 8 → 10'])
})

const someWork = fc.record({
  loads: fc.array(fc.double({ min: 0.1, max: 12, noNaN: true }), { minLength: 10, maxLength: 40 }),
  instances: fc.integer({ min: 1, max: 10 }),
  startSeconds: fc.constantFrom(0, 10, 40),
  up: fc.constantFrom(0, 15_000),
  warmUpMs: fc.constantFrom(0, 30_000),
})

test('steps: whatever the load, never outside of the limits, never two at once, and a restart changes nothing', (t) => {
  let changes = 0
  fc.assert(
    fc.property(someWork, ({ loads, instances, startSeconds, up, warmUpMs }) => {
      const course = loop((at) => loads[Math.floor(at / 20)] ?? 1, {
        policy: { targets: {}, steps, min: 1, max: 12, stabilizationUpMs: up, warmUpMs },
        instances,
        startSeconds,
        seconds: loads.length * 20,
      })
      const turns = run(course)
      t.deepEqual(run({ ...course, between: restarted }), turns)
      const ups = turns.filter(
        ({ decision: { outcome, from, to } }) => outcome === 'scaled' && to > from,
      )
      changes += ups.length
      for (const [i, { at, decision }] of ups.entries()) {
        t.true(decision.to >= 1 && decision.to <= 12)
        const before = ups[i - 1]
        const isFurther = decision.inputs.targets[0]?.target === 0.95
        // The same step again: when the window was measured with the instances that it brought.
        if (before && !isFurther && before.decision.to === decision.from) {
          t.true(at - before.at >= startSeconds + warmUpMs / second + 30, `${before.at} ${at}`)
        }
      }
    }),
    { numRuns: 60 },
  )
  t.true(changes > 60, `only ${changes} changes`)
})
