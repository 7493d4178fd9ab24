import test from 'ava'
import fc from 'fast-check'
import { decide } from '../../autoscaling/decide.ts'
import { freshMemory } from '../../autoscaling/memory.ts'
import type { ServiceState, TaskState } from '../../pipeline/service-state.ts'
import {
  appOf,
  cpu,
  evaluate,
  marathon,
  perTask,
  policyOf,
  second,
  service,
  t0,
  total,
  type Asked,
} from './app.ts'

const states = ['TASK_RUNNING', 'TASK_STAGING', 'TASK_UNREACHABLE', 'TASK_KILLING', 'TASK_RUNNING']

const someTask = (i: number): fc.Arbitrary<TaskState> =>
  fc.record({
    id: fc.constant(`web.${i}`),
    state: fc.constantFrom(...states),
    healthy: fc.boolean(),
  })

const someTasks = fc.nat(12).chain((count) => fc.tuple(...[...Array(count).keys()].map(someTask)))

const someState: fc.Arbitrary<ServiceState> = fc
  .record({
    tasks: someTasks,
    instances: fc.nat(14),
    hasChecks: fc.boolean(),
    deployments: fc.constantFrom<{ id: string }[]>([], [{ id: 'd' }]),
    queued: fc.nat(3),
    waitingFor: fc.constantFrom<string[]>([], ['cpus']),
  })
  .map(({ queued, waitingFor, tasks, ...state }) =>
    appOf(0, {
      ...state,
      tasks: [...tasks],
      ...(queued > 0 ? { queue: { count: queued, waitingFor } } : {}),
    }),
  )

/** Nothing is under way, all that are wanted run. */
const calmState = fc.integer({ min: 1, max: 14 }).map((healthy) => appOf(healthy))

const someValue = fc.option(fc.double({ min: 0, max: 500, noNaN: true }), { nil: undefined })

const someAsked: fc.Arbitrary<Asked> = fc
  .record({
    state: fc.oneof(someState, calmState),
    min: fc.integer({ min: 1, max: 6 }),
    above: fc.nat(6),
    downMs: fc.constantFrom(0, 60 * second),
    upMs: fc.constantFrom(0, 0, 30 * second),
    values: fc.oneof(
      fc.array(someValue, { maxLength: 12 }),
      fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 14, maxLength: 14 }),
    ),
    sum: someValue,
    recommended: fc.array(fc.integer({ min: 1, max: 14 }), { maxLength: 5 }),
  })
  .map(({ state, min, above, downMs, upMs, values, sum, recommended }) => ({
    state,
    policy: {
      min,
      max: min + above,
      targets: { cpu: 50, requests: 15 },
      stabilizationDownMs: downMs,
      stabilizationUpMs: upMs,
    },
    signals: {
      cpu: perTask(values, cpu),
      ...(sum === undefined ? {} : { requests: total(sum) }),
    },
    memory: {
      ...freshMemory(service),
      recommendations: recommended.map((replicas, i) => ({ ts: t0 - (9 - i) * 9000, replicas })),
    },
  }))

const runs = { numRuns: 3000 }

test('what is decided lies between minimum and maximum', (t) => {
  fc.assert(
    fc.property(someAsked, (asked) => {
      const { decision } = evaluate(asked)
      const { min, max } = decision.policy
      return decision.outcome !== 'scaled' || (decision.to >= min && decision.to <= max)
    }),
    runs,
  )
  t.pass()
})

test('instances are taken away only where everything was measured, or above the maximum', (t) => {
  let seen = 0
  fc.assert(
    fc.property(someAsked, (asked) => {
      const { decision } = evaluate(asked)
      const { from, to, inputs, policy } = decision
      if (to >= from || from > policy.max) return true
      seen++
      return inputs.targets.every(
        ({ proposal, measured, expected }) => proposal !== undefined && measured === expected,
      )
    }),
    runs,
  )
  t.true(seen > 20, `only ${seen} of them shrank`)
})

test('nothing is changed while anything is under way, and zero stays zero', (t) => {
  let scaled = 0
  fc.assert(
    fc.property(someAsked, (asked) => {
      const { decision } = evaluate(asked)
      const { state } = asked
      if (!state || decision.outcome !== 'scaled') return true
      scaled++
      return (
        state.deployments.length === 0 &&
        state.queue === undefined &&
        state.instances > 0 &&
        state.tasks.every((task) => task.state !== 'TASK_STAGING')
      )
    }),
    runs,
  )
  t.true(scaled > 100, `only ${scaled} of them were scaled`)
})

test('more load never asks for fewer', (t) => {
  fc.assert(
    fc.property(someAsked, fc.double({ min: 1, max: 3, noNaN: true }), (asked, factor) => {
      const { signals = {} } = asked
      const more = Object.fromEntries(
        Object.entries(signals).map(([name, { declaration, values }]) => [
          name,
          {
            declaration,
            values: values.map((one) => ({ ...one, value: one.value * factor })),
          },
        ]),
      )
      const policy = { ...asked.policy, tolerance: 0.001 }
      const before = evaluate({ ...asked, policy }).decision
      return evaluate({ ...asked, policy, signals: more }).decision.to >= before.to
    }),
    runs,
  )
  t.pass()
})

test('with what was remembered as JSON everything is as without', (t) => {
  fc.assert(
    fc.property(someAsked, (asked) => {
      const first = evaluate(asked)
      const input = {
        policy: policyOf(asked.policy),
        state: asked.state,
        marathon,
        signals: (name: string) => asked.signals?.[name],
        ts: t0 + 5 * second,
        nowMs: t0 + 6 * second,
        intervalMs: 5 * second,
      }
      const kept = decide({ ...input, memory: first.memory })
      const read = JSON.parse(JSON.stringify(first.memory)) as typeof first.memory
      t.deepEqual(decide({ ...input, memory: read }), kept)
    }),
    { numRuns: 300 },
  )
})

const pause = {
  id: 'p',
  service,
  direction: 'both' as const,
  fromMs: t0,
  untilMs: t0 + 60 * second,
  by: 'ana',
  reason: 'deploy',
}

test('while it is paused nothing is changed, and afterwards all is as without', (t) => {
  let held = 0
  fc.assert(
    fc.property(someAsked, (asked) => {
      const free = evaluate(asked)
      const { decision, memory } = evaluate({ ...asked, pauses: [pause] })
      t.is(decision.to, decision.from)
      if (decision.reason === 'paused') {
        held++
        t.deepEqual(memory.recommendations, free.memory.recommendations)
        if (free.decision.outcome === 'scaled') t.is(decision.would, free.decision.to)
      }
      const over = { ...pause, untilMs: t0 }
      t.deepEqual(evaluate({ ...asked, pauses: [over] }), free)
    }),
    { numRuns: 1000 },
  )
  t.true(held > 100, `only ${held} of them were paused`)
})
