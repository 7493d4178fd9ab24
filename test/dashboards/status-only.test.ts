import test from 'ava'
import { openStatus } from '../../dashboards/server.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { healthOf } from '../../pipeline/health.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'

/* What a process shows that has no page. */

const options = {
  health: () => healthOf([{ name: 'index', trouble: () => 'Elasticsearch is away', vital: true }]),
  metrics: openMetrics(),
  clock: wallClock,
  log: silentLog,
  listen: { host: '127.0.0.1', port: 0 },
}

test('health and metrics, and where the page is not', async (t) => {
  const { url, close } = await openStatus(options)
  t.teardown(close)
  const health = await fetch(`${url}/healthz`)
  t.is(health.status, 503)
  t.deepEqual(((await health.json()) as { trouble: string[] }).trouble, ['index'])
  t.is((await fetch(`${url}/livez`)).status, 200, 'it works, though it is of no use')
  const metrics = await fetch(`${url}/metrics`)
  t.is(metrics.status, 200)
  t.regex(await metrics.text(), /mesoscope_/)
  for (const path of ['/', '/api/services', '/api/tail']) {
    const nothing = await fetch(`${url}${path}`)
    t.is(nothing.status, 404)
    t.regex(await nothing.text(), /the page is at another/)
  }
})

test('beyond this machine only with a token, and health without one', async (t) => {
  const listen = { host: '0.0.0.0', port: 0 }
  await t.throwsAsync(openStatus({ ...options, listen }), { instanceOf: Trouble })
  const { url, close } = await openStatus({ ...options, listen, token: 'a-token-of-ours' })
  t.teardown(close)
  const reach = url.replace('0.0.0.0', '127.0.0.1')
  t.is((await fetch(`${reach}/healthz`)).status, 503)
  t.is((await fetch(`${reach}/livez`)).status, 200)
  t.is((await fetch(`${reach}/metrics`)).status, 401)
  const headers = { authorization: 'Bearer a-token-of-ours' }
  t.is((await fetch(`${reach}/metrics`, { headers })).status, 200)
})
