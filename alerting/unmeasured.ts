import { defaultSeenForMs, groupKey, groupOf } from '../pipeline/signals.ts'
import type { SeenGroup, SignalDeclarations, SignalValues } from '../pipeline/signals.ts'
import type { SignalGrid } from '../pipeline/signal-grid.ts'
import type { NoData, Rule, Sample } from './rules/rule.ts'
import type { AlertState } from './rules/state.ts'
import { spokenDuration } from './rules/humanize.ts'

/** One evaluation, for who asks what became of an alert. */
export interface Evaluation {
  ts: number
  /** Signals that the rule reads. */
  reads: readonly string[]
  signals: SignalDeclarations
  /** Those that have no value where samples are missing. */
  sampled: ReadonlySet<string>
  valuesOf: (signal: string) => SignalValues
  endOf: SignalGrid['endOf']
  /** So long an alert may stay unknown, ms. */
  unknownForMs?: number | undefined
}

/** `sample`: nobody can tell whether it still fires. `reason`: why it is over, though nothing was measured. */
export type Fate = { sample: Sample; reason?: never } | { sample?: never; reason: string }

/**
 * What is to be concluded of an alert that fires and whose group has no value any more, since samples of it stopped: as
 * long as what it is about is not known to have ended, nothing. Undefined where its condition ended as it was measured.
 */
export function fateOf(
  alert: AlertState,
  evaluation: Evaluation,
  noData: NoData = 'unknown',
): Fate | undefined {
  const { ts, endOf, unknownForMs = defaultSeenForMs } = evaluation
  const { group, lastMs } = alert
  if (alert.state !== 'firing' || alert.keepFiringSince !== undefined) return undefined
  if (alert.cause?.kind === 'error') return undefined
  if (!isUnmeasured(alert, evaluation)) return undefined
  const reason = endOf(group, lastMs) ?? (runsNothing(alert, evaluation) ? stopped : undefined)
  if (reason !== undefined) return { reason }
  if (ts - lastMs >= unknownForMs) {
    return { reason: `nothing was measured of it for ${spokenDuration(unknownForMs)}` }
  }
  if (noData === 'ok') return { reason: 'nothing is measured of it any more' }
  const sample = sampleOf(alert)
  if (noData === 'keep' || noData === 'alert') return { sample }
  return { sample: { ...sample, unknown: true, unknownSince: alert.unknownSince ?? ts } }
}

const stopped = 'no instance of its service runs any more'

/** Samples of one of the rule's signals are missing. Of groups that a signal is not kept by any more nobody misses any. */
export function isUnmeasured(
  { group }: AlertState,
  { reads, signals, sampled, valuesOf }: Evaluation,
): boolean {
  const key = groupKey(group)
  const parts = Object.keys(group)
  return reads.some((name) => {
    const declaration = signals[name]
    if (!declaration || !sampled.has(name)) return false
    return (
      parts.every((part) => declaration.by.some((by) => by === part)) && !valuesOf(name).has(key)
    )
  })
}

/** Marathon was asked after the last sample, and has no instance of it. */
function runsNothing(
  { group, lastMs }: Pick<AlertState, 'group' | 'lastMs'>,
  { signals, valuesOf }: Evaluation,
): boolean {
  const { service } = group
  if (service === undefined) return false
  return Object.entries(signals).some(([name, { metric, measure }]) => {
    if (metric !== 'service.instances.running' || measure !== 'last') return false
    const running = valuesOf(name).get(groupKey({ service }))
    return running?.value === 0 && running.lastMs >= lastMs
  })
}

function sampleOf(alert: AlertState): Sample {
  const { fingerprint, labels, group, value, threshold, signals, lastMs, annotations } = alert
  const { cause } = alert
  return {
    fingerprint,
    labels,
    group,
    value,
    ...(threshold === undefined ? {} : { threshold }),
    ...(cause === undefined ? {} : { cause }),
    signals,
    lastMs,
    annotations,
  }
}

/** Of a rule for which that is an alert: groups that were measured once and are no more, and that have not ended. */
export function silentSamples(
  { reads, standIn }: Pick<Rule, 'reads' | 'standIn'>,
  evaluation: Evaluation & {
    silentOf: (signal: string) => readonly SeenGroup[]
    /** The sampled signals that those which it reads are made of. */
    missable: readonly string[]
  },
): Sample[] {
  const { signals, missable, valuesOf, endOf, silentOf } = evaluation
  const by = signals[reads[0] ?? '']?.by ?? []
  const samples = new Map<string, Sample>()
  for (const signal of missable) {
    for (const { group, lastMs } of silentOf(signal)) {
      if (endOf(group, lastMs) !== undefined) continue
      const own = groupOf(group, by)
      const key = groupKey(own)
      if (reads.every((name) => valuesOf(name).has(key))) continue
      if (runsNothing({ group: own, lastMs }, evaluation)) continue
      const before = samples.get(key)
      if (before && before.lastMs >= lastMs) continue
      samples.set(key, standIn(own, lastMs, { kind: 'no_data' }))
    }
  }
  return [...samples.values()]
}
