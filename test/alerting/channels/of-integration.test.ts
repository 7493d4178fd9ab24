import type { ExecutionContext } from 'ava'
import test from 'ava'
import { writeFileSync } from 'node:fs'
import https from 'node:https'
import { join } from 'node:path'
import type { Channel, Message } from '../../../alerting/channels/channel.ts'
import {
  openIntegration,
  type IntegrationOptions,
} from '../../../alerting/channels/of-integration.ts'
import { readStagesConfig } from '../../../alerting/stages/config.ts'
import type { Integration } from '../../../alerting/stages/receivers.ts'
import { wallClock } from '../../../pipeline/clock.ts'
import { openHttpServer, type Asked } from '../../helpers/http-server.ts'
import { openMailbox, tempDir, type Mailbox, type MailboxOptions } from '../world.ts'
import { certificateFor } from './certificate.ts'
import { message, takes } from './some-channel.ts'

/** The one integration of a receiver with `list` (YAML of one `…_configs`). */
function integrationOf(list: string, more = ''): Integration {
  const indented = list.replaceAll(/^/gm, '  ')
  const source = `route: {receiver: a}\nreceivers:\n- name: a\n${indented}\n${more}`
  const [integration] = readStagesConfig(source, 'am.yml').receivers.get('a') ?? []
  if (!integration) throw new Error('no integration')
  return integration
}

function open(
  t: ExecutionContext,
  integration: Integration,
  options: Partial<IntegrationOptions> = {},
): Channel {
  const channel = openIntegration(integration, {
    clock: wallClock,
    hosts: [],
    name: `a/${integration.type}[0]`,
    ...options,
  })
  t.teardown(() => channel.close())
  return channel
}

async function tell(channel: Channel, told: Message = message) {
  const deliveries = await channel.send(told, channel.targets)
  return deliveries.map(({ target, outcome }) => `${target} ${outcome}`)
}

const bodyOf = (asked: Asked | undefined) =>
  JSON.parse(asked?.body ?? 'null') as Record<string, unknown>

test('a webhook: its address, a login, and not more alerts than wanted', async (t) => {
  const server = await openHttpServer(t, (_, response) => response.end())
  const integration = integrationOf(`webhook_configs:
- url: ${server.url}/hook
  max_alerts: 1
  http_config: {basic_auth: {username: me, password: hunter2}}`)
  const channel = open(t, integration, { hosts: [server.host] })
  t.is(channel.name, 'a/webhook[0]')
  t.is(channel.address, server.host)
  t.deepEqual(await tell(channel), [`${server.host} accepted`])
  const [asked] = server.asked
  t.is(asked?.url, '/hook')
  t.is(asked?.headers.authorization, `Basic ${Buffer.from('me:hunter2').toString('base64')}`)
  t.is(bodyOf(asked)['version'], '4')
})

test('a server that has no time is not waited for longer than `timeout`', async (t) => {
  const server = await openHttpServer(t, () => undefined)
  const integration = integrationOf(`webhook_configs: [{url: '${server.url}/', timeout: 100ms}]`)
  const channel = open(t, integration, { hosts: [server.host] })
  const [delivery] = await channel.send(message, channel.targets)
  t.like(delivery, { outcome: 'failed', detail: 'timeout: no answer within 0.1 s' })
})

test('PagerDuty: every option stands in the event', async (t) => {
  const server = await openHttpServer(t, takes('pagerduty'))
  const integration = integrationOf(`pagerduty_configs:
- routing_key: KEY
  url: ${server.url}/v2/enqueue
  client: c
  client_url: https://client/
  description: what
  source: src
  severity: warning
  class: cl
  component: co
  group: gr
  details: {z: 1, a: {y: [true, null], x: text}}
  images: [{src: 'https://i/', alt: i}, {alt: none}]
  links: [{href: 'https://l/', text: l}]
  http_config: {authorization: {type: Token, credentials: t}}`)
  t.deepEqual(await tell(open(t, integration, { hosts: [server.host] })), [
    `${server.host} accepted`,
  ])
  const [asked] = server.asked
  t.is(asked?.headers.authorization, 'Token t')
  t.like(bodyOf(asked), {
    routing_key: 'KEY',
    client: 'c',
    client_url: 'https://client/',
    images: [{ src: 'https://i/', alt: 'i', href: '' }],
    links: [{ href: 'https://l/', text: 'l' }],
  })
  const payload = bodyOf(asked)['payload'] as Record<string, unknown>
  t.like(payload, {
    summary: 'what',
    source: 'src',
    severity: 'warning',
    class: 'cl',
    component: 'co',
    group: 'gr',
  })
  t.like(payload['custom_details'], { z: 1, a: { x: 'text', y: [true, null] } })
  t.regex(asked?.body ?? '', /"a":\{"x":"text","y":\[true,null\]\}.*"z":1/)
})

