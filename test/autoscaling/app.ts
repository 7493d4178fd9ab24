/** An app, its policy and its signals, as the tests of one evaluation need them. */
import { decide, type DecideInput, type Decided } from '../../autoscaling/decide.ts'
import { freshMemory } from '../../autoscaling/memory.ts'
import type { ScalingPolicy } from '../../autoscaling/policy.ts'
import type { SignalReading } from '../../autoscaling/reading.ts'
import type { MarathonState, ServiceState, TaskState } from '../../pipeline/service-state.ts'
import type { SignalDeclaration } from '../../pipeline/signals.ts'

/** Event time of the evaluation; the clock is a second further. */
export const t0 = Date.parse('2026-11-22T18:00:00Z')
export const second = 1000
export const minute = 60 * second
export const service = '/shop/web'

export const requests: SignalDeclaration = {
  from: 'logs',
  where: 'path:*',
  measure: 'rate',
  overMs: 10 * second,
  by: ['service'],
}
export const requestsPerTask: SignalDeclaration = { ...requests, by: ['service', 'task'] }
export const cpu: SignalDeclaration = {
  from: 'metrics',
  metric: 'container.cpu.utilization',
  where: '',
  measure: 'avg',
  overMs: 30 * second,
  by: ['service', 'task'],
  unit: 'ratio',
}

export function policyOf(policy: Partial<ScalingPolicy> = {}): ScalingPolicy {
  return {
    service,
    source: 'config',
    targets: { requests: 15 },
    min: 2,
    max: 10,
    tolerance: 0.1,
    stabilizationUpMs: 0,
    stabilizationDownMs: 5 * minute,
    dryRun: false,
    resident: false,
    overrideMs: 0,
    ...policy,
  }
}

export function task(id: string, state: Partial<TaskState> = {}): TaskState {
  return { id, state: 'TASK_RUNNING', healthy: true, ...state }
}

/** `healthy` tasks of an app with health checks, all wanted, and what is given. */
export function appOf(healthy: number, state: Partial<ServiceState> = {}): ServiceState {
  const tasks = Array.from({ length: healthy }, (_, i) => task(`web.${i}`))
  return {
    v: 1,
    service,
    kind: 'app',
    marathon: 'marathon',
    atMs: t0,
    instances: healthy,
    staged: 0,
    running: healthy,
    healthy,
    unhealthy: 0,
    hasChecks: true,
    tasks,
    deployments: [],
    resident: false,
    labels: {},
    env: {},
    ...state,
  }
}

export const marathon: MarathonState = {
  v: 1,
  marathon: 'marathon',
  atMs: t0,
  intervalMs: 5 * second,
}

/** Of the service, counted until just before the evaluation. */
export function total(value: number, declaration = requests): SignalReading {
  return { declaration, values: [{ group: { service }, value, lastMs: t0 - 100 }] }
}

/** Of the tasks `web.0` …; undefined where one was not measured. */
export function perTask(
  values: readonly (number | undefined)[],
  declaration = requestsPerTask,
): SignalReading {
  return {
    declaration,
    values: values.flatMap((value, i) => {
      if (value === undefined) return []
      return [{ group: { service, task: `web.${i}` }, value, lastMs: t0 - 100 }]
    }),
  }
}

export interface Asked extends Omit<Partial<DecideInput>, 'policy' | 'signals'> {
  policy?: Partial<ScalingPolicy>
  signals?: Record<string, SignalReading>
}

export function inputOf(asked: Asked): DecideInput {
  const { policy = {}, signals = {}, ...input } = asked
  return {
    policy: policyOf(policy),
    state: appOf(2),
    marathon,
    signals: (name) => signals[name],
    memory: freshMemory(service),
    ts: t0,
    nowMs: t0 + second,
    intervalMs: 5 * second,
    ...input,
  }
}

export const evaluate = (asked: Asked = {}): Decided => decide(inputOf(asked))
