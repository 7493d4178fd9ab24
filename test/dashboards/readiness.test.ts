import test from 'ava'
import { wallClock } from '../../pipeline/clock.ts'
import type { ServicePosture } from '../../pipeline/posture.ts'
import { getJson, open } from './open.ts'
import { openInstance } from './shop.ts'

const posture: ServicePosture = {
  v: 1,
  service: '/shop/web',
  findings: { root: { found: true, detail: 'no user is named', sinceMs: 1 } },
  accept: ['root'],
  containers: 1,
  app: true,
  identity: { service: '/shop/web', owner: 'shop' },
  heardMs: 1,
}
const postures = {
  get: (service: string) => (service === posture.service ? posture : undefined),
  services: () => [posture.service],
}

test('readiness is told for a service by any part of its name that is clear', async (t) => {
  const rule = { alert: 'ErrorsHigh', reads: ['errors'], labels: {} }
  const { url, store } = await open(t, { postures, covering: () => [rule], retentionClasses: [] })
  const web = openInstance('/shop/web', 'web.1', 'a'.repeat(64))
  await store.appendLogs([web.write(wallClock.now() - 5000, [['info', 'x']])])
  const { status, body } = await getJson(`${url}/api/readiness?service=web`)
  t.is(status, 200)
  t.like(body.readiness, { service: '/shop/web', fit: false })
  const by = Object.fromEntries(
    body.readiness.points.map((one: { point: string; status: string }) => [one.point, one.status]),
  )
  t.like(by, {
    root: 'accepted',
    privileged: 'unknown',
    logs: 'ok',
    'alert-rule': 'ok',
    owner: 'ok',
    runbook: 'missing',
    retention: 'ok',
  })
})

test('a service that never wrote, and of which a container is known, has a readiness', async (t) => {
  const { url } = await open(t, { postures })
  const { body } = await getJson(`${url}/api/readiness?service=/shop/web`)
  t.is(
    body.readiness.points.find((one: { point: string }) => one.point === 'logs').status,
    'missing',
  )
})

test('without a service, or with one that nobody knows, it is refused', async (t) => {
  const { url } = await open(t, { postures })
  t.is((await getJson(`${url}/api/readiness`)).status, 400)
  t.is((await getJson(`${url}/api/readiness?service=nobody`)).status, 404)
  t.is((await getJson(`${url}/api/readiness?service=web&x=1`)).status, 400)
})
