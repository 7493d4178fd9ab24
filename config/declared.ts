import type { BacktestRule } from '../pipeline/backtest.ts'
import { unitOf } from '../pipeline/metric-names.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import { measuredSignals } from './builtin-signals.ts'
import type { AlertSettings, Settings } from './settings.ts'
import { parseDuration } from './units.ts'

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
  log,
}: AlertSettings): BacktestRule {
  const clear = clearWhen === undefined ? {} : { clearWhen }
  const lines = log && declaredLog(log)
  return {
    alert,
    when: when ?? lines?.words ?? '',
    ...clear,
    ...(lines ? { log: lines.log } : {}),
    noData,
    forMs,
    keepFiringForMs,
    labels,
    annotations,
  }
}

const durations = ['timeframe', 'terms_window_size']

/** With durations in ms; a text that is none stays, and the kind says so. */
function declaredLog({ type, where, hold, ...given }: NonNullable<AlertSettings['log']>) {
  const parameters = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      durations.includes(name) && typeof value === 'string'
        ? (parseDuration(value) ?? value)
        : value,
    ]),
  )
  const shown = Object.entries(given).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  const of = where === '' ? 'of all lines' : `of lines ${where}`
  return {
    log: { type, where, ...(hold === undefined ? {} : { holdMs: hold }), parameters },
    words: [`${type} ${of}`, ...shown].join(', '),
  }
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
