import { compileRules } from '../alerting/rules/rule.ts'
import type { AcrossFault } from '../config/across.ts'
import { measuredSignals } from '../config/builtin-signals.ts'
import type { Settings } from '../config/settings.ts'
import type { Path } from '../config/faults.ts'

/** Compiles the rules as `run` will, so that `check` finds what only their compiler knows. */
export function checkRules(settings: Settings): AcrossFault[] {
  const rules = settings.alerts.map((rule) => ({
    ...rule,
    forMs: rule.for,
    keepFiringForMs: rule.keep_firing_for,
  }))
  const series = Object.entries(measuredSignals(settings)).map(([name, signal]) => [
    name,
    { ...signal, overMs: signal.over },
  ])
  const { faults } = compileRules(rules, Object.fromEntries(series))
  return faults.map(({ path, message }) => ({ path: pathOf(path), sentence: message }))
}

/** `alerts[2].when` as steps. */
function pathOf(text: string): Path {
  return [...text.matchAll(/\[(\d+)\]|[^.[]+/g)].map(([step, index]) =>
    index === undefined ? step : Number(index),
  )
}
