import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { Trouble } from '../../pipeline/errors.ts'
import { openHttp, type HttpClient, type HttpOptions } from '../../pipeline/http.ts'
import { json, openHttpServer, unusedUrl, type Handler } from '../helpers/http-server.ts'
import { tempDir } from '../helpers/pipeline.ts'

function open(t: ExecutionContext, urls: string[], more: Partial<HttpOptions> = {}): HttpClient {
  const client = openHttp({ urls, name: 'Marathon', timeoutMs: 5000, ...more })
  t.teardown(() => client.close())
  return client
}

async function openOne(t: ExecutionContext, handler: Handler, more: Partial<HttpOptions> = {}) {
  const server = await openHttpServer(t, handler)
  return { server, client: open(t, [server.url], more) }
}

/** The trouble, with its address replaced, and whether it can be retried. */
async function troubleOf(t: ExecutionContext, work: Promise<unknown>): Promise<Trouble> {
  const error = await t.throwsAsync(work, { instanceOf: Trouble })
  t.true(error.retryable, `retryable: ${error.message}`)
  t.truthy(error.remedy, `remedy: ${error.message}`)
  return error
}

test('an answer is parsed whatever its Content-Type, with or without a byte order mark', async (t) => {
  const { client } = await openOne(t, ({ url }, response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end(`${url === '/bom' ? '\uFEFF' : ''}{"apps":[12345678901234567890]}`)
  })
  const apps = { apps: [12345678901234567890n] }
  t.deepEqual(await client.json('/v2/apps?embed=a'), apps)
  t.deepEqual(await client.json('/bom'), apps)
})

test('a request has its method, body, headers and login; the answer its status, headers, address', async (t) => {
  const { client, server } = await openOne(
    t,
    (_, response) => response.writeHead(409, { 'X-Some': 'x' }).end('{"message":"locked"}'),
    { auth: { kind: 'basic', user: 'me', password: 'pä:ss' } },
  )
  const answer = await client.request('/v2/apps//web', {
    method: 'PATCH',
    body: { instances: 3 },
    headers: { Accept: 'text/event-stream' },
  })
  t.like(answer, { status: 409, text: '{"message":"locked"}', url: `${server.url}/v2/apps//web` })
  t.is(answer.headers['x-some'], 'x')
  const [asked] = server.asked
  t.like(asked, { method: 'PATCH', url: '/v2/apps//web', body: '{"instances":3}' })
  t.like(asked?.headers, {
    accept: 'text/event-stream',
    'content-type': 'application/json',
    authorization: `Basic ${Buffer.from('me:pä:ss').toString('base64')}`,
  })
})

for (const [kind, sent] of [
  ['token', 'token=abc'],
  ['bearer', 'Bearer abc'],
] as const) {
  test(`a login by ${kind} is sent as ${sent}`, async (t) => {
    const { client, server } = await openOne(t, (_, response) => json(response, {}), {
      auth: { kind, token: 'abc' },
    })
    await client.json('/')
    t.is(server.asked[0]?.headers.authorization, sent)
  })
}

