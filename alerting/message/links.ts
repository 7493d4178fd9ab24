import { identityFields } from '../../pipeline/identity.ts'
import type { StoredDoc } from '../../pipeline/store/store.ts'
import { changesBehind, linesOfTask } from '../evidence/of-changes.ts'
import { errorsBehind } from '../evidence/of-metrics.ts'
import { linesBehind, type Evidence, type SampleQuery } from '../evidence.ts'
import type { Notification } from '../records.ts'
import { topicOf } from '../words.ts'
import type { Link } from './content.ts'

type Told = Pick<Notification, 'facts' | 'alert' | 'ts'>

/** Where the page shows what is behind an alert, the best place first. */
export function linksOf(publicUrl: string, told: Told, evidence?: Evidence): [Link, ...Link[]] {
  const over = told.alert.resolvedAt !== undefined
  const name = (what: string) => (over ? `The ${what} of this incident` : `These ${what}`)
  const topic = topicOf(told.facts)
  if (topic === 'metrics') return metricLinks(publicUrl, told, name('lines'), evidence)
  const service = serviceLinks(publicUrl, told)
  if (topic === 'changes') {
    return [...changeLinks(publicUrl, told, name('changes'), evidence), ...service]
  }
  return [{ name: name('lines'), url: linkToLines(publicUrl, linesBehind(told)) }, ...service]
}

function changeLinks(
  publicUrl: string,
  told: Told,
  name: string,
  evidence: Evidence | undefined,
): [Link, ...Link[]] {
  const { services, query, from, to } = changesBehind(told)
  const kinds = [...new Set(evidence?.changes?.map((change) => change['event.kind']))]
  const place = { service: services?.[0], kind: kinds.join(), query, ...timesOf(from, to) }
  const newest = evidence?.changes?.[0]
  const lines = newest && linesOfTask(newest)
  return [
    { name, url: pageLink(publicUrl, 'changes', place) },
    ...whyLinks(publicUrl, newest),
    ...(lines ? [{ name: 'The lines of this task', url: linkToLines(publicUrl, lines) }] : []),
  ]
}

/** The post-mortem of the task that ended. */
function whyLinks(publicUrl: string, change: StoredDoc | undefined): Link[] {
  const task = change?.[identityFields.task]
  if (change?.['event.kind'] !== 'task' || typeof task !== 'string') return []
  return [{ name: 'Why this task ended', url: pageLink(publicUrl, 'why', { task }) }]
}

/** A quarter of an hour before it, so that one sees how it came. */
const beforeMs = 15 * 60_000

/** Its charts, and what happened, around the incident. */
function serviceLinks(publicUrl: string, { alert, ts }: Told): Link[] {
  const { service } = alert.group
  if (service === undefined) return []
  const times = timesOf(alert.activeAt - beforeMs, alert.resolvedAt ?? ts)
  return [{ name: 'This service', url: pageLink(publicUrl, 'service', { service, ...times }) }]
}

function metricLinks(
  publicUrl: string,
  told: Told,
  name: string,
  evidence: Evidence | undefined,
): [Link, ...Link[]] {
  const { activeAt, resolvedAt } = told.alert
  const [service] = serviceLinks(publicUrl, told)
  if (service === undefined) {
    const times = timesOf(activeAt - beforeMs, resolvedAt ?? told.ts)
    return [{ name: 'The changes at that time', url: pageLink(publicUrl, 'changes', times) }]
  }
  const errors = evidence?.lines.length ? errorsBehind(told) : undefined
  return [service, ...(errors ? [{ name, url: linkToLines(publicUrl, errors) }] : [])]
}

/** The page's log search over exactly these lines. */
export function linkToLines(publicUrl: string, { service, query, from, to }: SampleQuery): string {
  const place = { service, query, ...timesOf(from, to) }
  return pageLink(publicUrl, 'logs', place, ['query'])
}

function timesOf(from: number | undefined, to: number | undefined) {
  const iso = (ms: number | undefined) => (ms === undefined ? ms : new Date(ms).toISOString())
  return { from: iso(from), to: iso(to) }
}

/** Empty parameters are left out, unless they are `kept`. Slashes and colons stay readable, as in the page's own links. */
export function pageLink(
  publicUrl: string,
  view: string,
  place: Record<string, string | undefined>,
  kept: readonly string[] = [],
): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(place)) {
    if (value !== undefined && (value !== '' || kept.includes(name))) parameters.set(name, value)
  }
  const text = parameters.toString().replaceAll('%2F', '/').replaceAll('%3A', ':')
  return `${publicUrl.replace(/\/+$/, '')}/#/${view}?${text}`
}
