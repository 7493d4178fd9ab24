import stringify from 'fast-json-stable-stringify'
import type { SignalNumbers } from '../../pipeline/expression.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { sha256 } from '../../pipeline/sha256.ts'
import { join, type Joined } from '../../pipeline/signal-join.ts'
import type { SignalDeclarations, SignalValues } from '../../pipeline/signals.ts'
import type { Comparison, Condition } from './condition.ts'
import type { LogRule, LogRuleDeclaration } from './log-rule.ts'
import type { Template } from './template.ts'

/** `ok`: it is over; `keep`: it goes on as it was; `alert`: what was measured once and is no more is an alert. */
export const noDatas = ['unknown', 'ok', 'keep', 'alert'] as const
export type NoData = (typeof noDatas)[number]
/** What a rule that cannot be evaluated does: `keep`s its alerts as they are, or is one itself, beside them. */
export const onErrors = ['keep', 'alert'] as const
export type OnError = (typeof onErrors)[number]

/** The declaration of one rule, as the settings give it. */
export interface RuleDeclaration {
  alert: string
  /** CEL over signal names. */
  when: string
  /** CEL, too: an alert that fires goes on until it holds; unless set as soon as `when` does not. */
  clearWhen?: string
  /** Instead of a condition over signals; `when` then says it in words. */
  log?: LogRuleDeclaration
  /** Instead of a condition: it always fires, so that who hears nothing of it any more knows that something is wrong. */
  watchdog?: boolean
  forMs: number
  keepFiringForMs: number
  /** What becomes of an alert that fires while nothing is measured of it; unless set it is unknown. */
  noData?: NoData
  /** Unless set its alerts are kept. */
  onError?: OnError
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
  /** Why it is an alert, where no value says so; `value` is then no number. */
  cause?: Cause
  /** Since when it could not be evaluated, or was not measured, ms; it is neither firing for sure nor resolved. */
  unknownSince?: number
}

/** Nothing is measured of its group any more; or the rule could not be evaluated. */
export type Cause = { kind: 'no_data' } | { kind: 'error'; error: string }

/** A rule that can be asked. */
export interface Rule {
  /** Stays the same while alert name and labels are declared the same: owns its alerts' states. */
  id: string
  alert: string
  when: string
  forMs: number
  keepFiringForMs: number
  noData: NoData
  onError: OnError
  /** Of a rule on single lines. */
  log?: LogRule
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
    ts?: number,
  ): Sample[]
  /** What stands for a value that there is none of. */
  standIn(group: Identity, lastMs: number, cause: Cause): Sample
}

export function ruleId({ alert, labels }: Pick<RuleDeclaration, 'alert' | 'labels'>): string {
  return `${alert} ${stringify(labels)}`
}

/** A rule that was compiled. */
export interface Parts extends Texts {
  condition: Condition
  clear: Condition | undefined
}

export interface Texts {
  labels: Map<string, Template>
  annotations: Map<string, Template>
}

/** What each rule has by its declaration; unless more is said it reads no signal and finds nothing. */
export function baseRule(declaration: RuleDeclaration, id: string, texts: Texts): Rule {
  const { alert, when, forMs, keepFiringForMs, onError = 'keep' } = declaration
  return {
    id,
    alert,
    when,
    forMs,
    keepFiringForMs,
    noData: 'unknown',
    onError,
    reads: [],
    comparison: undefined,
    lowIsWorse: false,
    evaluate: () => [],
    standIn: (group, lastMs, cause) => standIn(alert, texts, { group, lastMs, cause }),
  }
}

export function makeRule(
  declaration: RuleDeclaration,
  id: string,
  signals: SignalDeclarations,
  parts: Parts,
): Rule {
  const { alert, noData = 'unknown' } = declaration
  const { condition, clear } = parts
  const { comparison, lowIsWorse } = condition
  const reads = [...new Set([...condition.reads, ...(clear?.reads ?? [])])]
  return {
    ...baseRule(declaration, id, parts),
    noData,
    reads,
    comparison,
    lowIsWorse,
    evaluate(valuesOf, isFiring = () => false) {
      const samples: Sample[] = []
      for (const joined of join(reads, signals, valuesOf)) {
        const holds = condition.holds(joined.signals)
        if (!holds && (!clear || clear.holds(joined.signals))) continue
        const sample = measuredSample(alert, parts, joined)
        if (holds || isFiring(sample.fingerprint)) samples.push(sample)
      }
      refuseTwins(samples)
      return samples
    },
  }
}

/** A rule without a condition, that always fires. */
export function makeWatchdog(declaration: RuleDeclaration, id: string, texts: Texts): Rule {
  const joined = { group: {}, signals: {}, unknown: false }
  const { alert } = declaration
  return {
    ...baseRule(declaration, id, texts),
    onError: 'keep',
    evaluate: (_, __, ts = 0) => [sampleOf(alert, texts, { ...joined, lastMs: ts }, { value: 1 })],
  }
}

function measuredSample(alert: string, parts: Parts, joined: Joined): Sample {
  const { condition } = parts
  const value = condition.value(joined.signals)
  const threshold = condition.comparison?.threshold(joined.signals)
  return sampleOf(alert, parts, joined, { value, threshold })
}

/** Of a group without a value. */
function standIn(
  alert: string,
  texts: Texts,
  { cause, ...about }: { group: Identity; lastMs: number; cause: Cause },
): Sample {
  const joined = { ...about, signals: {}, unknown: false }
  return { ...sampleOf(alert, texts, joined, { value: NaN }), cause }
}

function sampleOf(
  alert: string,
  parts: Texts,
  joined: Joined,
  { value, threshold }: { value: number; threshold?: number | undefined },
): Sample {
  const { group, signals, lastMs, unknown } = joined
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
  return sha256(stringify(labels), 16)
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