const bad: [sentence: string, handler: Handler, said: RegExp][] = [
  [
    'HTML with 502',
    (_, response) =>
      response
        .writeHead(502, { 'content-type': 'text/html' })
        .end('<html><style>b{}</style><title>Error 502</title>\nCould not determine the leader'),
    /^Marathon at http:\/\/127.0.0.1:\d+: GET \/v2\/apps answered 502 with HTML, not JSON: Error 502 Could not determine the leader: it has no leader/,
  ],
  [
    'HTML with 200',
    (_, response) => response.end('<!doctype html><h1>Log in</h1>'),
    /GET \/v2\/apps answered 200 with HTML, not JSON: Log in: is this the right address, with no proxy/,
  ],
  [
    'JSON that breaks off',
    (_, response) => response.end('{"apps":[{"id":"/a"'),
    /answered 200 with JSON that breaks off or is damaged \(19 characters\)/,
  ],
  ['nothing', (_, response) => response.end(), /answered 200 with an empty body/],
  ['plain text', (_, response) => response.end('ok\u0007\n'), /answered 200: ok: is this/],
  [
    '401 with a message',
    (_, response) => json(response, { message: 'Invalid username or password.' }, 401),
    /answered 401: Invalid username or password.: check user and password, or the token; it is tried again/,
  ],
  [
    '403',
    (_, response) => json(response, { message: 'Not Authorized' }, 403),
    /answered 403: Not Authorized: this user may not/,
  ],
  [
    'a message that is no text',
    (_, response) => json(response, { message: { a: 1 } }, 500),
    /answered 500: \{"message":\{"a":1\}\}: look into its log/,
  ],
  [
    'more than the limit by its length',
    (_, response) => response.end('x'.repeat(200_001)),
    /answered 200 with more than 200000 bytes/,
  ],
  [
    'more than the limit, unannounced',
    (_, response) => {
      response.write('x'.repeat(150_000))
      response.end('x'.repeat(50_001))
    },
    /answered 200 with more than 200000 bytes/,
  ],
  [
    'a small body that grows beyond the limit',
    (_, response) =>
      response
        .writeHead(200, { 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(50_000_000))),
    /answered 200 with more than 200000 bytes/,
  ],
  [
    'no end of the body',
    (_, response) => void response.write('{"apps":'),
    /does not answer GET \/v2\/apps at http:\/\/127.0.0.1:\d+ \(no whole answer within 2 s\): it hangs/,
  ],
  [
    'a body drop by drop',
    (_, response) => {
      const timer = setInterval(() => response.write(' '), 50)
      response.on('close', () => clearInterval(timer))
    },
    /no whole answer within 2 s/,
  ],
  ['no answer', () => {}, /no whole answer within 2 s/],
  [
    'a body that is cut',
    (_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"apps":')
      setTimeout(() => response.destroy(), 50)
    },
    /does not answer GET \/v2\/apps at .*\((ECONNRESET|ERR_STREAM_PREMATURE_CLOSE)\)/,
  ],
  [
    'gzip that is none',
    (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('{"apps":[]}'),
    /does not answer GET \/v2\/apps at .*\(Z_DATA_ERROR\)/,
  ],
  [
    'a circle of redirects',
    ({ url }, response) =>
      response.writeHead(302, { location: url === '/v2/apps?x' ? '/b' : '/v2/apps?x' }).end(),
    /redirects in a circle, to http/,
  ],
  [
    'ever more redirects',
    ({ url }, response) => response.writeHead(307, { location: `${url}x` }).end(),
    /redirects again, to/,
  ],
  [
    'a redirect to another protocol',
    (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    /redirects to file:\/\/, another protocol/,
  ],
  [
    'a redirect to nowhere',
    (_, response) => response.writeHead(302, { location: 'http://[' }).end(),
    /redirects to "http:\/\/\[", which is no address/,
  ],
  [
    'a redirect without a place',
    (_, response) => response.writeHead(302).end(),
    /answered 302 with an empty body: name the address of the leader/,
  ],
]
for (const [sentence, handler, said] of bad) {
  test(`${sentence}: named, retryable, with a remedy`, async (t) => {
    const { client } = await openOne(t, handler, { maxBytes: 200_000, timeoutMs: 2000 })
    const trouble = await troubleOf(t, client.json('/v2/apps?embed=apps.tasks'))
    t.regex(`${trouble.message}: ${trouble.remedy}`, said)
    const stream = client.stream('/v2/apps', {})
    const isGood = await stream.then(({ body }) => body.destroy(), String)
    t.truthy(isGood)
  })
}

test('a compressed answer is read', async (t) => {
  const { client } = await openOne(t, ({ headers }, response) => {
    t.is(headers['accept-encoding'], 'gzip')
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"a":1}'))
  })
  t.deepEqual(await client.json('/'), { a: 1 })
})

test('2.5 MB are read, 70 MB only where they are allowed', async (t) => {
  const body = (bytes: number) => JSON.stringify({ text: 'ä'.repeat(bytes / 2) })
  const { client } = await openOne(t, ({ url }, response) =>
    response.end(body(Number(url.slice(1)))),
  )
  const small = (await client.json('/2500000')) as { text: string }
  t.is(small.text.length, 1_250_000)
  const trouble = await troubleOf(t, client.json('/70000000'))
  t.regex(trouble.message, /more than 67108864 bytes/)
  const large = (await client.json('/70000000', { maxBytes: 100e6, timeoutMs: 30_000 })) as {
    text: string
  }
  t.is(large.text.length, 35_000_000)
})

test('a redirect to the leader is followed with method and body; then the leader is asked first', async (t) => {
  const leader = await openHttpServer(t, (_, response) => json(response, { ok: true }))
  const standby = await openHttpServer(t, ({ url }, response) =>
    response.writeHead(307, { location: `//${leader.host}${url}` }).end(),
  )
  const client = open(t, [standby.url, leader.url], {
    auth: { kind: 'bearer', token: 'secret' },
  })
  t.is(client.current(), standby.url)
  const answer = await client.request('/x?y=1', { method: 'PATCH', body: { a: 1 } })
  t.is(answer.url, `${leader.url}/x?y=1`)
  t.like(leader.asked[0], { method: 'PATCH', url: '/x?y=1', body: '{"a":1}' })
  t.is(leader.asked[0]?.headers.authorization, 'Bearer secret')
  t.is(client.current(), leader.url)
  await client.json('/z')
  t.is(standby.asked.length, 1)
})

test('the login is not sent to a host that is not in urls, and the refusal says so', async (t) => {
  const stranger = await openHttpServer(t, (_, response) => json(response, {}, 401))
  const standby = await openHttpServer(t, (_, response) =>
    response.writeHead(302, { location: `http://${stranger.host}/there` }).end(),
  )
  const client = open(t, [standby.url], { auth: { kind: 'basic', user: 'u', password: 'p' } })
  const trouble = await troubleOf(t, client.json('/'))
  t.is(stranger.asked[0]?.headers.authorization, undefined)
  t.regex(trouble.message, new RegExp(`at ${stranger.url}: GET /there answered 401`))
  t.regex(trouble.remedy ?? '', /the login was not sent: add its address to urls/)
})

for (const [status, method, becomes] of [
  [301, 'POST', 'GET'],
  [302, 'POST', 'GET'],
  [303, 'PATCH', 'GET'],
  [302, 'PATCH', 'PATCH'],
  [307, 'POST', 'POST'],
  [308, 'PUT', 'PUT'],
] as const) {
  test(`after ${status} a ${method} becomes a ${becomes}`, async (t) => {
    const { client, server } = await openOne(t, ({ url }, response) => {
      if (url === '/there') json(response, {})
      else response.writeHead(status, { location: 'there' }).end()
    })
    await client.request('/here', { method, body: [1] })
    const body = becomes === 'GET' ? '' : '[1]'
    t.like(server.asked[1], { method: becomes, url: '/there', body })
    t.is(server.asked[1]?.headers['content-type'], body === '' ? undefined : 'application/json')
  })
}

test('the address that answered last is asked first; a bad one is left, once around', async (t) => {
  const away = await unusedUrl()
  const busy = await openHttpServer(t, (_, response) => json(response, {}, 503))
  const good = await openHttpServer(t, (_, response) => json(response, {}))
  const client = open(t, [away, busy.url, good.url])
  await client.json('/1')
  t.is(client.current(), good.url)
  await client.json('/2')
  t.deepEqual([busy.asked.length, good.asked.length], [1, 2])
  good.answer((_, response) => response.writeHead(502).end())
  busy.answer((_, response) => json(response, { back: true }))
  t.deepEqual(await client.json('/3'), { back: true })
  t.is(client.current(), busy.url)
})

test('when none answers, all are named, and the next request begins with another', async (t) => {
  const [one, two] = [await unusedUrl(), await unusedUrl()]
  const client = open(t, [one, two])
  const trouble = await troubleOf(t, client.json('/v2/info'))
  t.is(
    trouble.message,
    `Marathon does not answer GET /v2/info at ${one} (ECONNREFUSED), ${two} (ECONNREFUSED)`,
  )
  t.is(trouble.remedy, 'is it running, and is this its address?; it is tried again')
  t.is(client.current(), two)
})

test('of several bad ones the answer is told, not that another is away', async (t) => {
  const busy = await openHttpServer(t, (_, response) => json(response, { message: 'busy' }, 503))
  const client = open(t, [busy.url, await unusedUrl()])
  t.is((await client.request('/')).status, 503)
})

test('what changes something is not given to another address where it may have acted', async (t) => {
  const hangs = await openHttpServer(t, () => {})
  const good = await openHttpServer(t, (_, response) => json(response, {}))
  const away = await unusedUrl()
  const patch = { method: 'PATCH', body: { instances: 2 } } as const
  const client = open(t, [hangs.url, good.url])
  await troubleOf(t, client.request('/', { ...patch, timeoutMs: 1000 }))
  t.is(good.asked.length, 0)
  t.is((await client.request('/', patch)).status, 200, 'the next one begins elsewhere')
  t.is((await open(t, [away, good.url]).request('/', patch)).status, 200)
  hangs.answer((_, response) => json(response, {}, 503))
  t.is((await open(t, [hangs.url, good.url]).request('/', patch)).status, 200)
  const late = { message: 'Futures timed out after [30 seconds]' }
  hangs.answer((_, response) => json(response, late, 503))
  t.is((await open(t, [hangs.url, good.url]).request('/', patch)).status, 503)
  t.is((await open(t, [hangs.url, good.url]).request('/')).status, 200, 'to ask is no change')
})

test('a connection that was closed while it was kept alive is opened again', async (t) => {
  let sockets = 0
  const server = createServer((socket) => {
    sockets++
    let requests = 0
    socket.on('error', () => {})
    socket.on('data', () => {
      // As a server does whose idle time is over when the next request arrives.
      if (requests++ > 0) return socket.resetAndDestroy()
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const client = open(t, [`http://127.0.0.1:${(server.address() as AddressInfo).port}`])
  for (let i = 0; i < 3; i++) t.deepEqual(await client.json('/'), {})
  t.true(sockets >= 2)
})

test('connections are kept alive', async (t) => {
  const ports = new Set<number | undefined>()
  const server = await openHttpServer(t, (_, response) => {
    ports.add(response.socket?.remotePort)
    json(response, {})
  })
  const client = open(t, [server.url])
  for (let i = 0; i < 5; i++) await client.json('/')
  t.is(ports.size, 1)
})

test('a stream has no time limit once it has begun, and ends with its signal or the client', async (t) => {
  let isAsked = 0
  const { client } = await openOne(
    t,
    (_, response) => {
      isAsked++
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('one')
      setTimeout(() => response.write('two'), 2500)
    },
    { timeoutMs: 2000 },
  )
  const stop = new AbortController()
  const { body, url } = await client.stream('/v2/events', { signal: stop.signal })
  t.regex(url, /\/v2\/events$/)
  let got = ''
  await t.throwsAsync(async () => {
    for await (const chunk of body) {
      got += String(chunk)
      if (got === 'onetwo') stop.abort()
    }
  })
  t.is(got, 'onetwo')
  const second = await client.stream('/v2/events', {})
  await t.throwsAsync(async () => {
    for await (const _ of second.body) client.close()
  })
  await t.throwsAsync(client.json('/'), { message: 'the client of Marathon is closed' })
  t.is(isAsked, 2)
})

test('a caller who gives up gets his own reason', async (t) => {
  const { client } = await openOne(t, () => {})
  const reason = new Error('enough')
  const stop = new AbortController()
  setTimeout(() => stop.abort(reason), 50)
  await t.throwsAsync(client.json('/', { signal: stop.signal }), { is: reason })
  await t.throwsAsync(client.json('/', { signal: stop.signal }), { is: reason })
})

test('an address that is none, or holds a login, is refused at once, without showing it', (t) => {
  const openUrl = (url: string) => openHttp({ urls: [url], name: 'Marathon' })
  t.throws(() => openUrl('ftp://x'), {
    message: 'an address of Marathon does not begin with http:// or https://',
  })
  t.throws(() => openUrl('http://me:hidden@m1:8080'), {
    message: 'the address of Marathon at m1:8080 holds a login',
  })
})

test('a host without a name, a server that speaks no HTTP: told with a remedy', async (t) => {
  const unknown = open(t, ['http://no-such-host.invalid:8080'])
  const trouble = await troubleOf(t, unknown.json('/'))
  t.regex(`${trouble.message} ${trouble.remedy}`, /ENOTFOUND.*no such host|EAI_AGAIN.*DNS/)
  const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const strange = open(t, [`http://127.0.0.1:${(server.address() as AddressInfo).port}`])
  t.regex((await troubleOf(t, strange.json('/'))).remedy ?? '', /does not speak HTTP there/)
})

test('TLS: an unknown authority is named; with ca, and a client certificate, it answers', async (t) => {
  const dir = await tempDir(t)
  const pem = (name: string, subject: string) => {
    const [key, cert] = [join(dir, `${name}.key`), join(dir, `${name}.pem`)]
    execFileSync(
      'openssl',
      // prettier-ignore
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
        '-subj', subject, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
      { stdio: 'ignore' },
    )
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  }
  const own = pem('server', '/CN=marathon')
  const mine = pem('client', '/CN=mesoscope')
  const secure = { ...own, ca: mine.cert, requestCert: true, rejectUnauthorized: true }
  const server = await openHttpServer(t, (_, response) => json(response, { ok: 1 }), {
    create: (listener) => https.createServer(secure, listener),
  })
  const url = server.url.replace('http:', 'https:')
  const unknown = await troubleOf(t, open(t, [url]).json('/'))
  t.regex(`${unknown.message} ${unknown.remedy}`, /SELF_SIGNED_CERT.*under ca/)
  const withoutMine = await troubleOf(t, open(t, [url], { ca: own.cert }).json('/'))
  t.regex(`${withoutMine.message} ${withoutMine.remedy}`, /wants a client certificate: set cert/)
  const client = open(t, [url], { ca: own.cert, ...mine })
  t.deepEqual(await client.json('/'), { ok: 1 })
  const plain = await troubleOf(t, open(t, [server.url]).json('/'))
  t.regex(plain.message, /does not answer GET \//)
  const plainServer = await openHttpServer(t, (_, response) => json(response, {}))
  const tls = open(t, [plainServer.url.replace('http:', 'https:')])
  t.regex((await troubleOf(t, tls.json('/'))).remedy ?? '', /http instead of https/)
  for (const wrong of [{ ca: 'none' }, { cert: 'none' }, { key: 'none' }]) {
    t.throws(() => openHttp({ urls: [url], name: 'Marathon', ...wrong }), {
      message: 'Marathon: its certificates or key cannot be used',
    })
  }
})
