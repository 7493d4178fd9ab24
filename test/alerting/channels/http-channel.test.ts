import test, { type ExecutionContext } from 'ava'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import { join } from 'node:path'
import { inspect } from 'node:util'
import type { Channel, Delivery, Message } from '../../../alerting/channels/channel.ts'
import type { GroupNotification } from '../../../alerting/channels/group.ts'
import {
  openHttpChannel,
  type HttpChannelOptions,
  type HttpChannelSettings,
} from '../../../alerting/channels/http-channel.ts'
import { webhookRequests } from '../../../alerting/channels/webhook.ts'
import { manualClock, wallClock } from '../../../pipeline/clock.ts'
import { json, openHttpServer, unusedUrl, type HttpServer } from '../../helpers/http-server.ts'
import { tempDir } from '../world.ts'
import { someGroup } from './some-group.ts'

const group = someGroup([{ labels: { host: 'a' }, annotations: { s: '<b>' } }])
const message: Message = {
  incident: 'i',
  state: 'firing',
  subject: 's',
  text: 't',
  html: 'h',
  group,
}

type Type = HttpChannelSettings['type']

function settingsOf(type: Type, url: string): HttpChannelSettings {
  if (type === 'pagerduty') return { type, url: `${url}/v2/enqueue`, routingKey: 'R0UTINGKEY' }
  if (type === 'opsgenie') return { type, apiUrl: url, apiKey: 'gen1e-key' }
  if (type === 'slack') return { type, url: `${url}/services/T0001/B0001/s3cr3tpath` }
  return { type, url: `${url}/hook` }
}

function open(
  t: ExecutionContext,
  settings: HttpChannelSettings,
  url: string,
  options: Partial<HttpChannelOptions> = {},
): Channel {
  const { host } = new URL(url)
  const channel = openHttpChannel(settings, { clock: wallClock, hosts: [host], ...options })
  t.teardown(() => channel.close())
  return channel
}

async function send(channel: Channel, told: GroupNotification = group): Promise<Delivery> {
  const [delivery] = await channel.send({ ...message, group: told }, channel.targets)
  if (!delivery) throw new Error('no delivery')
  return delivery
}

/** As the receiver answers what it has taken. */
function takes(type: Type): Parameters<HttpServer['answer']>[0] {
  return (_, response) => {
    if (type === 'slack') response.end('ok')
    else json(response, { status: 'success', message: 'Event processed' }, 202)
  }
}

test('the bytes on the wire are those of the request', async (t) => {
  const server = await openHttpServer(t, (_, response) => response.end())
  const settings = {
    type: 'webhook' as const,
    url: `${server.url}/x?y=z`,
    authorization: 'Bearer abc',
  }
  const delivery = await send(open(t, settings, server.url))
  t.deepEqual(delivery, {
    target: server.host,
    outcome: 'accepted',
    answered: true,
    detail: '200',
  })
  const [asked] = server.asked
  t.is(asked?.body, webhookRequests(group, settings)[0]?.body)
  t.is(asked?.url, '/x?y=z')
  t.like(asked?.headers, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(asked?.body ?? '')),
    authorization: 'Bearer abc',
    'user-agent': 'mesoscope',
  })
})

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

test('nobody there, and nobody who answers in time: both are tried again', async (t) => {
  const url = await unusedUrl()
  const away = await send(open(t, settingsOf('webhook', url), url))
  t.like(away, { outcome: 'failed', answered: false, detail: 'ECONNREFUSED' })
  const server = await openHttpServer(t, () => undefined)
  const channel = open(t, settingsOf('webhook', server.url), server.url, { timeoutMs: 100 })
  const late = { outcome: 'failed', answered: false, detail: 'timeout: no answer within 0.1 s' }
  t.like(await send(channel), late)
  server.answer((_, response) => response.socket?.destroy())
  t.like(await send(channel), { outcome: 'failed', answered: false, detail: 'ECONNRESET' })
})

test('who begins to answer and dribbles on is not waited for: the status counts, of Slack the word', async (t) => {
  const server = await openHttpServer(t, (_, response) => {
    response.writeHead(200).write('o')
  })
  const times = { timeoutMs: 200 }
  const webhook = open(t, settingsOf('webhook', server.url), server.url, times)
  t.like(await send(webhook), { outcome: 'accepted', detail: '200 o' })
  const slack = open(t, settingsOf('slack', server.url), server.url, times)
  t.like(await send(slack), { outcome: 'failed', answered: true })
})

