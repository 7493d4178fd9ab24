import { compileRules } from '../alerting/rules/compile.ts'
import type { AcrossFault } from '../config/across.ts'
import { declaredRule, declaredSignals } from '../config/declared.ts'
import type { Settings } from '../config/settings.ts'
import type { Path } from '../config/faults.ts'

/** Compiles the rules as `run` will, so that `check` finds what only their compiler knows. */
export function checkRules(settings: Settings): AcrossFault[] {
  const { faults } = compileRules(settings.alerts.map(declaredRule), declaredSignals(settings))
  return faults.map(({ path, message }) => ({ path: pathOf(path), sentence: message }))
}

/** `alerts[2].when` as steps. */
function pathOf(text: string): Path {
  return [...text.matchAll(/\[(\d+)\]|[^.[]+/g)].map(([step, index]) =>
    index === undefined ? step : Number(index),
  )
}
