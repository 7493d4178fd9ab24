import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openIntegration } from '../alerting/channels/of-integration.ts'
import { openDesk } from '../alerting/desk.ts'
import { openDispatching } from '../alerting/dispatching.ts'
import { decodeAll } from '../alerting/records.ts'
import { openRendering } from '../alerting/rendering.ts'
import { readStagesConfig } from '../alerting/stages/config.ts'
import { openEmbeddedBus } from '../pipeline/bus/embedded.ts'
import { followEpochs } from '../pipeline/bus/epochs.ts'
import { pause, wallClock } from '../pipeline/clock.ts'
import { silentLog } from '../pipeline/log.ts'
import { openMetrics } from '../pipeline/metrics.ts'

/*
 * Ten thousand alerts that come from outside at once, through the product: taken by the desk, over the bus, decided, sent by
 * webhook to a real HTTP server, written down. How long until the first is told, and the last; what it takes of memory.
 */
const alerts = 10_000
const services = 500

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const told = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { alerts: object[] }
    seen(told.alerts.length)
    response.end()
  })
})
let [first, last, count, posts] = [0, 0, 0, 0]
const done = Promise.withResolvers<void>()

function seen(some: number): void {
  last = performance.now()
  first ||= last
  count += some
  posts++
  if (count >= alerts) done.resolve()
}

await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
const { port } = server.address() as AddressInfo
const text = `
route: { receiver: hook, group_by: [service], group_wait: 0s, group_interval: 5m, repeat_interval: 4h }
receivers: [{ name: hook, webhook_configs: [{ url: 'http://127.0.0.1:${port}/' }] }]
`
const config = readStagesConfig(text, 'bench')
const dir = mkdtempSync(join(tmpdir(), 'mesoscope-bench-'))
const bus = await openEmbeddedBus({ dir, clock: wallClock })
const view = await followEpochs(bus, 'alerts')
const common = { clock: wallClock, publicUrl: () => 'http://mesoscope.test' }
const hosts = [`127.0.0.1:${port}`]
const dispatching = openDispatching({
  ...common,
  bus,
  config,
  records: decodeAll(new Map()),
  own: [],
  // As fast as the receiver takes them: its usual limit is ten a second.
  open: (name, integration) =>
    openIntegration(integration, {
      ...common,
      hosts,
      name,
      rate: { perMinute: 600_000, burst: 600 },
    }),
  render: openRendering({
    ...common,
    states: () => [],
    stages: config,
    samples: async () => [],
  }),
  publish: async () => {},
  metrics: openMetrics(),
  log: silentLog,
})
const desk = openDesk({
  ...common,
  bus,
  latest: view.latest,
  config: () => config,
  configText: () => text,
  direct: () => [],
})

const labels = Array.from({ length: alerts }, (_, n) => ({
  alertname: `Alert${n % 20}`,
  service: `service-${n % services}`,
  instance: `10.0.${n >> 8}.${n & 255}:9100`,
  severity: n % 3 ? 'warning' : 'critical',
}))
const say = (name: string, value: string) =>
  void process.stdout.write(`${name.padEnd(48)} ${value}\n`)
const before = process.cpuUsage()
const began = performance.now()
await desk.post(labels.map((one) => ({ labels: one, annotations: { summary: 'it is ill' } })))
const taken = performance.now()
await done.promise
const cpu = process.cpuUsage(before)
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`
say(`${alerts} alerts are written down`, seconds(taken - began))
say('the first is told', seconds(first - began))
say(`the last is told (${posts} notifications)`, seconds(last - began))
say('CPU of the whole', seconds((cpu.user + cpu.system) / 1000))
say('peak memory of the whole', `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`)
await pause(200)
await dispatching.close()
await view.close()
await bus.close()
server.close()
rmSync(dir, { recursive: true, force: true })
