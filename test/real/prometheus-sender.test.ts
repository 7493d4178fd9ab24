import { existsSync } from 'node:fs'
import test from 'ava'
import { parseFilter } from '../../alerting/stages/filter.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { open } from '../dashboards/open.ts'
import { memoryDesk } from '../helpers/desk.ts'
import { openHttpServer } from '../helpers/http-server.ts'
import { until } from '../helpers/pipeline.ts'
import { prometheus, startPrometheus } from '../servers/prometheus.ts'

/* Debian's Prometheus posts to us what its rules find. */

test.before('there is a Prometheus', (t) => {
  if (!existsSync(prometheus)) t.fail(`no ${prometheus}: apt-get install prometheus`)
})

const config = 'route: {receiver: hook, group_by: [alertname]}\nreceivers: [{name: hook}]\n'

test('an alert fires, stays while it is posted again, and is resolved', async (t) => {
  const desk = memoryDesk(config, wallClock)
  const token = 'open-sesame'
  const { url } = await open(t, { desk, parseMatcher: parseFilter, token })
  let queue = 7
  const shop = await openHttpServer(t, (_asked, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    response.end(`queue_length{shard="a"} ${queue}\n`)
  })
  const server = await startPrometheus({
    target: shop.host,
    alertmanager: new URL(url).host,
    token,
    rules: [
      {
        alert: 'QueueLong',
        expr: 'queue_length > 5',
        labels: { severity: 'page' },
        annotations: { summary: 'queue is {{ $value }}, "long"' },
      },
    ],
  })
  t.teardown(() => server.close())
  const alert = await eventually('the alert', () => desk.alerts()[0])
  t.like(alert, {
    labels: {
      alertname: 'QueueLong',
      instance: shop.host,
      job: 'shop',
      region: 'eu',
      severity: 'page',
      shard: 'a',
    },
    annotations: { summary: 'queue is 7, "long"' },
    state: 'active',
    receivers: ['hook'],
  })
  t.regex(alert.generatorURL, /^http:\/\/.*\/graph\?g0\.expr=queue_length/)
  const again = await eventually('it is posted again', () =>
    desk.alerts().find(({ updatedAt }) => updatedAt > alert.updatedAt),
  )
  t.is(again.startsAt, alert.startsAt)
  t.true(again.endsAt > alert.endsAt)
  queue = 1
  await until('it is resolved', () => desk.alerts().length === 0)
  // Its `endsAt` as it was believed lies in the future: this was told, not waited for.
  t.true(wallClock.now() < again.endsAt)
  t.notRegex(await server.log(), /level=error/)
})

/** What `check` finds at last. */
async function eventually<T>(what: string, check: () => T | undefined): Promise<T> {
  let found: T | undefined
  await until(what, () => (found = check()) !== undefined)
  return found as T
}
