import test from 'ava'
import { Trouble } from '../../pipeline/errors.ts'
import { msToIso } from '../../pipeline/event.ts'
import { change, deadLetter, openInstance } from './shop.ts'
import { getJson, open } from './open.ts'

const now = Date.UTC(2026, 10, 22, 18, 30)

test('the health names the component in trouble; only red is a failure', async (t) => {
  const { url, state } = await open(t)
  t.is((await getJson(`${url}/healthz`)).status, 200)
  const mail = { name: 'mail', status: 'amber' as const, trouble: 'refused', remedy: 'wait' }
  state.health = { status: 'amber', components: [mail, { name: 'store', status: 'green' }] }
  const amber = await getJson(`${url}/healthz`)
  t.is(amber.status, 200)
  t.deepEqual(amber.body.trouble, ['mail'])
  state.health = { status: 'red', components: [{ ...mail, status: 'red' }] }
  t.is((await getJson(`${url}/healthz`)).status, 503)
  t.deepEqual((await getJson(`${url}/api/health`)).body, { ...state.health, processes: [] })
})

test('on a cluster the page shows the worst of all processes, /healthz its own', async (t) => {
  const well = { status: 'green' as const, components: [] }
  const process = (id: string, status: 'green' | 'amber' | 'red') => ({
    id,
    host: 'h',
    roles: ['processor'],
    atMs: now,
    health: { ...well, status },
    status,
    isSilent: false,
  })
  const processes = [process('1', 'red'), process('2', 'green')]
  const { url } = await open(t, { processes: () => processes })
  const { body } = await getJson(`${url}/api/health`)
  t.is(body.status, 'red')
  t.deepEqual(body.processes, processes)
  t.deepEqual(body.components, [{ name: 'store', status: 'green' }])
  t.is((await getJson(`${url}/healthz`)).status, 200)
})

test('the own metrics are those of the catalogue', async (t) => {
  const { url } = await open(t)
  await getJson(`${url}/api/logs`)
  const response = await fetch(`${url}/metrics`)
  t.regex(response.headers.get('content-type') ?? '', /^text\/plain/)
  t.regex(await response.text(), /mesoscope_search_seconds_count\{kind="search"\} 1\n/)
})

test('changes are found by service and kind; alerts have their history', async (t) => {
  const { url, store } = await open(t)
  const fired = { 'event.id': 'a', 'event.kind': 'alert', 'event.action': 'firing' } as const
  await store.appendLogs([
    openInstance('/shop/web', 'w', 'a'.repeat(64)).write(now, [['info', 'x']]),
  ])
  await store.putDocs('changes', [
    change(now, { 'service.name': '/shop/web' }),
    change(now, { ...fired, 'service.name': '/shop/web' }),
    change(now + 1, { 'event.id': 'b', 'service.name': '/shop/cart' }),
  ])
  const ids = async (query: string) =>
    (await getJson(`${url}/api/changes?${query}`)).body.changes.map(
      (one: Record<string, string>) => one['event.id'],
    )
  t.is((await ids('')).length, 3)
  t.deepEqual(await ids('service=web&kind=container'), [`change:container:${now}`])
  t.deepEqual(await ids('kind=alert'), ['a'])
  t.is((await getJson(`${url}/api/changes?kind=wedding`)).status, 400)
  const { body } = await getJson(`${url}/api/alerts`)
  t.deepEqual(body.alerts, [])
  t.is(body.history[0]['event.action'], 'firing')
})

test('what is missing or was not understood is listed', async (t) => {
  const { url, store } = await open(t)
  const instance = openInstance('/shop/web', 'w', 'a'.repeat(64))
  const [first, , third] = [0, 1, 2].map((at) =>
    instance.write(now + at * 1000, [['info', `${at}`]]),
  )
  if (first && third) await store.appendLogs([first, third])
  await store.putDocs('dead', [deadLetter(now)])
  const { gaps } = (await getJson(`${url}/api/gaps`)).body
  t.deepEqual(gaps[0].missing, [1, 1])
  t.is(gaps[0].service, '/shop/web')
  t.is((await getJson(`${url}/api/dead`)).body.dead[0].reason, 'not a json-file record')
})

