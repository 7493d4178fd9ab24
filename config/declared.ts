import type { BacktestRule } from '../pipeline/backtest.ts'
import { unitOf } from '../pipeline/metric-names.ts'
import type { SignalDeclaration, SignalDeclarations } from '../pipeline/signals.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { measuredSignals } from './builtin-signals.ts'
import { namesIn } from './condition.ts'
import type { AlertSettings, Settings, SignalSettings } from './settings.ts'
import { parseDuration } from './units.ts'

/** A rule of the settings as alerting takes it. */
export function declaredRule({
  alert,
  when,
  for: forMs,
  keep_firing_for: keepFiringForMs,
  clear_when: clearWhen,
  no_data: noData,
  on_error: onError,
  watchdog,
  labels,
  annotations,
  log,
}: AlertSettings): BacktestRule {
  const clear = clearWhen === undefined ? {} : { clearWhen }
  const lines = log && declaredLog(log)
  return {
    alert,
    when: when ?? lines?.words ?? 'always',
    ...clear,
    ...(watchdog ? { watchdog } : {}),
    ...(lines ? { log: lines.log } : {}),
    noData,
    onError,
    forMs,
    keepFiringForMs,
    labels,
    annotations,
  }
}

const durations = [
  'timeframe',
  'terms_window_size',
  'buffer_time',
  'realert',
  'exponential_realert',
  'aggregation',
]

/** With durations in ms; a text that is none stays, and the kind says so. */
function declaredLog({ type, from, where, hold, ...given }: NonNullable<AlertSettings['log']>) {
  const parameters = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      durations.includes(name) && typeof value === 'string'
        ? (parseDuration(value) ?? value)
        : value,
    ]),
  )
  const shown = Object.entries(given).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  const what = from === 'changes' ? 'changes' : 'lines'
  const of = where === '' ? `of all ${what}` : `of ${what} ${where}`
  return {
    log: {
      type,
      ...(from === 'changes' ? { from } : {}),
      where,
      ...(hold === undefined ? {} : { holdMs: hold }),
      parameters,
    },
    words: [`${type} ${of}`, ...shown].join(', '),
  }
}

/**
 * The signals that are measured, as measuring and evaluation take them, with the units of their metrics. The window of
 * one that is made of others is the longest of theirs.
 */
export function declaredSignals(
  settings: Pick<Settings, 'signals' | 'builtin_signals' | 'evaluation'>,
): SignalDeclarations {
  const all = measuredSignals(settings)
  return Object.fromEntries(
    Object.entries(all).map(([name, signal]) => [
      name,
      declaredSignal(signal, windowOf(name, all)),
    ]),
  )
}

function declaredSignal(signal: SignalSettings, overMs: number): SignalDeclaration {
  const { from, where, by, measure = 'last', metric, field, counter, value } = signal
  const expected = signal.expected?.map((group) => withoutUndefined(group))
  const more = withoutUndefined({ field, counter, value, expected })
  return { from, where, by, ...more, measure, overMs, ...(metric && measuredAs(metric)) }
}

/** The longest window of what it is made of, each looked at once; its own where it is measured. */
function windowOf(name: string, all: Record<string, SignalSettings>): number {
  const windows: number[] = []
  const behind = new Set([name])
  for (const one of behind) {
    const { from, over = 0, value = '' } = all[one] ?? {}
    if (from !== 'signals') windows.push(over)
    else for (const read of namesIn(value)) behind.add(read)
  }
  return Math.max(0, ...windows)
}

function measuredAs(metric: string): { metric: string; unit?: string } {
  const unit = unitOf(metric)
  return { metric, ...(unit === undefined ? {} : { unit }) }
}
