import type { Message } from './channels/channel.ts'
import { cleanLine, cleanText, escapeHtml, safeLink } from './clean.ts'
import { timeOf, type Evidence, type SampleQuery } from './evidence.ts'
import type { Notification } from './records.ts'
import { spokenDuration } from './rules/humanize.ts'
import { explainValue, isAboutAbsence, listSignals, valueWithUnit } from './words.ts'

/** What a message shows, before it is text or HTML; everything in it is clean text. */
interface Content {
  firing: boolean
  title: string
  headline: string
  summary: string | undefined
  rows: Row[]
  linesTitle: string
  lines: { time: string; text: string }[]
  link: string | undefined
  notes: string[]
}

interface Row {
  name: string
  text: string
  link?: string
}

export interface MessageOptions {
  /** Where the page is reached; links are left out without it. */
  publicUrl: string | undefined
  nowMs: number
  /** When the incident ended, if that is known already while its firing is still being told. */
  endedAt?: number
}

const shownLines = 10
const shownInstances = 5
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
  }
}

function contentOf(
  notification: Notification,
  evidence: Evidence,
  options: MessageOptions,
): Content {
  const { alert } = notification
  const firing = notification.state === 'firing'
  const name = subjectName(notification)
  const headline = firing ? firingHeadline(notification) : resolvedHeadline(notification)
  const shown = firing ? evidence.lines.slice(-shownLines) : []
  const summary = alert.annotations['summary'] ?? alert.annotations['description']
  const range = options.publicUrl && linkTo(options.publicUrl, evidence.query)
  return {
    firing,
    title: `${name}: ${headline}`,
    headline: cleanLine(headline, 300),
    // The text is that of the last time the condition held: for what is over it tells of the past.
    summary: summary ? cleanText(firing ? summary : `It was: ${summary}`, 1000) : undefined,
    rows: rowsOf(notification, evidence),
    linesTitle: linesTitle(notification, evidence),
    lines: shown.map((line) => ({
      time: utc(timeOf(line)),
      text: cleanText(line.message, 500),
    })),
    link: range || undefined,
    notes: notesOf(notification, evidence, options),
  }
}

/** `HighErrorRate /shop/web` */
function subjectName({ alert, facts }: Notification): string {
  const group = Object.values(alert.group).filter((value) => typeof value === 'string')
  const who = alert.group.service ?? group[0] ?? ''
  return cleanLine(`${facts.alert} ${who}`, 120)
}

function firingHeadline({ facts, alert, ts }: Notification): string {
  return explainValue(facts, alert, ts)
}

function resolvedHeadline(notification: Notification): string {
  const { facts, alert, reason } = notification
  if (reason !== undefined) return reason
  const peak = isAboutAbsence(facts) ? 'lines again' : `peak ${valueWithUnit(facts, alert.peak)}`
  return `after ${spokenDuration(durationOf(notification))}, ${peak}`
}

function durationOf({ alert, ts }: Notification): number {
  return (alert.resolvedAt ?? ts) - alert.activeAt
}

function rowsOf(notification: Notification, evidence: Evidence): Row[] {
  const { alert, facts, ts, state, reason } = notification
  const rows: Row[] = []
  const row = (name: string, text: string | undefined, link?: string) => {
    if (text === undefined || text === '') return
    rows.push({ name, text: cleanLine(text, 500), ...(link === undefined ? {} : { link }) })
  }
  for (const [name, value] of Object.entries(alert.group)) {
    if (typeof value === 'string') row(capital(name), value)
  }
  row('Condition', facts.when)
  if (state === 'firing') {
    row('Value', explainValue(facts, alert, ts))
    if (facts.signals.length > 1) row('Signals', listSignals(facts, alert))
    row('Since', sinceText(alert.activeAt, ts))
  } else {
    row(
      'Lasted',
      `${spokenDuration(durationOf(notification))}, ${utc(alert.activeAt)} to ${utc(ts)}`,
    )
    if (!isAboutAbsence(facts)) row('Peak', valueWithUnit(facts, alert.peak))
    row('Ended because', reason)
  }
  row('Instances', instances(evidence))
  row('Severity', alert.labels['severity'])
  row('Owner', alert.annotations['owner'] ?? alert.labels['owner'] ?? evidence.owner)
  const runbook = alert.annotations['runbook'] ?? alert.labels['runbook'] ?? evidence.runbook
  row('Runbook', runbook, runbook === undefined ? undefined : safeLink(runbook))
  return rows
}

