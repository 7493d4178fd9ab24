import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Batch, Bus } from '../../pipeline/bus/bus.ts'
import { openKafkaBus } from '../../pipeline/bus/kafka.ts'
import { pause, wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { startKafka } from '../../test/servers/kafka.ts'

/*
 * What a rebalance costs: two members of a group under a steady load; one joins, leaves, or dies by SIGKILL. For each: how long
 * no record of a partition came to anybody, and how many came twice.
 *
 *   npm run bench:rebalance
 */
const [brokers] = process.argv.slice(2)
const self = fileURLToPath(import.meta.url)
const everyMs = 5

interface Seen {
  partition: number
  offset: number
  /** When it came to a member, ms. */
  at: number
}

if (brokers === undefined) await measureAll()
else await beMember(brokers.split(','))

function consume(bus: Bus, onSeen: (seen: Seen[]) => void) {
  return bus.consume({
    group: 'rebalance',
    topic: 'logs',
    async onBatch({ partition, records }: Batch) {
      onSeen(records.map(({ offset }) => ({ partition, offset, at: wallClock.now() })))
    },
  })
}

/** A member in a process of its own: tells its parent what came. */
async function beMember(addresses: string[]): Promise<void> {
  const bus = await openKafkaBus({ brokers: addresses, replication: 1, log: silentLog })
  const consumer = consume(bus, (seen) => process.send?.(seen))
  process.on('message', () => {
    void consumer
      .close()
      .then(() => bus.close())
      .then(() => process.exit())
  })
}

async function measureAll(): Promise<void> {
  const kafka = await startKafka()
  const options = { brokers: kafka.brokers, replication: 1, log: silentLog }
  const bus = await openKafkaBus(options)
  const all: Seen[] = []
  const stop = new AbortController()
  const writing = write(bus, stop.signal)
  const staying = consume(bus, (seen) => void all.push(...seen))
  const join = () => {
    const child = fork(self, [kafka.brokers.join(',')])
    child.on('message', (seen) => void all.push(...(seen as Seen[])))
    return child
  }
  await pause(5000)
  await report('a member joins', all, join)
  let child = join()
  await pause(6000)
  await report('a member leaves', all, () => void child.send('leave'))
  child = join()
  await pause(6000)
  await report('a member is killed', all, () => void child.kill('SIGKILL'))
  stop.abort()
  await writing
  await staying.close()
  await bus.close()
  await kafka.close()
  process.exit()
}

async function write(bus: Bus, signal: AbortSignal): Promise<void> {
  const value = Buffer.from('x')
  while (!signal.aborted) {
    await bus.produce(
      'logs',
      [0, 1, 2, 3].map((partition) => ({ key: 'k', value, partition })),
    )
    await pause(everyMs)
  }
}

async function report(
  title: string,
  all: Seen[],
  happen: () => ChildProcess | void,
): Promise<void> {
  all.length = 0
  await pause(1000)
  const child = happen()
  await pause(18_000)
  const seen = all.toSorted((a, b) => a.at - b.at)
  const gaps = [0, 1, 2, 3].map((partition) => {
    const times = seen.filter((one) => one.partition === partition).map(({ at }) => at)
    return Math.max(...times.map((at, i) => at - (times[i - 1] ?? at)))
  })
  const different = new Set(seen.map(({ partition, offset }) => `${partition}/${offset}`))
  process.stdout.write(
    `${title}: ${seen.length} records; longest silence of a partition ${gaps.join(', ')} ms; ${seen.length - different.size} came twice\n`,
  )
  if (child) await ended(child)
}

async function ended(child: ChildProcess): Promise<void> {
  child.send('leave')
  await once(child, 'exit')
}
