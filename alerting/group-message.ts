/** From what the dispatcher wants told of a group to the message that is sent, the same for every channel. */
import { groupOf, type Extra, type GroupNotification } from './channels/group.ts'
import type { Message } from './channels/channel.ts'
import { cleanLine } from './clean.ts'
import { notificationId, threadOf } from './group-message/ids.ts'
import { outsideContent } from './group-message/outside.ts'
import { severalContent } from './group-message/several.ts'
import { silenceHelp } from './group-message/silence.ts'
import { noEvidence, toldOf, type Sources, type ToldAlert } from './group-message/told.ts'
import { contentOf } from './message.ts'
import type { Content, Row } from './message/content.ts'
import { asHtml } from './message/html.ts'
import { asText, bodyText } from './message/text.ts'
import type { GroupNews } from './stages/flush.ts'
import { labelOf, type Labels } from './stages/labels.ts'

export interface GroupOptions extends Sources {
  /** Where the page is reached; links are left out without it. */
  publicUrl: string | undefined
  /** Names of other receivers that are told of it. */
  others?: readonly string[]
}

/**
 * The message for a notification of a group. One alert of our own rules is shown with its evidence, one from outside with
 * what its sender wrote, several with five lines on top. Text and HTML have the same content, nothing in labels and
 * annotations is markup, and however many alerts there are the message stays short.
 */
export function renderGroup(notification: GroupNews, options: GroupOptions): Message {
  const { publicUrl } = options
  const group = groupOf(notification, publicUrl ?? '')
  const alerts = notification.alerts.map((alert) => toldOf(alert, options))
  const content = shown(group, alerts, options)
  const own = alerts.length === 1 ? alerts[0]?.known : undefined
  const thread = threadOf(notification)
  return {
    incident: own?.incident ?? thread,
    state: notification.status,
    id: notificationId(notification),
    thread,
    subject: subjectOf(notification, content, alerts),
    text: asText(content),
    html: asHtml(content),
    labels: group.commonLabels,
    ...(isUnknown(alerts) ? { unknown: true } : {}),
    group: { ...group, extra: extraOf(content) },
  }
}

function shown(
  group: GroupNotification,
  alerts: readonly ToldAlert[],
  options: GroupOptions,
): Content {
  const { evidence, publicUrl, nowMs } = options
  const [only] = alerts
  const also = besides(group, options)
  if (alerts.length !== 1 || !only) return severalContent(group, alerts, { ...options, also })
  const { known } = only
  if (!known) return outsideContent(only, nowMs, also)
  const endedAt = endedMeanwhile(only, options)
  // The dispatcher waits, and reminds: that is no delay to speak of.
  const times = { nowMs: known.ts, ...(endedAt === undefined ? {} : { endedAt }) }
  return contentOf(known, evidence(known) ?? noEvidence(known), { publicUrl, also, ...times })
}

/** When the rule saw the end that the dispatcher has still to tell, ms. */
function endedMeanwhile({ alert }: ToldAlert, { known }: GroupOptions): number | undefined {
  const newest = known(alert)
  return alert.status === 'firing' && newest?.state === 'resolved' ? newest.ts : undefined
}

/** Who else is told, and how one is told no longer. */
function besides(
  group: GroupNotification,
  { publicUrl, others = [] }: GroupOptions,
): Pick<Content, 'rows' | 'sections' | 'links'> {
  const names = cleanLine(others.join(', '), 300)
  const rows: Row[] = names === '' ? [] : [{ name: 'Told too', text: names }]
  const fires = group.status === 'firing'
  const help = fires ? silenceHelp(silenceable(group), publicUrl) : { sections: [], links: [] }
  return { rows, ...help }
}

/** Of one alert all its labels; of several what holds the group together, and then what they have in common anyway. */
function silenceable({ alerts, groupLabels, commonLabels }: GroupNotification): Labels[] {
  if (alerts.length === 1) return [commonLabels, groupLabels]
  const name = labelOf(commonLabels, 'alertname')
  const whole = name === '' ? groupLabels : { ...groupLabels, alertname: name }
  return [whole, commonLabels]
}

function subjectOf(
  { status }: GroupNews,
  { title }: Content,
  alerts: readonly ToldAlert[],
): string {
  const firing = alerts.filter(({ alert }) => alert.status === 'firing').length
  const count = alerts.length > 1 && firing > 0 ? `:${firing}` : ''
  return cleanLine(`[${status.toUpperCase()}${count}] ${title}`, 200)
}

/** Nothing that fires can be measured any longer. */
function isUnknown(alerts: readonly ToldAlert[]): boolean {
  const firing = alerts.filter(({ alert }) => alert.status === 'firing')
  const unknown = firing.filter(({ known }) => known?.alert.unknownSince !== undefined)
  return firing.length > 0 && unknown.length === firing.length
}

function extraOf(content: Content): Extra {
  return { text: bodyText(content), links: content.links }
}
