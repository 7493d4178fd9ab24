/** A service that is scaled for a while, evaluation by evaluation, without bus and Marathon: time is only a number. */
import { afterChange } from '../../autoscaling/changes.ts'
import { decide } from '../../autoscaling/decide.ts'
import { freshMemory, type ServiceMemory } from '../../autoscaling/memory.ts'
import type { ScalingPolicy } from '../../autoscaling/policy.ts'
import type { SignalReading } from '../../autoscaling/reading.ts'
import type { Decision } from '../../pipeline/decision.ts'
import { appOf, marathon, policyOf, second, service, t0, task } from './app.ts'

/** What is measured at a time of a service with so many instances that run. */
export interface Measured {
  at: number
  running: number
}

export interface Course {
  policy: Partial<ScalingPolicy>
  instances: number
  seconds: number
  /** ms */
  intervalMs?: number
  /** How long an instance takes to run and be healthy. */
  startSeconds?: number
  /** At so many seconds. */
  signals: (measured: Measured) => Record<string, SignalReading>
  /** Marathon refuses what is sent then. */
  refuses?: (at: number) => boolean
  /** What is remembered goes through this between two evaluations. */
  between?: (memory: ServiceMemory) => ServiceMemory
}

export interface Turn {
  at: number
  decision: Decision
}

export function run(course: Course): Turn[] {
  const { intervalMs = 5 * second, startSeconds = 0, refuses = () => false } = course
  const { between = (memory) => memory } = course
  let memory = freshMemory(service)
  let starts = Array.from({ length: course.instances }, () => -3600)
  const turns: Turn[] = []
  for (let at = 0; at <= course.seconds; at += intervalMs / second) {
    const ts = t0 + at * second
    const running = starts.filter((start) => at >= start + startSeconds)
    const startedMs = (start: number) => t0 + (start + startSeconds) * second
    const tasks = running.map((start, i) => task(`web.${i}`, { startedMs: startedMs(start) }))
    const isDeploying = running.length < starts.length
    const given = course.signals({ at, running: running.length })
    const { decision, memory: after } = decide({
      policy: policyOf(course.policy),
      state: appOf(running.length, {
        instances: starts.length,
        tasks,
        deployments: isDeploying ? [{ id: 'ours' }] : [],
        atMs: ts,
      }),
      marathon: { ...marathon, atMs: ts },
      signals: (name) => given[name] && upTo(given[name], ts),
      memory,
      ts,
      nowMs: ts,
      intervalMs,
    })
    const isTaken = decision.outcome === 'scaled' && !refuses(at)
    if (isTaken) {
      const more = Array.from({ length: Math.max(0, decision.to - starts.length) }, () => at)
      starts = [...starts, ...more].slice(0, decision.to)
    }
    memory = between(isTaken ? afterChange(after, decision, ts) : after)
    turns.push({ at, decision })
  }
  return turns
}

/** Measured until just before. */
function upTo({ declaration, values }: SignalReading, ts: number): SignalReading {
  return { declaration, values: values.map((value) => ({ ...value, lastMs: ts - 100 })) }
}

/** `0 s: 2 → 6` */
export function changesOf(turns: readonly Turn[]): string[] {
  return turns.flatMap(({ at, decision: { outcome, from, to } }) =>
    outcome === 'scaled' ? [`${at} s: ${from} → ${to}`] : [],
  )
}

/** As a process that ends and begins again finds it. */
export const restarted = (memory: ServiceMemory) =>
  JSON.parse(JSON.stringify(memory)) as ServiceMemory
