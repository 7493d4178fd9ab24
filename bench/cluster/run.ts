import http from 'node:http'
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

/*
 * From a topic of ready lines to all of them searchable, beside the ceiling of the same Elasticsearch in the same run: bulk
 * bodies made beforehand, with the same ids, sent by a bare HTTP client before and after. And what Kafka alone costs.
 *
 *   npm run bench:cluster -- --lines 1000000
 */
const { values } = parseArgs({ options: { lines: { type: 'string', default: '1000000' } } })
const lines = Number(values.lines)
const sample = 200_000
const say = (text: string) => void process.stdout.write(`${text}\n`)

interface Measured {
  perSecond: number
  cpuSecondsPerMillion: number
}

async function measure(count: number, work: () => Promise<void>): Promise<Measured> {
  const cpu = process.cpuUsage()
  const begun = performance.now()
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: Math.round(count / ((performance.now() - begun) / 1000)),
    cpuSecondsPerMillion: Number(((user + system) / count).toFixed(2)),
  }
}

const show = ({ perSecond, cpuSecondsPerMillion }: Measured) =>
  `${perSecond} lines/s, ${cpuSecondsPerMillion} CPU-s of ours a million`

const dayOf = (n: number) => new Date(Date.UTC(2026, 0, 1 + n)).toISOString().slice(0, 10)
let days = 0
const nextDay = () => dayOf(days++)

const kafka = await startKafka({ heapMb: 768 })
const server = await startElasticsearch({ heapMb: 1024, quickStart: false })
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 })

function post(path: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length }
    const request = http.request(`${server.url}${path}`, { method: 'POST', agent, headers })
    request.on('error', reject)
    request.on('response', (response) => {
      let start = ''
      response.on(
        'data',
        (chunk: Buffer) => (start = (start + chunk.toString('latin1')).slice(0, 200)),
      )
      response.on('end', () => {
        if (start.includes('"errors":false')) resolve()
        else reject(new Error(start))
      })
    })
    request.end(body)
  })
}

async function raw(): Promise<Measured> {
  const day = nextDay()
  const bodies = makeBodies(makeRecords(sample, day), 4000, 'structured')
  const path = `/bench-logs-default-${day.replaceAll('-', '.')}/_bulk?filter_path=errors`
  let next = 0
  const lane = async () => {
    for (let body = bodies[next++]; body; body = bodies[next++]) await post(path, body)
  }
  return measure(sample, async () => void (await Promise.all([lane(), lane()])))
}

async function fill(bus: Bus): Promise<Measured> {
  const all: Measured[] = []
  for (let made = 0; made < lines; made += sample) {
    const records = makeRecords(Math.min(sample, lines - made), nextDay()).map(toBusRecord)
    const count = Math.min(sample, lines - made)
    all.push(await measure(count, () => bus.produce('logs', records)))
  }
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length
  return {
    perSecond: Math.round(1 / mean(all.map((one) => 1 / one.perSecond))),
    cpuSecondsPerMillion: Number(mean(all.map((one) => one.cpuSecondsPerMillion)).toFixed(2)),
  }
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
    await fetch(`${server.url}/bench-*/_refresh`, { method: 'POST' })
    await indexer.close()
  })
  await catalog.close()
  return measured
}

try {
  const bus = await openKafkaBus({ brokers: kafka.brokers, replication: 1, log: silentLog })
  const store = await openElasticsearchStore({
    connection: { urls: [server.url] },
    clock: wallClock,
    prefix: 'bench',
    pastDays: 100_000,
    index: { shards: 1, replicas: 0, refreshInterval: '5s' },
  })
  say(`produced: ${show(await fill(bus))}`)
  say(`read by a group: ${show(await drain(bus))}`)
  for (let i = 0; i < 5; i++) say(`warm-up: raw ${show(await raw())}`)
  const before = [await raw(), await raw()]
  const ours = await index(bus, store)
  const after = [await raw(), await raw()]
  for (const one of [...before, ...after]) say(`raw: ${show(one)}`)
  const ceiling = 4 / [...before, ...after].reduce((sum, one) => sum + 1 / one.perSecond, 0)
  say(`from the topic to searchable: ${show(ours)}`)
  say(`ratio to the ceiling: ${(ours.perSecond / ceiling).toFixed(2)}`)
  await bus.close()
  await store.close()
} finally {
  agent.destroy()
  await Promise.all([kafka.close(), server.close()])
}
