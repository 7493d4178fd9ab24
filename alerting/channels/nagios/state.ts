import type { Template } from '../../rules/template.ts'
import { parseTemplate } from '../../rules/template.ts'

/** What a plugin of Nagios would say; the numbers are its exit codes. */
export const states = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const
export type NagiosState = keyof typeof states

/** An alert that has to be told, or that stands beside one. */
export interface StateOf {
  labels: Readonly<Record<string, string>>
  /** Nobody can tell any longer whether it fires. */
  unknown?: boolean
}

export interface Severities {
  /** State by the label `severity`. */
  severities: Readonly<Record<string, NagiosState>>
  /** Of alerts with another severity or none. */
  otherSeverity: NagiosState
}

/** The state of an alert that fires. */
export function stateOf({ labels, unknown }: StateOf, settings: Severities): NagiosState {
  if (unknown === true) return 'unknown'
  const { severity } = labels
  if (severity === undefined || !Object.hasOwn(settings.severities, severity)) {
    return settings.otherSeverity
  }
  return settings.severities[severity] ?? settings.otherSeverity
}

/** From best to worst, as Nagios's own plugins sum up parts: what is known to be bad outweighs what is not known. */
const order = ['ok', 'unknown', 'warning', 'critical'] as const

export function worstOf(all: Iterable<NagiosState>): NagiosState {
  let worst = 0
  for (const state of all) worst = Math.max(worst, order.indexOf(state))
  return order[worst] ?? 'ok'
}

/**
 * The code of a host's result: up (0) or down (1). Nagios would take 2 for unreachable too, Icinga 2 refuses it; and
 * what was down and cannot be judged any longer is not up.
 */
export function hostCode(state: NagiosState): number {
  return state === 'ok' ? 0 : 1
}

/** What a result is about. `service` is absent where it is about the host itself. */
export interface Subject {
  host: string
  service?: string
}

export function isSame(one: Subject, other: Subject): boolean {
  return one.host === other.host && one.service === other.service
}

/** Names a subject by an alert's labels; undefined where a name comes out empty. */
export type Naming = (labels: StateOf['labels']) => Subject | undefined

/** Throws where a text is no Liquid template. Labels that were named once are known again: each is asked for each message. */
export function namingOf(host: string, service: string | undefined): Naming {
  const hostName = namer(parseTemplate(host))
  const serviceName = service === undefined ? undefined : namer(parseTemplate(service))
  const known = new WeakMap<StateOf['labels'], Subject>()

  function name(labels: StateOf['labels']): Subject | undefined {
    const host = hostName(labels)
    const service = serviceName?.(labels)
    if (host === '' || service === '') return undefined
    return service === undefined ? { host } : { host, service }
  }

  return (labels) => {
    const subject = known.get(labels) ?? name(labels)
    if (subject) known.set(labels, subject)
    return subject
  }
}

function namer(template: Template): (labels: object) => string {
  return (labels) => cleanName(template(labels))
}

/** What Nagios forbids in names unless told otherwise (`illegal_object_name_chars`), and `;`, which ends one in a command. */
const illegal = /[`~!$%^&*|'"<>?,()=;]/g

/**
 * A name as Nagios can have it: no control characters, no character that it forbids (each becomes `_`), single
 * spaces. A name that was one already stays as it is.
 */
export function cleanName(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .replace(illegal, '_')
}
