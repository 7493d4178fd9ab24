import test from 'ava'
import { inspect } from 'node:util'
import type { Delivery } from '../../../alerting/channels/channel.ts'
import type { HttpChannelSettings } from '../../../alerting/channels/http-channel.ts'
import { manualClock } from '../../../pipeline/clock.ts'
import { json, openHttpServer } from '../../helpers/http-server.ts'
import { open, send, settingsOf, takes, type Type } from './some-channel.ts'

/** Which answers are tried again; 429 only where the receiver means by it that it would take it later. */
const outcomes: [Type, number, Delivery['outcome']][] = (
  ['webhook', 'slack', 'pagerduty', 'opsgenie', 'alertmanager'] as const
).flatMap((type): [Type, number, Delivery['outcome']][] => [
  [type, 400, 'refused'],
  [type, 403, 'refused'],
  [type, 404, 'refused'],
  [type, 429, type === 'pagerduty' || type === 'opsgenie' ? 'failed' : 'refused'],
  [type, 500, 'failed'],
  [type, 503, 'failed'],
])

for (const [type, status, outcome] of outcomes) {
  test(`${type}: ${status} is ${outcome}`, async (t) => {
    const server = await openHttpServer(t, (_, response) =>
      json(response, { message: 'no', errors: ['field x', 'field y'] }, status),
    )
    const channel = open(t, settingsOf(type, server.url), server.url)
    const wanted = { outcome, answered: true, detail: `${status} no: field x: field y` }
    t.like(await send(channel), wanted)
    server.answer(takes(type))
    t.like(await send(channel), { outcome: 'accepted' })
  })
}

const slackAnswers: [string, () => [string, string], Partial<Delivery>][] = [
  ['ok', () => ['text/html', 'ok'], { outcome: 'accepted', detail: '200 ok' }],
  ['a word', () => ['text/html', 'no_service'], { outcome: 'refused', detail: '200 no_service' }],
  ['JSON that is ok', () => ['application/json', '{"ok":true}'], { outcome: 'accepted' }],
  [
    'JSON that is not',
    () => ['application/json; charset=utf-8', '{"ok":false,"error":"channel_not_found"}'],
    { outcome: 'refused', detail: '200 channel_not_found' },
  ],
  ['broken JSON', () => ['application/json', '{"ok":'], { outcome: 'failed' }],
]

for (const [sentence, answer, wanted] of slackAnswers) {
  test(`Slack answers 200 and ${sentence}`, async (t) => {
    const [type, body] = answer()
    const server = await openHttpServer(t, (_, response) => {
      response.writeHead(200, { 'content-type': type }).end(body)
    })
    t.like(await send(open(t, settingsOf('slack', server.url), server.url)), wanted)
  })
}

const pauses: [string, string, number | undefined][] = [
  ['seconds', '7', 7000],
  ['a date', new Date(1_000_000 + 30_000).toUTCString(), 30_000],
  ['longer than anybody waits', '99999999', 300_000],
  ['a date that is over', new Date(0).toUTCString(), undefined],
  ['nonsense', 'soon', undefined],
]

for (const [sentence, retryAfter, pauseMs] of pauses) {
  test(`Retry-After: ${sentence}`, async (t) => {
    const server = await openHttpServer(t, (_, response) => {
      response.writeHead(429, { 'retry-after': retryAfter }).end()
    })
    const clock = manualClock(1_000_000)
    const settings = settingsOf('pagerduty', server.url)
    const channel = open(t, settings, server.url, { clock, patienceMs: 0 })
    t.is((await send(channel)).retryAfterMs, pauseMs)
    server.answer(takes('pagerduty'))
    if (pauseMs !== undefined) {
      clock.set(1_000_000 + pauseMs - 1)
      t.like(await send(channel), { outcome: 'failed', answered: false, retryAfterMs: 1 })
      t.is(server.asked.length, 1)
      clock.set(1_000_000 + pauseMs)
    }
    t.like(await send(channel), { outcome: 'accepted' })
    t.is(server.asked.length, 2)
  })
}

test('no secret comes back in a detail, however the other side tells it', async (t) => {
  const path = '/services/T0001/B0001/s3cr3t%20path'
  const login = Buffer.from('user:passw0rd').toString('base64')
  const server = await openHttpServer(t, () => undefined)
  const cases: [HttpChannelSettings, string[]][] = [
    [{ type: 'slack', url: server.url + path, token: 'xoxb-1' }, ['s3cr3t', 'xoxb']],
    [
      { type: 'webhook', url: `${server.url}/?token=t0ken5678`, authorization: `Basic ${login}` },
      ['t0ken', 'passw0rd', login],
    ],
    [settingsOf('pagerduty', server.url), ['R0UTING']],
    [settingsOf('opsgenie', server.url), ['gen1e']],
    [{ type: 'alertmanager', url: server.url, authorization: 'Bearer b3arer' }, ['b3arer']],
  ]
  for (const [settings, secrets] of cases) {
    const channel = open(t, settings, server.url)
    const shown = [inspect(channel, { depth: 9, showHidden: true }), JSON.stringify(channel)]
    for (const status of [200, 307, 400, 500]) {
      server.answer(({ url, headers, body }, response) => {
        const { routing_key: key = '' } = JSON.parse(body) as { routing_key?: string }
        const said = [url, decodeURIComponent(url), headers.authorization, key].join(' ')
        const spread = said.split('').join('\u200b')
        const basic = Buffer.from(headers.authorization?.slice(6) ?? '', 'base64').toString()
        response.writeHead(status, { location: `http://x/${said.replace(/[^!-~]/g, '')}` })
        response.end(`${'x'.repeat(150)} ${basic} ${said} ${spread}`)
      })
      shown.push((await send(channel)).detail)
    }
    for (const secret of secrets)
      t.false(shown.join('\n').includes(secret), `${settings.type} ${secret}`)
  }
})

test('an address that is a secret goes as a whole', async (t) => {
  const server = await openHttpServer(t, ({ url, headers }, response) => {
    response.writeHead(404).end(`no team at http://${headers.host}${url}, sorry`)
  })
  const channel = open(t, settingsOf('slack', server.url), server.url)
  t.is((await send(channel)).detail, '404 no team at [secret], sorry')
})

test('what the other side says is one short line', async (t) => {
  const server = await openHttpServer(t, (_, response) => {
    response.writeHead(500).end(`<html><style>b{}</style><b>Bad\r\n\u001b[31m gateway</b>`)
  })
  const channel = open(t, settingsOf('webhook', server.url), server.url)
  t.is((await send(channel)).detail, '500 Bad gateway')
  server.answer((_, response) => response.writeHead(500).end('<script>'.repeat(100_000)))
  const begin = performance.now()
  t.true((await send(channel)).detail.length < 210)
  server.answer((_, response) => {
    const goOn = () => void response.write('x'.repeat(10_000), () => setImmediate(goOn))
    goOn()
  })
  const delivery = await send(channel)
  t.is(delivery.outcome, 'accepted')
  t.true(delivery.detail.length < 210)
  t.true(performance.now() - begin < 5000)
})