test('Slack: every option stands in the message', async (t) => {
  const server = await openHttpServer(t, takes('slack'))
  const integration = integrationOf(`slack_configs:
- api_url: ${server.url}/services/x
  channel: '#ops'
  username: u
  icon_emoji: ':x:'
  icon_url: https://icon/
  link_names: true
  message_text: above
  title: ti
  title_link: https://title/
  pretext: pre
  text: te
  fallback: fb
  callback_id: cb
  footer: fo
  color: '#123456'
  image_url: https://image/
  thumb_url: https://thumb/
  short_fields: true
  fields: [{title: f, value: v}, {title: g, value: w, short: false}]
  mrkdwn_in: [text]
  actions:
  - {type: button, text: go, url: 'https://go/', name: left out}
  - {type: button, text: ask, name: n, value: v, confirm: {text: sure?, ok_text: yes sure}}`)
  await tell(open(t, integration, { hosts: [server.host] }))
  t.is(server.asked[0]?.url, '/services/x')
  t.deepEqual(bodyOf(server.asked[0]), {
    channel: '#ops',
    username: 'u',
    icon_emoji: ':x:',
    icon_url: 'https://icon/',
    link_names: true,
    text: 'above',
    attachments: [
      {
        title: 'ti',
        title_link: 'https://title/',
        pretext: 'pre',
        text: 'te',
        fallback: 'fb',
        callback_id: 'cb',
        fields: [
          { title: 'f', value: 'v', short: true },
          { title: 'g', value: 'w', short: false },
        ],
        actions: [
          { type: 'button', text: 'go', url: 'https://go/' },
          {
            type: 'button',
            text: 'ask',
            name: 'n',
            value: 'v',
            confirm: { text: 'sure?', ok_text: 'yes sure' },
          },
        ],
        image_url: 'https://image/',
        thumb_url: 'https://thumb/',
        footer: 'fo',
        color: '#123456',
        mrkdwn_in: ['text'],
      },
    ],
  })
})

test('Slack by an app: its token is the login, and no detail shows it', async (t) => {
  const server = await openHttpServer(t, (_, response) => response.writeHead(400).end('xoxb-tok3n'))
  const global = `global: {slack_app_token: xoxb-tok3n, slack_app_url: '${server.url}/chat'}`
  const channel = open(t, integrationOf("slack_configs: [{channel: '#ops'}]", global), {
    hosts: [server.host],
  })
  const [delivery] = await channel.send(message, channel.targets)
  t.is(server.asked[0]?.headers.authorization, 'Bearer xoxb-tok3n')
  t.like(delivery, { outcome: 'refused', detail: '400 [secret]' })
})

test('Opsgenie: every option stands in the alert', async (t) => {
  const server = await openHttpServer(t, takes('opsgenie'))
  const integration = integrationOf(`opsgenie_configs:
- api_key: k3y
  api_url: ${server.url}/og
  message: me
  description: de
  source: so
  details: {a: b}
  entity: en
  actions: one,two
  tags: 'x,,y'
  note: no
  priority: P1
  update_alerts: true
  responders: [{type: teams, name: 'web,db'}, {type: User, username: eve}]`)
  await tell(open(t, integration, { hosts: [server.host] }))
  t.deepEqual(
    server.asked.map(({ method, url }) => `${method} ${url.replace(/[0-9a-f]{64}/, 'ALIAS')}`),
    [
      'POST /og/v2/alerts',
      'PUT /og/v2/alerts/ALIAS/message?identifierType=alias',
      'PUT /og/v2/alerts/ALIAS/description?identifierType=alias',
    ],
  )
  t.is(server.asked[0]?.headers.authorization, 'GenieKey k3y')
  t.like(bodyOf(server.asked[0]), {
    message: 'me',
    description: 'de',
    source: 'so',
    responders: [
      { name: 'web', type: 'team' },
      { name: 'db', type: 'team' },
      { username: 'eve', type: 'user' },
    ],
    tags: ['x', 'y'],
    note: 'no',
    priority: 'P1',
    entity: 'en',
    actions: ['one', 'two'],
  })
  t.like(bodyOf(server.asked[0])['details'], { a: 'b' })
})

test('a login of the whole configuration: Opsgenie keeps its key, others get it', async (t) => {
  const server = await openHttpServer(t, takes('opsgenie'))
  const global = `global: {http_config: {authorization: {credentials: all}}}`
  for (const list of [
    `opsgenie_configs: [{api_key: k3y, api_url: '${server.url}/'}]`,
    `webhook_configs: [{url: '${server.url}/'}]`,
  ]) {
    await tell(open(t, integrationOf(list, global), { hosts: [server.host] }))
  }
  t.deepEqual(
    server.asked.map(({ headers }) => headers.authorization),
    ['GenieKey k3y', 'Bearer all'],
  )
})

