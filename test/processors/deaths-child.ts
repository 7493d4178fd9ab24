import { openEmbeddedBus } from '../../pipeline/bus/embedded.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openSqliteStore } from '../../pipeline/store/sqlite.ts'
import { openDeaths } from '../../processors/deaths.ts'

/* Tells of deaths on the bus in the directory given until it is killed. */
const dir = process.argv[2] as string
const bus = await openEmbeddedBus({ dir, clock: wallClock })
openDeaths({
  bus,
  store: openSqliteStore({ dir: `${dir}/store` }),
  complete: (identity) => identity,
  linesThrough: () => Infinity,
  clock: wallClock,
  metrics: openMetrics(),
  log: silentLog,
  patienceMs: 300,
})
