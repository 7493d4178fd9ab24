import test from 'ava'
import fc from 'fast-check'
import type { Decision } from '../../pipeline/decision.ts'
import type { SignalDeclaration } from '../../pipeline/signals.ts'
import { appOf, evaluate, minute, second, t0, task, total, type Asked } from './app.ts'
import { changesOf, run } from './loop.ts'

/** Seconds behind, of the service as a whole. */
export const behind: SignalDeclaration = {
  from: 'metrics',
  metric: 'prometheus.behind',
  where: '',
  measure: 'last',
  overMs: 30 * second,
  by: ['service'],
}

const asked = (value: number, healthy: number, more: Asked = {}): Asked => ({
  state: appOf(healthy),
  signals: { behind: total(value, behind) },
  ...more,
  policy: { targets: {}, values: { behind: 30 }, min: 1, stabilizationDownMs: 0, ...more.policy },
})

const table: [string, Asked, Decision['outcome'], string][] = [
  [
    'twice the value is twice the instances',
    asked(60, 3),
    'scaled',
    'scaled 3 → 6: behind is 60, target 30',
  ],
  ['half of it is half of them', asked(15, 4), 'scaled', 'scaled 4 → 2: behind is 15, target 30'],
  [
    'close to it nothing happens',
    asked(32, 4),
    'held',
    'stays at 4: behind is 32, target 30: within 10 %',
  ],
  [
    'those that are not ready yet are not counted, and none is taken away for it',
    asked(40, 4, { state: appOf(2, { instances: 4 }) }),
    'held',
    'stays at 4: behind is 40, target 30',
  ],
  [
    'while some are ill a low value is no reason for fewer',
    asked(3, 4, {
      state: appOf(4, {
        tasks: ['a', 'b', 'c', 'd'].map((id) => task(id, { healthy: id < 'c' })),
      }),
    }),
    'held',
    'stays at 4: behind says nothing of 2 instances not ready: nothing is taken away',
  ],
]

for (const [title, given, outcome, message] of table) {
  test(`value: ${title}`, (t) => {
    const { decision } = evaluate(given)
    t.deepEqual([decision.outcome, decision.message], [outcome, message])
  })
}

test('the calculation, and what would change it, name no share of an instance', (t) => {
  const { inputs, next } = evaluate(asked(32, 4)).decision
  t.deepEqual(inputs.targets, [
    {
      signal: 'behind',
      kind: 'value',
      target: 30,
      value: 32,
      proposal: 4,
      how: '32 ÷ 30 = 1.07: within 10 %, as many as now',
    },
  ])
  t.deepEqual(next, [
    { change: 'scales up', when: 'behind is above 33' },
    { change: 'scales down', when: 'behind is below 27' },
  ])
  const { how } = evaluate(asked(60, 3)).decision.inputs.targets[0] ?? {}
  t.is(how, '3 × 60 ÷ 30 = 6, rounded up 6')
})

test('value: never fewer without a reading of everything', (t) => {
  const some = fc.record({
    value: fc.option(fc.double({ min: 0, max: 300, noNaN: true }), { nil: undefined }),
    healthy: fc.integer({ min: 1, max: 10 }),
    ill: fc.nat(3),
    unsure: fc.boolean(),
  })
  fc.assert(
    fc.property(some, ({ value, healthy, ill, unsure }) => {
      const tasks = [...Array(healthy).keys()].map((i) => task(`${i}`, { healthy: i >= ill }))
      const { decision } = evaluate({
        ...asked(value ?? 0, healthy, { state: appOf(healthy, { tasks }) }),
        ...(value === undefined ? { signals: {} } : {}),
        ...(unsure ? { unmeasured: 'no signal was measured' } : {}),
      })
      return decision.to >= decision.from || (value !== undefined && ill === 0 && !unsure)
    }),
  )
  t.pass()
})

test('instances that start just now are not ready until they are warm', (t) => {
  const tasks = [0, 1, 2, 3].map((i) =>
    task(`web.${i}`, { startedMs: t0 - (i < 2 ? 10 : 90) * second }),
  )
  const state = appOf(4, { tasks })
  const warm = (warmUpMs: number) =>
    evaluate(asked(60, 4, { state, policy: { warmUpMs, max: 20 } })).decision
  t.is(warm(0).to, 8)
  t.is(warm(10 * second).to, 8, 'as old as that is warm')
  const young = warm(minute)
  t.is(young.message, 'stays at 4: behind is 60, target 30')
  t.deepEqual(young.steps[0], {
    step: 'warm-up',
    before: 4,
    after: 4,
    why: '2 instances started within 1m: not ready yet',
  })
})

test('a start that is slow to help is not answered by ever more instances', (t) => {
  const lag = (warmUpMs: number) =>
    run({
      policy: { targets: {}, values: { behind: 30 }, min: 1, max: 40, warmUpMs },
      instances: 2,
      seconds: 60,
      signals: ({ running }) => ({ behind: total(running < 4 ? 60 : 45, behind) }),
    })
  t.deepEqual(changesOf(lag(0)).slice(0, 3), ['0 s: 2 → 4', '5 s: 4 → 6', '10 s: 6 → 9'])
  t.deepEqual(changesOf(lag(minute)), ['0 s: 2 → 4', '60 s: 4 → 6'])
})
