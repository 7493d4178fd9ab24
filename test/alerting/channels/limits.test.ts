import test from 'ava'
import type { GroupNotification } from '../../../alerting/channels/group.ts'
import { alertmanagerRequests } from '../../../alerting/channels/alertmanager.ts'
import { opsgenieRequests } from '../../../alerting/channels/opsgenie.ts'
import { pagerDutyRequests } from '../../../alerting/channels/pagerduty.ts'
import { slackRequests } from '../../../alerting/channels/slack.ts'
import { someGroup } from './some-group.ts'
import { all, opsgenie, pagerDuty, slack } from './some-requests.ts'

interface PagerDutyBody {
  client?: string
  client_url?: string
  payload: {
    summary: string
    source: string
    severity: string
    custom_details: Record<string, unknown>
  }
  links?: unknown
}

const pagerDutyBody = (group: GroupNotification, settings = {}) =>
  JSON.parse(
    pagerDutyRequests(group, { ...pagerDuty, ...settings })[0]?.body ?? '',
  ) as PagerDutyBody

const huge = 'é\u0000<x>'.repeat(200_000)
const hugeGroup = someGroup(
  Array.from({ length: 300 }, () => ({ labels: { big: huge }, annotations: { text: huge } })),
  { text: huge, links: [{ name: huge, url: 'http://page/' }] },
)

test('PagerDuty: an event is at most 512 KB, without its details where it would be more', (t) => {
  const [request] = pagerDutyRequests(hugeGroup, pagerDuty)
  t.true(Buffer.byteLength(request?.body ?? '') <= 512_000)
  const { payload, links } = pagerDutyBody(hugeGroup)
  t.is(Array.from(payload.summary).length, 1024)
  t.deepEqual(Object.keys(payload.custom_details), ['error', 'evidence'])
  t.like(links, { length: 1 })
  // Little text, but much JSON.
  const many = someGroup(Array.from({ length: 3000 }, () => ({})))
  t.deepEqual(Object.keys(pagerDutyBody(many).payload.custom_details), ['error'])
  const fits = someGroup(Array.from({ length: 1000 }, () => ({})))
  t.is(pagerDutyBody(fits).payload.custom_details['num_firing'], 1000)
})

test('PagerDuty: a severity that it does not know is an error', (t) => {
  const severity = (text: string) =>
    pagerDutyBody(someGroup([{}]), { severity: text }).payload.severity
  t.is(severity('warning'), 'warning')
  t.is(severity('page'), 'error')
  t.is(pagerDutyBody(someGroup([{}])).payload.severity, 'error')
})

test('PagerDuty: what it needs is never empty, and its link leads to a page', (t) => {
  const texts = { description: ' \n', source: '', client: '', clientUrl: 'javascript:alert(1)' }
  const body = pagerDutyBody(someGroup([{}]), texts)
  t.like(body.payload, { summary: '[FIRING:1] X ', source: 'Alertmanager' })
  t.deepEqual([body.client, body.client_url], [undefined, undefined])
})

test('PagerDuty: evidence and links stand beside the details', (t) => {
  const links = [
    { name: 'These lines', url: 'https://page/#/logs' },
    { name: 'evil', url: 'javascript:alert(1)' },
  ]
  const body = pagerDutyBody(someGroup([{}], { text: 'a\u0007\nb', links }))
  t.is(body.payload.custom_details['evidence'], 'a\nb')
  t.deepEqual(body.links, [{ href: 'https://page/#/logs', text: 'These lines' }] as unknown)
  const none = [...links.slice(1), { name: 'long', url: `http://page/${'x'.repeat(1e6)}` }]
  t.is(pagerDutyBody(someGroup([{}], { text: '', links: none })).links, undefined)
})

interface OpsgenieBody {
  message: string
  description: string
  source: string
  details: Record<string, string>
  tags: string[]
}

const opsgenieBody = (group: GroupNotification, settings = {}) =>
  JSON.parse(opsgenieRequests(group, { ...opsgenie, ...settings })[0]?.body ?? '') as OpsgenieBody

