import test from 'ava'
import type { Conditions } from '../../pipeline/decision.ts'
import { appOf, evaluate, marathon, second, service, t0, task, total, type Asked } from './app.ts'

const short = ({ AbleToScale, ScalingActive, ScalingLimited }: Conditions) =>
  [AbleToScale, ScalingActive, ScalingLimited]
    .map(({ status, reason }) => `${status ? '' : 'not '}${reason}`)
    .join(', ')

const rising = { requests: total(71.3) }
const recommended = (replicas: number) => ({
  v: 1 as const,
  service,
  recommendations: [{ ts: t0 - 5 * second, replicas }],
})

const pause = {
  id: 'p1',
  service,
  direction: 'both' as const,
  fromMs: t0,
  untilMs: t0 + 60_000,
  by: 'ana',
  reason: 'deploy',
}

const table: [string, Asked, string][] = [
  [
    'more is asked for',
    { signals: rising },
    'SucceededRescale, ValidMetricFound, not DesiredWithinRange',
  ],
  [
    'more than the maximum',
    { signals: { requests: total(500) } },
    'SucceededRescale, ValidMetricFound, TooManyReplicas',
  ],
  [
    'at the maximum',
    { state: appOf(10), signals: { requests: total(500) } },
    'ReadyForNewScale, ValidMetricFound, TooManyReplicas',
  ],
  [
    'at the minimum',
    { signals: { requests: total(3) }, memory: recommended(1) },
    'ReadyForNewScale, ValidMetricFound, TooFewReplicas',
  ],
  [
    'fewer, but not for long yet',
    { state: appOf(6), signals: { requests: total(30) }, memory: recommended(6) },
    'ScaleDownStabilized, ValidMetricFound, not DesiredWithinRange',
  ],
  [
    'more, but not for long yet',
    { policy: { stabilizationUpMs: 60_000 }, signals: rising, memory: recommended(2) },
    'ScaleUpStabilized, ValidMetricFound, not DesiredWithinRange',
  ],
  [
    'more, but not so fast',
    {
      policy: { scaleUp: { select: 'max', policies: [{ count: 1, perMs: 60_000 }] } },
      signals: rising,
    },
    'SucceededRescale, ValidMetricFound, ScaleUpLimit',
  ],
  [
    'fewer, but not so fast',
    {
      state: appOf(6),
      policy: { scaleDown: { select: 'disabled', policies: [] }, stabilizationDownMs: 0 },
      signals: { requests: total(30) },
    },
    'ReadyForNewScale, ValidMetricFound, ScaleDownLimit',
  ],
  ['no value', {}, 'ReadyForNewScale, not FailedGetMetric, not DesiredWithinRange'],
  [
    'one value of two, which may not take away',
    {
      state: appOf(5),
      policy: { targets: { requests: 15, cpu: 0.6 } },
      signals: { requests: total(15) },
    },
    'ReadyForNewScale, not FailedGetMetric, not DesiredWithinRange',
  ],
  [
    'one value of two, which may add',
    { policy: { targets: { requests: 15, cpu: 0.6 } }, signals: rising },
    'SucceededRescale, ValidMetricFound, not DesiredWithinRange',
  ],
  [
    'no such app',
    { state: undefined },
    'not FailedGetScale, not NotEvaluated, not DesiredWithinRange',
  ],
  [
    'Marathon is away',
    { marathon: { ...marathon, trouble: 'away' } },
    'not FailedGetScale, not NotEvaluated, not DesiredWithinRange',
  ],
  [
    'zero by hand',
    { state: appOf(0) },
    'ReadyForNewScale, not ScalingDisabled, not DesiredWithinRange',
  ],
  [
    'zero by us',
    {
      state: appOf(0),
      policy: { min: 0, activation: { requests: 5 } },
      signals: { requests: total(1) },
      memory: { ...recommended(1), asleepMs: t0 },
    },
    'ReadyForNewScale, not ScalerNotActive, not DesiredWithinRange',
  ],
  [
    'paused',
    { signals: rising, pauses: [pause] },
    'ReadyForNewScale, not Paused, not DesiredWithinRange',
  ],
  [
    'set by hand',
    {
      signals: rising,
      policy: { overrideMs: 60_000 },
      memory: {
        ...recommended(2),
        seen: { instances: 2, deploying: false },
        override: { instances: 2, from: 7, sinceMs: t0 },
      },
    },
    'ReadyForNewScale, not SetByHand, not DesiredWithinRange',
  ],
  [
    'a deployment',
    { state: appOf(2, { deployments: [{ id: 'd' }] }), signals: rising },
    'not DeploymentRunning, ValidMetricFound, not DesiredWithinRange',
  ],
  [
    'instances that start',
    {
      state: appOf(2, {
        instances: 3,
        tasks: [task('a'), task('b'), task('c', { state: 'TASK_STAGING' })],
      }),
      signals: { requests: total(200) },
    },
    'not InstancesStarting, ValidMetricFound, TooManyReplicas',
  ],
  [
    'Marathon refused',
    {
      signals: rising,
      memory: {
        ...recommended(2),
        backoff: {
          untilMs: t0 + 6000,
          failures: 1,
          reason: 'locked',
          because: 'Marathon answered 409',
        },
      },
    },
    'not FailedUpdateScale, ValidMetricFound, not DesiredWithinRange',
  ],
  [
    'only told',
    { policy: { dryRun: true }, signals: rising },
    'DryRun, ValidMetricFound, not DesiredWithinRange',
  ],
]

for (const [title, given, expected] of table) {
  test(`conditions: ${title}`, (t) => {
    const { conditions } = evaluate(given).decision
    t.is(conditions && short(conditions), expected)
    for (const { message } of Object.values(conditions ?? {})) t.true(message.length > 0)
  })
}
