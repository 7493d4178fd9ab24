/** Alertmanager's options as the channels call them, with every secret read. Whoever holds it shows it nobody. */
import type { HttpClientOptions, TlsOptions } from '../stages/http-config.ts'
import type {
  EmailOptions,
  Integration,
  OpsgenieOptions,
  PagerdutyOptions,
  SlackOptions,
} from '../stages/receivers.ts'
import { bareOf } from './addresses.ts'
import type { Encodable } from './go-json.ts'
import type { HttpChannelOptions, HttpChannelSettings } from './http-channel.ts'
import type { MailSettings } from './mail-settings.ts'
import type { Responder } from './opsgenie.ts'

type HttpOptions = Pick<
  HttpChannelOptions,
  'timeoutMs' | 'authorization' | 'ca' | 'cert' | 'key' | 'servername'
>

export type Revealed =
  | { kind: 'http'; settings: HttpChannelSettings; http: HttpOptions }
  | { kind: 'mail'; settings: MailSettings }

/** Throws Trouble where a secret stands in a file that cannot be read. */
export function revealed({ type, options }: Integration): Revealed {
  if (type === 'email') return { kind: 'mail', settings: mailSettings(options) }
  if (type === 'opsgenie') {
    return { kind: 'http', settings: opsgenieSettings(options), http: httpOptions(options.http) }
  }
  const http = httpOptions(options.http, options.timeout)
  if (type === 'pagerduty') return { kind: 'http', settings: pagerdutySettings(options), http }
  if (type === 'slack') return { kind: 'http', settings: slackSettings(options), http }
  const { url, max_alerts: maxAlerts } = options
  return { kind: 'http', settings: { type, url: url.reveal(), maxAlerts }, http }
}

/** A time limit of 0 is that of the channel. */
function httpOptions(http: HttpClientOptions | undefined, timeout = 0): HttpOptions {
  if (!http) return { timeoutMs: timeout || undefined }
  const authorization = authorizationOf(http)
  return { timeoutMs: timeout || undefined, authorization, ...pemOf(http.tls) }
}

function authorizationOf({ basic, authorization }: HttpClientOptions): string | undefined {
  if (basic) {
    const login = `${basic.username}:${basic.password?.reveal() ?? ''}`
    return `Basic ${Buffer.from(login).toString('base64')}`
  }
  return authorization && `${authorization.type} ${authorization.credentials.reveal()}`
}

function pemOf({ ca, cert, key, serverName }: TlsOptions) {
  return {
    ca: ca?.reveal(),
    cert: cert?.reveal(),
    key: key?.reveal(),
    servername: serverName,
  }
}

function pagerdutySettings(options: PagerdutyOptions): HttpChannelSettings {
  const { routing_key, client_url: clientUrl, url, details, images, links, ...own } = options
  const { description, client, source, severity, component, group } = own
  return {
    type: 'pagerduty',
    routingKey: routing_key.reveal(),
    url,
    description,
    client,
    clientUrl,
    source,
    severity,
    component,
    group,
    class: own.class,
    details: Object.fromEntries(
      Object.entries(details).map(([name, value]) => [name, encodable(value)]),
    ),
    images: images?.map(({ src = '', alt = '', href = '' }) => ({ src, alt, href })),
    links: links?.map(({ href = '', text = '' }) => ({ href, text })),
  }
}

/** What YAML can hold, with its maps as Go's. */
function encodable(value: unknown): Encodable {
  if (Array.isArray(value)) return value.map(encodable)
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'object' && value !== null) {
    return new Map(Object.entries(value).map(([name, part]) => [name, encodable(part)]))
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  return typeof value === 'string' || typeof value === 'boolean' ? value : null
}

function slackSettings(options: SlackOptions): HttpChannelSettings {
  const { url, token, short_fields: shortFields, fields = [], actions } = options
  const { channel, username, title, pretext, text, fallback, footer, color } = options
  const same = { channel, username, title, pretext, text, fallback, footer, color, actions }
  return {
    ...same,
    type: 'slack',
    url: url.reveal(),
    token: token?.reveal(),
    fields: fields.map(({ title, value, short = shortFields }) => ({ title, value, short })),
    iconEmoji: options.icon_emoji,
    iconUrl: options.icon_url,
    linkNames: options.link_names,
    messageText: options.message_text,
    titleLink: options.title_link,
    callbackId: options.callback_id,
    imageUrl: options.image_url,
    thumbUrl: options.thumb_url,
    mrkdwnIn: options.mrkdwn_in,
  }
}

function opsgenieSettings(options: OpsgenieOptions): HttpChannelSettings {
  const { message, description, source, details, note, priority, entity } = options
  const same = { message, description, source, details, note, priority, entity }
  return {
    ...same,
    type: 'opsgenie',
    apiKey: options.api_key.reveal(),
    apiUrl: options.api_url,
    responders: options.responders?.flatMap(respondersOf),
    tags: listed(options.tags),
    actions: listed(options.actions),
    updateAlerts: options.update_alerts,
  }
}

type Declared = NonNullable<OpsgenieOptions['responders']>[number]

/** `teams` names several. */
function respondersOf({ type, id, name, username }: Declared): Responder[] {
  if (type !== 'teams') return [{ id, name, username, type }]
  return listed(name).map((team) => ({ name: team, type: 'team' }))
}

/** Of a text with commas; as Alertmanager has it, with the spaces behind them. */
function listed(text = ''): string[] {
  return text
    .trim()
    .split(',')
    .filter((part) => part !== '')
}

function mailSettings(options: EmailOptions): MailSettings {
  const { host, port, from, to, hello, headers, html, text, threading } = options
  const { auth_username: user, auth_password, auth_secret, require_tls: requireTls } = options
  const same = { host, port, from, to, hello, headers, html, text }
  return {
    ...same,
    secure: options.implicit_tls,
    starttls: requireTls ? 'always' : 'never',
    ...(user ? loginOf(user, auth_password?.reveal(), auth_secret?.reveal()) : {}),
    domain: domainOf(bareOf(from)),
    ...pemOf(options.tls),
    threading: threadingOf(threading),
  }
}

function loginOf(user: string, password: string | undefined, secret: string | undefined) {
  if (password !== undefined || secret === undefined) return { user, password }
  return { user, password: secret, authMethod: 'CRAM-MD5' as const }
}

/** Of the sender: so the ids are ours, whichever machine sends. One that has no plain letters gets none of them. */
function domainOf(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1)
  return /^[A-Za-z0-9.-]+$/.test(domain) ? domain : 'mesoscope.invalid'
}

/** Mails stand together unless somebody says that they shall not. */
function threadingOf(threading: EmailOptions['threading']): MailSettings['threading'] {
  if (!threading) return 'all'
  if (!threading.enabled) return 'none'
  return threading.thread_by_date === 'daily' ? 'daily' : 'all'
}
