import { openEmbeddedBus } from '../../pipeline/bus/embedded.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openSqliteStore } from '../../pipeline/store/sqlite.ts'
import { openIndexer } from '../../processors/index-lines.ts'
import { openCatalog } from '../../processors/resolve.ts'

/* Indexes what is on the bus in the directory given until it is killed. */
const dir = process.argv[2] as string
const bus = await openEmbeddedBus({ dir, clock: wallClock })
const store = openSqliteStore({ dir: `${dir}/store` })
const catalog = await openCatalog({ bus, store, patienceMs: 100 })
openIndexer({ bus, store, catalog, clock: wallClock, metrics: openMetrics(), log: silentLog })
