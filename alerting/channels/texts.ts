/** What Alertmanager's default templates say of a group, and how texts are made harmless and short. */
import { createHash } from 'node:crypto'
import { cleanText, safeLink } from '../clean.ts'
import { sortedLabels, type Labels } from '../stages/labels.ts'
import type { GroupAlert, GroupNotification } from './group.ts'

/** By what name a message calls its sender, unless the settings have another: receivers may sort by it. */
export const usualSender = 'Alertmanager'

/** The same for all notifications of a group: SHA-256 of its key, 64 hex digits. */
export function groupHash({ groupKey }: Pick<GroupNotification, 'groupKey'>): string {
  return createHash('sha256').update(groupKey.toWellFormed()).digest('hex')
}

/** Without control characters and marks that turn or hide text; one that has none stays as it is, to the last space. */
export function harmless(text: string): string {
  const end = text.slice(text.trimEnd().length).replace(/[\r\v\f\u2028\u2029\ufeff]/g, '')
  return cleanText(text, text.length) + end
}

/** At most `most` characters (code points), the last one `…` where something is missing. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text
  const characters = Array.from(text.slice(0, 2 * (most + 1)))
  if (characters.length <= most) return text
  return `${characters.slice(0, most - 1).join('')}…`
}

/** Harmless, in one line, at most `most` characters. */
export function titleOf(text: string, most: number): string {
  return shortened(harmless(text.slice(0, 4 * most)).replace(/\n+/g, ' '), most)
}

/** `[FIRING:2] HighLatency eu-1 (critical)`, at most `most` characters: the group's labels, then what else is common. */
export function subject(group: GroupNotification, most: number): string {
  return shortened(gathered(subjectParts(group), most).replace(/\n+/g, ' '), most)
}

function* subjectParts({ status, alerts, groupLabels, commonLabels }: GroupNotification) {
  const firing = status === 'firing' ? `:${only('firing', alerts).length}` : ''
  yield `[${status.toUpperCase()}${firing}] `
  yield* spaced(valuesOf(groupLabels))
  yield ' '
  if (Object.keys(commonLabels).length <= Object.keys(groupLabels).length) return
  const others = Object.entries(commonLabels).filter(([name]) => !Object.hasOwn(groupLabels, name))
  yield '('
  yield* spaced(valuesOf(Object.fromEntries(others)))
  yield ')'
}

/** The common annotations, then every alert with its labels and annotations; at most `most` characters. */
export function description(group: GroupNotification, most: number): string {
  return shortened(gathered(descriptionParts(group), most), most)
}

function* descriptionParts({ commonAnnotations, alerts }: GroupNotification) {
  yield* spaced(valuesOf(commonAnnotations))
  yield '\n'
  yield* alertList('Alerts Firing:\n', only('firing', alerts))
  yield '\n'
  yield* alertList('Alerts Resolved:\n', only('resolved', alerts))
}

function* alertList(title: string, alerts: readonly GroupAlert[]) {
  if (alerts.length > 0) yield title
  for (const { labels, annotations, generatorURL } of alerts) {
    yield 'Labels:\n'
    yield* pairLines(labels)
    yield 'Annotations:\n'
    yield* pairLines(annotations)
    yield `Source: ${generatorURL}\n`
  }
}

function* pairLines(labels: Labels) {
  for (const [name, value] of pairsOf(labels)) yield ` - ${name} = ${value}\n`
}

function* spaced(values: readonly string[]) {
  for (const [i, value] of values.entries()) yield i === 0 ? value : ` ${value}`
}

/** Somebody can post a thousand alerts with a megabyte each: what would be cut off anyway is not gathered. */
function gathered(parts: Iterable<string>, most: number): string {
  const enough = 2 * (most + 1)
  let text = ''
  for (const part of parts) {
    text += harmless(part.slice(0, enough))
    if (text.length >= enough) break
  }
  return text
}

const only = (status: GroupAlert['status'], alerts: readonly GroupAlert[]) =>
  alerts.filter((alert) => alert.status === status)

/** `alertname` first, then by name. */
function pairsOf(labels: Labels): [string, string][] {
  const pairs = sortedLabels(labels)
  const isName = ([name]: [string, string]) => name === 'alertname'
  return [...pairs.filter(isName), ...pairs.filter((pair) => !isName(pair))]
}

const valuesOf = (labels: Labels) => pairsOf(labels).map(([, value]) => value)

/** Longer addresses are none that people are given. */
const maxLink = 2048

/** An address that a message may link to, else undefined. */
export function linkTo(url: string): string | undefined {
  const href = safeLink(url)
  return href !== undefined && href.length <= maxLink ? href : undefined
}

/** Where the page shows the receiver's alerts. */
export function alertsUrl({ externalURL, receiver }: GroupNotification): string {
  return `${externalURL}/#/alerts?receiver=${queryEscaped(receiverPattern(receiver))}`
}

/** A regular expression that means the receiver's name alone: as such Alertmanager tells it. */
export function receiverPattern(receiver: string): string {
  return receiver.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')
}

/** As Go escapes in queries: a space is `+`, of the marks only `-_.~` stay. */
function queryEscaped(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}
