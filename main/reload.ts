import stringify from 'fast-json-stable-stringify'
import { declaredRule, declaredSignals } from '../config/declared.ts'
import type { BadRule } from '../config/set-aside.ts'
import type { Settings } from '../config/settings.ts'
import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { isSecret } from '../pipeline/secret.ts'

/** Sections that a reload uses; all others need a restart. */
export const reloadedSections = [
  'alerts',
  'rule_library',
  'signals',
  'builtin_signals',
  'mail',
  'notifications',
] as const satisfies (keyof Settings)[]
const reloaded = new Set<string>(reloadedSections)

/** `rules reloaded: 12; new A; gone B; changed C; set aside D; for mail restart`. */
export function reloadWords(
  before: Settings,
  after: Settings,
  badRules: readonly BadRule[],
): string {
  const [old, now] = [rulesOf(before), rulesOf(after)]
  const aside = new Set(badRules.map(({ alert }) => alert))
  const names = (of: Map<string, string>, isWanted: (name: string, text: string) => boolean) =>
    [...of].filter(([name, text]) => isWanted(name, text)).map(([name]) => name)
  const restart = Object.keys(after).filter(
    (section) =>
      !reloaded.has(section) &&
      textOf(before[section as keyof Settings]) !== textOf(after[section as keyof Settings]),
  )
  const parts: [string, string[]][] = [
    ['new', names(now, (name) => !old.has(name))],
    ['gone', names(old, (name) => !now.has(name) && !aside.has(name))],
    ['changed', names(now, (name, text) => old.has(name) && old.get(name) !== text)],
    ['signals measured otherwise', changedSignals(before, after)],
    ['told otherwise', toldOtherwise(before, after)],
    ['set aside for their faults', badRules.map(({ alert }) => alert ?? 'a rule or signal')],
    ['what needs a restart', restart],
  ]
  const told = parts.flatMap(([what, which]) =>
    which.length === 0 ? [] : `${what}: ${which.join(', ')}`,
  )
  return [`rules reloaded (${now.size})`, ...told].join('; ')
}

/** Names of those that are new, gone, or declared otherwise. */
function changedSignals(before: Settings, after: Settings): string[] {
  const [old, now] = [declaredSignals(before), declaredSignals(after)]
  const names = new Set([...Object.keys(old), ...Object.keys(now)])
  return [...names].filter((name) => textOf(old[name]) !== textOf(now[name]))
}

function toldOtherwise(before: Settings, after: Settings): string[] {
  return (['mail', 'notifications'] as const).filter(
    (section) => textOf(before[section]) !== textOf(after[section]),
  )
}

/** By name; of several with one name the text of all. */
function rulesOf({ alerts }: Settings): Map<string, string> {
  const rules = new Map<string, string>()
  for (const rule of alerts) {
    rules.set(rule.alert, (rules.get(rule.alert) ?? '') + stringify(declaredRule(rule)))
  }
  return rules
}

/** Only to be compared: what is secret stands in it as it is, or another password would be none. */
function textOf(value: unknown): string {
  return JSON.stringify(value, revealed) ?? ''
}

/** A secret writes itself as something else before `value` comes here. */
function revealed(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const held = this[key]
  return isSecret(held) ? held.reveal() : value
}

/** For the timeline. */
export function reloadChange(told: string, atMs: number): ChangeDoc {
  return {
    '@timestamp': msToIso(atMs),
    'event.id': `change:alert:rules-reloaded:${atMs}`,
    'event.kind': 'alert',
    'event.action': 'rules-reloaded',
    message: told,
  }
}
