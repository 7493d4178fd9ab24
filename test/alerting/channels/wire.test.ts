import test from 'ava'
import https from 'node:https'
import { webhookRequests } from '../../../alerting/channels/webhook.ts'
import { openHttpServer, unusedUrl } from '../../helpers/http-server.ts'
import { certificateFor } from './certificate.ts'
import { group, open, send, settingsOf, takes } from './some-channel.ts'

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

test('nobody there, and nobody who answers in time: both are tried again', async (t) => {
  const url = await unusedUrl()
  const away = await send(open(t, settingsOf('webhook', url), url))
  t.like(away, { outcome: 'failed', answered: false, detail: 'ECONNREFUSED' })
  const server = await openHttpServer(t, () => undefined)
  const channel = open(t, settingsOf('webhook', server.url), server.url, { timeoutMs: 100 })
  const late = { outcome: 'failed', answered: false, detail: 'timeout: no answer within 0.1 s' }
  t.like(await send(channel), late)
  server.answer((_, response) => response.socket?.destroy())
  const cut = open(t, settingsOf('webhook', server.url), server.url)
  t.like(await send(cut), { outcome: 'failed', answered: false, detail: 'ECONNRESET' })
})

test('who begins to answer and dribbles on is not waited for: the status counts, of Slack the word', async (t) => {
  const server = await openHttpServer(t, (_, response) => {
    response.writeHead(200).write('o')
  })
  const times = { timeoutMs: 1500 }
  const webhook = open(t, settingsOf('webhook', server.url), server.url, times)
  t.like(await send(webhook), { outcome: 'accepted', detail: '200 o' })
  const slack = open(t, settingsOf('slack', server.url), server.url, times)
  t.like(await send(slack), { outcome: 'failed', answered: true })
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

test('TLS: an unknown authority gets nothing; one that is named does', async (t) => {
  const { key, cert } = await certificateFor(t, 'IP:127.0.0.1')
  const server = await openHttpServer(t, takes('slack'), {
    create: (listener) => https.createServer({ key, cert }, listener),
  })
  const url = server.url.replace('http:', 'https:')
  const unknown = await send(open(t, settingsOf('slack', url), url))
  t.like(unknown, { outcome: 'failed', detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  t.is(server.asked.length, 0)
  t.like(await send(open(t, settingsOf('slack', url), url, { ca: cert })), { outcome: 'accepted' })
})
