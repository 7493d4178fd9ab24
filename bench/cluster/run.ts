import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { openKafkaBus } from '../../pipeline/bus/kafka.ts'
import { pause, wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { toBusRecord } from '../../pipeline/record.ts'
import { openElasticsearchStore } from '../../pipeline/store/elasticsearch.ts'
import type { Store } from '../../pipeline/store/store.ts'
import { openIndexer } from '../../processors/index-lines.ts'
import { openCatalog } from '../../processors/resolve.ts'
import { startElasticsearch } from '../../test/servers/elasticsearch.ts'
import { startKafka } from '../../test/servers/kafka.ts'
import { makeBodies, makeRecords } from '../elasticsearch/lines.ts'
import { measure, openPoster, show, together, type Measured } from '../elasticsearch/measure.ts'

/*
 * From a topic of ready lines to all of them searchable, beside the ceiling of the same Elasticsearch in the same run: bulk
 * bodies made beforehand, as many, with the same ids, sent by a bare HTTP client before and after. And what Kafka alone costs.
 * Twice: with all of them on the same cores, and with Elasticsearch on a core that is its own, as it is in a cluster.
 *
 *   npm run bench:cluster -- --lines 1000000
 */
const { values } = parseArgs({ options: { lines: { type: 'string', default: '1000000' } } })
const lines = Number(values.lines)
const sample = 200_000
const say = (text: string) => void process.stdout.write(`${text}\n`)

const dayOf = (n: number) => new Date(Date.UTC(2026, 0, 1 + n)).toISOString().slice(0, 10)
let days = 0
const nextDay = () => dayOf(days++)

const kafka = await startKafka({ heapMb: 768 })
const server = await startElasticsearch({ heapMb: 1024, quickStart: false })
const poster = openPoster(server.url)

/** Of each day as many as {@link fill} makes. */
async function raw(prefix: string, count: number): Promise<Measured> {
  const all: Measured[] = []
  for (let made = 0; made < count; made += sample) {
    const day = nextDay()
    const bodies = makeBodies(makeRecords(sample, day), 4000, 'structured')
    const path = `/${prefix}-logs-default-${day.replaceAll('-', '.')}/_bulk?filter_path=errors`
    all.push(await measure(sample, () => poster.postAll(path, bodies)))
  }
  return together(all)
}

async function fill(bus: Bus): Promise<Measured> {
  const all: Measured[] = []
  for (let made = 0; made < lines; made += sample) {
    const records = makeRecords(Math.min(sample, lines - made), nextDay()).map(toBusRecord)
    const count = Math.min(sample, lines - made)
    all.push(await measure(count, () => bus.produce('logs', records)))
  }
  return together(all)
}

/** A group that only reads. */
async function drain(bus: Bus): Promise<Measured> {
  const ends = await bus.ends('logs')
  const reached = new Map<number, number>()
  const done = () => ends.every((end, partition) => (reached.get(partition) ?? 0) >= end)
  return measure(lines, async () => {
    const consumer = bus.consume({
      group: 'nobody',
      topic: 'logs',
      onBatch: async ({ partition, next }) => void reached.set(partition, next),
    })
    while (!done()) await pause(5)
    await consumer.close()
  })
}

async function index(bus: Bus, store: Store): Promise<Measured> {
  const metrics = openMetrics()
  const catalog = await openCatalog({ bus, store, patienceMs: 0 })
  const indexed = async () => {
    const {
      values: [one],
    } = await metrics.indexed_lines_total.get()
    return one?.value ?? 0
  }
  const measured = await measure(lines, async () => {
    const indexer = openIndexer({ bus, store, catalog, clock: wallClock, metrics, log: silentLog })
    while ((await indexed()) < lines) await pause(20)
    // Searchable is what is behind a refresh.
    await fetch(`${server.url}/*-logs-*/_refresh`, { method: 'POST' })
    await indexer.close()
  })
  await catalog.close()
  return measured
}

async function round(prefix: string): Promise<void> {
  const bus = await openKafkaBus({ brokers: kafka.brokers, prefix, replication: 1, log: silentLog })
  const store = await openElasticsearchStore({
    connection: { urls: [server.url] },
    clock: wallClock,
    prefix,
    pastDays: 100_000,
    index: { shards: 1, replicas: 0, refreshInterval: '5s' },
  })
  say(`produced: ${show(await fill(bus))}`)
  say(`read by a group: ${show(await drain(bus))}`)
  for (let i = 0; i < 5; i++) say(`warm-up: raw ${show(await raw(prefix, sample))}`)
  const before = await raw(prefix, lines)
  const ours = await index(bus, store)
  const after = await raw(prefix, lines)
  for (const one of [before, after]) say(`raw: ${show(one)}`)
  say(`from the topic to searchable: ${show(ours)}`)
  const ratio = ours.perSecond / together([before, after]).perSecond
  say(`ratio to the ceiling: ${ratio.toFixed(2)}`)
  await bus.close()
  await store.close()
}

/** All threads of a process. */
function pin(pid: number | undefined, cores: string): void {
  execFileSync('taskset', ['-a', '-c', '-p', cores, String(pid)], { stdio: 'ignore' })
}

try {
  const cores = availableParallelism()
  say(`on the same ${cores} cores`)
  await round('shared')
  pin(server.pid(), '0')
  for (const pid of [process.pid, ...kafka.pids()]) pin(pid, `1-${cores - 1}`)
  say('Elasticsearch on a core of its own')
  await round('apart')
} finally {
  poster.close()
  await Promise.all([kafka.close(), server.close()])
}
