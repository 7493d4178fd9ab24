import type { Labels } from '../stages/labels.ts'
import { textOf, type GroupAlert, type GroupNotification, type Text } from './group.ts'
import { jsonRequest, type ChannelRequest } from './request.ts'
import {
  actionsOf,
  escaped,
  fieldsOf,
  maxField,
  maxTitle,
  whole,
  type SlackAction,
  type SlackField,
} from './slack-fields.ts'
import { alertsUrl, harmless, shortened, subject, usualSender } from './texts.ts'

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
  /** Whether `@name` and `#name` become links. */
  linkNames?: boolean
  /** Above the attachment. */
  messageText?: Text
  /**
   * These may hold Slack's markup (`<!here>`). What the group says in them is escaped already: a text that is made of it
   * needs no care.
   */
  title?: Text
  titleLink?: Text
  pretext?: Text
  text?: Text
  /** Where markup cannot be shown. */
  fallback?: Text
  footer?: Text
  /** `good`, `warning`, `danger` or `#rrggbb`. */
  color?: Text
  callbackId?: Text
  imageUrl?: Text
  thumbUrl?: Text
  fields?: readonly SlackField[]
  actions?: readonly SlackAction[]
  /** In which texts markup is read; fallback, pretext and text unless set. */
  mrkdwnIn?: readonly string[]
}

/** Where Slack cuts a text, in characters. */
const maxText = 40_000

/** One message with one attachment. */
export function slackRequests(group: GroupNotification, settings: SlackSettings): ChannelRequest[] {
  const { url, token } = settings
  const authorization = token === undefined ? undefined : `Bearer ${token}`
  return [jsonRequest(url, messageOf(group, settings), authorization)]
}

type Write = (setting: Text | undefined, usual?: string) => string

function messageOf(group: GroupNotification, settings: SlackSettings) {
  const safe = escapedGroup(group)
  const write: Write = (setting, usual = '') =>
    setting === undefined ? usual : shortened(harmless(textOf(setting, safe) ?? ''), maxText)
  return {
    channel: write(settings.channel) || undefined,
    username: write(settings.username, usualSender) || undefined,
    icon_emoji: write(settings.iconEmoji) || undefined,
    icon_url: write(settings.iconUrl) || undefined,
    link_names: settings.linkNames || undefined,
    text: write(settings.messageText) || undefined,
    attachments: [attachmentOf(group, settings, { write, title: whole(subject(safe, maxTitle)) })],
  }
}

/** `title`: the usual one. */
function attachmentOf(
  group: GroupNotification,
  settings: SlackSettings,
  { write, title }: { write: Write; title: string },
) {
  const { fields = [], actions = [], mrkdwnIn = [] } = settings
  const link = alertsUrl(group)
  return {
    title: whole(shortened(write(settings.title, title), maxTitle)) || undefined,
    title_link: write(settings.titleLink, link) || undefined,
    pretext: write(settings.pretext) || undefined,
    text: whole(write(settings.text)),
    fallback: write(settings.fallback, `${title} | ${link}`),
    callback_id: write(settings.callbackId),
    fields: fieldsOf(fields, group.extra),
    actions: actionsOf(actions),
    image_url: write(settings.imageUrl) || undefined,
    thumb_url: write(settings.thumbUrl) || undefined,
    footer: write(settings.footer),
    color: write(settings.color, group.status === 'firing' ? 'danger' : 'good') || undefined,
    mrkdwn_in: mrkdwnIn.length > 0 ? mrkdwnIn : ['fallback', 'pretext', 'text'],
  }
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
