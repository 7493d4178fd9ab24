import type { Decision, DecisionDoc, ScalingStatus } from '../../pipeline/decision.ts'
import { msToIso, type ChangeDoc, type SignalBucket } from '../../pipeline/event.ts'
import type { Measure } from '../../pipeline/measures.ts'
import type { ServiceState } from '../../pipeline/service-state.ts'
import type { SignalDeclaration, SignalDeclarations } from '../../pipeline/signals.ts'
import { openRandom } from '../helpers/random.ts'

const minute = 60_000
const service = '/shop/web'

/** The last quarter of an hour of `/shop/web` on a cluster: load rose, it was scaled, an instance died of memory. */
export function clusterScene(nowMs: number) {
  const up = nowMs - 9 * minute
  const down = nowMs - 2 * minute
  return {
    signals,
    states: [stateOf(nowMs)],
    buckets: bucketsOf(nowMs, up, down),
    changes: changesOf(nowMs, up, down),
    decisions: [decisionDoc(scaledUp(up)), decisionDoc(held(nowMs - 30_000))],
    scaling: [scalingOf(nowMs, up)],
  }
}

const ofServices = { where: '', by: ['service'] } satisfies Partial<SignalDeclaration>

const signals: SignalDeclarations = {
  cpu: gauge('avg', 'container.cpu.utilization', 'ratio'),
  memory: gauge('max', 'container.memory.utilization', 'ratio'),
  requests: { ...ofServices, from: 'logs', measure: 'rate', overMs: 10_000 },
  errors: { ...ofServices, from: 'logs', measure: 'rate', overMs: 60_000 },
  instances_wanted: gauge('last', 'service.instances.wanted', 'instances'),
  instances_running: gauge('last', 'service.instances.running', 'instances'),
  instances_healthy: gauge('last', 'service.instances.healthy', 'instances'),
}

function gauge(measure: Measure, metric: string, unit: string): SignalDeclaration {
  return { ...ofServices, from: 'metrics', measure, metric, unit, overMs: 30_000 }
}

const task = (name: string) => `shop_web.instance-${name}-7f2e-11f0-b5a4-0242ac110002._app.1`

function stateOf(nowMs: number): ServiceState {
  const names = ['a1b2c3d4', 'b2c3d4e5', 'c3d4e5f6', 'd4e5f6a7']
  return {
    v: 1,
    service,
    kind: 'app',
    marathon: 'marathon',
    atMs: nowMs - 2000,
    instances: 4,
    staged: 1,
    running: 3,
    healthy: 3,
    unhealthy: 0,
    hasChecks: true,
    tasks: names.map((name, at) => ({
      id: task(name),
      state: at === 3 ? 'TASK_STAGING' : 'TASK_RUNNING',
      agent: `agent-${1 + (at % 2)}.test`,
      ...(at === 3 ? {} : { startedMs: nowMs - (at + 1) * 7 * minute, healthy: true }),
    })),
    deployments: [{ id: '97c136bf-5a28-4821-9d94-480d9fbb01c8', sinceMs: nowMs - 20_000 }],
    version: '2026-11-20T09:12:44.318Z',
    resident: false,
    owner: 'team-shop',
    runbook: 'https://runbooks.test/shop/web',
    labels: { OWNER: 'team-shop' },
    env: {},
  }
}

function bucketsOf(nowMs: number, up: number, down: number): SignalBucket[] {
  const random = openRandom(3)
  const buckets: SignalBucket[] = []
  for (let from = nowMs - 15 * minute; from < nowMs; from += 5000) {
    const loaded = from >= up && from < down
    const wanted = loaded && from > up + 5000 ? 4 : 2
    const running = loaded && from > up + 20_000 ? 4 : 2
    const put = (signal: string, value: number | undefined, count = 1, group = {}) => {
      const values =
        value === undefined
          ? {}
          : { values: { sum: value * count, min: value, max: value, last: value } }
      const bucket = { from, to: from + 5000, partition: 0, count, lastMs: from + 4000 }
      buckets.push({ signal, group: { service, ...group }, ...bucket, ...values })
    }
    put('instances_wanted', wanted)
    put('instances_running', running)
    put('instances_healthy', running)
    put('requests', undefined, Math.round((loaded ? 300 : 70) * (0.9 + random() / 5)))
    put('errors', undefined, loaded ? Math.round(random() * 8) : 0)
    for (const name of ['a1b2c3d4', 'b2c3d4e5']) {
      const group = { task: task(name) }
      put('cpu', ((loaded ? 0.9 : 0.22) / (running / 2)) * (0.9 + random() / 5), 1, group)
      put('memory', 0.38 + random() / 30 + (loaded ? 0.25 : 0), 1, group)
    }
  }
  return buckets
}

