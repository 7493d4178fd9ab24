import { unitOf } from '../pipeline/metric-names.ts'
import type { Measure } from '../pipeline/measures.ts'
import { measuredBehind, openDerived, type OpenedDerived } from '../pipeline/signal-derived.ts'
import type { SignalDeclaration, SignalDeclarations, SignalTopic } from '../pipeline/signals.ts'
import { spokenBytes } from '../pipeline/spoken.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { fourDigits, spokenDuration } from './rules/humanize.ts'
import type { Comparison } from './rules/condition.ts'
import type { Rule } from './rules/rule.ts'
import type { AlertState } from './rules/state.ts'

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
  /** Absent in what 0.1.0 has left: lines. */
  from?: SignalTopic
  /** Of samples. */
  metric?: string
  /** Of lines and changes. */
  field?: string
  /** Where it is made of others: how. What else is told here is then that of the first of them. */
  value?: string
  counter?: boolean
  unit?: string
  where: string
  measure: Measure
  overMs: number
}

export function factsOf(
  rule: Rule,
  declarations: SignalDeclarations,
  derived = openDerived(declarations).signals,
): RuleFacts {
  const { alert, when, forMs, lowIsWorse, comparison } = rule
  const signals = rule.reads.flatMap((name) => {
    const declared = declarations[name]
    return declared ? [signalFacts(name, declared, declarations, derived)] : []
  })
  const { log } = rule
  // What it is about are the lines it looks at.
  if (log)
    signals.push({
      name: log.from === 'logs' ? 'lines' : 'changes',
      from: log.from,
      where: log.where,
      measure: 'count',
      overMs: log.spanMs,
    })
  const facts = { alert, when, forMs, lowIsWorse, signals }
  if (!comparison) return facts
  const { left, signal, operator, right } = comparison
  return { ...facts, comparison: { left, signal, operator, right } }
}

function signalFacts(
  name: string,
  declared: SignalDeclaration,
  declarations: SignalDeclarations,
  derived: OpenedDerived['signals'],
): SignalFacts {
  const { from, metric, field, counter, where, measure, overMs } = declared
  const unit = declared.unit ?? (metric === undefined ? undefined : unitOf(metric))
  const known = { name, ...withoutUndefined({ metric, field, counter, unit }), measure, overMs }
  if (from !== 'signals') return { ...known, from, where }
  const [first] = measuredBehind([name], declarations, derived)
  const { value = '' } = declared
  const behind = first === undefined ? undefined : declarations[first]
  const about =
    behind && first !== undefined ? signalFacts(first, behind, declarations, derived) : undefined
  return { ...known, from: about?.from ?? 'logs', where: about?.where ?? '', value }
}

/** What the rule is first of all about. */
export function topicOf(facts: RuleFacts): SignalTopic {
  return facts.signals[0]?.from ?? 'logs'
}

/** If the rule is about silence: then the last event and its time say more than a value. */
export function isAboutAbsence(facts: RuleFacts): boolean {
  return facts.signals[0]?.measure === 'absent'
}

const silent = { logs: 'no line', metrics: 'not measured', changes: 'no change' } as const
const heard = { logs: 'lines', metrics: 'measured', changes: 'changes' } as const

/** What is to be said when something is heard again: `lines again`. */
export function heardAgain(facts: RuleFacts): string {
  return `${heard[topicOf(facts)]} again`
}

/** The value against its threshold in a few words: `7.2 errors/s > 5`, `97 % > 90 %`, `no line for 2m 30s`. */
export function explainValue(facts: RuleFacts, alert: AlertState, ts: number): string {
  const { cause } = alert
  if (cause?.kind === 'no_data') return `not measured for ${spokenDuration(ts - alert.lastMs)}`
  if (cause?.kind === 'error') return `its rule cannot be evaluated: ${cause.error}`
  if (isAboutAbsence(facts)) {
    return `${silent[topicOf(facts)]} for ${spokenDuration(ts - alert.lastMs)}`
  }
  const { comparison } = facts
  if (!comparison) return listSignals(facts, alert) || `${facts.when} (${fourDigits(alert.value)})`
  const signal = comparedSignal(facts)
  const value = valueWithUnit(facts, alert.value)
  // A number without a unit says nothing without its name.
  const named = signal !== undefined && !isBare(signal)
  const left = named ? '' : `${comparison.left} = `
  return `${left}${value} ${comparison.operator} ${thresholdOf(facts, alert, signal)}`
}

