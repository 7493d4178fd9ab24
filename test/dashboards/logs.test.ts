import test from 'ava'
import { niceStep } from '../../dashboards/routes/logs.ts'
import { manualClock } from '../../pipeline/clock.ts'
import { msToIso, type Level } from '../../pipeline/event.ts'
import { getJson, open } from './open.ts'
import { openInstance } from './shop.ts'

const now = Date.UTC(2026, 10, 22, 18, 30)
const web = 'a'.repeat(64)
const lines: [Level, string][] = Array.from({ length: 10 }, (_, at) => [
  at % 5 === 0 ? 'error' : 'info',
  `GET /cart/${at} ${at % 5 === 0 ? 502 : 200}`,
])

async function shop(t: Parameters<typeof open>[0]) {
  const opened = await open(t, { clock: manualClock(now) })
  await opened.store.appendLogs([
    openInstance('/shop/web', 'web.1', web).write(now - 60_000, lines),
    openInstance('/shop/cart', 'cart.1', 'b'.repeat(64)).write(now - 60_000, [
      ['warn', 'cart is slow'],
    ]),
    openInstance('/admin/web', 'web.2', 'c'.repeat(64)).write(now - 7_200_000, [
      ['info', 'long ago'],
    ]),
  ])
  return opened
}
const messages = (body: { hits: { message: string }[] }) => body.hits.map(({ message }) => message)

test('lines are found by service, level, query, task, pattern and time', async (t) => {
  const { url } = await shop(t)
  const found = async (query: string) => messages((await getJson(`${url}/api/logs?${query}`)).body)
  t.is((await found('')).length, 12)
  t.is((await found('from=15m')).length, 11)
  t.is((await found('service=cart&service=/shop/web')).length, 11)
  t.deepEqual(await found('service=/shop/web&level=error'), ['GET /cart/5 502', 'GET /cart/0 502'])
  t.deepEqual(await found('query=slow'), ['cart is slow'])
  t.deepEqual(await found('task=cart.1'), ['cart is slow'])
  t.deepEqual(await found('grep=cart/[12]&order=asc'), ['GET /cart/1 200', 'GET /cart/2 200'])
})

test('a short name finds its service; one that can mean two gives the choice', async (t) => {
  const { url } = await shop(t)
  t.deepEqual((await getJson(`${url}/api/logs?service=cart`)).body.services, ['/shop/cart'])
  const two = await getJson(`${url}/api/logs?service=web`)
  t.is(two.status, 300)
  t.deepEqual(two.body, {
    error: '"web" can mean 2 services',
    remedy: 'give one of them in full: /admin/web, /shop/web',
    matches: ['/admin/web', '/shop/web'],
  })
  const none = await getJson(`${url}/api/logs?service=wep`)
  t.is(none.status, 404)
  t.regex(none.body.remedy, /services are \/admin\/web, \/shop\/cart, \/shop\/web/)
})

test('pages go on where the one before ended, in the range of the first one', async (t) => {
  const clock = manualClock(now)
  const { url, store } = await open(t, { clock })
  const instance = openInstance('/shop/web', 'web.1', web)
  await store.appendLogs([instance.write(now - 60_000, lines)])
  const first = await getJson(`${url}/api/logs?service=web&from=1m&limit=4`)
  t.is(first.body.from, now - 60_000)
  // Time goes by and a line comes: "one minute ago" must stay what it was.
  clock.set(now + 30_000)
  await store.appendLogs([instance.write(now + 1000, [['info', 'new']])])
  const rest = []
  for (let next = first.body.next; next;) {
    const url4 = `${url}/api/logs?service=web&from=1m&limit=4&cursor=${encodeURIComponent(next)}`
    const { body } = await getJson(url4)
    rest.push(...messages(body))
    next = body.next
  }
  t.deepEqual([...messages(first.body), ...rest], lines.map(([, message]) => message).toReversed())
  t.is((await getJson(`${url}/api/logs?cursor=nonsense`)).status, 400)
  t.is((await getJson(`${url}/api/logs?cursor=1.2.nonsense`)).status, 400)
})

test('the context of a line is what its container wrote around it', async (t) => {
  const { url } = await shop(t)
  const { body } = await getJson(`${url}/api/logs?service=/shop/web&query=502&limit=1`)
  const id = encodeURIComponent(body.hits[0]['event.id'])
  const context = await getJson(`${url}/api/logs/context?id=${id}&before=2&after=1`)
  t.deepEqual(
    context.body.lines.map(({ message }: { message: string }) => message),
    ['GET /cart/3 200', 'GET /cart/4 200', 'GET /cart/5 502', 'GET /cart/6 200'],
  )
  const missing = await getJson(`${url}/api/logs/context?id=${web}:o:1:0`)
  t.is(missing.status, 404)
  t.is((await getJson(`${url}/api/logs/context`)).body.error, '"id" is missing')
})

test('the histogram counts by level in steps that fit the range', async (t) => {
  const { url } = await shop(t)
  const { body } = await getJson(`${url}/api/histogram?service=/shop/web&from=10m`)
  t.is(body.bucketMs, 5000)
  t.is(body.total, 10)
  t.deepEqual(body.buckets, [{ from: now - 60_000, levels: { error: 2, info: 8 } }])
  const tooMany = await getJson(`${url}/api/histogram?from=7d&bucket=1s`)
  t.is(tooMany.status, 400)
  t.regex(tooMany.body.remedy, /widen "bucket"/)
})

test('steps are those of a clock', (t) => {
  const minute = 60_000
  t.is(niceStep(15 * minute, 120), 10_000)
  t.is(niceStep(60 * minute, 120), 30_000)
  t.is(niceStep(24 * 60 * minute, 120), 30 * minute)
  t.is(niceStep(400 * 24 * 60 * minute, 120), 4 * 24 * 60 * minute)
})

test('a query that cannot be read is the asker’s fault, in words', async (t) => {
  const { url } = await shop(t)
  for (const path of ['/api/logs', '/api/histogram', '/api/tail']) {
    const { status, body } = await getJson(`${url}${path}?query=a%20AND%20(b`)
    t.is(status, 400)
    t.regex(body.error, /cannot read the query/)
    t.truthy(body.remedy)
  }
})

test('every answer carries the server’s time and is not kept', async (t) => {
  const { url } = await shop(t)
  const { headers } = await getJson(`${url}/api/logs`)
  t.is(headers.get('x-mesoscope-now'), String(now))
  t.is(headers.get('cache-control'), 'no-store')
})

test('hostile bytes come back as they were, as JSON', async (t) => {
  const { url, store } = await open(t)
  const hostile = '<script>alert(1)</script> \u001b[31mred \u0000 \u202e'
  await store.appendLogs([openInstance('/x', 'x.1', web).write(now, [['info', hostile]])])
  const { headers, body } = await getJson(`${url}/api/logs?service=x`)
  t.regex(headers.get('content-type') ?? '', /^application\/json/)
  t.is(body.hits[0].message, hostile)
  t.is(body.hits[0]['@timestamp'], msToIso(now))
})
