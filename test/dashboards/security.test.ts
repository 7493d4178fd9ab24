import { request } from 'node:http'
import test from 'ava'
import { explain, Trouble } from '../../pipeline/errors.ts'
import { checkListening } from '../../dashboards/security.ts'
import { isLoopback } from '../../pipeline/loopback.ts'
import { getJson, open } from './open.ts'

for (const host of ['127.0.0.1', '127.8.0.1', '::1', '[::1]', 'localhost', 'a.localhost']) {
  test(`${host} is this machine`, (t) => t.true(isLoopback(host)))
}
for (const host of [
  '0.0.0.0',
  '::',
  '10.0.0.1',
  'localhost.evil.test',
  '127.0.0.1.evil.test',
  '',
]) {
  test(`"${host}" may be reached by others`, (t) => {
    t.false(isLoopback(host))
    const error = t.throws(() => checkListening({ host, token: undefined, publicUrl: undefined }))
    t.true(error instanceof Trouble)
    t.regex(explain(error), /without authentication: set a token/)
    t.notThrows(() => checkListening({ host, token: 'secret', publicUrl: undefined }))
  })
}

/** The status of a GET with this Host header; fetch does not let one choose it. */
function statusFor(url: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/api/services`, { headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.on('error', reject).end()
  })
}

test('without a token a foreign Host name is refused (DNS rebinding)', async (t) => {
  const { url } = await open(t, { publicUrl: 'https://logs.shop.test' })
  t.is(await statusFor(url, new URL(url).host), 200)
  t.is(await statusFor(url, 'localhost:1'), 200)
  t.is(await statusFor(url, 'logs.shop.test'), 200)
  t.is(await statusFor(url, 'evil.test'), 403)
  t.is(await statusFor(url, '127.0.0.1.evil.test'), 403)
  t.is(await statusFor(url, ':::'), 403)
})

test('what changes something needs our header (CSRF)', async (t) => {
  const applied: string[] = []
  const faults = {
    list: () => [{ name: 'errors', sentence: 'The web service fails' }],
    apply: async (name: string) => void applied.push(name),
  }
  const { url } = await open(t, { faults })
  const post = (name: string, headers: Record<string, string>) =>
    getJson(`${url}/api/demo/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ name }),
    })
  const refused = await post('errors', {})
  t.is(refused.status, 403)
  t.regex(refused.body.remedy, /x-mesoscope: 1/)
  t.deepEqual(applied, [])
  const unknown = await post('flood', { 'x-mesoscope': '1' })
  t.is(unknown.status, 400)
  t.deepEqual(unknown.body, { error: '"flood" is no fault', remedy: 'faults are errors' })
  t.is((await post('errors', { 'x-mesoscope': '1' })).status, 200)
  t.deepEqual(applied, ['errors'])
})

test('with a token every route but the health asks for it', async (t) => {
  const { url } = await open(t, { token: 'open sesame'.replace(' ', '-') })
  const paths = [
    '/api/services',
    '/api/logs',
    '/api/tail',
    '/metrics',
    '/app.js',
    '/nothing',
    '/vendor/preact.js',
  ]
  for (const path of paths) {
    const { status, headers } = await getJson(url + path)
    t.is(status, 401, path)
    t.is(headers.get('www-authenticate'), 'Bearer realm="mesoscope"')
  }
  t.is((await getJson(`${url}/healthz`)).status, 200)
  t.is((await getJson(`${url}//healthz`)).status, 401)
  const wrong = { authorization: 'Bearer open-sesam' }
  t.is((await getJson(`${url}/api/services`, { headers: wrong })).status, 401)
  const right = { authorization: 'Bearer open-sesame' }
  t.is((await getJson(`${url}/api/services`, { headers: right })).status, 200)
})

test('a browser logs in by a form and gets a cookie that is not the token', async (t) => {
  const { url } = await open(t, { token: 'open-sesame', publicUrl: 'https://logs.shop.test' })
  const first = await fetch(`${url}/`, { redirect: 'manual' })
  t.deepEqual([first.status, first.headers.get('location')], [302, '/login'])
  t.regex(await (await fetch(`${url}/login`)).text(), /type="password"/)
  const login = (token: string) =>
    fetch(`${url}/login`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ token }),
    })
  const wrong = await login('open')
  t.deepEqual([wrong.status, wrong.headers.get('location')], [303, '/login?wrong=1'])
  t.is(wrong.headers.get('set-cookie'), null)
  const right = await login('open-sesame')
  t.deepEqual([right.status, right.headers.get('location')], [303, '/'])
  const cookie = right.headers.get('set-cookie') ?? ''
  t.regex(cookie, /HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/)
  t.notRegex(cookie, /sesame/)
  const headers = { cookie: `other=1; ${cookie.split(';')[0]}` }
  t.is((await getJson(`${url}/api/services`, { headers })).status, 200)
  t.is((await fetch(`${url}/`, { headers })).status, 200)
})

test('every answer forbids inline scripts, sniffing, framing and referrers', async (t) => {
  const { url } = await open(t)
  for (const path of ['/', '/api/services', '/api/nothing', '/vendor/uplot.js', '/healthz']) {
    const { headers } = await fetch(url + path)
    const policy = headers.get('content-security-policy') ?? ''
    t.regex(policy, /default-src 'none'; script-src 'self'; style-src 'self'/, path)
    t.regex(policy, /frame-ancestors 'none'/)
    t.notRegex(policy, /unsafe/)
    t.is(headers.get('x-content-type-options'), 'nosniff')
    t.is(headers.get('referrer-policy'), 'no-referrer')
  }
})

test('a port in use is named', async (t) => {
  const { url } = await open(t)
  const port = Number(new URL(url).port)
  const error = await t.throwsAsync(open(t, { listen: { host: '127.0.0.1', port } }))
  t.regex(explain(error), new RegExp(`^port ${port} on 127.0.0.1 is in use: stop what uses it`))
})