test('one that hangs delays no other', async (t) => {
  const [hanging, working] = [
    await openHttpServer(t, () => undefined),
    await openHttpServer(t, takes('webhook')),
  ]
  const first = send(open(t, settingsOf('webhook', hanging.url), hanging.url))
  const second = send(open(t, settingsOf('webhook', working.url), working.url))
  t.is((await Promise.race([first, second])).target, working.host)
})

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

test('what comes too fast is sent later, in its order, and all of it', async (t) => {
  const at: number[] = []
  const server = await openHttpServer(t, (_, response) => {
    at.push(performance.now())
    response.end()
  })
  const rate = { perMinute: 1200, burst: 2 }
  const channel = open(t, settingsOf('webhook', server.url), server.url, { rate })
  const groups = Array.from({ length: 6 }, (_, i) => ({ ...group, groupKey: `group ${i}` }))
  const deliveries = await Promise.all(groups.map((one) => send(channel, one)))
  t.true(deliveries.every(({ outcome }) => outcome === 'accepted'))
  // Four wait, 50 ms longer each.
  t.true((at[5] ?? 0) - (at[0] ?? 0) > 150)
  const keys = server.asked.map(({ body }) => (JSON.parse(body) as { groupKey: string }).groupKey)
  t.deepEqual(keys.slice(2), ['group 2', 'group 3', 'group 4', 'group 5'])
})

test('a channel that is closed waits for nothing', async (t) => {
  const server = await openHttpServer(t, () => undefined)
  const rate = { perMinute: 1, burst: 1 }
  const options = { rate, patienceMs: 60_000 }
  const channel = open(t, settingsOf('webhook', server.url), server.url, options)
  const sends = [send(channel), send(channel)]
  setTimeout(() => channel.close(), 50)
  for (const delivery of await Promise.all(sends)) {
    t.like(delivery, { outcome: 'failed', answered: false, detail: 'the channel is closed' })
  }
})

test('Opsgenie: of several requests none follows one that is not taken', async (t) => {
  const server = await openHttpServer(t, ({ method }, response) => {
    response.writeHead(method === 'PUT' ? 422 : 202).end()
  })
  const settings = {
    type: 'opsgenie',
    apiUrl: server.url,
    apiKey: 'k',
    updateAlerts: true,
  } as const
  t.like(await send(open(t, settings, server.url)), { outcome: 'refused', detail: '422' })
  t.deepEqual(
    server.asked.map(({ method }) => method),
    ['POST', 'PUT'],
  )
  t.is(server.asked[1]?.headers.authorization, 'GenieKey k')
})

test('a redirect to another host gets nothing', async (t) => {
  const other = await openHttpServer(t, (_, response) => response.end())
  for (const status of [301, 302, 303, 307, 308]) {
    const server = await openHttpServer(t, (_, response) => {
      response.writeHead(status, { location: `${other.url}/take/s3cr3tpath` }).end()
    })
    const delivery = await send(open(t, settingsOf('slack', server.url), server.url))
    t.like(delivery, { outcome: 'refused', answered: true })
    t.is(delivery.detail, `${status} redirects to ${other.host}, which is not followed`)
    t.is(server.asked.length, 1)
  }
  t.is(other.asked.length, 0)
})

test('on the same host a redirect is followed where the request stays what it is', async (t) => {
  let status = 308
  const server = await openHttpServer(t, ({ url }, response) => {
    if (url === '/hook') response.writeHead(status, { location: '/hook/' }).end()
    else response.end()
  })
  const channel = open(t, settingsOf('webhook', server.url), server.url)
  t.like(await send(channel), { outcome: 'accepted' })
  t.is(server.asked[1]?.body, server.asked[0]?.body)
  status = 302
  t.like(await send(channel), { outcome: 'refused' })
  t.is(server.asked.length, 3)
  server.answer(({ url }, response) => response.writeHead(307, { location: `${url}x` }).end())
  t.like(await send(channel), { outcome: 'refused' })
  t.is(server.asked.length, 9)
})

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

