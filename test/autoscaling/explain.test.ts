import test from 'ava'
import { explainDecision } from '../../autoscaling/explain.ts'
import { appOf, cpu, evaluate, minute, perTask, second, service, t0, total } from './app.ts'

const moment = (ms: number) => new Date(ms).toISOString().slice(11, 19)

test('a decision that holds: what was known, each step, and what would change it', (t) => {
  const { decision } = evaluate({
    policy: { targets: { cpu: 0.6, requests: 15 } },
    state: appOf(6),
    signals: { cpu: perTask([0.2, 0.1, 0.1, 0.1, 0.1, 0.1], cpu), requests: total(30) },
    memory: {
      v: 1,
      service,
      recommendations: [
        { ts: t0 - minute, replicas: 6 },
        { ts: t0 - 5 * second, replicas: 2 },
      ],
    },
  })
  const { decision: before } = evaluate({
    signals: { requests: total(71.3) },
    ts: t0 - minute,
    nowMs: t0 - minute,
  })
  t.is(
    explainDecision(decision, { moment, lastChange: before }),
    `/shop/web at 18:00:00
stays at 6: 2 would do (cpu is 11.7 % on average over 6 tasks, target 60 %), but 6 were recommended within the last 5m

instances  6 wanted, 6 running, 6 healthy (as Marathon told at 18:00:00)
targets    cpu: 11.7 % each, target 60 %, 6 of 6 tasks measured: asks for 2 (6 × 11.7 % ÷ 60 % = 1.16, rounded up 2)
           requests: 5/s each, target 15/s: asks for 2 (30/s ÷ 15/s = 2, rounded up 2)
policy     of its config: 2 to 10, tolerance 10 %, up after 0s, down after 5m
steps      proposal       6 → 2  cpu: 6 × 11.7 % ÷ 60 % = 1.16, rounded up 2
           proposal       6 → 2  requests: 30/s ÷ 15/s = 2, rounded up 2
           maximum        6 → 2  cpu asks for most
           stabilization  2 → 6  the highest recommendation of the last 5m
           outcome            6  a recent recommendation was for more
status     AbleToScale     true   ScaleDownStabilized: the highest recommendation of the last 5m
           ScalingActive   true   ValidMetricFound: its signals have a value
           ScalingLimited  false  DesiredWithinRange: what is asked for is within its limits
next       scales down to 2 at the earliest at 18:04:00, when the recommendation of 6 leaves the stabilization window
before     17:59:00 scaled 2 → 5: requests 71.3/s over 2 ready instances is 35.7 each, target 15
`,
  )
})

test('what is missing, waits or was refused has its line too', (t) => {
  const { decision } = evaluate({
    policy: { dryRun: true },
    state: appOf(3, {
      instances: 5,
      staged: 2,
      atMs: t0 + second,
      queue: { count: 2, waitingFor: ['cpus'] },
      deployments: [{ id: '867ed450' }],
    }),
  })
  t.is(
    explainDecision({ ...decision, answer: { status: 409, message: 'locked' } }, { moment }),
    `/shop/web at 18:00:00
stays at 5: 2 instances are waiting for offers (cpus)

instances  5 wanted, 3 running, 3 healthy, 2 starting (as Marathon told at 18:00:01); under way: 867ed450; waiting for offers: cpus
targets    requests: no value, target 15: cannot tell (is not measured)
policy     of its config: 2 to 10, tolerance 10 %, up after 0s, down after 5m, dry run
steps      proposal  5  requests: is not measured
           offers    5  2 instances are waiting for offers (cpus)
           outcome   5  instances wait for resources
status     AbleToScale     false  WaitingForOffers: 2 instances are waiting for offers (cpus)
           ScalingActive   false  FailedGetMetric: requests is not measured
           ScalingLimited  false  DesiredWithinRange: what is asked for is within its limits
Marathon   answered 409, locked
next       scales up when offers have enough cpus
`,
  )
})

test('of a service that nobody knows there is little to say', (t) => {
  const { decision } = evaluate({ state: undefined })
  t.is(
    explainDecision(decision, { moment }),
    `/shop/web at 18:00:00
left alone: Marathon has no app /shop/web

instances  Marathon told nothing of it
policy     of its config: 2 to 10, tolerance 10 %, up after 0s, down after 5m
steps      outcome  0  Marathon has no app /shop/web
status     AbleToScale     false  FailedGetScale: Marathon has no app /shop/web
           ScalingActive   false  NotEvaluated: its signals were not looked at
           ScalingLimited  false  DesiredWithinRange: what is asked for is within its limits
next       goes on when there is such an app
`,
  )
})

test('a policy with all its parts', (t) => {
  const { decision } = evaluate({
    policy: {
      targets: {},
      values: { behind: 30 },
      steps: [
        { signal: 'cpu', above: 0.8, add: { percent: 50 } },
        { signal: 'cpu', below: 0.3, remove: { count: 1 } },
      ],
      scaleUp: {
        select: 'max',
        policies: [
          { count: 4, perMs: 15_000 },
          { percent: 100, perMs: 15_000 },
        ],
      },
      scaleDown: { select: 'disabled', policies: [] },
      warmUpMs: minute,
      activation: { queue: 5 },
      idleAfterMs: 5 * minute,
      min: 0,
    },
    state: appOf(2),
    signals: { cpu: perTask([0.9, 0.9], cpu) },
  })
  const lines = explainDecision(decision, { moment }).split('\n')
  const from = lines.findIndex((line) => line.startsWith('targets'))
  t.deepEqual(lines.slice(from, from + 8), [
    'targets    behind: no value, target 30: cannot tell (is not measured)',
    '           cpu: 90 %, step above 80 %, 2 of 2 tasks measured: asks for 3 (2 + 50 % = 3)',
    'policy     of its config: 0 to 10, tolerance 10 %, up after 0s, down after 5m',
    '           cpu above 0.8: + 50 %',
    '           cpu below 0.3: − 1',
    '           up: at most 4 more within 15s or 100 % more within 15s, whichever allows most',
    '           down: never',
    '           warm-up of 1m',
  ])
  t.is(lines[from + 8], '           to zero after 5m without queue above 5')
})