test('the loss audit of a service and a time says complete, or each gap, and what is on its way', async (t) => {
  const lags = [
    { service: '/shop/web', input: 'docker:log:a', seconds: 12 },
    { service: '/other', input: '/logs/x', seconds: 40 },
  ]
  const components = [{ name: 'index', status: 'green' as const, behindSeconds: 3 }]
  const { url, store, state } = await open(t)
  state.health = { status: 'green', components, lags }
  const web = openInstance('/shop/web', 'w', 'a'.repeat(64))
  const cart = openInstance('/shop/cart', 'c', 'c'.repeat(64))
  const [first, , third] = [0, 1, 2].map((at) => web.write(now + at * 1000, [['info', `${at}`]]))
  if (first && third) await store.appendLogs([first, third, cart.write(now, [['info', 'x']])])
  const told = (id: string, service: string, lastRead: number, at: number) => ({
    '@timestamp': msToIso(at),
    'event.id': id,
    'event.kind': 'gap' as const,
    'event.action': 'rotated',
    message: id,
    'gap.last_read': msToIso(lastRead),
    'service.name': service,
  })
  await store.putDocs('changes', [
    told('cart', '/shop/cart', now + 10_000, now + 50_000),
    told('later', '/shop/web', now + 60_000, now + 70_000),
  ])
  const ask = async (query: string) => (await getJson(`${url}/api/gaps?${query}`)).body
  const shop = await ask(`service=web&from=${now}&to=${now + 5000}`)
  t.like(shop, { complete: false, sources: 1, lines: 2, behindSeconds: 3, lags: [lags[0]] })
  t.deepEqual(shop.gaps[0].missing, [1, 1])
  t.deepEqual(shop.told, [])
  const before = await ask(`service=cart&from=${now}&to=${now + 5000}`)
  t.like(before, { complete: true, sources: 1, lines: 1, told: [], lags: [] })
  const within = await ask(`service=cart&from=${now + 20_000}&to=${now + 30_000}`)
  t.is(within.complete, false, 'a gap that was told reaches over the whole time')
  t.is(within.told[0]['event.id'], 'cart')
  t.is((await getJson(`${url}/api/services?to=${now + 5000}`)).body.services[0].behindSeconds, 12)
})

test('the buckets of a signal', async (t) => {
  const { url, store } = await open(t)
  const bucket = { signal: 'errors', group: { service: '/shop/web' }, from: now, to: now + 5000 }
  await store.putBuckets([{ ...bucket, partition: 0, count: 3, lastMs: now }])
  const { body } = await getJson(`${url}/api/signals/errors?from=${now}&to=${now + 1}`)
  t.is(body.buckets[0].count, 3)
  t.deepEqual((await getJson(`${url}/api/signals/other`)).body.buckets, [])
})

test('the demo shows its mails, newest first; elsewhere there are none', async (t) => {
  const mail = { from: 'a', to: 'b', subject: 's', messageId: '<1>', text: 'x', receivedAt: 1 }
  const demo = await open(t, { mails: () => [mail, { ...mail, receivedAt: 2 }] })
  const { body } = await getJson(`${demo.url}/api/mails`)
  t.deepEqual([body.demo, body.mails[0].receivedAt], [true, 2])
  const plain = await open(t)
  t.deepEqual((await getJson(`${plain.url}/api/mails`)).body, { demo: false, mails: [] })
  t.deepEqual((await getJson(`${plain.url}/api/demo/faults`)).body, { demo: false, faults: [] })
})

test('a failing store: later may help is 503; a defect is 500 and tells nothing of its inside', async (t) => {
  const away = new Trouble('the store is away', { remedy: 'wait', retryable: true })
  const { url, state } = await open(t, {
    alerts: () => {
      throw failure
    },
  })
  t.truthy(state)
  let failure: Error = away
  const retryable = await getJson(`${url}/api/alerts`)
  t.deepEqual([retryable.status, retryable.body], [503, { error: away.message, remedy: 'wait' }])
  failure = new TypeError('cannot read secret of undefined')
  const defect = await getJson(`${url}/api/alerts`)
  t.is(defect.status, 500)
  t.deepEqual(defect.body, { error: 'the server failed to answer', remedy: 'see its log' })
})

test('the page and its libraries are served, and nothing else of the disk', async (t) => {
  const { url } = await open(t)
  t.regex(await (await fetch(`${url}/`)).text(), /<script type="module" src="app.js">/)
  for (const name of ['preact.js', 'hooks.js', 'htm.js', 'uplot.js', 'uplot.css']) {
    const response = await fetch(`${url}/vendor/${name}`)
    t.is(response.status, 200)
    const bare = /(?:from|import)\s*["'](?:preact|htm|uplot)/.test(await response.text())
    t.false(bare, 'browsers understand relative imports only')
    const etag = response.headers.get('etag') ?? ''
    const again = await fetch(`${url}/vendor/${name}`, { headers: { 'if-none-match': etag } })
    t.is(again.status, 304)
  }
  for (const path of [
    '/../server.ts',
    '/..%2fserver.ts',
    '/%2e%2e/server.ts',
    '/.git/config',
    '/nothing',
  ]) {
    const { status, body } = await getJson(url + path)
    t.true(status === 404 || status === 403 || status === 400, `${path}: ${status}`)
    t.is(typeof body.error, 'string')
  }
})

test('rules with their health; where none are known there are none', async (t) => {
  const rules = [{ alert: 'A', when: 'errors > 1', active: 2, lastEvaluation: 5, durationMs: 0.1 }]
  const { url } = await open(t, { rules: () => ({ rules, through: 5 }) })
  t.deepEqual(await (await fetch(`${url}/api/rules`)).json(), { rules, through: 5 })
  const other = await open(t)
  t.deepEqual(await (await fetch(`${other.url}/api/rules`)).json(), { rules: [] })
})
