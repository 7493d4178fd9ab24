/** The alerts of a notification as messages tell of them: those of our own rules with what is known beyond their labels. */
import { cleanLine, safeLink } from '../clean.ts'
import { linesBehind, type Evidence } from '../evidence.ts'
import { resolvedHeadline } from '../message.ts'
import type { Notification as Known } from '../records.ts'
import { spokenDuration } from '../rules/humanize.ts'
import type { NotifiedAlert } from '../stages/groups.ts'
import { labelOf, type Labels } from '../stages/labels.ts'
import { explainValue, limitWords } from '../words.ts'

export interface ToldAlert {
  alert: NotifiedAlert
  /** Of one of our own rules: in the state in which it is told. */
  known: Known | undefined
  /** When its condition began to hold, ms; of one from outside when it fired. */
  since: number
  /** In the words of its labels; undefined where none names a service. */
  service: string | undefined
}

export interface Sources {
  /** What the rules know of the alert: the newest there is. */
  known: (alert: NotifiedAlert) => Known | undefined
  /** What was found behind it; nothing where nobody looked. */
  evidence: (known: Known) => Evidence | undefined
  nowMs: number
}

export function toldOf(alert: NotifiedAlert, { known, nowMs }: Sources): ToldAlert {
  const found = known(alert)
  const told = found && knownAsTold(alert, found, nowMs)
  return {
    alert,
    known: told,
    since: told?.alert.activeAt ?? alert.startsAt,
    service: serviceOf(alert.labels),
  }
}

/**
 * The dispatcher has the last word on whether it fires: what fires is told as it stands at `nowMs`. What is behind that, as
 * the links in the message have it, is the evidence of this.
 */
export function knownAsTold(alert: NotifiedAlert, known: Known, nowMs: number): Known {
  if (alert.status === 'firing') {
    const state = { ...known.alert, state: 'firing' as const }
    delete state.resolvedAt
    return { ...known, state: 'firing', ts: Math.max(known.ts, nowMs), alert: state }
  }
  if (known.state === 'resolved') return known
  const state = { ...known.alert, state: 'inactive' as const, resolvedAt: alert.endsAt }
  return { ...known, state: 'resolved', ts: alert.endsAt, alert: state }
}

/** How others name it who do not know Marathon. */
const serviceLabels = ['service', 'app', 'job']

function serviceOf(labels: Labels): string | undefined {
  const named = serviceLabels.map((name) => labelOf(labels, name))
  return named.find((value) => value !== '')
}

export function nameOf({ alert }: ToldAlert): string {
  return cleanLine(labelOf(alert.labels, 'alertname') || 'an alert without a name', 120)
}

/** `HighErrorRate /shop/web` */
export function calledOf(told: ToldAlert): string {
  return cleanLine(`${nameOf(told)} ${told.service ?? ''}`, 200)
}

/** The value against its threshold, or what else says in a few words what is wrong. */
export function saidOf({ alert, known, since }: ToldAlert): string {
  if (known?.state === 'firing') {
    const limit = limitWords(known.facts)
    const value = explainValue(known.facts, known.alert, known.ts)
    return cleanLine(limit === undefined ? value : `${value} ${limit}`, 200)
  }
  if (known) return cleanLine(resolvedHeadline(known), 200)
  if (alert.status === 'resolved') return `after ${spokenDuration(alert.endsAt - since)}`
  return cleanLine(summaryOf(alert) ?? '', 200)
}

/** What whoever wrote the alert says of it. */
export function summaryOf({ annotations }: NotifiedAlert): string | undefined {
  return firstOf(annotations, ['summary', 'description', 'message'])
}

const runbookNames = ['runbook', 'runbook_url']

/** Our own facts first, then what stands in annotations and labels. */
export function runbookOf({ alert }: ToldAlert, evidence: Evidence | undefined) {
  const own = firstOf(alert.annotations, runbookNames) ?? firstOf(alert.labels, runbookNames)
  return own ?? evidence?.runbook
}

export function ownerOf({ alert }: ToldAlert, evidence: Evidence | undefined) {
  return (
    firstOf(alert.annotations, ['owner']) ?? firstOf(alert.labels, ['owner']) ?? evidence?.owner
  )
}

function firstOf(texts: Labels, names: readonly string[]): string | undefined {
  return names.map((name) => labelOf(texts, name)).find((text) => text !== '')
}

/** Where it comes from, as its sender says. */
export function sourceLink({ alert }: ToldAlert): string | undefined {
  return safeLink(alert.generatorURL)
}

/** Of an alert behind which nobody looked. */
export function noEvidence(known: Known): Evidence {
  return {
    query: linesBehind(known),
    lines: [],
    tasks: [],
    agents: [],
    owner: undefined,
    runbook: undefined,
    missing: undefined,
  }
}

const most = 20

/** `zone=a, host=b`, without those that are named anyway; at most `maxLength` characters. */
export function labelsLine(labels: Labels, without: ReadonlySet<string>, maxLength: number) {
  const shown = Object.entries(labels).filter(([name]) => !without.has(name))
  const texts = shown
    .slice(0, most)
    .map(([name, value]) => `${name.slice(0, maxLength)}=${value.slice(0, maxLength)}`)
  const more = shown.length > most ? `, and ${shown.length - most} more` : ''
  return cleanLine(`${texts.join(', ')}${more}`, maxLength)
}
