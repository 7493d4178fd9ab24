import test from 'ava'
import type { Decision, DecisionReason } from '../../pipeline/decision.ts'
import {
  appOf,
  cpu,
  evaluate,
  marathon,
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

interface Story {
  title: string
  given: Asked
  outcome: Decision['outcome']
  reason: DecisionReason
  to: number
  message: string | RegExp
}

const remembered = (...recommendations: [number, number][]) => ({
  v: 1 as const,
  service,
  recommendations: recommendations.map(([secondsAgo, replicas]) => ({
    ts: t0 - secondsAgo * second,
    replicas,
  })),
})

const stories: Story[] = [
  {
    title: 'more load than two instances can carry raises them at once',
    given: { signals: { requests: total(71.3) } },
    outcome: 'scaled',
    reason: 'scaled-up',
    to: 5,
    message: 'scaled 2 → 5: requests 71.3/s over 2 ready instances is 35.7 each, target 15',
  },
  {
    title: 'a signal kept per task is taken as the average of those that are ready',
    given: { policy: { targets: { cpu: 0.6 } }, signals: { cpu: perTask([0.95, 0.91], cpu) } },
    outcome: 'scaled',
    reason: 'scaled-up',
    to: 4,
    message: 'scaled 2 → 4: cpu is 93 % on average over 2 tasks, target 60 %',
  },
  {
    title: 'of several targets the one that asks for most decides',
    given: {
      policy: { targets: { cpu: 0.6, requests: 15 } },
      signals: { cpu: perTask([0.3, 0.3], cpu), requests: total(44) },
    },
    outcome: 'scaled',
    reason: 'scaled-up',
    to: 3,
    message: 'scaled 2 → 3: requests 44/s over 2 ready instances is 22 each, target 15',
  },
  {
    title: 'close to the target nothing happens',
    given: { signals: { requests: total(32) } },
    outcome: 'held',
    reason: 'within-tolerance',
    to: 2,
    message: 'stays at 2: requests 32/s over 2 ready instances is 16 each, target 15: within 10 %',
  },
  {
    title: 'the load may ask for just as many as there are, far from the target',
    given: { state: appOf(3), signals: { requests: total(36) } },
    outcome: 'held',
    reason: 'no-change',
    to: 3,
    message: 'stays at 3: requests 36/s over 3 ready instances is 12 each, target 15',
  },
  {
    title: 'fewer are needed, but not for long yet',
    given: {
      state: appOf(6),
      signals: { requests: total(30) },
      memory: remembered([280, 6], [270, 3], [5, 2]),
    },
    outcome: 'held',
    reason: 'stabilizing',
    to: 6,
    message:
      'stays at 6: 2 would do (requests 30/s over 6 ready instances is 5 each, target 15), but 6 were recommended within the last 5m',
  },
  {
    title: 'fewer are needed for the whole window: down to the most that was recommended in it',
    given: {
      state: appOf(6),
      signals: { requests: total(30) },
      memory: remembered([300, 6], [270, 3], [5, 2]),
    },
    outcome: 'scaled',
    reason: 'scaled-down',
    to: 3,
    message: /^scaled 6 → 3: requests 30\/s/,
  },
  {
    title: 'at the very first evaluation what there is counts as recommended',
    given: { state: appOf(6), signals: { requests: total(30) } },
    outcome: 'held',
    reason: 'stabilizing',
    to: 6,
    message: /but 6 were recommended/,
  },
  {
    title: 'after a gap without any recommendation the window begins anew',
    given: {
      state: appOf(6),
      signals: { requests: total(30) },
      memory: remembered([400, 6], [25, 2]),
    },
    outcome: 'held',
    reason: 'stabilizing',
    to: 6,
    message: /but 6 were recommended/,
  },
  {
    title: 'with evaluations far apart that is no gap',
    given: {
      intervalMs: 10 * minute,
      state: appOf(6),
      signals: { requests: total(30) },
      memory: remembered([1200, 6], [600, 2]),
    },
    outcome: 'scaled',
    reason: 'scaled-down',
    to: 2,
    message: /^scaled 6 → 2/,
  },
  {
    title: 'going up waits too where its policy says so',
    given: {
      policy: { stabilizationUpMs: minute },
      signals: { requests: total(71.3) },
      memory: remembered([50, 2], [5, 5]),
    },
    outcome: 'held',
    reason: 'stabilizing',
    to: 2,
    message: /^stays at 2: it asks for 5 \(.*\), but did not all of the last 1m$/,
  },
  {
    title: 'more than the maximum is not given',
    given: { signals: { requests: total(500) } },
    outcome: 'scaled',
    reason: 'scaled-up',
    to: 10,
    message: /target 15 \(asks for 34, limited by its policy\)$/,
  },
  {
    title: 'at the maximum it stays',
    given: { state: appOf(10), signals: { requests: total(500) } },
    outcome: 'held',
    reason: 'at-maximum',
    to: 10,
    message:
      'stays at 10: the maximum; requests 500/s over 10 ready instances is 50 each, target 15, asks for 34',
  },
  {
    title: 'at the minimum it stays',
    given: { signals: { requests: total(3) }, memory: remembered([5, 1]) },
    outcome: 'held',
    reason: 'at-minimum',
    to: 2,
    message:
      'stays at 2: the minimum; requests 3/s over 2 ready instances is 1.5 each, target 15, would do with 1',
  },
  {
    title: 'above the maximum it comes down at once, also without a measurement',
    given: { state: appOf(12) },
    outcome: 'scaled',
    reason: 'scaled-down',
    to: 10,
    message: 'scaled 12 → 10: its maximum is 10, whatever the load',
  },
  {
    title: 'below the minimum it goes up at once, also without a measurement',
    given: { state: appOf(1) },
    outcome: 'scaled',
    reason: 'scaled-up',
    to: 2,
    message: 'scaled 1 → 2: its minimum is 2, whatever the load',
  },
  {
    title: 'without a value nothing is done',
    given: { signals: { requests: { declaration: requests, values: [] } } },
    outcome: 'held',
    reason: 'no-data',
    to: 2,
    message: 'stays at 2: requests has no value within 10s',
  },
  {
    title: 'no line at all may mean idle or not collected: nothing is taken away',
    given: {
      state: appOf(5),
      memory: remembered([1000, 1]),
      signals: {
        requests: {
          declaration: requests,
          values: [{ group: { service }, value: 0, lastMs: t0 - minute }],
        },
      },
    },
    outcome: 'held',
    reason: 'no-data',
    to: 5,
    message: 'stays at 5: requests counted no line within 10s: idle, or not collected',
  },
  {
    title: 'old measurements are none',
    given: { nowMs: t0 + minute, marathon: { ...marathon, atMs: t0 + minute } },
    outcome: 'held',
    reason: 'no-data',
    to: 2,
    message: 'stays at 2: requests was measured 1m ago, too long to act on',
  },
  {
    title: 'with one target of two missing the other may not take any away',
    given: {
      state: appOf(5),
      policy: { targets: { cpu: 0.6, requests: 15 }, stabilizationDownMs: 0 },
      signals: { requests: total(15), cpu: perTask([], cpu) },
    },
    outcome: 'held',
    reason: 'no-data',
    to: 5,
    message:
      'stays at 5: cpu has no value within 30s, and the others alone may not take instances away',
  },
  {
    title: 'with one target of two missing the other may add',
    given: {
      policy: { targets: { cpu: 0.6, requests: 15 } },
      signals: { requests: total(60), cpu: perTask([], cpu) },
    },
    outcome: 'scaled',
    reason: 'scaled-up',
    to: 4,
    message: /^scaled 2 → 4: requests/,
  },
  {
    title: 'three of four tasks measured: never fewer',
    given: {
      state: appOf(4),
      policy: { stabilizationDownMs: 0 },
      signals: { requests: perTask([1, 1, 1]) },
    },
    outcome: 'held',
    reason: 'thin-data',
    to: 4,
    message: 'stays at 4: requests was measured of 3 of 4 tasks: nothing is taken away',
  },
  {
    title: 'tasks that were not measured count as idle when it would go up',
    given: { state: appOf(4), signals: { requests: perTask([40, 40]) } },
    outcome: 'scaled',
    reason: 'scaled-up',
    to: 6,
    message: 'scaled 4 → 6: requests 80/s over 2 of 4 tasks is 40 each, target 15',
  },
  {
    title: 'an unreachable task is one that was not measured',
    given: {
      state: appOf(3, {
        tasks: [task('web.0'), task('web.1'), task('web.2', { state: 'TASK_UNREACHABLE' })],
      }),
      policy: { stabilizationDownMs: 0 },
      signals: { requests: perTask([1, 1, 1]) },
    },
    outcome: 'held',
    reason: 'thin-data',
    to: 3,
    message: /measured of 2 of 3 tasks/,
  },
  {
    title: 'instances that are ill count in no average: that is no reason for fewer',
    given: {
      state: appOf(4, {
        tasks: [0, 1, 2, 3].map((i) => task(`web.${i}`, { healthy: i === 0 })),
        healthy: 1,
      }),
      policy: { stabilizationDownMs: 0, targets: { cpu: 0.6 } },
      signals: { cpu: perTask([0.3, 0.1, 0.1, 0.1], cpu) },
    },
    outcome: 'held',
    reason: 'thin-data',
    to: 4,
    message: 'stays at 4: cpu says nothing of 3 instances not ready: nothing is taken away',
  },
  {
    title: 'while a collector is in trouble, a task without a line is one that was not measured',
    given: {
      state: appOf(3),
      policy: { stabilizationDownMs: 0 },
      unsure: 'collector docker: cannot read',
      signals: {
        requests: {
          ...perTask([5, 5]),
          values: [
            ...perTask([5, 5]).values,
            { group: { service, task: 'web.2' }, value: 0, lastMs: t0 - minute },
          ],
        },
      },
    },
    outcome: 'held',
    reason: 'thin-data',
    to: 3,
    message: /2 of 3 tasks \(collector docker: cannot read\)/,
  },
  {
    title: 'while a collector is in trouble, a total may be incomplete',
    given: {
      state: appOf(3),
      policy: { stabilizationDownMs: 0 },
      unsure: 'collector docker: cannot read',
      signals: { requests: total(5) },
    },
    outcome: 'held',
    reason: 'thin-data',
    to: 3,
    message:
      'stays at 3: requests may be incomplete (collector docker: cannot read): nothing is taken away',
  },
  {
    title: 'a load that no instance is ready for is no reason for fewer',
    given: {
      state: appOf(3, { tasks: ['a', 'b', 'c'].map((id) => task(id, { healthy: false })) }),
      policy: { stabilizationDownMs: 0 },
      signals: { requests: total(5) },
    },
    outcome: 'held',
    reason: 'thin-data',
    to: 3,
    message: 'stays at 3: no instance is ready: nothing is taken away',
  },
  {
    title: 'otherwise a task that a balancer leaves alone is idle',
    given: {
      state: appOf(3),
      policy: { stabilizationDownMs: 0 },
      signals: {
        requests: {
          ...perTask([5, 5]),
          values: [
            ...perTask([5, 5]).values,
            { group: { service, task: 'web.2' }, value: 0, lastMs: t0 - minute },
          ],
        },
      },
    },
    outcome: 'scaled',
    reason: 'scaled-down',
    to: 2,
    message: /^scaled 3 → 2/,
  },
  {
    title: 'the load of tasks that are not healthy yet is not lost: they will take their part',
    given: {
      state: appOf(4, {
        tasks: [
          task('web.0'),
          task('web.1'),
          task('web.2', { healthy: false }),
          task('web.3', { healthy: false }),
        ],
        healthy: 2,
      }),
      signals: { requests: perTask([29, 29]) },
    },
    outcome: 'held',
    reason: 'not-running',
    to: 4,
    message: /2 instances not ready yet will take a part$/,
  },
  {
    title: 'while those that are ready have more than their share of a total, none is taken away',
    given: {
      state: appOf(6, {
        tasks: [0, 1, 2, 3, 4, 5].map((i) => task(`web.${i}`, { healthy: i < 4 })),
        healthy: 4,
      }),
      policy: { stabilizationDownMs: 0 },
      signals: { requests: total(70) },
    },
    outcome: 'held',
    reason: 'no-change',
    to: 6,
    message: 'stays at 6: requests 70/s over 4 ready instances is 17.5 each, target 15',
  },
  {
    title: 'a deployment that touches it is let run',
    given: {
      state: appOf(2, { deployments: [{ id: '867ed450', sinceMs: t0 - 11 * second }] }),
      signals: { requests: total(71.3) },
    },
    outcome: 'held',
    reason: 'deployment-running',
    to: 2,
    message: 'stays at 2: deployment 867ed450 is under way since 12s',
  },
  {
    title: 'a full cluster gets no further instances to look for room for',
    given: {
      state: appOf(3, {
        instances: 5,
        deployments: [{ id: '867ed450' }],
        queue: { count: 2, waitingFor: ['cpus'], overdue: true },
      }),
      signals: { requests: total(200) },
    },
    outcome: 'held',
    reason: 'waiting-for-offers',
    to: 5,
    message: 'stays at 5: 2 instances are waiting for offers (cpus)',
  },
  {
    title: 'a full cluster is the reason too where the load asks for those that wait',
    given: {
      state: appOf(3, { instances: 5, queue: { count: 2, waitingFor: ['cpus', 'mem'] } }),
      signals: { requests: total(71.3) },
    },
    outcome: 'held',
    reason: 'waiting-for-offers',
    to: 5,
    message: 'stays at 5: 2 instances are waiting for offers (cpus, mem)',
  },
  {
    title: 'where Mesos offers nothing at all, there is nothing that an offer lacks',
    given: {
      state: appOf(3, {
        instances: 5,
        deployments: [{ id: '867ed450', sinceMs: t0 - 20 * second }],
        queue: { count: 2, overdue: true },
      }),
      signals: { requests: total(200) },
    },
    outcome: 'held',
    reason: 'waiting-for-offers',
    to: 5,
    message: 'stays at 5: 2 instances are waiting for offers, and none comes',
  },
  {
    title: 'an offer may take some seconds to come',
    given: {
      state: appOf(3, {
        instances: 5,
        deployments: [{ id: '867ed450', sinceMs: t0 - 5 * second }],
        queue: { count: 2, overdue: true },
      }),
      signals: { requests: total(200) },
    },
    outcome: 'held',
    reason: 'deployment-running',
    to: 5,
    message: /^stays at 5: deployment 867ed450 is under way since 6s$/,
  },
  {
    title: 'nothing is taken away while instances are looked for room for',
    given: {
      state: appOf(3, { instances: 5, queue: { count: 2, waitingFor: ['cpus'] } }),
      policy: { stabilizationDownMs: 0 },
      signals: { requests: total(31) },
    },
    outcome: 'held',
    reason: 'not-running',
    to: 5,
    message: 'stays at 5: 2 instances are started and not running yet',
  },
  {
    title: 'no more while some are being started',
    given: {
      state: appOf(2, {
        instances: 3,
        staged: 1,
        tasks: [task('web.0'), task('web.1'), task('web.2', { state: 'TASK_STAGING' })],
      }),
      signals: { requests: total(200) },
    },
    outcome: 'held',
    reason: 'not-running',
    to: 3,
    message: 'stays at 3: 1 instance is started and not running yet',
  },
  {
    title: 'a service without instances was stopped by a person',
    given: { state: appOf(0), signals: { requests: total(200) } },
    outcome: 'held',
    reason: 'suspended',
    to: 0,
    message: 'stays at 0: it was scaled to zero by hand',
  },
  {
    title: 'a resident app is refused',
    given: { state: appOf(2, { resident: true }), signals: { requests: total(200) } },
    outcome: 'refused',
    reason: 'resident',
    to: 2,
    message: 'not scaled: it keeps its volumes, and its policy does not say `resident`',
  },
  {
    title: 'a resident app whose policy says so is scaled',
    given: {
      policy: { resident: true },
      state: appOf(2, { resident: true }),
      signals: { requests: total(71.3) },
    },
    outcome: 'scaled',
    reason: 'scaled-up',
    to: 5,
    message: /^scaled 2 → 5/,
  },
  {
    title: 'a pod is refused',
    given: { state: appOf(2, { kind: 'pod' }), signals: { requests: total(200) } },
    outcome: 'refused',
    reason: 'pod',
    to: 2,
    message: 'not scaled: it is a pod, which cannot be scaled by instances',
  },
  {
    title: 'a service that Marathon does not have',
    given: { state: undefined, signals: { requests: total(200) } },
    outcome: 'held',
    reason: 'no-service',
    to: 0,
    message: 'left alone: Marathon has no app /shop/web',
  },
  {
    title: 'a service that nobody could ask Marathon for',
    given: {
      state: undefined,
      marathon: { ...marathon, trouble: 'connect ECONNREFUSED' },
    },
    outcome: 'held',
    reason: 'stale-state',
    to: 0,
    message: 'left alone: Marathon cannot be read: connect ECONNREFUSED',
  },
  {
    title: 'what Marathon told long ago is nothing to act on',
    given: { nowMs: t0 + minute, signals: { requests: total(71.3) } },
    outcome: 'held',
    reason: 'stale-state',
    to: 2,
    message: 'stays at 2: what Marathon told is 1m old',
  },
  {
    title: 'while Marathon is in trouble nothing is done',
    given: {
      marathon: { ...marathon, trouble: 'answers with HTML' },
      signals: { requests: total(71.3) },
    },
    outcome: 'held',
    reason: 'stale-state',
    to: 2,
    message: 'stays at 2: Marathon cannot be read: answers with HTML',
  },
  {
    title: 'dry run only tells',
    given: { policy: { dryRun: true }, signals: { requests: total(71.3) } },
    outcome: 'would-scale',
    reason: 'dry-run',
    to: 5,
    message: 'would scale 2 → 5: requests 71.3/s over 2 ready instances is 35.7 each, target 15',
  },
  {
    title: 'after a refusal it waits before it tries again',
    given: {
      signals: { requests: total(71.3) },
      memory: {
        ...remembered([5, 2]),
        backoff: {
          untilMs: t0 + 6 * second,
          failures: 1,
          reason: 'locked',
          because: 'Marathon answered 409',
        },
      },
    },
    outcome: 'held',
    reason: 'locked',
    to: 2,
    message: 'stays at 2: Marathon answered 409; next try in 5s',
  },
  {
    title: 'once the wait is over it tries again, with what is right now',
    given: {
      signals: { requests: total(40) },
      memory: {
        ...remembered([5, 2]),
        backoff: { untilMs: t0 + second, failures: 1, reason: 'locked', because: '' },
      },
    },
    outcome: 'scaled',
    reason: 'scaled-up',
    to: 3,
    message: /^scaled 2 → 3/,
  },
]

for (const { title, given, outcome, reason, to, message } of stories) {
  test(`${reason}: ${title}`, (t) => {
    const { decision } = evaluate(given)
    t.is(decision.outcome, outcome, decision.message)
    t.is(decision.reason, reason, decision.message)
    t.is(decision.to, to)
    t.is(decision.from === decision.to, outcome !== 'scaled' && outcome !== 'would-scale')
    if (typeof message === 'string') t.is(decision.message, message)
    else t.regex(decision.message, message)
    t.is(decision.steps.at(-1)?.step, 'outcome')
    t.deepEqual(
      decision.steps.at(-1) && [decision.steps.at(-1)?.before, decision.steps.at(-1)?.after],
      [decision.from, decision.to],
    )
  })
}

test('the steps of a decision lead from what is to what is decided', (t) => {
  const { decision } = evaluate({
    policy: { targets: { cpu: 0.6, requests: 15 }, max: 4 },
    state: appOf(2),
    signals: { cpu: perTask([0.95, 0.91], cpu), requests: total(71.3) },
  })
  t.deepEqual(
    decision.steps.map(({ step, before, after, why }) => `${step} ${before} → ${after}: ${why}`),
    [
      'proposal 2 → 4: cpu: 2 × 93 % ÷ 60 % = 3.1, rounded up 4',
      'proposal 2 → 5: requests: 71.3/s ÷ 15/s = 4.75, rounded up 5',
      'maximum 2 → 5: requests asks for most',
      'limits 5 → 4: at most 4',
      'outcome 2 → 4: the load asks for more',
    ],
  )
  t.deepEqual(decision.inputs, {
    wanted: 2,
    running: 2,
    healthy: 2,
    staged: 0,
    stateAtMs: t0,
    targets: [
      {
        signal: 'cpu',
        target: 0.6,
        unit: 'ratio',
        value: 0.9299999999999999,
        measured: 2,
        expected: 2,
        proposal: 4,
        how: '2 × 93 % ÷ 60 % = 3.1, rounded up 4',
      },
      {
        signal: 'requests',
        target: 15,
        unit: '/s',
        value: 35.65,
        proposal: 5,
        how: '71.3/s ÷ 15/s = 4.75, rounded up 5',
      },
    ],
  })
})

test('it is told what would change the outcome, and when', (t) => {
  const next = (given: Asked) => evaluate(given).decision.next
  t.deepEqual(
    next({
      state: appOf(6),
      signals: { requests: total(30) },
      memory: remembered([280, 6], [270, 2], [5, 2]),
    }),
    [
      {
        change: 'scales down to 2',
        when: 'the recommendation of 6 leaves the stabilization window',
        atMs: t0 + 20 * second,
      },
    ],
  )
  t.deepEqual(
    next({
      state: appOf(6),
      signals: { requests: total(30) },
      memory: remembered([280, 6], [200, 4], [100, 3], [5, 2]),
    })?.map(({ change }) => change),
    ['scales down to 4'],
    'the next one binds then',
  )
  t.deepEqual(
    next({
      state: appOf(6),
      signals: { requests: total(30) },
      memory: remembered([290, 6], [100, 2]),
    })?.map(({ change, atMs }) => [change, atMs]),
    [['scales down to 2', t0 + 300 * second]],
    'after a gap the window begins anew',
  )
  t.deepEqual(next({ state: appOf(3), signals: { requests: total(45) } }), [
    { change: 'scales up', when: 'requests is above 16.5 each' },
    { change: 'scales down', when: 'requests is below 13.5 each' },
  ])
  t.deepEqual(next({ signals: {} }), [{ change: 'goes on', when: 'requests has a value' }])
})

test('what was recommended is remembered, as far as a window can need it', (t) => {
  const { memory } = evaluate({
    state: appOf(6),
    signals: { requests: total(30) },
    memory: remembered([400, 9], [200, 4], [100, 6], [50, 3], [20, 5], [10, 3]),
  })
  t.deepEqual(
    memory.recommendations.map(({ ts, replicas }) => [(t0 - ts) / second, replicas]),
    [
      [100, 6],
      [20, 5],
      [10, 3],
      [0, 2],
    ],
  )
})

test('without a value no recommendation is remembered, and none forgotten', (t) => {
  const memory = remembered([100, 6], [50, 3])
  t.deepEqual(evaluate({ state: appOf(6), memory }).memory.recommendations, memory.recommendations)
})

const sent = evaluate({ signals: { requests: total(71.3) } }).decision

test('what was sent is believed until Marathon is read again', (t) => {
  const inFlight = { sentMs: t0 + second, decision: sent, answered: true }
  const asked = { signals: { requests: total(200) }, memory: { ...remembered([5, 2]), inFlight } }
  const before = evaluate({ ...asked, nowMs: t0 + 4 * second })
  t.is(before.decision.reason, 'deployment-running')
  t.is(
    before.decision.message,
    'stays at 5: the change 2 → 5 was sent 3s ago and is not seen in Marathon yet',
  )
  t.is(before.decision.from, 5)
  t.truthy(before.memory.inFlight)
  const after = evaluate({
    ...asked,
    state: appOf(2, { instances: 5, atMs: t0 + 2 * second, deployments: [{ id: 'ours' }] }),
    nowMs: t0 + 4 * second,
  })
  t.is(after.decision.reason, 'deployment-running')
  t.regex(after.decision.message, /^stays at 5: deployment ours/)
  t.is(after.memory.inFlight, undefined)
})