test('Opsgenie: every field is as long as it may be', (t) => {
  const tags = Array.from({ length: 30 }, (_, i) => `${i}`.padEnd(60, 'x'))
  const body = opsgenieBody({ ...hugeGroup, receiver: 'r'.repeat(200) }, { tags })
  t.is(Array.from(body.message).length, 130)
  t.is(Array.from(body.description).length, 15_000)
  t.is(body.source.length, 100)
  t.is(body.tags.length, 20)
  t.true(body.tags.every((tag) => tag.length === 50))
  t.true(Object.entries(body.details).flat().join('').length <= 8000)
})

test('Opsgenie: details are labels, those of the settings, links and what is left for evidence', (t) => {
  const extra = { text: 'e'.repeat(9000), links: [{ name: 'lines', url: 'https://page/' }] }
  const group = someGroup([{ labels: { a: 'label', b: 'b' } }], extra)
  const { evidence, ...details } = opsgenieBody(group, { details: { a: 'setting' } }).details
  t.deepEqual(details, { alertname: 'X', a: 'setting', b: 'b', lines: 'https://page/' })
  t.regex(evidence ?? '', /^e{7000,}…$/)
})

test('Opsgenie: an empty message is none', (t) => {
  t.is(opsgenieBody(someGroup([{}]), { message: ' \n' }).message, '[FIRING:1] X ')
  t.is(opsgenieBody(someGroup([{}]), { message: 'own\nmessage' }).message, 'own message')
})

test('Opsgenie: an alert that is open can be told the new texts, a closed one is closed by its alias', (t) => {
  const some = someGroup([{ annotations: { s: 'sum' } }])
  const requests = opsgenieRequests(some, { ...opsgenie, updateAlerts: true })
  t.deepEqual(
    requests.map(({ method, url }) => [method, url.replace(/[0-9a-f]{64}/, 'ALIAS')]),
    [
      ['POST', 'https://api.opsgenie.com/v2/alerts'],
      ['PUT', 'https://api.opsgenie.com/v2/alerts/ALIAS/message?identifierType=alias'],
      ['PUT', 'https://api.opsgenie.com/v2/alerts/ALIAS/description?identifierType=alias'],
    ],
  )
  t.regex(requests[2]?.body ?? '', /^\{"description":"sum\\nAlerts Firing/)
})

test('a thousand alerts of a megabyte are written in bounded time and space', (t) => {
  const most = { pagerduty: 512_000, opsgenie: 100_000, webhook: 10_000_000 }
  for (const [name, bytes] of Object.entries(most)) {
    const bodies = all[name]?.(hugeGroup).map(({ body }) => Buffer.byteLength(body)) ?? []
    t.true(
      bodies.length > 0 && bodies.every((length) => length <= bytes),
      `${name}: ${bodies.join()}`,
    )
  }
  const [request] = slackRequests(hugeGroup, slack)
  t.true((request?.body.length ?? Infinity) <= 100_000)
})

test('an Alertmanager gets many alerts in several requests, each once, for as long as is wanted', (t) => {
  const group = someGroup(Array.from({ length: 600 }, (_, i) => ({ labels: { i: String(i) } })))
  const requests = alertmanagerRequests(group, { ...slack, validForMs: 60_000 }, 1000)
  const bodies = requests.map(
    ({ body }) => JSON.parse(body) as { labels: { i: string }; endsAt: string }[],
  )
  t.deepEqual(
    bodies.map(({ length }) => length),
    [256, 256, 88],
  )
  t.deepEqual(
    bodies.flat().map(({ labels }) => labels.i),
    group.alerts.map(({ labels }) => labels['i']) as string[],
  )
  t.is(bodies[0]?.[0]?.endsAt, '1970-01-01T00:01:01.000Z')
  const big = someGroup(Array.from({ length: 6 }, () => ({ annotations: { a: 'x'.repeat(2e6) } })))
  t.is(alertmanagerRequests(big, slack, 0).length, 3)
  t.deepEqual(alertmanagerRequests(someGroup([]), slack, 0), [])
})
