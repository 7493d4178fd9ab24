import test from 'ava'
import { openIntegration } from '../../../alerting/channels/of-integration.ts'
import { readStagesConfig } from '../../../alerting/stages/config.ts'
import { wallClock } from '../../../pipeline/clock.ts'
import { openHttpServer } from '../../helpers/http-server.ts'
import { groupOfCase, readNotifierCases } from './captures.ts'
import { message, takes } from './some-channel.ts'

/** As they stand in the configuration of the generated cases. */
const lists: Record<string, (url: string) => string> = {
  webhook: (url) => `webhook_configs: [{url: '${url}/webhook'}]`,
  pagerduty: (url) => `pagerduty_configs: [{routing_key: KEY, url: '${url}/v2/enqueue'}]`,
  opsgenie: (url) => `opsgenie_configs: [{api_key: K, api_url: '${url}/og', update_alerts: true}]`,
}

const rate = { perMinute: 1e6, burst: 1e4 }

for (const [name, list] of Object.entries(lists)) {
  test(`${name}: Alertmanager’s options lead to the bytes that it sends`, async (t) => {
    const server = await openHttpServer(t, takes('pagerduty'))
    const source = `route: {receiver: a}\nreceivers: [{name: a, ${list(server.url)}}]\n`
    const [integration] = readStagesConfig(source, 'am.yml').receivers.get('a') ?? []
    if (!integration) throw new Error('no integration')
    const options = { clock: wallClock, hosts: [server.host], name, rate }
    const channel = openIntegration(integration, options)
    t.teardown(() => channel.close())
    const cases = readNotifierCases()
    t.true(cases.length > 10)
    for (const one of cases) {
      server.asked.length = 0
      await channel.send({ ...message, group: groupOfCase(one) }, channel.targets)
      const got = server.asked.map(({ method, url, headers, body }) => ({
        method,
        path: url,
        ...(headers.authorization === undefined ? {} : { authorization: headers.authorization }),
        body,
      }))
      t.deepEqual(got, one.requests[name] ?? [], one.id)
    }
  })
}
