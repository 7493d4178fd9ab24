import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import test from 'ava'
import { readStagesConfig } from '../../../alerting/stages/config.ts'
import type { Integration } from '../../../alerting/stages/receivers.ts'
import { tempDir } from '../../helpers/pipeline.ts'

/** A file with one receiver that has `lists` (YAML, each on a line of its own from line 4), and `more` below. */
function configOf(lists: string, more = ''): string {
  const indented = lists.replaceAll(/^/gm, '  ')
  return `route: {receiver: a}\nreceivers:\n- name: a\n${indented}\n${more}`
}

function integrations(lists: string, more = ''): readonly Integration[] {
  return readStagesConfig(configOf(lists, more), 'am.yml').receivers.get('a') ?? []
}

function only<Type extends Integration['type']>(type: Type, lists: string, more = '') {
  const [first] = integrations(lists, more)
  if (first?.type !== type) throw new Error(`no ${type}`)
  return first as Extract<Integration, { type: Type }>
}

const template =
  'Go templates are not run here; write the text itself, or leave the option out to get our own'

const mailServer = "from: b@example.org, smarthost: 'mail.example.org:25'"

const bad: [string, string, string][] = [
  [
    'a receiver of another kind',
    'discord_configs: [{webhook_url: x}]',
    'am.yml:4: receivers[0].discord_configs: this kind of receiver is not built here; webhook_configs can serve instead',
  ],
  [
    'an option that Alertmanager does not have',
    "webhook_configs: [{url: 'http://x/'}, {url: 'http://x/', uri: y}]",
    'am.yml:4: receivers[0].webhook_configs[1].uri: unknown field',
  ],
  [
    'an option that is not built here',
    "slack_configs:\n- api_url: 'http://x/'\n  http_config:\n    proxy_url: http://proxy",
    'am.yml:7: receivers[0].slack_configs[0].http_config.proxy_url: this option is not supported here',
  ],
  [
    'a template',
    "slack_configs:\n- api_url: 'http://x/'\n  title: '{{ .Status }}'",
    `am.yml:6: receivers[0].slack_configs[0].title: ${template}`,
  ],
  [
    'a template deep in a list',
    "slack_configs:\n- api_url: 'http://x/'\n  fields:\n  - {title: a, value: '{{ .Status }}'}",
    `am.yml:7: receivers[0].slack_configs[0].fields[0].value: ${template}`,
  ],
  [
    'a template in a secret address, which is not shown',
    "webhook_configs: [{url: 'http://x/{{ .Secret }}'}]",
    `am.yml:4: receivers[0].webhook_configs[0].url: ${template}`,
  ],
  [
    'what is no address, which is not shown',
    'webhook_configs: [{url: hunter2}]',
    'am.yml:4: receivers[0].webhook_configs[0].url: no address as https://host/path',
  ],
  [
    'no address at all',
    'webhook_configs: [{max_alerts: 3}]',
    'am.yml:4: receivers[0].webhook_configs[0].url: url or url_file must be given',
  ],
  [
    'a secret twice',
    'pagerduty_configs:\n- routing_key: a\n  routing_key_file: b',
    'am.yml:6: receivers[0].pagerduty_configs[0].routing_key_file: routing_key and routing_key_file exclude each other',
  ],
  [
    'the older interface of PagerDuty',
    'pagerduty_configs: [{service_key: a}]',
    'am.yml:4: receivers[0].pagerduty_configs[0].service_key: the Events API v1 is not spoken here; use routing_key',
  ],
  [
    'a secret as Alertmanager prints it',
    "opsgenie_configs: [{api_key: '<secret>'}]",
    'am.yml:4: receivers[0].opsgenie_configs[0].api_key: this is what Alertmanager prints instead of a secret, not the secret',
  ],
  [
    'no key anywhere',
    'opsgenie_configs: [{}]',
    'am.yml:4: receivers[0].opsgenie_configs[0].api_key: neither here nor in global.opsgenie_api_key',
  ],
  [
    'no mail server anywhere',
    'email_configs: [{to: a@example.org}]',
    'am.yml:4: receivers[0].email_configs[0].smarthost: neither here nor in global.smtp_smarthost',
  ],
  [
    'a mail server without a port',
    'email_configs: [{to: a@example.org, from: b@example.org, smarthost: mail}]',
    'am.yml:4: receivers[0].email_configs[0].smarthost: no address as mail.example.org:587: mail',
  ],
  [
    'a header twice',
    'email_configs:\n- to: a@example.org\n  headers: {Subject: a, SUBJECT: b}',
    'am.yml:6: receivers[0].email_configs[0].headers: a header stands there twice: capitals make no difference',
  ],
  [
    'a header that threading sets',
    'email_configs:\n- to: a@example.org\n  headers: {References: a}',
    'am.yml:6: receivers[0].email_configs[0].headers.References: this header cannot be set: mails of a group are held together by this header: see threading',
  ],
  [
    'a header with a line break',
    'email_configs:\n- to: a@example.org\n  headers: {X-Team: "a\\r\\nBcc: all@example.org"}',
    'am.yml:6: receivers[0].email_configs[0].headers.X-Team: a header is one line',
  ],
  [
    'a recipient that is none',
    `email_configs: [{to: 'a@example.org, ops', ${mailServer}}]`,
    'am.yml:4: receivers[0].email_configs[0].to: "ops" is no mail address',
  ],
  [
    'two senders',
    `email_configs: [{to: a@example.org, smarthost: 'mail:25', from: 'b@example.org, c@example.org'}]`,
    'am.yml:4: receivers[0].email_configs[0].from: it must be one address',
  ],
  [
    'a user without a password',
    `email_configs: [{to: a@example.org, ${mailServer}, auth_username: u}]`,
    'am.yml:4: receivers[0].email_configs[0].auth_username: there is neither an auth_password nor an auth_secret to it',
  ],
  [
    'a password in the clear',
    `email_configs: [{to: a@example.org, ${mailServer}, auth_username: u, auth_password: p, require_tls: false}]`,
    'am.yml:4: receivers[0].email_configs[0].require_tls: mail.example.org would get a password in the clear',
  ],
  [
    'an identity beside the user',
    `email_configs: [{to: a@example.org, ${mailServer}, auth_username: u, auth_password: p, auth_identity: x}]`,
    'am.yml:4: receivers[0].email_configs[0].auth_identity: another identity than auth_username is not supported here',
  ],
  [
    'a login for Opsgenie, which has a key',
    'opsgenie_configs: [{api_key: k, http_config: {bearer_token: t}}]',
    'am.yml:4: receivers[0].opsgenie_configs[0].http_config: a login has no effect: Opsgenie knows by api_key who tells it',
  ],
  [
    'two logins',
    "webhook_configs:\n- url: 'http://x/'\n  http_config: {bearer_token: a, basic_auth: {username: b}}",
    'am.yml:6: receivers[0].webhook_configs[0].http_config: basic_auth, authorization and bearer_token exclude each other',
  ],
  [
    'a certificate that is not to be verified',
    "webhook_configs:\n- url: 'http://x/'\n  http_config:\n    tls_config:\n      insecure_skip_verify: true",
    'am.yml:8: receivers[0].webhook_configs[0].http_config.tls_config.insecure_skip_verify: certificates are always verified here; name a ca_file',
  ],
]

