import test from 'ava'
import type { ScalingPolicy } from '../../autoscaling/policy.ts'
import { limitsOf, loadOf, standingOf, type Limits } from '../../autoscaling/standing.ts'
import type { SignalReading } from '../../autoscaling/reading.ts'
import type { SignalDeclaration } from '../../pipeline/signals.ts'
import { appOf, cpu, marathon, perTask, policyOf, requests, second, t0, total } from './app.ts'

const limits: [string, Partial<ScalingPolicy>, Limits, Limits][] = [
  ['targets, with the tolerance', { targets: { requests: 20 } }, {}, { requests: 22 }],
  ['what somebody knows better', { targets: { requests: 20 } }, { requests: 30 }, { requests: 30 }],
  ['values of the service', { targets: {}, values: { behind: 100 } }, {}, { behind: 110 }],
  [
    'the lowest bound of steps',
    {
      targets: {},
      steps: [
        { signal: 'cpu', above: 0.9, add: { count: 3 } },
        { signal: 'cpu', above: 0.8, add: { count: 1 } },
        { signal: 'cpu', below: 0.3, remove: { count: 1 } },
      ],
    },
    {},
    { cpu: 0.8 },
  ],
]

for (const [what, policy, known, expected] of limits) {
  test(`what an instance can take: ${what}`, (t) => {
    const found = limitsOf(policyOf(policy), known)
    t.deepEqual(Object.keys(found), Object.keys(expected))
    for (const [signal, limit] of Object.entries(expected)) {
      t.true(Math.abs((found[signal] ?? 0) - limit) < 1e-9, signal)
    }
  })
}

const lag: SignalDeclaration = { ...requests, from: 'metrics', measure: 'last', metric: 'lag' }
const stands: [string, Partial<ScalingPolicy>, SignalReading, number, number][] = [
  ['a total', { targets: { it: 20 } }, total(60), 30, 60],
  ['the average of tasks', { targets: { it: 0.5 } }, perTask([0.2, 0.4], cpu), 0.3, 0.6],
  ['a value of the service', { targets: {}, values: { it: 30 } }, total(45, lag), 45, 45],
  ['a target each makes a total of it', { targets: { it: 30 } }, total(45, lag), 22.5, 45],
]

for (const [what, given, reading, each, load] of stands) {
  test(`what an instance has, and what is drawn: ${what}`, (t) => {
    const policy = policyOf(given)
    const scene = {
      state: appOf(2),
      marathon,
      signals: () => reading,
      ts: t0,
      nowMs: t0,
      intervalMs: second,
    }
    const standing = standingOf(scene, policy, { it: 1 })
    t.true(Math.abs((standing?.each['it'] ?? 0) - each) < 1e-9)
    t.like(standing, { wanted: 2, ready: 2 })
    const drawn = loadOf(['it'], scene, policy, standing)
    t.true(Math.abs((drawn?.value ?? 0) - load) < 1e-9)
    t.is(drawn?.isTotal, what !== 'a value of the service')
    t.is(standingOf({ ...scene, state: undefined }, policy, { it: 1 }), undefined)
  })
}
