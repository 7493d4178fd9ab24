import type { Message } from './channels/channel.ts'
import { cleanLine, cleanText } from './clean.ts'
import type { Evidence } from './evidence.ts'
import { utc, type Content } from './message/content.ts'
import { asHtml } from './message/html.ts'
import { linksOf } from './message/links.ts'
import { rowsOf } from './message/rows.ts'
import { sectionsOf } from './message/sections.ts'
import { asText } from './message/text.ts'
import type { Notification } from './records.ts'
import { spokenDuration } from './rules/humanize.ts'
import { explainValue, heardAgain, isAboutAbsence, valueWithUnit } from './words.ts'

export interface MessageOptions {
  /** Where the page is reached; links are left out without it. */
  publicUrl: string | undefined
  nowMs: number
  /** When the incident ended, if that is known already while its firing is still being told. */
  endedAt?: number
  /** What is shown beside that: how to silence it, who else is told. */
  also?: Pick<Content, 'rows' | 'sections' | 'links'>
}

const lateAfterMs = 5 * 60_000

/** The message for a notification: the same subject for everyone, a text and an HTML part with the same content. */
export function renderMessage(
  notification: Notification,
  evidence: Evidence,
  options: MessageOptions,
): Message {
  const content = contentOf(notification, evidence, options)
  return {
    incident: notification.incident,
    state: notification.state,
    subject: cleanLine(`[${content.firing ? 'FIRING' : 'RESOLVED'}] ${content.title}`, 200),
    text: asText(content),
    html: asHtml(content),
    labels: notification.alert.labels,
    ...(notification.alert.unknownSince === undefined ? {} : { unknown: true }),
  }
}

/** What the message for a notification shows. */
export function contentOf(
  notification: Notification,
  evidence: Evidence,
  options: MessageOptions,
): Content {
  const { alert, facts, ts, state } = notification
  const firing = state === 'firing'
  const headline = firing ? explainValue(facts, alert, ts) : resolvedHeadline(notification)
  const summary = alert.annotations['summary'] ?? alert.annotations['description']
  const { publicUrl, also } = options
  return {
    firing,
    title: `${subjectName(notification)}: ${headline}`,
    // The text is that of the last time the condition held: for what is over it tells of the past.
    summary: summary ? cleanText(firing ? summary : `It was: ${summary}`, 1000) : undefined,
    rows: [...rowsOf(notification, evidence), ...(also?.rows ?? [])],
    sections: [...(firing ? sectionsOf(notification, evidence) : []), ...(also?.sections ?? [])],
    links: [
      ...(publicUrl ? linksOf(publicUrl, notification, firing ? evidence : undefined) : []),
      ...(also?.links ?? []),
    ],
    notes: notesOf(notification, evidence, options),
  }
}

/** `HighErrorRate /shop/web` */
function subjectName({ alert, facts }: Notification): string {
  const group = Object.values(alert.group).filter((value) => typeof value === 'string')
  const who = alert.group.service ?? group[0] ?? ''
  return cleanLine(`${facts.alert} ${who}`, 120)
}

/** `after 7m, peak 9.1 errors/s` */
export function resolvedHeadline({ facts, alert, ts, reason }: Notification): string {
  if (reason !== undefined) return reason
  const lasted = spokenDuration((alert.resolvedAt ?? ts) - alert.activeAt)
  const peak = isAboutAbsence(facts)
    ? heardAgain(facts)
    : `peak ${valueWithUnit(facts, alert.peak)}`
  return `after ${lasted}, ${peak}`
}

function notesOf(
  { ts, state }: Notification,
  { missing }: Evidence,
  { nowMs, endedAt }: MessageOptions,
): string[] {
  const notes: string[] = []
  if (state === 'firing' && missing !== undefined) notes.push(cleanLine(missing, 300))
  if (endedAt !== undefined) notes.push(`It has ended meanwhile, at ${utc(endedAt)}.`)
  if (nowMs - ts > lateAfterMs) {
    notes.push(`This message is ${spokenDuration(nowMs - ts)} late: it was due at ${utc(ts)}.`)
  }
  return notes
}
