import { explain } from '../../pipeline/errors.ts'
import type { SignalDeclarations } from '../../pipeline/signals.ts'
import { parseQuery } from '../../pipeline/query.ts'
import { compileLogRule, type LogRuleDeclaration } from './log-rule.ts'
import { signalName } from '../../pipeline/expression.ts'
import { openDerived } from '../../pipeline/signal-derived.ts'
import { checkGroups } from '../../pipeline/signal-join.ts'
import { openConditions, type Condition } from './condition.ts'
import {
  baseRule,
  makeRule,
  makeWatchdog,
  ruleId,
  type Parts,
  type Rule,
  type RuleDeclaration,
  type Texts,
} from './rule.ts'
import { parseTemplate, type Template } from './template.ts'

/** A fault of the settings, found at start. */
export interface RuleFault {
  /** `alerts[2].when` or `signals.error-rate`; '' where the message names it. */
  path: string
  /** The rule's name, where it has one. */
  alert: string | undefined
  message: string
}

export interface CompiledRules {
  rules: Rule[]
  faults: RuleFault[]
  /** Ids of the declared rules that could not be compiled: what they own is kept, not resolved. */
  faulty: Set<string>
}

/** A rule that was set aside before it came here. */
export interface BadRule extends Partial<Pick<RuleDeclaration, 'alert'>> {
  labels: Record<string, string>
  /** Each with file, line and path. */
  faults: readonly string[]
}

/** Compiles all rules; what is wrong with one is told in `faults` and stops no other. Never throws. */
export function compileRules(
  declarations: readonly RuleDeclaration[],
  signals: SignalDeclarations,
  bad: readonly BadRule[] = [],
): CompiledRules {
  const faults = signalFaults(signals)
  const usable = Object.keys(signals).filter((name) => !faults.some((f) => f.path === path(name)))
  const conditions = openConditions(usable)
  const rules: Rule[] = []
  const ids = new Set<string>()
  const faulty = new Set<string>()
  for (const { alert, labels, faults: own } of bad) {
    if (alert !== undefined) faulty.add(ruleId({ alert, labels }))
    faults.push(...own.map((message) => ({ path: '', alert, message })))
  }
  for (const [index, declaration] of declarations.entries()) {
    const told: RuleFault[] = []
    const id = ruleId(declaration)
    const fault = (part: string, message: string) =>
      told.push({ path: `alerts[${index}]${part}`, alert: declaration.alert, message })
    if (ids.has(id)) {
      fault('', 'is declared twice: give it another name, or labels that differ')
    }
    const rule = compileOne(declaration, id, { signals, conditions, fault })
    if (told.length === 0 && rule) rules.push(rule)
    else if (!ids.has(id)) faulty.add(id)
    ids.add(id)
    faults.push(...told)
  }
  return { rules, faults, faulty }
}

/** The lines that rules on single lines are to be given. */
export function wantedLines({ rules }: Pick<CompiledRules, 'rules'>) {
  return rules.flatMap(({ id, log }) => (log ? [{ id, from: log.from, where: log.where }] : []))
}

const path = (signal: string) => `signals.${signal}`

function signalFaults(signals: SignalDeclarations): RuleFault[] {
  const faults: RuleFault[] = []
  for (const name of Object.keys(signals)) {
    const fault = (message: string) => faults.push({ path: path(name), alert: undefined, message })
    if (!signalName.test(name)) {
      fault(`"${name}" cannot be used in a condition: use letters, digits and _`)
      continue
    }
    try {
      openConditions([name])(`${name} > 0`)
    } catch (error) {
      fault(firstLine(error))
    }
  }
  for (const [name, message] of openDerived(signals).faults) {
    faults.push({ path: path(name), alert: undefined, message })
  }
  return faults
}

type Tell = (part: string, message: string) => void

interface Given {
  signals: SignalDeclarations
  conditions: (text: string) => Condition
  fault: Tell
}

function compileOne(declaration: RuleDeclaration, id: string, given: Given): Rule | undefined {
  const { log, watchdog } = declaration
  if (log) return compileLog(declaration, log, id, given.fault)
  if (watchdog) return makeWatchdog(declaration, id, compileTexts(declaration, given.fault))
  const parts = compileParts(declaration, given)
  return parts && makeRule(declaration, id, given.signals, parts)
}

/** On single lines: it reads no signal, and its condition is its kind. */
function compileLog(
  declaration: RuleDeclaration,
  log: LogRuleDeclaration,
  id: string,
  fault: Tell,
): Rule | undefined {
  const texts = compileTexts(declaration, fault)
  try {
    parseQuery(log.where)
    const compiled = compileLogRule(log, { alert: declaration.alert, ...texts })
    return { ...baseRule(declaration, id, texts), log: compiled }
  } catch (error) {
    fault('.log', firstLine(error))
    return undefined
  }
}

function compileParts(
  declaration: RuleDeclaration,
  { signals, conditions, fault }: Given,
): Parts | undefined {
  const compiled = (part: string, text: string, others: readonly string[]) => {
    try {
      const condition = conditions(text)
      checkGroups([...others, ...condition.reads], signals)
      return condition
    } catch (error) {
      fault(part, firstLine(error))
      return undefined
    }
  }
  const { when, clearWhen } = declaration
  const condition = compiled('.when', when, [])
  const clear =
    clearWhen === undefined ? undefined : compiled('.clear_when', clearWhen, condition?.reads ?? [])
  // What is wrong with them is told as well where the condition is wrong.
  const texts = compileTexts(declaration, fault)
  return condition && { condition, clear, ...texts }
}

function compileTexts(declaration: RuleDeclaration, fault: Tell): Texts {
  if (declaration.alert.trim() === '') fault('.alert', 'has no name')
  if ('alertname' in declaration.labels) {
    fault('.labels.alertname', 'is the name of the rule already: leave it out')
  }
  return {
    labels: templates(declaration.labels, 'labels', fault),
    annotations: templates(declaration.annotations, 'annotations', fault),
  }
}

function templates(
  texts: Record<string, string>,
  part: string,
  fault: (part: string, message: string) => void,
): Map<string, Template> {
  const parsed = new Map<string, Template>()
  for (const [name, text] of Object.entries(texts)) {
    try {
      parsed.set(name, parseTemplate(text))
    } catch (error) {
      fault(`.${part}.${name}`, firstLine(error))
    }
  }
  return parsed
}

/** CEL explains over several lines, with a pointer; in a list of faults the first tells what is wrong. */
function firstLine(error: unknown): string {
  return explain(error).split('\n')[0] ?? ''
}
