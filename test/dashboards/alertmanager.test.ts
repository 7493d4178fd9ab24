import { readFileSync } from 'node:fs'
import test from 'ava'
import { manualClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { memoryDesk } from '../helpers/desk.ts'
import { differences, shapeOf } from '../helpers/shape.ts'
import { comparable, config, missingSteps, sessions } from './alertmanager-story.ts'
import { good, now, openDesk, silence } from './alertmanager-scene.ts'
import { open } from './open.ts'

test('the captured sessions of amtool and others: the same answers', async (t) => {
  const { ask } = await openDesk(t)
  const ids = new Map<string, string>()
  for (const { id, http } of sessions.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const missing = missingSteps[id]
    if (missing) {
      const { status, body } = await ask('POST', missing.path, comparableIds(missing.body, ids))
      t.is(status, 200, id)
      if (missing.silenceID !== undefined) ids.set(missing.silenceID, body.silenceID)
    }
    for (const { method, path, body, response } of http) {
      if (path === '/nosuch') continue
      const sent = body === null ? undefined : comparableIds(body, ids)
      const got = await ask(method, withIds(path, ids), sent)
      const { silenceID } = (response.body ?? {}) as { silenceID?: string }
      if (silenceID !== undefined) ids.set(silenceID, got.body.silenceID)
      t.is(got.status, response.status, `${id} ${method} ${path}`)
      t.is(got.type, response.contentType, id)
      if (path === '/api/v2/status') {
        const [real, ours] = [JSON.stringify(response.body), got.text]
        t.deepEqual(differences(shapeOf([real]), shapeOf([ours])), [])
      } else {
        t.deepEqual(told(comparable(got.body, ids)), told(comparable(response.body, ids)), id)
      }
    }
  }
  t.is(ids.size, 2)
})

const withIds = (text: string, ids: ReadonlyMap<string, string>) =>
  [...ids].reduce((sofar, [theirs, ours]) => sofar.replaceAll(theirs, ours), text)
const comparableIds = (body: unknown, ids: ReadonlyMap<string, string>) =>
  withIds(JSON.stringify(body), ids)
/** How a body cannot be read is told in the words of who reads it. */
function told(body: unknown): unknown {
  const { message } = (body ?? {}) as { message?: string }
  const [, start] = /^(parsing .* failed, because )/.exec(message ?? '') ?? []
  return start === undefined ? body : { ...(body as object), message: start }
}

test('what a real Prometheus posted: taken, re-posted, and gone when it is resolved', async (t) => {
  const fixture = new URL(
    '../fixtures/oracles/alertmanager/posts-to-alertmanager.json',
    import.meta.url,
  )
  const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as {
    cases: { posts: { body: { labels: Record<string, string> }[]; epoch: number }[] }[]
  }
  for (const { posts } of cases) {
    const { clock, post, named } = await openDesk(t)
    clock.set((posts[0]?.epoch ?? 0) * 1000)
    const states: string[] = []
    for (const { body, epoch } of posts) {
      clock.set(epoch * 1000)
      t.is((await post('/api/v2/alerts', body)).status, 200)
      const names: string[] = await named('')
      states.push(names.toSorted().join(' '))
    }
    t.true(states.includes('Always Toggle'))
    t.true(states.lastIndexOf('Always') > states.indexOf('Always Toggle'), 'Toggle was resolved')
  }
})

test('v1 is gone, whoever asks', async (t) => {
  const { ask } = await openDesk(t)
  for (const [method, body] of [
    ['GET', undefined],
    ['POST', '[]'],
  ] as const) {
    const answer = await ask(method, '/api/v1/alerts', body)
    t.like(answer, { status: 410, body: { status: 'deprecated' } })
  }
})

test('a process without a desk says so, and is alive', async (t) => {
  const { url } = await open(t)
  for (const path of ['status', 'receivers', 'alerts', 'alerts/groups', 'silences']) {
    const response = await fetch(`${url}/api/v2/${path}`)
    t.deepEqual([response.status, await response.json()], [501, 'this process does not notify'])
  }
  t.is(await (await fetch(`${url}/-/healthy`)).text(), 'OK')
})

test('a desk that cannot write now: 503; one that refuses: 400; one that breaks: 500', async (t) => {
  let error: Error = new Trouble('the bus is away', { retryable: true })
  const fails = async () => {
    throw error
  }
  const desk = {
    ...memoryDesk(config, manualClock(now)),
    post: fails,
    setSilence: fails,
    expireSilence: fails,
  }
  const { post, ask } = await openDesk(t, { desk })
  t.like(await post('/api/v2/alerts', [good]), { status: 503, body: 'the bus is away' })
  error = new Trouble('too many silences')
  t.like(await post('/api/v2/silences', silence({})), { status: 400, body: 'too many silences' })
  error = new Error('secret')
  const id = '00000000-0000-4000-8000-000000000000'
  const { status, text } = await ask('DELETE', `/api/v2/silence/${id}`)
  t.is(status, 500)
  t.notRegex(text, /secret/)
})

test('with a token nothing is open but that we live', async (t) => {
  const { get, post } = await openDesk(t, { token: 'open-sesame' })
  t.is((await get('/-/ready')).status, 200)
  t.is((await get('/api/v2/alerts')).status, 401)
  t.like(await post('/api/v2/alerts', []), { status: 401, body: { code: 401 } })
  t.is((await post('/api/v2/alerts', [], { authorization: 'Bearer open-sesame' })).status, 200)
})

test('a page from elsewhere changes nothing, with or without JSON', async (t) => {
  const { ask, post, desk } = await openDesk(t)
  for (const headers of [
    { origin: 'https://evil.test' },
    { origin: 'null' },
    { cookie: 'mesoscope_session=x' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    t.is((await post('/api/v2/alerts', [good], headers)).status, 403, JSON.stringify(headers))
    t.is((await ask('DELETE', '/api/v2/silence/x', undefined, headers)).status, 403)
  }
  t.is((await ask('POST', '/api/v2/alerts', '[]', { 'content-type': 'text/plain' })).status, 415)
  t.deepEqual(desk.alerts(), [])
  const ours = { 'x-mesoscope': '1', origin: 'http://karma.test' }
  t.is((await post('/api/v2/alerts', [good], ours)).status, 200)
})
