import test, { type ExecutionContext } from 'ava'
import { manualClock } from '../../pipeline/clock.ts'
import { memoryScalingDesk } from '../helpers/scaling-desk.ts'
import { getJson, open } from './open.ts'

const now = Date.UTC(2026, 10, 22, 18, 30)
const hour = 3_600_000

async function running(t: ExecutionContext, options: Parameters<typeof open>[1] = {}) {
  const clock = manualClock(now)
  const desk = memoryScalingDesk(clock)
  const services = ['/shop/web', '/shop/db', '/other/web']
  const { url } = await open(t, {
    clock,
    scaling: () => services.map((service) => ({ service })),
    scalingDesk: desk,
    ...options,
  })
  const post = (path: string, body: unknown, headers: Record<string, string> = own) =>
    getJson(`${url}/api/scaling/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  return { url, desk, clock, post }
}

const own = { 'x-mesoscope': '1' }
const said = { by: 'ana', reason: 'deploy of 4.2' }

test('a service is paused for four hours, by its short name too, and resumed', async (t) => {
  const { url, desk, clock, post } = await running(t)
  const { status, body } = await post('pause', { service: 'db', ...said })
  t.is(status, 200)
  t.like(body.pause, {
    service: '/shop/db',
    direction: 'both',
    ...said,
    fromMs: now,
    untilMs: now + 4 * hour,
  })
  t.deepEqual((await getJson(`${url}/api/scaling`)).body.pauses, [body.pause])
  const all = await post('pause', { all: true, direction: 'down', for: '1d12h', ...said })
  t.like(all.body.pause, { service: '*', direction: 'down', untilMs: now + 36 * hour })
  const ended = await post('resume', { service: '/shop/db', by: 'bo' })
  t.deepEqual(ended.body, { service: '/shop/db', ended: body.pause, others: [all.body.pause] })
  t.deepEqual((await post('resume', { service: 'db', by: 'bo' })).body, {
    service: '/shop/db',
    others: [all.body.pause],
  })
  t.deepEqual((await post('resume', { all: true, by: 'bo' })).body, {
    service: '*',
    ended: all.body.pause,
    others: [],
  })
  await post('pause', { service: 'db', ...said })
  clock.set(now + 4 * hour)
  t.deepEqual(desk.pauses(), [])
})

test('what is no request is refused with the field that is wrong', async (t) => {
  const { desk, post } = await running(t)
  const db = { service: 'db', ...said }
  const cases: [unknown, number, RegExp][] = [
    [null, 400, /no JSON object/],
    [[], 400, /no JSON object/],
    [{ ...db, direktion: 'up' }, 400, /unknown field "direktion"/],
    [said, 400, /which service is meant\?/],
    [{ ...db, all: true }, 400, /which service is meant\?/],
    [{ ...db, service: '*' }, 400, /"service" is "\*"/],
    [{ ...db, service: 7 }, 400, /"service" is 7/],
    [{ ...said, all: 'yes' }, 400, /"all" is "yes"/],
    [{ ...db, direction: 'sideways' }, 400, /"direction" is "sideways"/],
    [{ ...db, for: 3600 }, 400, /"for" is 3600/],
    [{ ...db, for: '0' }, 400, /"for" is "0"/],
    [{ ...db, for: '31d' }, 400, /"for" is "31d"/],
    [{ service: 'db', reason: 'x' }, 400, /"by" is missing/],
    [{ ...db, reason: ' ' }, 400, /"reason" is " "/],
    [{ ...db, reason: 'x'.repeat(501) }, 400, /"reason" is "x+/],
    [{ ...db, service: 'cart' }, 404, /"cart" is not scaled/],
    [{ ...db, service: 'web' }, 300, /"web" can mean 2 services/],
  ]
  for (const [asked, status, error] of cases) {
    const answer = await post('pause', asked)
    t.is(answer.status, status, JSON.stringify(asked))
    t.regex(answer.body.error, error)
  }
  const { body } = await post('pause', { ...db, for: '31d' })
  t.is(body.remedy, 'give a length such as 30m, 2h or 1d, at most 30d')
  t.is((await post('resume', { service: 'db' })).status, 400)
  t.deepEqual(desk.pauses(), [])
})

test('a page from elsewhere, who has no token, and a process that knows nobody who scales cannot pause', async (t) => {
  const { desk, post } = await running(t, { token: 'secret' })
  const asked = { service: 'db', ...said }
  t.is((await post('pause', asked)).status, 401)
  const bearer = { authorization: 'Bearer secret' }
  t.is((await post('pause', asked, bearer)).status, 403, 'without our header')
  t.is((await post('pause', asked, { ...bearer, ...own })).status, 200)
  t.is(desk.pauses().length, 1)
  const { url } = await open(t, { scaling: () => [{ service: '/shop/db' }] })
  t.deepEqual((await getJson(`${url}/api/scaling`)).body.pauses, [])
  const init = { method: 'POST', headers: { 'content-type': 'application/json', ...own } }
  const body = JSON.stringify(asked)
  t.is((await getJson(`${url}/api/scaling/pause`, { ...init, body })).status, 501)
})

test('that nobody takes it is said, and may be tried again', async (t) => {
  const { desk, post } = await running(t)
  desk.isAway = true
  const { status, body } = await post('pause', { service: 'db', ...said })
  t.deepEqual([status, body.error], [503, 'nobody has taken it yet'])
})
