import { fourDigits, spokenDuration } from './rules/humanize.ts'
import type { Comparison } from './rules/condition.ts'
import type { Rule } from './rules/rule.ts'
import type { AlertState } from './rules/state.ts'
import type { Measure, SignalDeclarations } from '../pipeline/signals.ts'

/** What a person has to know of a rule to understand its alert; kept with it, also when the rule is gone. */
export interface RuleFacts {
  alert: string
  when: string
  forMs: number
  lowIsWorse: boolean
  /** The signals read, in the order of the condition. */
  signals: SignalFacts[]
  comparison?: Omit<Comparison, 'threshold'>
}

export interface SignalFacts {
  name: string
  where: string
  measure: Measure
  overMs: number
}

export function factsOf(rule: Rule, declarations: SignalDeclarations): RuleFacts {
  const { alert, when, forMs, lowIsWorse, comparison } = rule
  const signals = rule.reads.flatMap((name) => {
    const declared = declarations[name]
    if (!declared) return []
    return [{ name, where: declared.where, measure: declared.measure, overMs: declared.overMs }]
  })
  const facts = { alert, when, forMs, lowIsWorse, signals }
  if (!comparison) return facts
  const { left, signal, operator, right } = comparison
  return { ...facts, comparison: { left, signal, operator, right } }
}

/** If the rule is about silence: then the last line and its time say more than a value. */
export function isAboutAbsence(facts: RuleFacts): boolean {
  return facts.signals[0]?.measure === 'absent'
}

/** The value against its threshold in a few words: `7.2 errors/s > 5`, `no line for 2m 30s`. */
export function explainValue(facts: RuleFacts, alert: AlertState, ts: number): string {
  if (isAboutAbsence(facts)) return `no line for ${spokenDuration(ts - alert.lastMs)}`
  const { comparison } = facts
  if (!comparison) return listSignals(facts, alert)
  const threshold = alert.threshold === undefined ? comparison.right : fourDigits(alert.threshold)
  const derived = Number.isNaN(Number(comparison.right)) ? ` (${comparison.right})` : ''
  const value = valueWithUnit(facts, alert.value)
  const left = comparison.signal === undefined ? `${comparison.left} = ` : ''
  return `${left}${value} ${comparison.operator} ${threshold}${derived}`
}

/** `error_rate 7.2 errors/s, request_rate 100 requests/s` */
export function listSignals(facts: RuleFacts, alert: AlertState): string {
  const known = facts.signals.filter(({ name }) => alert.signals[name] !== undefined)
  return known
    .map((signal) => `${signal.name} ${withUnit(signal, alert.signals[signal.name] ?? 0)}`)
    .join(', ')
}

/** A value of the rule's left side, with its unit if that is one signal. */
export function valueWithUnit(facts: RuleFacts, value: number): string {
  const about = facts.comparison?.signal
  const signal = facts.signals.find(({ name }) => name === about)
  return signal ? withUnit(signal, value) : fourDigits(value)
}

function withUnit(signal: SignalFacts, value: number): string {
  const number = fourDigits(value)
  if (signal.measure === 'absent') return value > 0 ? 'no line' : 'lines'
  const unit = signal.measure === 'rate' ? `${noun(signal.name)}/s` : noun(signal.name)
  return `${number} ${unit}`
}

/** What is counted, from the signal's name: `error_rate` → `errors`. */
function noun(name: string): string {
  const stem = name.replace(/_?(rate|count|total|per_second)$/i, '').replaceAll('_', ' ')
  if (stem === '') return 'lines'
  return /(s|\d)$/.test(stem) ? stem : `${stem}s`
}
