import type { BacktestRule } from '../pipeline/backtest.ts'
import { unitOf } from '../pipeline/metric-names.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import { measuredSignals } from './builtin-signals.ts'
import type { AlertSettings, Settings } from './settings.ts'

/** A rule of the settings as alerting takes it. */
export function declaredRule({
  alert,
  when,
  for: forMs,
  keep_firing_for: keepFiringForMs,
  clear_when: clearWhen,
  no_data: noData,
  labels,
  annotations,
}: AlertSettings): BacktestRule {
  const clear = clearWhen === undefined ? {} : { clearWhen }
  return { alert, when, ...clear, noData, forMs, keepFiringForMs, labels, annotations }
}

/** The signals that are measured, as measuring and evaluation take them, with the units of their metrics. */
export function declaredSignals(
  settings: Pick<Settings, 'signals' | 'builtin_signals' | 'evaluation'>,
): SignalDeclarations {
  return Object.fromEntries(
    Object.entries(measuredSignals(settings)).map(([name, { over, metric, ...signal }]) => [
      name,
      { ...signal, overMs: over, ...(metric === undefined ? {} : measuredAs(metric)) },
    ]),
  )
}

function measuredAs(metric: string): { metric: string; unit?: string } {
  const unit = unitOf(metric)
  return { metric, ...(unit === undefined ? {} : { unit }) }
}
