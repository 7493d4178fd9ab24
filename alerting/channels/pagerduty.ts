import { goJson, type Encodable } from './go-json.ts'
import { textLength, textOf, type Extra, type GroupNotification, type Text } from './group.ts'
import { alertFields, textRequest, type ChannelRequest } from './request.ts'
import {
  alertsUrl,
  groupHash,
  harmless,
  linkTo,
  shortened,
  subject,
  titleOf,
  usualSender,
} from './texts.ts'

/** PagerDuty's Events API v2. Texts that are left out are those of Alertmanager. */
export interface PagerDutySettings {
  /** The integration key. */
  routingKey: string
  /** PagerDuty's own unless set. */
  url?: string
  /** The summary. */
  description?: Text
  /** One of `severities`; `error` unless set, and instead of any that PagerDuty would refuse. */
  severity?: Text
  client?: Text
  clientUrl?: Text
  /** The client unless set. */
  source?: Text
  class?: Text
  component?: Text
  group?: Text
  /** Beside `firing`, `resolved`, `num_firing` and `num_resolved`, or instead of them. */
  details?: Readonly<Record<string, Text | Encodable>>
  /** Those without a `src` or `href` are left out. */
  images?: readonly { src: string; alt: string; href: string }[]
  links?: readonly { href: string; text: string }[]
}

export const pagerDutyUrl = 'https://events.pagerduty.com/v2/enqueue'

const severities: ReadonlySet<string> = new Set(['critical', 'error', 'warning', 'info'])

/** PagerDuty's limits: a summary of 1024 characters; an event of 512 KB, which Alertmanager takes for 512000 bytes. */
const maxSummary = 1024
const maxEventBytes = 512_000
/** Our own, below these. */
const [maxText, maxEvidence, maxLinks] = [1024, 20_000, 20]

const tooLarge =
  'Custom details have been removed because the original event exceeds the maximum size of 512KB'

/** The common label `severity`, as PagerDuty's: for the setting of that name. */
export function severityOf({ commonLabels }: GroupNotification): string {
  return commonLabels['severity'] ?? ''
}

/** One event; what it is about is known by its `dedup_key`, however often it comes. */
export function pagerDutyRequests(
  group: GroupNotification,
  settings: PagerDutySettings,
): ChannelRequest[] {
  const url = settings.url ?? pagerDutyUrl
  const whole = hugeText(group) ? undefined : eventOf(group, settings, detailsOf(group, settings))
  if (whole !== undefined && Buffer.byteLength(whole) <= maxEventBytes) {
    return [textRequest(url, whole)]
  }
  const details = new Map<string, Encodable>([['error', tooLarge], ...evidenceOf(group.extra)])
  return [textRequest(url, eventOf(group, settings, details))]
}

/** Then it need not be written to know that it is too large. */
function hugeText({ alerts }: GroupNotification): boolean {
  let length = 0
  return alerts.some((alert) => (length += textLength(alert)) > maxEventBytes)
}

function eventOf(
  group: GroupNotification,
  settings: PagerDutySettings,
  details: ReadonlyMap<string, Encodable>,
): string {
  const text = (setting: Text | undefined) => titleOf(textOf(setting, group) ?? '', maxText)
  const client = settings.client === undefined ? usualSender : text(settings.client)
  const page = textOf(settings.clientUrl, group) ?? alertsUrl(group)
  const severity = text(settings.severity)
  const event = {
    routing_key: settings.routingKey,
    dedup_key: groupHash(group),
    event_action: group.status === 'firing' ? 'trigger' : 'resolve',
    payload: {
      summary: summaryOf(group, settings),
      // Without one PagerDuty would refuse the event.
      source: text(settings.source) || client || usualSender,
      severity: severities.has(severity) ? severity : 'error',
      class: text(settings.class) || undefined,
      component: text(settings.component) || undefined,
      group: text(settings.group) || undefined,
      custom_details: details,
    },
    client: client || undefined,
    client_url: linkTo(page) === undefined ? undefined : page,
    images: listOf(imagesOf(settings)),
    links: listOf([...ownLinks(settings), ...linksOf(group.extra)]),
  }
  return `${goJson(event)}\n`
}

function summaryOf(group: GroupNotification, { description }: PagerDutySettings): string {
  const own = titleOf(textOf(description, group) ?? '', maxSummary)
  return own.trim() === '' ? subject(group, maxSummary) : own
}

function detailsOf(
  group: GroupNotification,
  { details = {} }: PagerDutySettings,
): ReadonlyMap<string, Encodable> {
  const told = (status: 'firing' | 'resolved') =>
    group.alerts
      .filter((alert) => alert.status === status)
      .map((alert) => new Map<string, Encodable>(Object.entries(alertFields(alert))))
  const [firing, resolved] = [told('firing'), told('resolved')]
  return new Map<string, Encodable>([
    ['firing', firing],
    ['resolved', resolved],
    ['num_firing', firing.length],
    ['num_resolved', resolved.length],
    ...evidenceOf(group.extra),
    ...Object.entries(details).map(([name, value]): [string, Encodable] => [
      name,
      typeof value === 'function' ? value(group) : value,
    ]),
  ])
}

function evidenceOf(extra: Extra | undefined): [string, string][] {
  if (!extra || extra.text === '') return []
  const text = harmless(extra.text.slice(0, 2 * maxEvidence))
  return [['evidence', shortened(text, maxEvidence)]]
}

function linksOf(extra: Extra | undefined) {
  return (extra?.links ?? []).slice(0, maxLinks).flatMap(({ name, url }) => {
    const href = linkTo(url)
    return href === undefined ? [] : [{ href, text: titleOf(name, maxText) }]
  })
}

function ownLinks({ links = [] }: PagerDutySettings) {
  return links.filter(({ href }) => href !== '').map(({ href, text }) => ({ href, text }))
}

function imagesOf({ images = [] }: PagerDutySettings) {
  return images.filter(({ src }) => src !== '').map(({ src, alt, href }) => ({ src, alt, href }))
}

const listOf = <T>(list: readonly T[]) => (list.length > 0 ? list : undefined)
