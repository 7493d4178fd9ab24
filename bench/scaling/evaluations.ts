import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openController } from '../../autoscaling/controller.ts'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { openEmbeddedBus } from '../../pipeline/bus/embedded.ts'
import { manualClock, wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import type { ServiceState } from '../../pipeline/service-state.ts'
import type { SignalBucket } from '../../pipeline/event.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { encodeBuckets } from '../../pipeline/signal-records.ts'
import { signalTopics, type SignalDeclarations } from '../../pipeline/signals.ts'

/** What evaluating costs: each service has three targets, of which two are measured of each of its five tasks. */
export interface Evaluations {
  /** Services a second, on one core. */
  perSecond: number
  /** Of one core, at an evaluation of all a second. */
  share: number
  /** Of one evaluation of all, from its signals on the bus to its decisions there, ms. */
  rounds: number[]
  /** Decisions that were written. */
  told: number
}

export interface EvaluationsOptions {
  services: number
  rounds: number
  /** Each time the load asks for another number of instances of each service; else for what there is. */
  changing: boolean
}

const second = 1000
const begin = Date.UTC(2026, 10, 22, 18)
const tasksEach = 5
const perTask = {
  from: 'metrics',
  where: '',
  overMs: 30 * second,
  by: ['service', 'task'],
} as const
const signals: SignalDeclarations = {
  requests: { from: 'logs', where: '', measure: 'rate', overMs: second, by: ['service'] },
  cpu: { ...perTask, by: [...perTask.by], metric: 'container.cpu.utilization', measure: 'avg' },
  memory: {
    ...perTask,
    by: [...perTask.by],
    metric: 'container.memory.utilization',
    measure: 'max',
  },
}

/** The real autoscaler and bus; nothing is sent to Marathon. */
export async function measureEvaluations(options: EvaluationsOptions): Promise<Evaluations> {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  const bus = await openEmbeddedBus({ dir, clock: wallClock })
  stack.defer(() => bus.close())
  const states = Array.from({ length: options.services }, (_, i) => stateOf(`/shop/s${i}`))
  const clock = manualClock(begin)
  const controller = await openController({
    bus,
    signals,
    settings: { intervalMs: second, dryRun: true, labels: true, policies: [] },
    services: () => states,
    marathons: () => [{ v: 1, marathon: 'marathon', atMs: clock.now(), intervalMs: second }],
    http: () => undefined,
    pollMs: 2,
    clock,
    metrics: openMetrics(),
    log: silentLog,
  })
  stack.defer(() => controller.close())
  const rounds: number[] = []
  let cpuSeconds = 0
  for (let n = 1; n <= warmUpRounds + options.rounds; n++) {
    const ts = begin + n * second
    const records = recordsAt(bus, states, n, options.changing && n % 2 === 1 ? 2 : 1)
    const before = process.cpuUsage()
    const from = performance.now()
    clock.set(ts + second)
    await bus.produce('signals', records)
    while (controller.through() !== ts) await sleep(1)
    if (n <= warmUpRounds) continue
    rounds.push(performance.now() - from)
    const { user, system } = process.cpuUsage(before)
    cpuSeconds += (user + system) / 1e6
  }
  const share = cpuSeconds / options.rounds
  const [told = 0] = await bus.ends('decisions')
  return { perSecond: options.services / share, share, rounds, told }
}

/** Longer than the longest window. */
const warmUpRounds = 40

function stateOf(service: string): ServiceState {
  const tasks = Array.from({ length: tasksEach }, (_, i) => {
    return { id: `${service}.${i}`, state: 'TASK_RUNNING', healthy: true }
  })
  return {
    v: 1,
    service,
    kind: 'app',
    marathon: 'marathon',
    atMs: begin,
    instances: tasksEach,
    staged: 0,
    running: tasksEach,
    healthy: tasksEach,
    unhealthy: 0,
    hasChecks: true,
    tasks,
    deployments: [],
    resident: false,
    labels: {
      'autoscale.enabled': 'true',
      'autoscale.min': '2',
      'autoscale.max': '20',
      'autoscale.stabilization.down': '1m',
      'autoscale.target.requests': '20',
      'autoscale.target.cpu': '0.6',
      'autoscale.target.memory': '0.8',
    },
    env: {},
  }
}

/** What is measured within a second: lines of each service, and a fifth of the tasks, each twice. */
function bucketsAt(states: readonly ServiceState[], n: number, factor: number): SignalBucket[] {
  const [from, to] = [begin + (n - 1) * second, begin + n * second]
  const common = { from, to, partition: 0, lastMs: to - 500 }
  const jitter = () => 1 + 0.05 * (Math.random() - 0.5)
  const measured = (signal: string, group: Identity, value: number): SignalBucket => {
    const values = { sum: value, min: value, max: value, last: value }
    return { signal, group, count: 1, values, ...common }
  }
  return states.flatMap(({ service, tasks }, i) => {
    const count = Math.round(20 * tasksEach * factor * jitter())
    const task = tasks[(n + i) % tasksEach]?.id ?? ''
    return [
      { signal: 'requests', group: { service }, count, ...common },
      measured('cpu', { service, task }, 0.6 * jitter()),
      measured('memory', { service, task }, 0.8 * jitter()),
    ]
  })
}

/** As they stand on the topic `signals`. */
function recordsAt(bus: Bus, states: readonly ServiceState[], n: number, factor: number) {
  const value = encodeBuckets(bucketsAt(states, n, factor))
  const through = begin + n * second
  const watermarks = signalTopics.flatMap((topic) =>
    [...Array(bus.partitions(topic)).keys()].map((partition) => ({
      key: `${topic}:${partition}`,
      value: Buffer.from(JSON.stringify({ topic, partition, through })),
      headers: { kind: 'watermark' },
    })),
  )
  return [{ key: '0', value, headers: { kind: 'bucket' } }, ...watermarks]
}
