/** The options of receivers, named and meant as in Alertmanager 0.34 (`docs/configuration.md`). */
import { z } from 'zod'
import { httpConfig, tlsConfig } from './http-config.ts'
import {
  count,
  file,
  flag,
  neededText,
  notBoth,
  only,
  secret,
  secretUrl,
  text,
  texts,
  textsByName,
  timeout,
  unsupported,
  url,
} from './option-kinds.ts'
import { emailHeaders, pagerdutyDetails } from './option-maps.ts'

/** Alertmanager's default text of an option. */
const standard = (name: string) => text(`{{ template "${name}" . }}`)

const http_config = httpConfig.optional()

const webhook = z
  .strictObject({
    send_resolved: flag(true),
    http_config,
    url: secretUrl,
    url_file: file,
    max_alerts: count,
    timeout,
    payload: unsupported('a payload of one’s own is a Go template, and these are not run here'),
  })
  .superRefine(notBoth('url'))

const email = z
  .strictObject({
    send_resolved: flag(false),
    to: neededText,
    from: text(),
    hello: text(),
    smarthost: text(),
    auth_username: text(),
    auth_password: secret,
    auth_password_file: file,
    auth_secret: secret,
    auth_secret_file: file,
    auth_identity: text(),
    headers: emailHeaders,
    html: standard('email.default.html'),
    text: text(),
    require_tls: flag(undefined),
    force_implicit_tls: flag(undefined),
    tls_config: tlsConfig.optional(),
    threading: z
      .strictObject({ enabled: flag(false), thread_by_date: z.enum(['none', 'daily']).optional() })
      .optional(),
  })
  .superRefine(notBoth('auth_password', 'auth_secret'))
  .refine(({ threading }) => !threading?.enabled || threading.thread_by_date, {
    path: ['threading'],
    message: 'thread_by_date must be none or daily',
  })

const image = z.strictObject({ src: text(), alt: text(), href: text() })
const link = z.strictObject({ href: text(), text: text() })

const pagerduty = z
  .strictObject({
    send_resolved: flag(true),
    http_config,
    routing_key: secret,
    routing_key_file: file,
    service_key: unsupported('the Events API v1 is not spoken here; use routing_key'),
    service_key_file: unsupported('the Events API v1 is not spoken here; use routing_key_file'),
    url,
    client: standard('pagerduty.default.client'),
    client_url: standard('pagerduty.default.clientURL'),
    description: standard('pagerduty.default.description'),
    details: pagerdutyDetails,
    images: z.array(image).optional(),
    links: z.array(link).optional(),
    source: standard('pagerduty.default.client'),
    severity: text(),
    class: text(),
    component: text(),
    group: text(),
    timeout,
  })
  .superRefine(notBoth('routing_key'))

const slackConfirm = z.strictObject({
  text: neededText,
  title: text(),
  ok_text: text(),
  dismiss_text: text(),
})

const slackAction = z
  .strictObject({
    type: neededText,
    text: neededText,
    url: text(),
    style: text(),
    name: text(),
    value: text(),
    confirm: slackConfirm.optional(),
  })
  .refine((action) => action.url ?? action.name, 'an action must have a url or a name')

const slackField = z.strictObject({ title: neededText, value: neededText, short: flag(undefined) })

const slack = z
  .strictObject({
    send_resolved: flag(false),
    http_config,
    api_url: secretUrl,
    api_url_file: file,
    app_token: secret,
    app_token_file: file,
    app_url: url,
    channel: text(),
    username: standard('slack.default.username'),
    color: standard('slack.default.color'),
    title: standard('slack.default.title'),
    title_link: standard('slack.default.titlelink'),
    pretext: standard('slack.default.pretext'),
    text: standard('slack.default.text'),
    message_text: text(),
    fields: z.array(slackField).optional(),
    short_fields: flag(false),
    footer: standard('slack.default.footer'),
    fallback: standard('slack.default.fallback'),
    callback_id: standard('slack.default.callbackid'),
    icon_emoji: standard('slack.default.iconemoji'),
    icon_url: standard('slack.default.iconurl'),
    image_url: text(),
    thumb_url: text(),
    link_names: flag(false),
    mrkdwn_in: texts,
    actions: z.array(slackAction).optional(),
    update_message: only(false, 'messages are not changed afterwards here'),
    timeout,
  })
  .superRefine(notBoth('api_url', 'app_token'))

const opsgenieResponder = z
  .strictObject({
    id: text(),
    name: text(),
    username: text(),
    type: z
      .string()
      .toLowerCase()
      .pipe(z.enum(['team', 'teams', 'user', 'escalation', 'schedule'])),
  })
  .refine(
    ({ id, name, username }) => id ?? name ?? username,
    'a responder must have an id, a name or a username',
  )

const opsgenie = z
  .strictObject({
    send_resolved: flag(true),
    http_config,
    api_key: secret,
    api_key_file: file,
    api_url: url,
    message: standard('opsgenie.default.message'),
    description: standard('opsgenie.default.description'),
    source: standard('opsgenie.default.source'),
    details: textsByName,
    entity: text(),
    responders: z.array(opsgenieResponder).optional(),
    actions: text(),
    tags: text(),
    note: text(),
    priority: text(),
    update_alerts: flag(false),
  })
  .superRefine(notBoth('api_key'))

const notBuilt = [
  'discord_configs',
  'incidentio_configs',
  'wechat_configs',
  'pushover_configs',
  'victorops_configs',
  'sns_configs',
  'telegram_configs',
  'webex_configs',
  'msteams_configs',
  'msteamsv2_configs',
  'jira_configs',
  'rocketchat_configs',
  'mattermost_configs',
] as const
const refusal = unsupported(
  'this kind of receiver is not built here; webhook_configs can serve instead',
)

export const receiverSchema = z.strictObject({
  name: z.string().min(1),
  labels: z.record(z.string(), z.string()).optional(),
  webhook_configs: z.array(webhook).nullish(),
  email_configs: z.array(email).nullish(),
  pagerduty_configs: z.array(pagerduty).nullish(),
  slack_configs: z.array(slack).nullish(),
  opsgenie_configs: z.array(opsgenie).nullish(),
  // No option of the type: they are only there to be refused with a reason.
  ...(Object.fromEntries(notBuilt.map((name) => [name, refusal])) as Record<
    (typeof notBuilt)[number],
    typeof refusal
  >),
})

export type ParsedReceiver = z.output<typeof receiverSchema>
export type ParsedWebhook = z.output<typeof webhook>
export type ParsedEmail = z.output<typeof email>
export type ParsedPagerduty = z.output<typeof pagerduty>
export type ParsedSlack = z.output<typeof slack>
export type ParsedOpsgenie = z.output<typeof opsgenie>
