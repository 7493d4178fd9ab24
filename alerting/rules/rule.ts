import stringify from 'fast-json-stable-stringify'
import { createHash } from 'node:crypto'
import { explain } from '../../pipeline/errors.ts'
import type { Identity } from '../../pipeline/identity.ts'
import type { SignalDeclarations, SignalValues } from '../../pipeline/signals.ts'
import {
  openConditions,
  signalName,
  type Comparison,
  type Condition,
  type SignalNumbers,
} from './condition.ts'
import { join, type Joined } from './join.ts'
import { parseTemplate, type Template } from './template.ts'

/** `ok`: it is over; `keep`: it goes on as it was. */
export const noDatas = ['unknown', 'ok', 'keep'] as const
export type NoData = (typeof noDatas)[number]

/** The declaration of one rule, as the settings give it. */
export interface RuleDeclaration {
  alert: string
  /** CEL over signal names. */
  when: string
  /** CEL, too: an alert that fires goes on until it holds; unless set as soon as `when` does not. */
  clearWhen?: string
  forMs: number
  keepFiringForMs: number
  /** What becomes of an alert that fires while nothing is measured of it; unless set it is unknown. */
  noData?: NoData
  /** Liquid texts; labels belong to the alert's identity. */
  labels: Record<string, string>
  annotations: Record<string, string>
}

/** One group for which the condition holds. */
export interface Sample {
  /** Hash of the labels: one alert is one fingerprint. */
  fingerprint: string
  /** The group's identity fields, the rule's labels, `alertname`. */
  labels: Record<string, string>
  group: Identity
  value: number
  threshold?: number
  signals: SignalNumbers
  /** Newest event of the group in any of the rule's signals, ms. */
  lastMs: number
  annotations: Record<string, string>
  /** It cannot be told whether the condition holds: an alert that fires goes on, none begins. */
  unknown?: boolean
  /** Since when it could not be evaluated, or was not measured, ms; it is neither firing for sure nor resolved. */
  unknownSince?: number
}

/** A rule that can be asked. */
export interface Rule {
  /** Stays the same while alert name and labels are declared the same: owns its alerts' states. */
  id: string
  alert: string
  when: string
  forMs: number
  keepFiringForMs: number
  noData: NoData
  reads: string[]
  comparison: Comparison | undefined
  lowIsWorse: boolean
  /**
   * The groups for which the condition holds now, or that fire and are not clear yet. Throws if it cannot be asked, or two
   * results have one identity.
   */
  evaluate(
    valuesOf: (signal: string) => SignalValues,
    isFiring?: (fingerprint: string) => boolean,
  ): Sample[]
}

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
    const parts = compileParts(declaration, signals, conditions, fault)
    if (told.length === 0 && parts) rules.push(makeRule(declaration, id, signals, parts))
    else if (!ids.has(id)) faulty.add(id)
    ids.add(id)
    faults.push(...told)
  }
  return { rules, faults, faulty }
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
  return faults
}

export function ruleId({ alert, labels }: Pick<RuleDeclaration, 'alert' | 'labels'>): string {
  return `${alert} ${stringify(labels)}`
}

interface Parts {
  condition: Condition
  clear: Condition | undefined
  labels: Map<string, Template>
  annotations: Map<string, Template>
}

function compileParts(
  declaration: RuleDeclaration,
  signals: SignalDeclarations,
  conditions: (text: string) => Condition,
  fault: (part: string, message: string) => void,
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
  if (declaration.alert.trim() === '') fault('.alert', 'has no name')
  if ('alertname' in declaration.labels) {
    fault('.labels.alertname', 'is the name of the rule already: leave it out')
  }
  const labels = templates(declaration.labels, 'labels', fault)
  const annotations = templates(declaration.annotations, 'annotations', fault)
  return condition && { condition, clear, labels, annotations }
}

/** Signals can be joined only where they are measured by the same fields. */
function checkGroups(reads: readonly string[], signals: SignalDeclarations) {
  const groupings = reads.map((name) => (signals[name]?.by ?? []).toSorted().join(', '))
  const differing = groupings.findIndex((by) => by !== groupings[0])
  if (differing < 0) return
  throw new Error(
    `cannot join ${reads[0]} (by ${groupings[0]}) with ${reads[differing]} (by ${groupings[differing]}): ` +
      'measure both by the same fields',
  )
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

function makeRule(
  declaration: RuleDeclaration,
  id: string,
  signals: SignalDeclarations,
  parts: Parts,
): Rule {
  const { alert, when, forMs, keepFiringForMs, noData = 'unknown' } = declaration
  const { condition, clear } = parts
  const { comparison, lowIsWorse } = condition
  const reads = [...new Set([...condition.reads, ...(clear?.reads ?? [])])]
  return {
    id,
    alert,
    when,
    forMs,
    keepFiringForMs,
    noData,
    reads,
    comparison,
    lowIsWorse,
    evaluate(valuesOf, isFiring = () => false) {
      const samples: Sample[] = []
      for (const joined of join(reads, signals, valuesOf)) {
        const holds = condition.holds(joined.signals)
        if (!holds && (!clear || clear.holds(joined.signals))) continue
        const sample = sampleOf(alert, parts, joined)
        if (holds || isFiring(sample.fingerprint)) samples.push(sample)
      }
      refuseTwins(samples)
      return samples
    },
  }
}

function sampleOf(alert: string, parts: Parts, joined: Joined): Sample {
  const { group, signals, lastMs, unknown } = joined
  const value = parts.condition.value(signals)
  const threshold = parts.condition.comparison?.threshold(signals)
  const base = { ...group, alert, value, threshold, signals }
  const labels: Record<string, string> = identityLabels(group)
  for (const [name, template] of parts.labels) {
    const text = template({ ...base, labels: identityLabels(group) })
    // An empty label is no label, as in Prometheus.
    if (text === '') delete labels[name]
    else labels[name] = text
  }
  labels['alertname'] = alert
  const annotations: Record<string, string> = {}
  for (const [name, template] of parts.annotations) {
    annotations[name] = template({ ...base, labels })
  }
  return {
    fingerprint: fingerprintOf(labels),
    labels,
    group,
    value,
    ...(threshold === undefined ? {} : { threshold }),
    signals,
    lastMs,
    annotations,
    ...(unknown ? { unknown } : {}),
  }
}

/** A group's identity as flat text; the container's own labels get their name in front. */
export function identityLabels(group: Identity): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [name, value] of Object.entries(group)) {
    if (typeof value === 'string') labels[name] = value
    else for (const [key, text] of Object.entries(value)) labels[`labels.${key}`] = String(text)
  }
  return labels
}

export function fingerprintOf(labels: Record<string, string>): string {
  return createHash('sha256').update(stringify(labels)).digest('hex').slice(0, 16)
}

function refuseTwins(samples: readonly Sample[]) {
  const seen = new Set<string>()
  for (const { fingerprint, labels } of samples) {
    if (seen.has(fingerprint)) {
      throw new Error(`two results have the same labels ${stringify(labels)}`)
    }
    seen.add(fingerprint)
  }
}
