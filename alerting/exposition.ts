import { catalogue, type Metrics } from '../pipeline/metrics.ts'
import type { SignalDeclarations, SignalValues } from '../pipeline/signals.ts'

interface ExpositionOptions {
  signals: SignalDeclarations
  metrics: Pick<Metrics, 'signal_value' | 'signal_series_left_out'>
  /** So many series are exposed; more are counted. */
  maxSeries?: number
}

/** Parts of an identity that are labels: few enough that dead tasks leave no series behind. */
const exposed = new Set<string>(catalogue.signal_value.labels)

/** Shows on `/metrics` the signals of an evaluation, those alone that are measured by parts of an identity that are few. */
export function openExposition({ signals, metrics, maxSeries = 10_000 }: ExpositionOptions) {
  const names = Object.keys(signals).filter((name) =>
    signals[name]?.by.every((part) => exposed.has(part)),
  )

  return (valuesOf: (signal: string) => SignalValues): void => {
    const { signal_value: gauge, signal_series_left_out: leftOut } = metrics
    gauge.reset()
    let series = 0
    for (const signal of names) {
      for (const { group, value, unknown } of valuesOf(signal).values()) {
        const { labels: _, ...parts } = group
        // What nobody can tell is no value.
        if (unknown || series++ >= maxSeries) continue
        gauge.set({ signal, ...parts }, value)
      }
    }
    leftOut.set(Math.max(0, series - maxSeries))
  }
}
