// Alerting in a process of its own, to be killed: `node victim.ts <bus directory> <smtp port> [alertmanager.yml]`.
import { openAlerting } from '../../alerting/index.ts'
import { readStages } from '../../alerting/stages/read.ts'
import { pause, wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { busIn, errorRate, mailTo, ruleOf, second } from './world.ts'

const [dir = '', port = '', routes] = process.argv.slice(2)
const bus = await busIn(dir)
const alerting = await openAlerting({
  bus,
  signals: errorRate,
  rules: [ruleOf()],
  hosts: [],
  stages: readStages(routes).config,
  intervalMs: 5 * second,
  pollMs: 5,
  samples: async () => [],
  publish: async () => {},
  publicUrl: () => undefined,
  clock: wallClock,
  metrics: openMetrics(),
  log: silentLog,
  ...(routes === undefined ? { mail: mailTo(Number(port)) } : {}),
  retry: { firstMs: 20, maxMs: 100 },
  patienceMs: 0,
})
process.on('SIGTERM', () => {
  void alerting.close().then(() => bus.close())
})
// Ends with the test, whatever happens to it.
await pause(60_000)
