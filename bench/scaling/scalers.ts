/** Three ways to follow a load: ours, Kubernetes' at its defaults, and that of the site that this began with. */
import { decide } from '../../autoscaling/decide.ts'
import { usualRates } from '../../autoscaling/hpa/limits.ts'
import { fromAverage } from '../../autoscaling/hpa/proposal.ts'
import { freshMemory as freshHpa, reconcile, rescaled } from '../../autoscaling/hpa/reconcile.ts'
import { freshMemory } from '../../autoscaling/memory.ts'
import type { ScalingPolicy } from '../../autoscaling/policy.ts'
import type { SignalDeclaration } from '../../pipeline/signals.ts'
import type { Cluster } from './cluster.ts'
import { mean } from './history.ts'

export interface Aim {
  /** Requests a second that an instance shall have. */
  target: number
  min: number
  max: number
}

/** Looks at the cluster each `everySeconds` and may scale it. */
export interface Scaler {
  name: string
  everySeconds: number
  look(cluster: Cluster): void
}

const service = '/shop/web'
const second = 1000
/** What was measured is known so much later, s: lines have to be collected, counted and merged. */
const lagSeconds = 1

export function ours({ target, min, max }: Aim): Scaler {
  const overMs = 10 * second
  const declaration: SignalDeclaration = {
    from: 'logs',
    where: 'path:*',
    measure: 'rate',
    overMs,
    by: ['service'],
  }
  const policy: ScalingPolicy = {
    service,
    source: 'config',
    targets: { requests: target },
    min,
    max,
    tolerance: 0.1,
    stabilizationUpMs: 0,
    stabilizationDownMs: 300 * second,
    dryRun: false,
    resident: false,
    overrideMs: 0,
  }
  let memory = freshMemory(service)
  return {
    name: 'Mesoscope, each second',
    everySeconds: 1,
    look(cluster) {
      const nowMs = cluster.t * second
      const ts = nowMs - lagSeconds * second
      const value = cluster.totalOver(overMs / second, lagSeconds)
      const decided = decide({
        policy,
        state: stateOf(cluster),
        marathon: { v: 1, marathon: 'marathon', atMs: nowMs, intervalMs: 5 * second },
        signals: () => ({ declaration, values: [{ group: { service }, value, lastMs: ts }] }),
        memory,
        ts,
        nowMs,
        intervalMs: second,
      })
      memory = decided.memory
      if (decided.decision.outcome === 'scaled') cluster.scale(decided.decision.to)
    },
  }
}

function stateOf(cluster: Cluster) {
  const ready = cluster.ready()
  const starting = cluster.instances.length - ready.length
  const task = (id: string, state: string) => ({ id, state, healthy: true })
  return {
    v: 1 as const,
    service,
    kind: 'app' as const,
    marathon: 'marathon',
    atMs: cluster.t * second,
    instances: cluster.wanted,
    staged: starting,
    running: ready.length,
    healthy: ready.length,
    unhealthy: 0,
    hasChecks: true,
    tasks: cluster.instances.map(({ id, readyAt }) =>
      task(id, readyAt <= cluster.t ? 'TASK_RUNNING' : 'TASK_STAGING'),
    ),
    deployments: cluster.isSettled() ? [] : [{ id: 'deployment' }],
    resident: false,
    labels: {},
    env: {},
  }
}

/** A loop of 15 s over a metric of pods averaged over half a minute; behaviour, tolerance and windows as they come. */
export function hpa({ target, min, max }: Aim): Scaler {
  const config = {
    min,
    max,
    downscaleStabilizationMs: 300 * second,
    scaleUpFactor: 2,
    scaleUpAtLeast: 4,
    behavior: { up: { ...usualRates.up, stabilizationMs: 0 }, down: usualRates.down },
  }
  let memory = freshHpa
  return {
    name: 'HPA at its defaults',
    everySeconds: 15,
    look(cluster) {
      const ts = cluster.t * second
      const current = cluster.wanted
      const ready = cluster.ready()
      const values = ready.flatMap((one) => cluster.eachOver(one, 30) ?? [])
      const gaps = {
        missing: ready.length - values.length,
        unready: cluster.instances.length - ready.length,
      }
      const counts = { current, ready: values.length, tolerance: { up: 0.1, down: 0.1 } }
      const milli = values.map((value) => Math.round(value * 1000))
      const proposals = () => [fromAverage(milli, gaps, target * 1000, counts)]
      const turn = reconcile({ current, proposals, config, memory, ts })
      memory = turn.memory
      if (turn.replicas === current) return
      memory = rescaled(memory, { from: current, to: turn.replicas }, config, ts)
      cluster.scale(turn.replicas)
    },
  }
}

/** A loop of a minute over the mean of three: × instances ÷ target, rounded; 120 s of rest up, four times that down. */
export function seed({ target, min, max }: Aim): Scaler {
  const restSeconds = 120
  let changedAt = -Infinity
  return {
    name: "the seed site's own",
    everySeconds: 60,
    look(cluster) {
      const each = mean(cluster.ready().flatMap((one) => cluster.eachOver(one, 180) ?? []))
      const wished = Math.round((each * cluster.wanted) / target)
      const wanted = Math.min(max, Math.max(min, wished))
      const rest = wanted > cluster.wanted ? restSeconds : 4 * restSeconds
      if (wanted === cluster.wanted || cluster.t - changedAt < rest) return
      changedAt = cluster.t
      cluster.scale(wanted)
    },
  }
}