test('TLS: authority and name of the configuration', async (t) => {
  const { key, cert, certFile } = await certificateFor(t, 'DNS:hook.test')
  const server = await openHttpServer(t, (_, response) => response.end(), {
    create: (listener) => https.createServer({ key, cert }, listener),
  })
  const url = server.url.replace('http:', 'https:')
  const tls = (more: string) =>
    integrationOf(
      `webhook_configs: [{url: '${url}/', http_config: {tls_config: {ca_file: '${certFile}'${more}}}}]`,
    )
  const hosts = [server.host]
  const other = await open(t, tls(''), { hosts }).send(message, ['x'])
  t.like(other[0], { outcome: 'failed', detail: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  t.deepEqual(await tell(open(t, tls(', server_name: hook.test'), { hosts })), [
    `${server.host} accepted`,
  ])
})

test('a secret that was changed in its file counts from the next message on', async (t) => {
  const server = await openHttpServer(t, takes('pagerduty'))
  const file = join(await tempDir(t), 'key')
  writeFileSync(file, 'first\n')
  const integration = integrationOf(
    `pagerduty_configs: [{routing_key_file: '${file}', url: '${server.url}/'}]`,
  )
  const channel = open(t, integration, { hosts: [server.host] })
  await tell(channel)
  writeFileSync(file, 'second\n')
  await tell(channel)
  writeFileSync(file, '\n')
  const [delivery] = await channel.send(message, channel.targets)
  t.like(delivery, { outcome: 'failed', answered: false, detail: `${file} is empty` })
  t.deepEqual(
    server.asked.map((asked) => bodyOf(asked)['routing_key']),
    ['first', 'second'],
  )
})

const faults: [string, string, string][] = [
  [
    'a host that is not allowed',
    "slack_configs: [{api_url: 'https://evil/x'}]",
    'slack_configs[0].api_url: evil is not among the allowed hosts',
  ],
  [
    'a login in the clear',
    "webhook_configs: [{url: 'http://hooks.example/', http_config: {bearer_token: t}}]",
    'webhook_configs[0].url: hooks.example would get a key in the clear; use https://',
  ],
  [
    'a key that is none',
    'pagerduty_configs: [{routing_key: "a\\nb"}]',
    'pagerduty_configs[0].routing_key: it is empty, or holds what no key has',
  ],
  [
    'a login that is none',
    'webhook_configs: [{url: "https://hooks.example/", http_config: {bearer_token: "a\\nb"}}]',
    'webhook_configs[0].http_config: authorization: it is empty, or holds what no key has',
  ],
  [
    'a certificate that is none',
    "webhook_configs: [{url: 'https://hooks.example/', http_config: {tls_config: {ca: x, cert: y}}}]",
    'webhook_configs[0].http_config: ca, cert, key: they are no PEM texts, or the key belongs to another certificate',
  ],
  [
    'a certificate of mail that is none',
    "email_configs: [{to: a@b.c, from: a@b.c, smarthost: 'm:25', tls_config: {cert: y}}]",
    'email_configs[0]: ca, cert, key: they are no PEM texts, or the key belongs to another certificate',
  ],
]

for (const [sentence, list, complaint] of faults) {
  test(`refused at opening: ${sentence}`, (t) => {
    const hosts = ['hooks.example', 'events.pagerduty.com']
    t.throws(() => open(t, integrationOf(list), { hosts }), { message: complaint })
  })
}

/** A mailbox, and the channel to it of `email_configs` with these options. */
async function mailTo(
  t: ExecutionContext,
  options: string,
  server: MailboxOptions = {},
): Promise<{ mailbox: Mailbox; channel: Channel }> {
  const mailbox = await openMailbox(t, server)
  const global = `global: {smtp_smarthost: '127.0.0.1:${mailbox.port}', smtp_from: 'Mesoscope <am@example.org>', smtp_require_tls: false}`
  return { mailbox, channel: open(t, integrationOf(`email_configs:\n- ${options}`, global)) }
}

const told: Message = { ...message, id: '0123abcd', thread: 'group-7' }

test('mail: several recipients, headers, a hello, ids and a thread', async (t) => {
  const hellos: string[] = []
  const { mailbox, channel } = await mailTo(
    t,
    `to: 'Ops <ops@example.org>, "Doe, J" <j@example.org>'
  hello: monitor.example.org
  headers: {X-Team: ops, reply-to: ops@example.org}`,
    {
      onMailFrom(_address, session, done) {
        hellos.push(session.hostNameAppearsAs)
        done()
      },
    },
  )
  t.deepEqual(await tell(channel, told), ['ops@example.org accepted', 'j@example.org accepted'])
  t.deepEqual(hellos, ['monitor.example.org'])
  t.deepEqual(mailbox.attempts[0]?.recipients, ['ops@example.org', 'j@example.org'])
  const [mail] = mailbox.mails
  t.is(mail?.subject, 's')
  t.is(mail?.from?.text, '"Mesoscope" <am@example.org>')
  t.is(mail?.headers.get('x-team'), 'ops')
  t.is(mail?.replyTo?.text, 'ops@example.org')
  t.is(mail?.messageId, '<0123abcd@example.org>')
  t.is(mail?.inReplyTo, '<group-7@example.org>')
  t.is(mail?.references, '<group-7@example.org>')
})

test('mail: a subject and texts that are always the same; no HTML where none is wanted', async (t) => {
  const { mailbox, channel } = await mailTo(
    t,
    "{to: a@example.org, headers: {Subject: Look, auto-submitted: 'no'}, text: always, html: ''}",
  )
  await tell(channel, told)
  const [mail] = mailbox.mails
  t.is(mail?.subject, 'Look')
  t.is(mail?.text?.trim(), 'always')
  t.is(mail?.html, false)
  t.is(mail?.headers.get('auto-submitted'), 'no')
})

for (const [sentence, threading, wanted] of [
  ['of a day', '{enabled: true, thread_by_date: daily}', /^<group-7-\d{4}-\d\d-\d\d@example.org>$/],
  ['of all days', '{enabled: true, thread_by_date: none}', /^<group-7@example.org>$/],
  ['none', '{enabled: false}', /^none$/],
] as const) {
  test(`mail: a thread ${sentence}`, async (t) => {
    const { mailbox, channel } = await mailTo(t, `{to: a@example.org, threading: ${threading}}`)
    await tell(channel, told)
    t.regex(mailbox.mails[0]?.inReplyTo ?? 'none', wanted)
  })
}

test('mail: who logs in is the user with the password, or with the secret by a challenge', async (t) => {
  const logins: unknown[] = []
  const server: MailboxOptions = {
    authOptional: false,
    allowInsecureAuth: true,
    authMethods: ['PLAIN', 'LOGIN', 'CRAM-MD5'],
    onAuth({ method, username, password, ...auth }, _session, done) {
      const isRight = method === 'CRAM-MD5' ? auth.validatePassword('s3cret') : password === 'pass'
      logins.push([method, username, isRight])
      done(null, isRight ? { user: username } : {})
    },
  }
  const plain = await mailTo(
    t,
    '{to: a@example.org, auth_username: me, auth_password: pass, auth_identity: me}',
    server,
  )
  t.deepEqual(await tell(plain.channel), ['a@example.org accepted'])
  const challenged = await mailTo(
    t,
    '{to: a@example.org, auth_username: me, auth_secret: s3cret}',
    server,
  )
  t.deepEqual(await tell(challenged.channel), ['a@example.org accepted'])
  t.deepEqual(logins, [
    ['PLAIN', 'me', true],
    ['CRAM-MD5', 'me', true],
  ])
})

test('mail: TLS is begun where it is required, with the named authority; a server without it gets nothing', async (t) => {
  const { key, cert, certFile } = await certificateFor(t, 'DNS:mail.test')
  const secured: boolean[] = []
  const server: MailboxOptions = {
    key,
    cert,
    disabledCommands: [],
    onMailFrom(_address, session, done) {
      secured.push(session.secure)
      done()
    },
  }
  const tls = `tls_config: {ca_file: '${certFile}', server_name: mail.test}`
  const required = await mailTo(t, `{to: a@example.org, require_tls: true, ${tls}}`, server)
  t.deepEqual(await tell(required.channel), ['a@example.org accepted'])
  const wrongName = await mailTo(
    t,
    `{to: a@example.org, require_tls: true, tls_config: {ca_file: '${certFile}'}}`,
    server,
  )
  t.deepEqual(await tell(wrongName.channel), ['a@example.org failed'])
  // Without a word of TLS none is begun, so that a server with a certificate of its own can be told too.
  const without = await mailTo(t, '{to: a@example.org}', server)
  t.deepEqual(await tell(without.channel), ['a@example.org accepted'])
  t.deepEqual(secured, [true, false])
  const none = await mailTo(t, '{to: a@example.org, require_tls: true}')
  t.deepEqual(await tell(none.channel), ['a@example.org refused'])
  t.is(none.mailbox.attempts.length, 0)
  const implicit = await mailTo(t, `{to: a@example.org, force_implicit_tls: true, ${tls}}`, {
    key,
    cert,
    secure: true,
  })
  t.deepEqual(await tell(implicit.channel), ['a@example.org accepted'])
})
