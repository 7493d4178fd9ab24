import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openSpool } from '../../collectors/spool.ts'
import { record } from '../helpers/pipeline.ts'

/*
 * Appends to the spool in the directory given until it is killed: three inputs side by side, each batch a record
 * and the position behind it. Says what was accepted.
 */
const spool = await openSpool({
  dir: process.argv[2] as string,
  maxBytes: 2 ** 30,
  whenFull: 'block',
  clock: wallClock,
  metrics: openMetrics(),
  log: silentLog,
})

async function collect(input: string): Promise<never> {
  for (let next = (spool.position(input) as number | undefined) ?? 0; ; next++) {
    const records = [record({ source: input, first: next })]
    await spool.append({ records, positions: { [input]: next + 1 } })
    process.stdout.write(`${input} ${next}\n`)
  }
}

await Promise.all(['a', 'b', 'c'].map(collect))