function changesOf(nowMs: number, up: number, down: number): ChangeDoc[] {
  const change = (
    ms: number,
    kind: ChangeDoc['event.kind'],
    action: string,
    message: string,
    more = {},
  ) => ({
    '@timestamp': msToIso(ms),
    'event.id': `change:${kind}:${ms}`,
    'event.kind': kind,
    'event.action': action,
    message,
    'service.name': service,
    ...more,
  })
  const deployment = { 'marathon.deployment.id': '97c136bf-5a28-4821-9d94-480d9fbb01c8' }
  const death = {
    'mesos.task.id': task('e5f6a7b8'),
    'process.exit_code': 137,
    'container.oom_killed': true,
    'task.last_lines': ['GET /cart 200 12', '<script>alert(1)</script> out of room'],
  }
  return [
    change(up, 'scaling', 'scaled', 'scaled 2 → 4', { decision: scaledUp(up) }),
    change(
      up + 400,
      'deployment',
      'started',
      'deployment 97c136bf started: 2 → 4 instances',
      deployment,
    ),
    change(up + 19_000, 'deployment', 'succeeded', 'deployment 97c136bf succeeded', deployment),
    change(down - minute, 'task', 'died', `${service} died: out of memory (exit code 137)`, death),
    change(down - minute + 500, 'alert', 'fired', 'OutOfMemory fires: 1 death'),
    change(nowMs - 20_000, 'deployment', 'started', 'deployment 97c136bf started', deployment),
    change(nowMs - 19_000, 'container', 'started', 'mesos-1 started'),
  ]
}

function decisionOf(ts: number, more: Partial<Decision>): Decision {
  return {
    service,
    ts,
    outcome: 'held',
    reason: 'stabilizing',
    message: 'keeps 4: a recent recommendation was for more',
    from: 4,
    to: 4,
    inputs: {
      wanted: 4,
      running: 4,
      healthy: 4,
      staged: 0,
      stateAtMs: ts - 1500,
      targets: [
        {
          signal: 'requests',
          target: 15,
          unit: '/s',
          value: 3.6,
          proposal: 2,
          how: '14.4 ÷ 15 = 0.96, rounded up',
        },
      ],
    },
    steps: [
      { step: 'proposal', before: 4, after: 2, why: 'requests asks for 2' },
      { step: 'stabilization', before: 2, after: 4, why: '4 was recommended 2 min ago' },
    ],
    policy: {
      source: 'labels',
      targets: { requests: 15 },
      min: 2,
      max: 8,
      tolerance: 0.1,
      stabilizationUpMs: 0,
      stabilizationDownMs: 300_000,
      dryRun: false,
    },
    ...more,
  }
}

const held = (ts: number) => decisionOf(ts, {})

const scaledUp = (ts: number) =>
  decisionOf(ts, {
    outcome: 'scaled',
    reason: 'scaled-up',
    message: 'requests 60/s over 2 ready instances is 30 each, target 15',
    from: 2,
    to: 4,
    answer: { status: 200, deployment: '97c136bf-5a28-4821-9d94-480d9fbb01c8' },
  })

function decisionDoc(decision: Decision): DecisionDoc {
  return {
    '@timestamp': msToIso(decision.ts),
    'event.id': `decision:${service}:${decision.ts}`,
    'event.kind': 'scaling',
    'event.action': decision.outcome,
    message: decision.message,
    'service.name': service,
    'scaling.from': decision.from,
    'scaling.to': decision.to,
    'scaling.reason': decision.reason,
    decision,
  }
}

function scalingOf(nowMs: number, up: number): ScalingStatus {
  const last = held(nowMs - 30_000)
  return {
    service,
    policy: last.policy,
    last,
    lastChange: scaledUp(up),
    notBeforeMs: nowMs + 3 * minute,
  }
}
