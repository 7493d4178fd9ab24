import test from 'ava'
import fc from 'fast-check'
import { alertmanagerRequests } from '../../../alerting/channels/alertmanager.ts'
import type { Extra, GroupNotification } from '../../../alerting/channels/group.ts'
import { opsgenieRequests } from '../../../alerting/channels/opsgenie.ts'
import { pagerDutyRequests } from '../../../alerting/channels/pagerduty.ts'
import type { ChannelRequest } from '../../../alerting/channels/request.ts'
import { slackRequests } from '../../../alerting/channels/slack.ts'
import { webhookRequests } from '../../../alerting/channels/webhook.ts'
import { someGroup } from './some-group.ts'

const pagerDuty = { routingKey: 'key', url: 'http://127.0.0.1/' }
const slack = { url: 'http://127.0.0.1/' }
const opsgenie = { apiKey: 'key' }

const all: Record<string, (group: GroupNotification) => ChannelRequest[]> = {
  webhook: (group) => webhookRequests(group, slack),
  pagerduty: (group) => pagerDutyRequests(group, pagerDuty),
  slack: (group) =>
    slackRequests(group, { ...slack, text: ({ alerts }) => JSON.stringify(alerts) }),
  opsgenie: (group) => opsgenieRequests(group, { ...opsgenie, updateAlerts: true }),
  alertmanager: (group) => alertmanagerRequests(group, slack, 0),
}

const meaningful = [
  '<!channel>',
  '<@U024BE7LH>',
  '<http://evil|bank>',
  '<script>alert(1)</script>',
  '&lt;',
  '\u001b[31m',
  '\u001b]8;;http://evil\u0007',
  '\u202e',
  '\r\n',
  '|',
  '…',
]

/** Any sequence of UTF-16 units, with what means something to somebody. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.constantFrom(...meaningful),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''))

const hostileLabels = fc.dictionary(hostileText, hostileText, { maxKeys: 4 })
const hostileGroup = fc
  .tuple(
    fc.array(fc.record({ labels: hostileLabels, annotations: hostileLabels }), { maxLength: 3 }),
    hostileText,
    hostileText,
  )
  .map(([some, text, name]) => {
    const group = someGroup(some, { text, links: [{ name, url: 'http://page/?a=<b>' }] })
    return { ...group, alerts: group.alerts.map((alert) => ({ ...alert, generatorURL: name })) }
  })

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, part]) => [name, ...stringsIn(part)])
}

for (const [name, ask] of Object.entries(all)) {
  test(`${name}: whatever labels hold, the body is JSON that any reader takes`, (t) => {
    fc.assert(
      fc.property(hostileGroup, (group) => {
        for (const { body } of ask(group)) {
          t.true(body.isWellFormed())
          t.false(/[<>&]|\\ud[89a-f]/i.test(body.replaceAll('\\\\', '')))
          t.true(stringsIn(JSON.parse(body)).every((text) => text.isWellFormed()))
        }
      }),
    )
  })
}

interface SlackBody {
  attachments: [
    { title: string; text: string; fallback: string; fields: { title: string; value: string }[] },
  ]
}

const slackBody = (group: GroupNotification, settings = {}) =>
  JSON.parse(slackRequests(group, { ...slack, ...settings })[0]?.body ?? '') as SlackBody

const links = /<http:\/\/page\/\?a=%3Cb%3E\|[^<>|\n]*>/g
/** What Slack reads as markup: an angle bracket, or an ampersand that begins no entity. */
const markup = /[<>]|&(?!amp;|lt;|gt;)/

test('Slack: no label, annotation or line of a log is markup', (t) => {
  fc.assert(
    fc.property(hostileGroup, (group) => {
      const text = ({ alerts, commonLabels }: GroupNotification) =>
        JSON.stringify([alerts, commonLabels])
      const [attachment] = slackBody(group, { text, title: text }).attachments
      for (const one of stringsIn(attachment)) t.notRegex(one.replace(links, ''), markup)
    }),
  )
})

test('Slack: the markup of the settings is kept, that of a label is shown', (t) => {
  const group = someGroup([{ labels: { who: '<!channel>' }, annotations: { s: 'a & b' } }])
  const text = ({ commonLabels, commonAnnotations }: GroupNotification) =>
    `<!here> ${commonLabels['who']} ${commonAnnotations['s']}`
  const [attachment] = slackBody(group, { text }).attachments
  t.is(attachment.text, '<!here> &lt;!channel&gt; a &amp; b')
  t.is(attachment.title, '[FIRING:1] X (&lt;!channel&gt;)')
})

test('Slack: evidence is a field, links lead only to pages', (t) => {
  const extra: Extra = {
    text: '12:00 <!here> died',
    links: [
      { name: 'These | lines', url: 'https://page/#/logs?a=1&b=2|c' },
      { name: 'evil', url: 'javascript:alert(1)' },
    ],
  }
  t.deepEqual(slackBody(someGroup([{}], extra)).attachments[0].fields, [
    { title: 'Evidence', value: '12:00 &lt;!here&gt; died', short: false },
    { title: 'Links', value: '<https://page/#/logs?a=1&amp;b=2%7Cc|These   lines>', short: false },
  ] as unknown[])
})

test('Slack: no entity is cut in two', (t) => {
  const group = someGroup([{ labels: { a: '<'.repeat(5000) } }])
  const { title } = slackBody(group).attachments[0]
  t.true(title.length <= 1024)
  t.regex(title, /(&lt;)+…$/)
  t.notRegex(title, markup)
})

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