for (const [what, lists, complaint] of bad) {
  test(`${what} is refused with line and path`, (t) => {
    const { message } = t.throws(() => readStagesConfig(configOf(lists), 'am.yml'))
    t.is(message, complaint)
  })
}

test('every fault is told at once', (t) => {
  const lists = 'webhook_configs: [{}]\nslack_configs: [{}]\nopsgenie_configs: [{api_key: k}]'
  const { message } = t.throws(() => readStagesConfig(configOf(lists), 'am.yml'))
  t.deepEqual(
    message.split('\n').map((line) => line.split(': ')[1]),
    ['receivers[0].webhook_configs[0].url', 'receivers[0].slack_configs[0].api_url'],
  )
})

test('what a receiver does not say comes from global, else it is Alertmanager’s default', (t) => {
  const global = `global:
  smtp_smarthost: '[::1]:2525'
  smtp_from: am@example.org
  smtp_auth_password: hunter2
  smtp_require_tls: false
  opsgenie_api_url: https://api.eu.opsgenie.com
  opsgenie_api_key: key
`
  const mail = only('email', 'email_configs: [{to: a@example.org, hello: me}]', global)
  t.false(mail.sendResolved)
  t.like(mail.options, {
    host: '::1',
    port: 2525,
    from: 'am@example.org',
    hello: 'me',
    require_tls: false,
    html: undefined,
  })
  t.is(mail.options.auth_password?.reveal(), 'hunter2')
  const opsgenie = only('opsgenie', 'opsgenie_configs: [{}]', global)
  t.is(opsgenie.options.api_url, 'https://api.eu.opsgenie.com/')
  t.is(opsgenie.options.api_key.reveal(), 'key')
  const pagerduty = only('pagerduty', 'pagerduty_configs: [{routing_key: r, timeout: 5s}]')
  t.true(pagerduty.sendResolved)
  t.like(pagerduty.options, { url: 'https://events.pagerduty.com/v2/enqueue', timeout: 5000 })
})

