import test from 'ava'
import { openHttpServer } from '../../helpers/http-server.ts'
import { group, open, send, settingsOf, takes } from './some-channel.ts'

test('one that hangs delays no other', async (t) => {
  const [hanging, working] = [
    await openHttpServer(t, () => undefined),
    await openHttpServer(t, takes('webhook')),
  ]
  const first = send(open(t, settingsOf('webhook', hanging.url), hanging.url))
  const second = send(open(t, settingsOf('webhook', working.url), working.url))
  t.is((await Promise.race([first, second])).target, working.host)
})

test('what comes too fast is sent later, in its order, and all of it', async (t) => {
  const server = await openHttpServer(t, takes('webhook'))
  const rate = { perMinute: 600, burst: 2 }
  const channel = open(t, settingsOf('webhook', server.url), server.url, { rate })
  const groups = Array.from({ length: 6 }, (_, i) => ({ ...group, groupKey: `group ${i}` }))
  const begin = performance.now()
  const deliveries = await Promise.all(groups.map((one) => send(channel, one)))
  t.true(deliveries.every(({ outcome }) => outcome === 'accepted'))
  // Four wait, 100 ms longer each; a timer may be a little early.
  t.true(performance.now() - begin > 395)
  const keys = server.asked.map(({ body }) => (JSON.parse(body) as { groupKey: string }).groupKey)
  t.deepEqual(keys.slice(2), ['group 2', 'group 3', 'group 4', 'group 5'])
})

test('a short pause that the receiver asks for is waited out', async (t) => {
  let isBusy = true
  const server = await openHttpServer(t, (_, response) => {
    if (isBusy) response.writeHead(503, { 'retry-after': '1' }).end()
    else response.end()
    isBusy = false
  })
  const channel = open(t, settingsOf('webhook', server.url), server.url)
  t.like(await send(channel), { outcome: 'failed', retryAfterMs: 1000 })
  const begin = performance.now()
  t.like(await send(channel), { outcome: 'accepted' })
  t.true(performance.now() - begin > 900)
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

test('what waited for its turn is kept back too when the receiver wants nothing', async (t) => {
  const server = await openHttpServer(t, (_, response) => {
    response.writeHead(429, { 'retry-after': '60' }).end()
  })
  const rate = { perMinute: 20, burst: 1 }
  const channel = open(t, settingsOf('pagerduty', server.url), server.url, { rate })
  const [first, second] = await Promise.all([send(channel), send(channel)])
  t.like(first, { outcome: 'failed', answered: true, retryAfterMs: 60_000 })
  t.like(second, { outcome: 'failed', answered: false })
  t.regex(second?.detail ?? '', /^held back for (5\d|60) s: too many at once$/)
  t.is(server.asked.length, 1)
})
