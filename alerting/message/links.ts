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
  if (topic === 'changes') return changeLinks(publicUrl, told, name('changes'), evidence)
  if (topic === 'metrics') return metricLinks(publicUrl, told, name('lines'), evidence)
  return [{ name: name('lines'), url: linkToLines(publicUrl, linesBehind(told)) }]
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
    ...(lines ? [{ name: 'The lines of this task', url: linkToLines(publicUrl, lines) }] : []),
  ]
}

/** A quarter of an hour before it, so that one sees how it came. */
const beforeMs = 15 * 60_000

function metricLinks(
  publicUrl: string,
  told: Told,
  name: string,
  evidence: Evidence | undefined,
): [Link, ...Link[]] {
  const { group, activeAt, resolvedAt } = told.alert
  const times = timesOf(activeAt - beforeMs, resolvedAt ?? told.ts)
  const { service } = group
  if (service === undefined) {
    return [{ name: 'The changes at that time', url: pageLink(publicUrl, 'changes', times) }]
  }
  const errors = evidence?.lines.length ? errorsBehind(told) : undefined
  return [
    { name: 'This service', url: pageLink(publicUrl, 'service', { service, ...times }) },
    ...(errors ? [{ name, url: linkToLines(publicUrl, errors) }] : []),
  ]
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

/** Empty parameters are left out, unless they are `kept`. */
function pageLink(
  publicUrl: string,
  view: string,
  place: Record<string, string | undefined>,
  kept: readonly string[] = [],
): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(place)) {
    if (value !== undefined && (value !== '' || kept.includes(name))) parameters.set(name, value)
  }
  return `${publicUrl.replace(/\/+$/, '')}/#/${view}?${parameters.toString()}`
}
