import type { Labels } from '../stages/labels.ts'
import { textOf, type Extra, type GroupAlert, type GroupNotification, type Text } from './group.ts'
import { jsonRequest, type ChannelRequest } from './request.ts'
import { alertsUrl, harmless, linkTo, shortened, subject, usualSender } from './texts.ts'

/** A Slack webhook, or `chat.postMessage` with a token. Texts that are left out are those of Alertmanager. */
export interface SlackSettings {
  url: string
  /** Of a bot, for `https://slack.com/api/chat.postMessage`. */
  token?: string
  /** `#ops`; a webhook has one of its own. */
  channel?: Text
  username?: Text
  iconEmoji?: Text
  iconUrl?: Text
  /**
   * These may hold Slack's markup (`<!here>`). What the group says in them is escaped already: a text that is made of it
   * needs no care.
   */
  title?: Text
  pretext?: Text
  text?: Text
  footer?: Text
}

/** As Slack documents them, in characters: a title as Alertmanager cuts it, a text where Slack cuts it. */
const [maxTitle, maxText] = [1024, 40_000]
/** Beyond it an attachment is cut by Slack. */
const maxField = 8000
const maxLinks = 20

/** One message with one attachment. */
export function slackRequests(group: GroupNotification, settings: SlackSettings): ChannelRequest[] {
  const { url, token } = settings
  const authorization = token === undefined ? undefined : `Bearer ${token}`
  return [jsonRequest(url, messageOf(group, settings), authorization)]
}

function messageOf(group: GroupNotification, settings: SlackSettings) {
  const escaped = escapedGroup(group)
  const text = (setting: Text | undefined) =>
    shortened(harmless(textOf(setting, escaped) ?? ''), maxText)
  const usualTitle = whole(subject(escaped, maxTitle))
  const titleLink = alertsUrl(group)
  return {
    channel: text(settings.channel) || undefined,
    username:
      (settings.username === undefined ? usualSender : text(settings.username)) || undefined,
    icon_emoji: text(settings.iconEmoji) || undefined,
    icon_url: text(settings.iconUrl) || undefined,
    attachments: [
      {
        title:
          settings.title === undefined
            ? usualTitle
            : whole(shortened(text(settings.title), maxTitle)),
        title_link: titleLink,
        pretext: text(settings.pretext) || undefined,
        text: whole(text(settings.text)),
        fallback: `${usualTitle} | ${titleLink}`,
        callback_id: '',
        fields: fieldsOf(group.extra),
        footer: text(settings.footer),
        color: group.status === 'firing' ? 'danger' : 'good',
        mrkdwn_in: ['fallback', 'pretext', 'text'],
      },
    ],
  }
}

function fieldsOf(extra: Extra | undefined) {
  if (!extra) return undefined
  const evidence = escaped(harmless(extra.text.slice(0, 2 * maxField)))
  const links = extra.links.slice(0, maxLinks).flatMap(linkOf).join('\n')
  const fields = [
    { title: 'Evidence', value: whole(shortened(evidence, maxField)), short: false },
    { title: 'Links', value: links, short: false },
  ].filter(({ value }) => value !== '')
  return fields.length > 0 ? fields : undefined
}

/** `<url|name>`; without one that leads to a page nothing. */
function linkOf({ name, url }: Extra['links'][number]): string[] {
  const href = linkTo(url)
  if (href === undefined) return []
  const named = escaped(harmless(name.slice(0, maxTitle)).replace(/[|\n]+/g, ' '))
  return [`<${escaped(href).replaceAll('|', '%7C')}|${named}>`]
}

/** The same group in which nothing is markup: no `<!channel>`, no `<@U1>`, no link in disguise. */
function escapedGroup(group: GroupNotification): GroupNotification {
  return {
    ...group,
    groupKey: safe(group.groupKey),
    groupLabels: safeLabels(group.groupLabels),
    commonLabels: safeLabels(group.commonLabels),
    commonAnnotations: safeLabels(group.commonAnnotations),
    alerts: group.alerts.map((alert): GroupAlert => ({
      ...alert,
      labels: safeLabels(alert.labels),
      annotations: safeLabels(alert.annotations),
      generatorURL: safe(alert.generatorURL),
    })),
  }
}

const safeLabels = (labels: Labels): Labels =>
  Object.fromEntries(Object.entries(labels).map(([name, value]) => [safe(name), safe(value)]))

/** What Slack would not show anyway need not be escaped. */
const safe = (text: string) => escaped(harmless(text.slice(0, maxField)))

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** Slack has three characters that mean something else, whatever follows. */
function escaped(text: string): string {
  return text.replace(/[&<>]/g, (sign) => entities[sign] ?? '')
}

/** Without the beginning of an entity where a text was cut in it. */
function whole(text: string): string {
  return text.replace(/&[a-z]{0,3}…$/, '…')
}
