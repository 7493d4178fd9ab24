// Scaling in a process of its own, to be killed: `node victim.ts <bus directory> <Marathon's address> <now, ms>`.
import { openAutoscaling } from '../../autoscaling/index.ts'
import { manualClock, pause } from '../../pipeline/clock.ts'
import { openHttp } from '../../pipeline/http.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { appOf, requests } from './app.ts'
import { busIn, marathonAt, settingsOf } from './world.ts'

const [dir = '', url = '', now = ''] = process.argv.slice(2)
const nowMs = Number(now)
const http = openHttp({ urls: [url], name: 'Marathon' })
await openAutoscaling({
  bus: await busIn(dir),
  signals: { requests },
  settings: settingsOf(),
  services: () => [appOf(2, { atMs: nowMs })],
  marathons: () => [marathonAt(nowMs)],
  http: () => http,
  random: () => 0.5,
  pollMs: 2,
  clock: manualClock(nowMs),
  metrics: openMetrics(),
  log: silentLog,
})
// Ends with the test, whatever happens to it.
await pause(60_000)
