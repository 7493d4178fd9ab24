/**
 * Inhibition after the documented rule: an alert is muted while a firing one matches the source side, has equal values in all
 * `equal` labels (both missing counts as equal), and does not match the target side where the muted one matches both.
 */
import { isResolved, type Alert } from './alerts.ts'
import { labelOf, type Labels } from './labels.ts'
import { matchesAll, type Matcher } from './matcher.ts'

export interface InhibitRule {
  source: readonly Matcher[]
  target: readonly Matcher[]
  equal: readonly string[]
}

export interface Inhibitor {
  /** An alert came in or changed. */
  set(alert: Alert): void
  /** An alert is no longer kept. */
  remove(alert: Alert): void
  /** The fingerprint of one that inhibits these labels at `now` (ms, never falling). */
  inhibitedBy(labels: Labels, now: number): string | undefined
}

/** Of one rule, by the values of its `equal` labels. */
type Sources = Map<string, { oneSided: Map<string, Alert>; twoSided: Map<string, Alert> }>

/** Asking costs one look-up per rule, however many alerts there are. */
export function createInhibitor(rules: readonly InhibitRule[]): Inhibitor {
  const indexed = rules.map((rule) => ({ rule, sources: new Map() as Sources }))
  return {
    set: (alert) => {
      for (const { rule, sources } of indexed) add(rule, sources, alert)
    },
    remove: (alert) => {
      for (const { rule, sources } of indexed) drop(rule, sources, alert)
    },
    inhibitedBy: (labels, now) => {
      for (const { rule, sources } of indexed) {
        const source = sourceFor(rule, sources, labels, now)
        if (source) return source.fingerprint
      }
      return undefined
    },
  }
}

function add(rule: InhibitRule, sources: Sources, alert: Alert): void {
  if (!matchesAll(rule.source, alert.labels)) return
  const key = equalKey(rule, alert.labels)
  const same = sources.get(key) ?? { oneSided: new Map(), twoSided: new Map() }
  sources.set(key, same)
  const side = matchesAll(rule.target, alert.labels) ? same.twoSided : same.oneSided
  side.set(alert.fingerprint, alert)
}

function drop(rule: InhibitRule, sources: Sources, alert: Alert): void {
  const key = equalKey(rule, alert.labels)
  const same = sources.get(key)
  if (!same) return
  same.oneSided.delete(alert.fingerprint)
  same.twoSided.delete(alert.fingerprint)
  if (same.oneSided.size + same.twoSided.size === 0) sources.delete(key)
}

function sourceFor(
  rule: InhibitRule,
  sources: Sources,
  labels: Labels,
  now: number,
): Alert | undefined {
  if (sources.size === 0 || !matchesAll(rule.target, labels)) return undefined
  const same = sources.get(equalKey(rule, labels))
  if (!same) return undefined
  const source = firing(same.oneSided, now)
  return source ?? (matchesAll(rule.source, labels) ? undefined : firing(same.twoSided, now))
}

/** Forgets the resolved ones it passes: one that fires again comes in again. */
function firing(alerts: Map<string, Alert>, now: number): Alert | undefined {
  for (const [key, alert] of alerts) {
    if (!isResolved(alert, now)) return alert
    alerts.delete(key)
  }
  return undefined
}

function equalKey({ equal }: InhibitRule, labels: Labels): string {
  return JSON.stringify(equal.map((name) => labelOf(labels, name)))
}