test('TLS: an unknown authority gets nothing; one that is named does', async (t) => {
  const dir = await tempDir(t)
  const [keyFile, certFile] = [join(dir, 'key'), join(dir, 'cert')]
  execFileSync(
    'openssl',
    // prettier-ignore
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', '/CN=hook', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', certFile],
    { stdio: 'ignore' },
  )
  const [key, cert] = [readFileSync(keyFile, 'utf8'), readFileSync(certFile, 'utf8')]
  const server = await openHttpServer(t, takes('slack'), {
    create: (listener) => https.createServer({ key, cert }, listener),
  })
  const url = server.url.replace('http:', 'https:')
  const unknown = await send(open(t, settingsOf('slack', url), url))
  t.like(unknown, { outcome: 'failed', detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  t.is(server.asked.length, 0)
  t.like(await send(open(t, settingsOf('slack', url), url, { ca: cert })), { outcome: 'accepted' })
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
  server.answer((_, response) => response.writeHead(200).end('x'.repeat(5_000_000)))
  const delivery = await send(channel)
  t.is(delivery.outcome, 'accepted')
  t.true(delivery.detail.length < 210)
  t.true(performance.now() - begin < 5000)
})

test('a message without a group, and a text that cannot be made, are refused', async (t) => {
  const server = await openHttpServer(t, takes('slack'))
  const title = () => {
    throw new Error('no such label')
  }
  const channel = open(t, { type: 'slack', url: `${server.url}/x`, title }, server.url)
  const { group: _, ...bare } = message
  const [delivery] = await channel.send(bare, channel.targets)
  t.like(delivery, { outcome: 'refused', answered: false })
  t.like(await send(channel), { outcome: 'refused', answered: false, detail: 'no such label' })
  t.is(server.asked.length, 0)
})

const good = { type: 'webhook', url: 'https://hooks.example/x' } as const
const faults: [string, HttpChannelSettings, string][] = [
  [
    'no address',
    { ...good, url: 'hooks.example/s3cret' },
    'webhook url: it does not begin with http:// or https://',
  ],
  [
    'another protocol',
    { ...good, url: 'file:///etc/passwd' },
    'webhook url: it does not begin with http:// or https://',
  ],
  [
    'a host that is not allowed',
    { ...good, url: 'https://169.254.169.254/x' },
    'webhook url: 169.254.169.254 is not among the allowed hosts',
  ],
  [
    'another port',
    { ...good, url: 'https://hooks.example:8443/x' },
    'webhook url: hooks.example:8443 is not among the allowed hosts',
  ],
  [
    'a name that only ends alike',
    { ...good, url: 'https://evil-hooks.example/' },
    'webhook url: evil-hooks.example is not among the allowed hosts',
  ],
  [
    'a login in the address',
    { ...good, url: 'https://u:p@hooks.example/' },
    'webhook url: it holds a login; set authorization instead',
  ],
  [
    'a key in the clear',
    { ...good, url: 'http://hooks.example/', authorization: 'Bearer x' },
    'webhook url: hooks.example would get a key in the clear; use https://',
  ],
  [
    'Slack in the clear',
    { type: 'slack', url: 'http://hooks.example/' },
    'slack url: hooks.example would get a key in the clear; use https://',
  ],
  [
    'a line break in a header',
    { ...good, authorization: 'x\r\nHost: y' },
    'webhook authorization: it is empty, or holds what no key has',
  ],
  [
    'no key',
    { type: 'opsgenie', apiUrl: good.url, apiKey: '' },
    'opsgenie apiKey: it is empty, or holds what no key has',
  ],
]

for (const [sentence, settings, complaint] of faults) {
  test(`refused at opening: ${sentence}`, (t) => {
    const options = { clock: wallClock, hosts: ['hooks.example'] }
    t.throws(() => openHttpChannel(settings, options), { message: complaint })
  })
}

test('every fault is told at once', (t) => {
  const settings = { type: 'pagerduty', url: 'http://evil/', routingKey: ' ' } as const
  const options = { clock: wallClock, hosts: [], cert: 'no PEM', key: 'none' }
  const message = [
    'pagerduty url: evil is not among the allowed hosts',
    'pagerduty url: evil would get a key in the clear; use https://',
    'pagerduty routingKey: it is empty, or holds what no key has',
    'pagerduty ca, cert, key: they are no PEM texts, or the key belongs to another certificate',
  ].join('\n')
  t.throws(() => openHttpChannel(settings, options), { message })
})

test('allowed hosts: any case, with the usual port or without', (t) => {
  for (const host of ['hooks.example', 'HOOKS.example', 'hooks.example:443']) {
    t.notThrows(() => openHttpChannel(good, { clock: wallClock, hosts: [host] }).close())
  }
  const own = { type: 'alertmanager', url: 'http://[::1]:9093/am' } as const
  t.is(openHttpChannel(own, { clock: wallClock, hosts: ['[::1]:9093'] }).address, '[::1]:9093')
})
