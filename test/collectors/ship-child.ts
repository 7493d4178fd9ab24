import { openShipper } from '../../collectors/ship.ts'
import { openSpool } from '../../collectors/spool.ts'
import { openEmbeddedBus } from '../../pipeline/bus/embedded.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { record } from '../helpers/pipeline.ts'

/* Spools and ships in the directory given, line after line of one source, until it is killed. */
const dir = process.argv[2] as string
const [clock, metrics, log] = [wallClock, openMetrics(), silentLog]
const bus = await openEmbeddedBus({ dir, clock })
const spool = await openSpool({ dir, maxBytes: 2 ** 30, whenFull: 'block', clock, metrics, log })
openShipper({ name: 'c', spool, bus, collectors: [], markEveryMs: 100, clock, metrics, log })
for (let next = (spool.position('a') as number | undefined) ?? 0; ; next++) {
  await spool.append({
    records: [record({ source: 'a', first: next })],
    positions: { a: next + 1 },
  })
}