function sinceText(activeAt: number, ts: number): string {
  const lasted = ts > activeAt ? ` (for ${spokenDuration(ts - activeAt)})` : ''
  return `${utc(activeAt)}${lasted}`
}

function instances({ tasks, agents }: Evidence): string {
  if (tasks.length === 0) return ''
  const named = tasks.slice(0, shownInstances).join(', ')
  const more = tasks.length > shownInstances ? ` and ${tasks.length - shownInstances} more` : ''
  return `${named}${more}${agents.length > 0 ? ` on ${agents.slice(0, shownInstances).join(', ')}` : ''}`
}

function linesTitle({ facts, alert }: Notification, { lines }: Evidence): string {
  if (isAboutAbsence(facts)) return `Last line seen, at ${utc(alert.lastMs)}`
  return lines.length > shownLines ? `The newest ${shownLines} of the lines` : 'The lines'
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

/** The page's log search over exactly these lines. */
export function linkTo(publicUrl: string, { service, query, from, to }: SampleQuery): string {
  const parameters = new URLSearchParams()
  if (service !== undefined) parameters.set('service', service)
  parameters.set('query', query)
  parameters.set('from', new Date(from).toISOString())
  parameters.set('to', new Date(to).toISOString())
  return `${publicUrl.replace(/\/+$/, '')}/#/logs?${parameters.toString()}`
}

function utc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1)
}

function asText(content: Content): string {
  const width = Math.max(...content.rows.map(({ name }) => name.length)) + 2
  const rows = content.rows.map(({ name, text }) => `${`${name}:`.padEnd(width)}${text}`)
  const lines = content.lines.map(
    ({ time, text }) => `  ${time}  ${text.replaceAll('\n', '\n    ')}`,
  )
  const parts = [
    `${content.firing ? 'FIRING' : 'RESOLVED'} ${content.title}`,
    content.summary,
    rows.join('\n'),
    lines.length > 0 ? [`${content.linesTitle}:`, ...lines].join('\n') : undefined,
    content.link &&
      `${content.firing ? 'These lines' : 'The lines of this incident'}: ${content.link}`,
    ...content.notes,
  ]
  return `${parts.filter((part) => part !== undefined && part !== '').join('\n\n')}\n`
}

const font = 'font-family:-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif'
const cell = 'padding:3px 12px 3px 0;vertical-align:top'

function asHtml(content: Content): string {
  const colour = content.firing ? '#b3261e' : '#1e7d34'
  const parts = [
    `<div style="border-left:6px solid ${colour};padding:4px 0 4px 14px">`,
    `<div style="color:${colour};font-weight:600;font-size:13px">${content.firing ? 'FIRING' : 'RESOLVED'}</div>`,
    `<div style="font-size:19px;font-weight:600">${escapeHtml(cleanLine(content.title, 300))}</div>`,
    content.summary ? `<div style="margin-top:4px">${breaks(content.summary)}</div>` : '',
    '</div>',
    `<table style="border-collapse:collapse;margin:16px 0;font-size:14px">${content.rows.map(htmlRow).join('')}</table>`,
    htmlLines(content),
    content.link
      ? `<p><a href="${escapeHtml(content.link)}" style="color:#0b57d0">${content.firing ? 'Open these lines' : 'Open the lines of this incident'}</a></p>`
      : '',
    ...content.notes.map((note) => `<p style="color:#5f6368">${escapeHtml(note)}</p>`),
  ]
  const body = `<body style="margin:16px;color:#202124;${font};font-size:14px">${parts.join('')}</body>`
  return `<!doctype html><html><head><meta charset="utf-8"></head>${body}</html>`
}

function htmlRow({ name, text, link }: Row): string {
  const shown = escapeHtml(text)
  const value = link ? `<a href="${escapeHtml(link)}" style="color:#0b57d0">${shown}</a>` : shown
  return `<tr><td style="${cell};color:#5f6368">${escapeHtml(name)}</td><td style="${cell}">${value}</td></tr>`
}

function htmlLines({ lines, linesTitle }: Content): string {
  if (lines.length === 0) return ''
  const rows = lines.map(
    ({ time, text }) =>
      `<div style="margin:2px 0"><span style="color:#5f6368">${escapeHtml(time)}</span> ${breaks(text)}</div>`,
  )
  const box =
    'background:#f6f8fa;border-radius:6px;padding:10px;font:12px ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;word-break:break-word'
  return `<div style="font-weight:600;margin-bottom:4px">${escapeHtml(linesTitle)}</div><div style="${box}">${rows.join('')}</div>`
}

function breaks(text: string): string {
  return escapeHtml(text).replaceAll('\n', '<br>')
}
