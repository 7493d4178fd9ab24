import type { DecisionPolicy, ScalingStep } from '../pipeline/decision.ts'
import { ratesWords } from './rates.ts'
import { amountWords, listed, number, span } from './words.ts'

/** A policy for a terminal. */
export function policyLines(policy: DecisionPolicy): string[] {
  const { source, min, max, tolerance, stabilizationUpMs, stabilizationDownMs, dryRun } = policy
  if (max === 0) return [`of its ${source}: not understood`]
  const windows = `up after ${span(stabilizationUpMs)}, down after ${span(stabilizationDownMs)}`
  const words = `of its ${source}: ${min} to ${max}, tolerance ${number(tolerance * 100)} %, ${windows}`
  return [dryRun ? `${words}, dry run` : words, ...moreLines(policy)]
}

function moreLines(policy: DecisionPolicy): string[] {
  const { steps = [], scaleUp, scaleDown, warmUpMs, activation, idleAfterMs = 0 } = policy
  const lines = steps.map(stepWords)
  if (scaleUp) lines.push(`up: ${ratesWords(scaleUp, true)}`)
  if (scaleDown) lines.push(`down: ${ratesWords(scaleDown, false)}`)
  if (warmUpMs !== undefined) lines.push(`warm-up of ${span(warmUpMs)}`)
  if (activation) {
    const none = Object.entries(activation).map(([signal, above]) => `${signal} above ${above}`)
    lines.push(`to zero after ${span(idleAfterMs)} without ${listed(none)}`)
  }
  return lines
}

function stepWords({ signal, above, below, add, remove }: ScalingStep): string {
  const change = add ?? remove
  const most = change && amountWords(change)
  const bound = above === undefined ? `below ${below}` : `above ${above}`
  return `${signal} ${bound}: ${add ? '+' : '−'} ${most}`
}
