import test from 'ava'
import fc from 'fast-check'
import type { ScalingPolicy } from '../../autoscaling/policy.ts'
import type { SignalReading } from '../../autoscaling/reading.ts'
import type { Amount, RatePolicies } from '../../pipeline/decision.ts'
import { cpu, perTask, second, total } from './app.ts'
import { restarted, run, type Course, type Turn } from './loop.ts'

const gauge = { ...cpu, metric: 'prometheus.behind', by: ['service' as const] }

const someAmount: fc.Arbitrary<Amount> = fc.oneof(
  fc.record({ count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ percent: fc.integer({ min: 1, max: 200 }) }),
)
const someRates: fc.Arbitrary<RatePolicies> = fc.record({
  select: fc.constantFrom('max', 'min', 'disabled'),
  policies: fc.array(
    fc
      .tuple(someAmount, fc.constantFrom(5000, 30_000))
      .map(([amount, perMs]) => ({ ...amount, perMs })),
    { minLength: 1, maxLength: 2 },
  ),
})

/** Any combination of the parts of a policy. */
const somePolicy: fc.Arbitrary<Partial<ScalingPolicy>> = fc
  .record(
    {
      targets: fc.constantFrom<Record<string, number>>({ cpu: 0.6 }, {}),
      values: fc.constant({ behind: 30 }),
      steps: fc.tuple(someAmount, someAmount).map(([add, remove]) => [
        { signal: 'cpu', above: 0.8, add },
        { signal: 'cpu', below: 0.2, remove },
      ]),
      scaleUp: someRates,
      scaleDown: someRates,
      warmUpMs: fc.constantFrom(10_000, 40_000),
      activation: fc.constant({ behind: 1 }),
    },
    { requiredKeys: [] },
  )
  .map(({ targets = { cpu: 0.6 }, activation, ...policy }) => ({
    ...policy,
    targets: policy.values || policy.steps ? targets : { cpu: 0.6 },
    min: activation ? 0 : 1,
    max: 9,
    stabilizationDownMs: 15 * second,
    ...(activation ? { activation, idleAfterMs: 20 * second } : {}),
  }))

interface Load {
  /** Work for so many instances; undefined while nothing is measured. */
  work: number | undefined
  behind: number | undefined
  /** So many tasks are not measured. */
  missing: number
}

const maybe = (most: number) =>
  fc.option(fc.double({ min: 0, max: most, noNaN: true }), { nil: undefined, freq: 8 })
const someLoad: fc.Arbitrary<Load> = fc.record({
  work: maybe(8),
  behind: fc.oneof(maybe(90), fc.constant(0)),
  missing: fc.constantFrom(0, 0, 0, 0, 1),
})

const someCourse: fc.Arbitrary<Course> = fc
  .record({
    policy: somePolicy,
    loads: fc.array(someLoad, { minLength: 5, maxLength: 20 }),
    instances: fc.integer({ min: 1, max: 12 }),
    startSeconds: fc.constantFrom(0, 10),
    refused: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 6 }),
  })
  .map(({ policy, loads, instances, startSeconds, refused }) => ({
    policy,
    instances,
    startSeconds,
    seconds: loads.length * 20 - 5,
    refuses: (at) => refused.includes(at / 5),
    signals: ({ at, running }) => readings(loads[Math.floor(at / 20)], running),
  }))

function readings(load: Load | undefined, running: number): Record<string, SignalReading> {
  const { work, behind, missing = 0 } = load ?? {}
  const each = (work ?? 0) / Math.max(1, running)
  const measured = Array.from({ length: running }, (_, i) => (i < missing ? undefined : each))
  return {
    ...(work === undefined ? {} : { cpu: perTask(measured, cpu) }),
    ...(behind === undefined ? {} : { behind: total(behind, gauge) }),
  }
}

const courses = (check: (turns: Turn[], course: Course) => void) =>
  fc.assert(
    fc.property(someCourse, (course) => check(run(course), course)),
    { numRuns: 150 },
  )

test('whatever a policy is made of: what is decided lies between its limits', (t) => {
  courses((turns) => {
    for (const { decision } of turns) {
      if (decision.outcome !== 'scaled') continue
      t.true(decision.to >= decision.policy.min && decision.to <= decision.policy.max)
      t.true(decision.to > 0 || decision.policy.activation !== undefined)
    }
  })
})

test('whatever a policy is made of: fewer only where all was measured of all, or there is nothing to do', (t) => {
  let seen = 0
  courses((turns) => {
    for (const { decision } of turns) {
      const { outcome, from, to, inputs, policy, steps } = decision
      if (outcome !== 'scaled' || to >= from || from > policy.max) continue
      seen++
      const isIdle = steps.some(({ step }) => step === 'activity')
      const isMeasured = inputs.targets.every(
        ({ proposal, measured, expected }) => proposal !== undefined && measured === expected,
      )
      t.true(isIdle || isMeasured, decision.message)
    }
  })
  t.true(seen > 40, `only ${seen} times fewer`)
})

test('whatever a policy is made of: a restart between any two evaluations changes nothing', (t) => {
  courses((turns, course) => t.deepEqual(run({ ...course, between: restarted }), turns))
})

test('whatever a policy is made of: the steps lead from what is to what is decided', (t) => {
  courses((turns) => {
    for (const { decision } of turns) {
      const last = decision.steps.at(-1)
      t.deepEqual([last?.step, last?.before, last?.after], ['outcome', decision.from, decision.to])
      t.is(decision.from === decision.to, decision.outcome !== 'scaled', decision.message)
      t.truthy(decision.conditions)
    }
  })
})
