import test, { type ExecutionContext } from 'ava'
import { openForwarding } from '../../alerting/forwarding.ts'
import { openHeartbeat } from '../../alerting/heartbeat.ts'
import type { OwnedState } from '../../alerting/records.ts'
import { fingerprintOf } from '../../alerting/rules/rule.ts'
import type { AlertState } from '../../alerting/rules/state.ts'
import { openAlertmanager, openHeartbeatChannel } from '../../alerting/ways.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { json, openHttpServer } from '../helpers/http-server.ts'
import { until } from './world.ts'

interface Post {
  url: string
  body: unknown
}

/** A server that takes what it is given, unless told otherwise. */
async function openServer(t: ExecutionContext) {
  const posts: Post[] = []
  const state = { code: 200 }
  const { url } = await openHttpServer(t, (asked, response) => {
    if (state.code === 200) posts.push({ url: asked.url, body: JSON.parse(asked.body) })
    json(response, {}, state.code)
  })
  return { posts, state, url }
}

function alertsOf(post: Post | undefined) {
  return (post?.body ?? []) as { labels: object; endsAt: string }[]
}

const facts = { alert: 'Slow', when: 'x > 1', forMs: 0, lowIsWorse: false, signals: [] }

function stateOf(alertname: string, more: Partial<AlertState> = {}): OwnedState {
  const now = Date.now()
  const labels = { alertname, service: '/web' }
  const alert: AlertState = {
    fingerprint: fingerprintOf(labels),
    labels,
    group: { service: '/web' },
    value: 7,
    signals: {},
    lastMs: now,
    annotations: { summary: 'slow' },
    state: 'firing',
    activeAt: now - 2000,
    firedAt: now - 1000,
    peak: 7,
    ...more,
  }
  return { rule: 'r', facts, alert }
}

test('an Alertmanager is given what fires, is over, and goes on; what it did not take again', async (t) => {
  const { posts, state, url } = await openServer(t)
  let states = [stateOf('Slow'), stateOf('Waiting', { state: 'pending' })]
  let shift = 0
  const clock = { ...wallClock, now: () => Date.now() + shift }
  state.code = 503
  const forwarding = openForwarding({
    channels: [openAlertmanager({ url }, { clock })],
    states: () => states,
    intervalMs: 5000,
    publicUrl: () => 'http://logs.test',
    clock,
    metrics: openMetrics(),
    log: silentLog,
    pollMs: 5,
  })
  t.teardown(() => forwarding.close())
  await until('trouble', () => forwarding.trouble())
  t.regex(forwarding.trouble() ?? '', /does not take alerts/)
  state.code = 200
  await until('it is taken', () => posts.length === 1)
  const [post] = posts
  t.is(post?.url, '/api/v2/alerts')
  const [alert, ...others] = alertsOf(post)
  t.deepEqual(others, [])
  t.like(alert, { labels: { alertname: 'Slow', service: '/web' } })
  t.true(Date.parse(alert?.endsAt ?? '') > Date.now() + 200_000)
  await until('no trouble', () => forwarding.trouble() === undefined)

  shift = 61_000
  await until('it is told again after a minute', () => posts.length === 2)
  states = [stateOf('Slow', { ...states[0]?.alert, state: 'inactive', resolvedAt: clock.now() })]
  await until('its end is told', () => posts.length === 3)
  const [over] = alertsOf(posts[2])
  t.true(Date.parse(over?.endsAt ?? '') <= clock.now())
})

test('a heartbeat goes out while all is well, and only then', async (t) => {
  const { posts, url } = await openServer(t)
  let ill: string | undefined
  const settings = { url: `${url}/ping`, everyMs: 10 }
  const heartbeat = openHeartbeat({
    channel: openHeartbeatChannel(settings, { clock: wallClock }),
    everyMs: 10,
    ill: () => ill,
    publicUrl: () => undefined,
    clock: wallClock,
  })
  t.teardown(() => heartbeat.close())
  await until('it beats', () => posts.length >= 2)
  t.is(posts[0]?.url, '/ping')
  ill = 'the bus is away'
  await until('the last is answered', () => heartbeat.trouble() === undefined)
  const before = posts.length
  await new Promise((done) => setTimeout(done, 100))
  t.true(posts.length <= before + 1, 'one may have been on its way')
})
