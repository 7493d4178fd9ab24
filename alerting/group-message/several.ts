/** What the message of a group of several alerts shows: five lines that read on a phone, then each alert in a few. */
import { alertsUrl } from '../channels/texts.ts'
import type { GroupNotification } from '../channels/group.ts'
import { cleanLine, safeLink } from '../clean.ts'
import type { Evidence } from '../evidence.ts'
import { sinceText, utc, type Content, type Row } from '../message/content.ts'
import type { Notification as Known } from '../records.ts'
import { alertSection, resolvedSection, type Shared } from './one-of-several.ts'
import { labelsLine, nameOf, ownerOf, runbookOf, saidOf, type ToldAlert } from './told.ts'
import { worstFirst } from './worst.ts'

export interface SeveralOptions {
  evidence: (known: Known) => Evidence | undefined
  publicUrl: string | undefined
  nowMs: number
  also: Pick<Content, 'rows' | 'sections' | 'links'>
}

/** So many that fire are told each by itself, and so many that are over; the others are counted. */
const mostShown = 30
const mostNamed = 5

export function severalContent(
  group: GroupNotification,
  alerts: readonly ToldAlert[],
  options: SeveralOptions,
): Content {
  const { publicUrl, also } = options
  const firing = worstFirst(alerts.filter(({ alert }) => alert.status === 'firing'))
  const resolved = worstFirst(alerts.filter(({ alert }) => alert.status === 'resolved'))
  const told = firing.length > 0 ? firing : resolved
  const shared = sharedOf(
    group,
    [...firing.slice(0, mostShown), ...resolved.slice(0, mostShown)],
    options,
  )
  const worst = told[0] && worstLine(told[0], shared)
  return {
    firing: group.status === 'firing',
    title: titleOf(told, firing[0]),
    summary: undefined,
    rows: [
      ...topRows(group, { firing, resolved, told, worst }, options),
      ...sharedRows(shared),
      ...also.rows,
    ],
    sections: [
      ...firing.slice(0, mostShown).map((one, i) => alertSection(one, i + 1, shared)),
      ...resolvedSection(resolved.slice(0, mostShown), shared),
      ...also.sections,
    ],
    links: [
      ...(publicUrl === undefined
        ? []
        : [{ name: 'All alerts of the receiver', url: alertsUrl(group) }]),
      ...also.links,
    ],
    notes: [...notShown(firing.length, 'fire'), ...notShown(resolved.length, 'are over')],
  }
}

/** `HighErrorRate /shop/cart, /shop/web: worst 12 errors/s > 5`: what stands in the subject too. */
function titleOf(told: readonly ToldAlert[], worst: ToldAlert | undefined): string {
  const services = distinct(told.map(({ service }) => service))
  const who = cleanLine(`${listed(distinct(told.map(nameOf)), 3)} ${listed(services, 3)}`, 120)
  const said = worst ? saidOf(worst) : ''
  return said === '' ? who : `${who}: worst ${said}`
}

interface Counted {
  firing: readonly ToldAlert[]
  resolved: readonly ToldAlert[]
  /** The firing; if none fires any more, the resolved. */
  told: readonly ToldAlert[]
  worst: string | undefined
}

function topRows(
  { groupLabels }: GroupNotification,
  { firing, resolved, told, worst }: Counted,
  { nowMs }: SeveralOptions,
): Row[] {
  const others = labelsLine(groupLabels, new Set(['alertname', 'service']), 200)
  const names = listed(distinct(told.map(nameOf)), mostNamed)
  const services = distinct(told.map(({ service }) => service))
  return rowsWith({
    What: others === '' ? names : `${names} (${others})`,
    'How many': howMany(firing.length, resolved.length),
    ...(firing.length > 0
      ? { Since: sinceText(begin(firing), nowMs) }
      : { When: whenText(resolved) }),
    Services: listed(services, mostNamed),
    Worst: worst,
  })
}

function howMany(firing: number, resolved: number): string {
  const counts = [firing > 0 ? `${firing} firing` : '', resolved > 0 ? `${resolved} resolved` : '']
  return counts.filter((count) => count !== '').join(', ')
}

const begin = (alerts: readonly ToldAlert[]) =>
  alerts.reduce((earliest, { since }) => Math.min(earliest, since), Infinity)

function whenText(resolved: readonly ToldAlert[]): string {
  const from = begin(resolved)
  const to = resolved.reduce((latest, { alert }) => Math.max(latest, alert.endsAt), from)
  return `${utc(from)} to ${utc(to)}`
}

function worstLine(worst: ToldAlert, { common }: Shared): string {
  const who = worst.service ?? labelsLine(worst.alert.labels, common, 100)
  return cleanLine([who, saidOf(worst)].filter((part) => part !== '').join(': '), 300)
}

/** What all that are shown have in common need not stand with each. */
function sharedOf(
  { commonLabels }: GroupNotification,
  shown: readonly ToldAlert[],
  { evidence, publicUrl, nowMs }: SeveralOptions,
): Shared {
  const found = new Map(shown.map((one) => [one, one.known && evidence(one.known)]))
  const same = (text: (one: ToldAlert) => string | undefined) => {
    const texts = distinct(shown.map(text))
    return texts.length === 1 && shown.every((one) => text(one) !== undefined)
      ? texts[0]
      : undefined
  }
  return {
    common: new Set([...Object.keys(commonLabels), 'alertname', 'service']),
    severity: commonLabels['severity'],
    owner: same((one) => ownerOf(one, found.get(one))),
    runbook: same((one) => runbookOf(one, found.get(one))),
    evidenceOf: (one) => found.get(one),
    publicUrl,
    nowMs,
  }
}

function sharedRows({ severity, owner, runbook }: Shared): Row[] {
  return rowsWith({ Severity: severity, Owner: owner, Runbook: runbook }).map((row) => {
    const link = row.name === 'Runbook' && runbook !== undefined ? safeLink(runbook) : undefined
    return link === undefined ? row : { ...row, link }
  })
}

/** In their order, without those of which nothing is known. */
function rowsWith(texts: Readonly<Record<string, string | undefined>>): Row[] {
  return Object.entries(texts).flatMap(([name, text]) => {
    const shown = cleanLine(text ?? '', 500)
    return shown === '' ? [] : [{ name, text: shown }]
  })
}

function notShown(count: number, what: string): string[] {
  return count > mostShown ? [`${count - mostShown} more ${what} and are not shown here.`] : []
}

function distinct(texts: readonly (string | undefined)[]): string[] {
  return [...new Set(texts.filter((text) => text !== undefined))]
}

/** `a, b and 3 more` */
function listed(texts: readonly string[], most: number): string {
  const shown = texts.slice(0, most).map((text) => cleanLine(text, 100))
  const more = texts.length > most ? ` and ${texts.length - most} more` : ''
  return `${shown.join(', ')}${more}`
}
