import test, { type ExecutionContext } from 'ava'
import { openAlerts } from '../../alerting/own-alerts.ts'
import { decodeAll } from '../../alerting/records.ts'
import type { LogEntry } from '../../alerting/stages/dedup.ts'
import { readStagesConfig } from '../../alerting/stages/config.ts'
import { openHttpServer } from '../helpers/http-server.ts'
import { knownOf, someAlert, type SomeAlert } from './some-notification.ts'
import { measured, openDesk, openWorld, second, t0, until } from './world.ts'

const minute = 60_000

function stateOf(some: SomeAlert) {
  const { alert, facts } = knownOf(someAlert(some), 7)
  return { rule: 'r', alert, facts }
}

const leftover = (some: SomeAlert) => ({
  ...knownOf(someAlert(some), 7),
  state: 'resolved' as const,
})

/** A receiver was told that these fire. */
function toldOf(...alerts: SomeAlert[]): [string, LogEntry][] {
  const firing = alerts.map((some) => someAlert(some).fingerprint)
  return [['key', { firing, resolved: [], at: t0, expiresAt: t0 + minute }]]
}

const servicesOf = (alerts: ReturnType<typeof openAlerts>) =>
  alerts.map(({ labels }) => labels['service'])

const [web, db] = [{ labels: { service: '/web' } }, { labels: { service: '/db' } }]
const over = { overSince: minute, ago: 5 * minute }

test('after a start the end is told of what a receiver believes to fire, and of nothing else', (t) => {
  const states = [stateOf(web), stateOf({ ...db, ...over })]
  t.deepEqual(servicesOf(openAlerts(states, { told: [], leftovers: [] }, undefined)), ['/web'])
  const told = toldOf(web, db)
  t.deepEqual(servicesOf(openAlerts(states, { told, leftovers: [] }, undefined)), ['/web', '/db'])
})

test('that holds too where the alert is no state any more; what fires anew is no end', (t) => {
  const leftovers = [leftover({ ...db, ...over }), leftover({ ...web, ...over })]
  const found = openAlerts([stateOf(web)], { told: toldOf(web, db), leftovers }, undefined)
  t.deepEqual(
    found.map(
      ({ labels, endsAt = 0 }) => `${labels['service']} ${endsAt > t0 ? 'fires' : 'is over'}`,
    ),
    ['/db is over', '/web fires'],
  )
})

async function openWebhook(t: ExecutionContext) {
  const told: string[] = []
  const { host } = await openHttpServer(t, ({ body }, response) => {
    told.push((JSON.parse(body) as { status: string }).status)
    response.end()
  })
  return { told, host }
}

test('the end of the alert of a rule that was removed is told, also where a second restart follows at once', async (t) => {
  const bus = await openWorld(t)
  const { told, host } = await openWebhook(t)
  const config = `
route: { receiver: ops, group_wait: 0s, group_interval: 1h }
receivers: [{ name: ops, webhook_configs: [{ url: 'http://${host}/' }] }]
`
  const options = { stages: readStagesConfig(config, 'am.yml'), hosts: [host] }
  await measured(bus, t0, t0 + 10 * second, 50)
  const first = await openDesk(t, bus, options)
  await until('it is told', () => told.length === 1)
  await until('that is written down', async () => {
    return decodeAll((await bus.snapshot('alerts')).latest).told.length === 1
  })
  await first.close()
  const without = await openDesk(t, bus, { ...options, rules: [] })
  await measured(bus, t0 + 10 * second, t0 + 20 * second, 50)
  await until('it is over', () => without.alerting.through() === t0 + 20 * second)
  await until('that is written down', async () => {
    return decodeAll((await bus.snapshot('alerts')).latest).states.length === 0
  })
  await without.close()
  await openDesk(t, bus, { ...options, rules: [] })
  await until('the end is told', () => told.length === 2)
  t.deepEqual(told, ['firing', 'resolved'])
})