function thresholdOf(facts: RuleFacts, { threshold }: AlertState, signal?: SignalFacts): string {
  const right = facts.comparison?.right ?? ''
  const number = threshold ?? Number(right)
  const measured = signal !== undefined && isMeasurement(signal) && !Number.isNaN(number)
  const plain = threshold === undefined ? right : fourDigits(threshold)
  const text = measured ? withUnit(signal, number) : plain
  return Number.isNaN(Number(right)) ? `${text} (${right})` : text
}

/** What a ratio is a ratio of, where the metric tells: `of its memory limit`. */
export function limitWords(facts: RuleFacts): string | undefined {
  const metric = comparedSignal(facts)?.metric
  const what = /^container\.(\w+)\.utilization$/.exec(metric ?? '')?.[1]
  return what === undefined ? undefined : `of its ${what === 'cpu' ? 'CPU' : what} limit`
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
  const signal = comparedSignal(facts)
  return signal ? withUnit(signal, value) : fourDigits(value)
}

function comparedSignal({ comparison, signals }: RuleFacts): SignalFacts | undefined {
  return signals.find(({ name }) => name === comparison?.signal)
}

/** A value in the unit of the metric or field; of counts and rates of lines and samples it is none. */
function isMeasurement({ measure, value, counter }: SignalFacts): boolean {
  if (value !== undefined || counter) return true
  return !['rate', 'count', 'absent', 'cardinality'].includes(measure)
}

function isBare(signal: SignalFacts): boolean {
  return isMeasurement(signal) && signal.unit === undefined
}

function withUnit(signal: SignalFacts, value: number): string {
  const { measure, name, from = 'logs', unit } = signal
  if (measure === 'absent') return value > 0 ? silent[from] : heard[from]
  if (isMeasurement(signal)) return measurement(value, unit)
  if (measure === 'cardinality') return `${fourDigits(value)} different ${signal.field ?? 'values'}`
  const isRate = measure === 'rate'
  const counted = from === 'changes' && !isRate ? changeNoun(name, value === 1) : lineNoun(name)
  return `${fourDigits(value)} ${isRate ? `${counted}/s` : counted}`
}

/** `97 %`, `127 MiB`, `1.5 cores`, `3 instances`; the number alone where its unit is not known. */
export function measurement(value: number, unit: string | undefined): string {
  if (!Number.isFinite(value)) return fourDigits(value)
  if (unit === 'ratio') return `${fourDigits(value * 100)} %`
  if (unit === 'bytes' || unit === 'bytes/s') return `${spokenBytes(value)}${unit.slice(5)}`
  if (unit === undefined) return fourDigits(value)
  return `${fourDigits(value)} ${value === 1 ? (singular[unit] ?? unit) : unit}`
}

const singular: Record<string, string> = {
  cores: 'core',
  instances: 'instance',
  processes: 'process',
}

const endings = /_?(rate|count|total|per_second)$/i

/** What is counted, from the signal's name: `error_rate` → `errors`. */
function lineNoun(name: string): string {
  const stem = name.replace(endings, '').replaceAll('_', ' ')
  if (stem === '') return 'lines'
  return /(s|\d)$/.test(stem) ? stem : `${stem}s`
}

/** Names of what happens are no plurals by themselves: `deaths` → `1 death`, `oom` → `2 OOM`. */
function changeNoun(name: string, isOne: boolean): string {
  const stem = name
    .replace(endings, '')
    .replaceAll('_', ' ')
    .replaceAll(/\boom\b/g, 'OOM')
  if (stem === '') return isOne ? 'change' : 'changes'
  return isOne ? stem.replace(/([^su])s$/, '$1') : stem
}
