import type { Watched } from '../pipeline/signals.ts'
import { restoredActiveAt } from './rules/restore.ts'
import type { Rule, Sample } from './rules/rule.ts'
import type { AlertState, AlertStates } from './rules/state.ts'
import { isUnmeasured, type Evaluation } from './unmeasured.ts'

/** So long an alert waits for its samples to come again, ms; then its `for` begins anew. */
const patienceMs = 3_600_000

interface Suspension {
  /** What can be evaluated. */
  alerts: Map<string, AlertState>
  /** What nobody could evaluate, as it is to stay. */
  aside: Map<string, AlertState>
}

/**
 * The samples of a time in which nobody collected were never taken: to an alert that was pending then it is as if nobody had
 * evaluated, and afterwards its `for` goes on as after a restart of Prometheus.
 */
export function suspend(
  states: AlertStates,
  { forMs }: Pick<Rule, 'forMs'>,
  vector: readonly Sample[],
  {
    intervalMs,
    skippedFrom,
    watched,
    ...evaluation
  }: Evaluation & {
    intervalMs: number
    /** Set where evaluation times from this one on were skipped. */
    skippedFrom: number | undefined
    watched: Watched | undefined
  },
): Suspension {
  const { ts } = evaluation
  const results = new Set(vector.map(({ fingerprint }) => fingerprint))
  const alerts = new Map<string, AlertState>()
  const aside = new Map<string, AlertState>()

  const isInterrupted = ({ suspendedAt }: AlertState) =>
    suspendedAt === undefined
      ? watched !== undefined && ts <= watched.since
      : ts - suspendedAt < patienceMs

  for (const [fingerprint, alert] of states) {
    const { suspendedAt = skippedFrom && skippedFrom - intervalMs, ...rest } = alert
    if (alert.state !== 'pending') alerts.set(fingerprint, alert)
    else if (!results.has(fingerprint)) {
      if (!isInterrupted(alert) || !isUnmeasured(alert, evaluation)) alerts.set(fingerprint, rest)
      else aside.set(fingerprint, { ...alert, suspendedAt: suspendedAt ?? ts - intervalMs })
    } else if (suspendedAt === undefined) alerts.set(fingerprint, alert)
    else {
      const activeAt = restoredActiveAt(alert.activeAt, { downAt: suspendedAt, ts, forMs })
      if (activeAt !== undefined) alerts.set(fingerprint, { ...rest, activeAt })
    }
  }
  return { alerts, aside }
}
