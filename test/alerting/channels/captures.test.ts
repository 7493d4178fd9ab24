import test from 'ava'
import { alertmanagerRequests } from '../../../alerting/channels/alertmanager.ts'
import type { GroupNotification } from '../../../alerting/channels/group.ts'
import { opsgenieRequests } from '../../../alerting/channels/opsgenie.ts'
import { pagerDutyRequests, severityOf } from '../../../alerting/channels/pagerduty.ts'
import type { ChannelRequest } from '../../../alerting/channels/request.ts'
import { slackRequests } from '../../../alerting/channels/slack.ts'
import { webhookRequests } from '../../../alerting/channels/webhook.ts'
import {
  bytesOf,
  groupOfCase,
  groupOfWebhook,
  inMs,
  readCaptures,
  readNotifierCases,
  readPosts,
  type Captured,
} from './captures.ts'

const base = 'http://127.0.0.1:1'
const captures = readCaptures()
const webhooks = captures.filter(({ path }) => path === '/webhook')

/** As the receivers stand in the configuration of the captures. */
const receivers: Record<string, { path: RegExp; ask(group: GroupNotification): ChannelRequest[] }> =
  {
    webhook: {
      path: /^\/webhook$/,
      ask: (group) => webhookRequests(group, { url: `${base}/webhook` }),
    },
    slack: {
      path: /^\/slack$/,
      ask: (group) =>
        slackRequests(group, {
          url: `${base}/slack`,
          channel: '#ops',
          title: ({ status, commonLabels }) =>
            `${status.toUpperCase()} ${commonLabels['alertname']}`,
        }),
    },
    pagerduty: {
      path: /^\/v2\/enqueue$/,
      ask: (group) =>
        pagerDutyRequests(group, {
          url: `${base}/v2/enqueue`,
          routingKey: 'R0UTINGKEY',
          severity: severityOf,
          details: { runbook: ({ commonAnnotations }) => commonAnnotations['runbook'] ?? '' },
        }),
    },
    opsgenie: {
      path: /^\/opsgenie\//,
      ask: (group) =>
        opsgenieRequests(group, {
          apiUrl: `${base}/opsgenie/`,
          apiKey: 'K',
          tags: ['a', 'b'],
          priority: 'P2',
          responders: [{ name: 'ops', type: 'team' }],
        }),
    },
  }

test('every captured body has as many bytes as came: so our JSON is that of Go', (t) => {
  const paths = Object.values(receivers).map(({ path }) => path)
  const ours = captures.filter((captured) => paths.some((path) => path.test(captured.path)))
  t.is(ours.length, 12)
  for (const captured of ours) {
    t.is(Buffer.byteLength(bytesOf(captured)), Number(captured.headers['Content-Length']))
  }
})

for (const [receiver, { path, ask }] of Object.entries(receivers)) {
  test(`${receiver}: firing, firing and resolved, all resolved`, (t) => {
    const wanted = captures.filter((captured) => path.test(captured.path))
    t.is(wanted.length, webhooks.length)
    for (const [i, captured] of wanted.entries()) {
      const requests = ask(groupOfWebhook(webhooks[i] as Captured, receiver))
      t.is(requests.length, 1)
      const { method, url, headers, body } = requests[0] as ChannelRequest
      t.is(method, captured.method)
      t.is(url, base + captured.path)
      t.is(headers['Content-Type'], captured.headers['Content-Type'])
      t.is(headers['Authorization'], captured.headers['Authorization'])
      t.is(body, inMs(bytesOf(captured)))
    }
  })
}

/** As they stand in the configuration of the generated cases. */
const notifiers: Record<string, (group: GroupNotification) => ChannelRequest[]> = {
  webhook: (group) => webhookRequests(group, { url: `${base}/webhook` }),
  slack: (group) => slackRequests(group, { url: `${base}/slack`, channel: '#ops' }),
  pagerduty: (group) => pagerDutyRequests(group, { url: `${base}/v2/enqueue`, routingKey: 'KEY' }),
  opsgenie: (group) =>
    opsgenieRequests(group, { apiUrl: `${base}/og`, apiKey: 'K', updateAlerts: true }),
}

for (const [name, ask] of Object.entries(notifiers)) {
  test(`${name}: the same bytes as Alertmanager for groups of odd labels`, (t) => {
    for (const one of readNotifierCases()) {
      const got = ask(groupOfCase(one)).map(({ method, url, headers, body }) => {
        const { Authorization: authorization } = headers
        const request = { method, path: url.slice(base.length), body: unescaped(name, body) }
        return authorization === undefined ? request : { ...request, authorization }
      })
      t.deepEqual(got, one.requests[name] as unknown, one.id)
    }
  })
}

/** Slack's markup in labels is escaped by us, and not by Alertmanager. */
function unescaped(name: string, body: string): string {
  if (name !== 'slack') return body
  return body
    .replaceAll('\\u0026lt;', '\\u003c')
    .replaceAll('\\u0026gt;', '\\u003e')
    .replaceAll('\\u0026amp;', '\\u0026')
}

test('an Alertmanager gets what Prometheus posts', (t) => {
  const posts = readPosts()
  t.true(posts.length > 15)
  for (const captured of posts) {
    const wanted = bytesOf(captured, '')
    t.is(Buffer.byteLength(wanted), Number(captured.headers['Content-Length']))
    const alerts = (captured.body as unknown as PostedAlert[]).map((alert) => ({
      status: 'resolved' as const,
      annotations: {},
      fingerprint: '',
      ...alert,
      startsAt: Date.parse(alert.startsAt),
      endsAt: Date.parse(alert.endsAt),
    }))
    const group = { ...groupOfWebhook(webhooks[0] as Captured, 'am'), alerts }
    const [request] = alertmanagerRequests(group, { url: `${base}/` }, 0)
    t.is(request?.url, base + captured.path)
    t.is(request?.body, wanted)
  }
})

interface PostedAlert {
  labels: Record<string, string>
  startsAt: string
  endsAt: string
  generatorURL: string
}
