import { partFaults } from '../pipeline/scaling-faults.ts'
import { averageFault, scalingFault } from '../pipeline/scaling-signal.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import type { PolicyDeclaration } from './policy.ts'
import { quoted } from './words.ts'

/** What is wrong with a policy whose parts are right. */
export function faultsOf(policy: PolicyDeclaration, signals: SignalDeclarations): string[] {
  const { min, max, targets, tolerance } = policy
  const faults = Object.entries(targets).flatMap(([signal, target]) =>
    targetFaults(signal, target, signals),
  )
  const followed = [...Object.keys(targets), ...Object.keys(policy.values ?? {})]
  if (followed.length === 0 && !policy.steps?.length) faults.push('it has no target')
  for (const name of Object.keys(policy.values ?? {})) {
    if (Object.hasOwn(targets, name)) {
      faults.push(
        `${quoted(name, 60)} is a target of each instance and of all as a value: keep one`,
      )
    }
  }
  for (const { path, sentence } of partFaults(policy, signals)) {
    faults.push(`its ${quoted(path.join('.'), 80)}: ${sentence}`)
  }
  if (min > max) faults.push(`its minimum (${min}) is above its maximum (${max})`)
  if (tolerance >= 1) faults.push(`a tolerance of ${tolerance} would never take instances away`)
  return faults
}

function targetFaults(signal: string, target: number, signals: SignalDeclarations): string[] {
  const name = quoted(signal, 60)
  const declared = Object.hasOwn(signals, signal) ? signals[signal] : undefined
  if (!declared) {
    const known = Object.keys(signals).filter((one) => signals[one] && !scalingFault(signals[one]))
    const list = known.slice(0, 10).join(', ') || 'none'
    return [`its target ${name}=${target} names no signal: those it can follow are ${list}`]
  }
  const fault = scalingFault(declared) ?? averageFault(declared)
  if (fault) return [`its target ${name}=${target}: the signal ${fault}`]
  // Kubernetes counts in thousandths, and so do we.
  return target < 0.001 ? [`its target ${name}=${target} is below 0.001`] : []
}
