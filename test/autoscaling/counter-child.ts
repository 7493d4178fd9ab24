// From Docker's answers on two tasks, whose CPU counters grow by 0.9 cores, to what the autoscaler decides, in a process of its
// own: `node counter-child.ts <bus directory> <evaluation time, ISO>`. Prints the decisions' documents.
import { openReadings } from '../../collectors/container-metrics.ts'
import { limitsOf, readStats } from '../../collectors/docker-stats-shape.ts'
import { declaredSignals } from '../../config/declared.ts'
import { loadSettings } from '../../config/load.ts'
import { openAutoscaling } from '../../autoscaling/index.ts'
import { manualClock } from '../../pipeline/clock.ts'
import { openHttp } from '../../pipeline/http.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { encodeSamples, samplesToBus } from '../../pipeline/sample.ts'
import { signalTopics } from '../../pipeline/signals.ts'
import { openMeasurer } from '../../processors/measure.ts'
import { nothingKnown } from '../../processors/resolve.ts'
import { sample } from '../helpers/samples.ts'
import { mark } from '../processors/measuring.ts'
import { appOf, second, service } from './app.ts'
import { busIn, decisionsOn, marathonAt, settingsOf, until } from './world.ts'

const [dir = '', at = ''] = process.argv.slice(2)
const endMs = Date.parse(at)
/** Of three days so far. */
const usedSeconds = 3 * 86_400
const { cpu: declared } = declaredSignals(loadSettings(undefined, {}, {}).settings)
if (!declared) throw new Error('there is no signal of the CPU')
const signals = { cpu: declared }

/** What the daemon answers at the time: in UTC, to the nanosecond. */
const answerAt = (ms: number, growth: number) => ({
  read: new Date(ms).toISOString().replace('Z', '123456Z'),
  cpu_stats: { cpu_usage: { total_usage: (usedSeconds + growth) * 1e9 } },
})

const readings = openReadings()
const source = 'docker:stats'
const docs = ['web.0', 'web.1'].flatMap((task, i) =>
  Array.from({ length: 9 }, (_, n) => {
    const ms = endMs - (40 - 5 * n) * second - 1
    const { reading } = readStats(answerAt(ms, 0.9 * 5 * n))
    if (!reading) throw new Error('the answer was not understood')
    const cpuLimit = limitsOf({ NanoCpus: 1e9 }).cpu
    return sample({
      source,
      sequence: i * 9 + n,
      at: Number(reading.timeNs / 1_000_000n),
      identity: { service, task },
      metrics: readings.measure(task, { ...reading, cpuLimit }, endMs),
    })
  }),
)

const bus = await busIn(dir)
const clock = manualClock(endMs + 500)
const metrics = openMetrics()
const http = openHttp({ urls: ['http://127.0.0.1:9'], name: 'Marathon' })
const parts = { bus, signals, clock, metrics, log: silentLog }
const measurer = openMeasurer({
  ...parts,
  catalog: nothingKnown,
  resolutionMs: second,
  rememberMs: 86_400_000,
})
const desk = await openAutoscaling({
  ...parts,
  settings: { ...settingsOf({ targets: { cpu: 0.5 } }), dryRun: true },
  services: () => [appOf(2, { atMs: endMs })],
  marathons: () => [marathonAt(endMs)],
  http: () => http,
  pollMs: 2,
})
await bus.produce('metrics', [samplesToBus(encodeSamples(docs, { source, lineage: 'l' }))])
for (const topic of signalTopics) await mark(bus, endMs, 'c', topic)
const told = await until('evaluated', async () => {
  const decisions = await decisionsOn(bus)
  return decisions.length > 0 && decisions
})
process.stdout.write(JSON.stringify(told))
await desk.close()
await measurer.close()
http.close()
await bus.close()