test('TLS from the first byte: at port 465, unless it is said', (t) => {
  const tls = (more: string) =>
    only(
      'email',
      `email_configs: [{to: 'A <a@example.org>, b@example.org', from: c@example.org, ${more}}]`,
    ).options
  t.true(tls("smarthost: 'mail:465'").implicit_tls)
  t.false(tls("smarthost: 'mail:587'").implicit_tls)
  t.false(tls("smarthost: 'mail:465', force_implicit_tls: false").implicit_tls)
  t.deepEqual(tls("smarthost: 'mail:25'").to, ['a@example.org', 'b@example.org'])
})

test('Alertmanager’s own default texts may stand there: they mean ours', (t) => {
  const { options } = only(
    'slack',
    `slack_configs:
- api_url: http://x/
  title: '{{ template "slack.default.title" . }}'
  text: Look here
`,
  )
  t.like(options, { title: undefined, text: 'Look here' })
  const lists = `pagerduty_configs: [{routing_key: r, details: {num_firing: '{{ .Alerts.Firing | len }}', a: [1]}}]`
  t.deepEqual(only('pagerduty', lists).options.details, { a: [1] })
})

test('Slack is told by its hook, or by an app with a token', (t) => {
  const global = 'global: {slack_app_token: xoxb, slack_app_url: https://slack.example/}\n'
  const app = only('slack', 'slack_configs: [{channel: c}]', global).options
  t.deepEqual([app.url.reveal(), app.token?.reveal()], ['https://slack.example/', 'xoxb'])
  const hook = only('slack', 'slack_configs: [{api_url: http://hook/}]', global).options
  t.deepEqual([hook.url.reveal(), hook.token], ['http://hook/', undefined])
})

test('a secret is not printed, and one in a file is read when it is needed', async (t) => {
  const path = join(await tempDir(t), 'key')
  const { options } = only('pagerduty', `pagerduty_configs: [{routing_key_file: '${path}'}]`)
  t.throws(() => options.routing_key.reveal(), { message: /^cannot read .*key \(ENOENT\)$/ })
  for (const key of ['hunter2', 'hunter3']) {
    writeFileSync(path, ` ${key}\n`)
    t.is(options.routing_key.reveal(), key)
  }
  const [webhook] = integrations("webhook_configs: [{url: 'http://x/hunter2'}]")
  for (const shown of [JSON.stringify(webhook), inspect(webhook, { depth: 9 })]) {
    t.false(shown.includes('hunter2'), shown)
    t.true(shown.includes('[secret]'))
  }
})

test('a login is a header, certificates are texts', async (t) => {
  const ca = join(await tempDir(t), 'ca.pem')
  writeFileSync(ca, 'PEM')
  const { http } = only(
    'webhook',
    `webhook_configs:
- url: http://x/
  http_config: {authorization: {credentials: abc}, tls_config: {ca_file: '${ca}'}, enable_http2: true}
`,
  ).options
  t.is(http?.authorization?.type, 'Bearer')
  t.is(http?.authorization?.credentials.reveal(), 'abc')
  t.is(http?.tls.ca?.reveal(), 'PEM')
})

test('what has no effect here is told with its line', (t) => {
  const more = `templates: ['*.tmpl']\ntracing: {endpoint: x}\nglobal:\n  victorops_api_key: k\n`
  const { warnings } = readStagesConfig(configOf('labels: {team: x}', more), 'am.yml')
  t.deepEqual(warnings, [
    'am.yml:5: templates: Go templates are not run here',
    'am.yml:6: tracing: this has no effect here',
    'am.yml:8: global.victorops_api_key: such receivers are not built here',
    'am.yml:4: receivers[0].labels: this has no effect here',
  ])
  t.deepEqual(
    readStagesConfig(configOf('webhook_configs:', 'templates: []\n'), 'am.yml').warnings,
    [],
  )
})
