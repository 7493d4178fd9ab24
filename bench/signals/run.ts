import { parseArgs } from 'node:util'
import type { BusRecord } from '../../pipeline/bus/bus.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { fromBusRecord } from '../../pipeline/record.ts'
import { samplesFromBus } from '../../pipeline/sample.ts'
import { signalTopics, type SignalTopic } from '../../pipeline/signals.ts'
import type { CounterOptions } from '../../processors/buckets.ts'
import { readDoc } from '../../processors/documents.ts'
import {
  changedBuckets,
  closeBuckets,
  countBatch,
  latenessMs,
  signalRecords,
  type Counting,
} from '../../processors/measure-topic.ts'
import { countings } from '../../processors/measure.ts'
import { encodePartition, openPartition, type Partition } from '../../processors/partition.ts'
import { nothingKnown, resolveLines } from '../../processors/resolve.ts'
import { openRandom } from '../../test/helpers/random.ts'
import {
  openPlainChangeCounter,
  openPlainCounter,
  openPlainSampleCounter,
} from '../../test/processors/plain-counter.ts'
import { siteOf, type Site } from './site.ts'
import { openTraffic, type Second } from './traffic.ts'
import { heapMb, say } from '../measure.ts'

/*
 * What it costs to measure many signals of many services at one rate of events, from the records of the bus to buckets, and
 * beside it the same by the plain loop, in which every event goes past every signal. CPU is that of the whole process.
 *
 *   npm run bench:signals -- --signals 1000 --services 5000 --rate 20000 --scale 0.0625 --scale 0.25 --scale 1
 */
const { values } = parseArgs({
  options: {
    signals: { type: 'string', default: '1000' },
    services: { type: 'string', default: '5000' },
    rate: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '10' },
    scale: { type: 'string', multiple: true },
    plain: { type: 'string', default: '1' },
  },
})
const rate = Number(values.rate)
const warmUpSeconds = 5
const resolutionMs = 5000
const start = Date.UTC(2026, 0, 1)
const partitions: Record<SignalTopic, number> = { logs: 4, metrics: 2, changes: 1 }
const largestSnapshot = 200_000

/** CPU seconds of this process. */
async function cpuOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

type Countings = Record<SignalTopic, Counting>

function indexed(options: CounterOptions): Countings {
  const all = { ...options, catalog: nothingKnown }
  return {
    logs: countings.logs(all),
    metrics: countings.metrics(all),
    changes: countings.changes(all),
  }
}

function plain(options: CounterOptions): Countings {
  const countLines = openPlainCounter(options)
  const countSamples = openPlainSampleCounter(options)
  const countChanges = openPlainChangeCounter(options)
  const each = (count: (partition: Partition, record: BusRecord) => void): Counting => ({
    open: () => count,
  })
  return {
    logs: each((partition, one) =>
      countLines(partition, resolveLines(fromBusRecord(one), nothingKnown), one.time),
    ),
    metrics: each((partition, one) => countSamples(partition, samplesFromBus(one), one.time)),
    changes: each((partition, one) => countChanges(partition, readDoc(one))),
  }
}

interface Costs {
  /** CPU seconds. */
  counting: number
  publishing: number
  snapshots: number
  /** What was published, and the newest snapshots of all partitions. */
  buckets: number
  bytes: number
}

/** All partitions of all topics, each counted and written once a second. */
function openProcess(countingsOf: Countings) {
  const all = signalTopics.flatMap((topic) =>
    Array.from({ length: partitions[topic] }, (_, number) => ({
      topic,
      partition: openPartition(number),
    })),
  )
  return {
    all,
    async take(second: Second, ms: number): Promise<Costs> {
      const costs: Costs = { counting: 0, publishing: 0, snapshots: 0, buckets: 0, bytes: 0 }
      for (const { topic, partition } of all) {
        const records = second[topic].filter(
          ({ key }) => placeOf(key, partitions[topic]) === partition.number,
        )
        const numbered = records.map((record, offset) => ({ ...record, offset }))
        const place = { topic, partition: partition.number, from: 0, next: 0, end: 0 }
        const batch = { ...place, records: numbered }
        costs.counting += await cpuOf(() => countBatch(partition, batch, countingsOf[topic]))
        partition.watermark = ms
        closeBuckets(partition, latenessMs[topic])
        costs.snapshots += await cpuOf(() => {
          costs.bytes += encodePartition(partition).length
        })
        const changed = changedBuckets(partition)
        costs.buckets += changed.length
        costs.publishing += await cpuOf(() => signalRecords(topic, partition, changed))
        partition.changed.clear()
      }
      return costs
    },
  }
}

function placeOf(key: string, count: number): number {
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = (hash * 31 + key.charCodeAt(i)) >>> 0
  return hash % count
}

/** Costs of a second of events in the mean, once warm. */
async function run(site: Site, open: (options: CounterOptions) => Countings, seconds: number) {
  const traffic = openTraffic(site, rate, openRandom(2))
  const { signals } = site
  const before = heapMb()
  const running = openProcess(
    open({ signals, resolutionMs, metrics: openMetrics(), log: silentLog }),
  )
  const total: Costs = { counting: 0, publishing: 0, snapshots: 0, buckets: 0, bytes: 0 }
  const warmUp = Math.min(warmUpSeconds, seconds)
  for (let second = 0; second < warmUp + seconds; second++) {
    const ms = start + second * 1000
    const costs = await running.take(traffic(ms), ms)
    if (second < warmUp) continue
    for (const name of Object.keys(total) as (keyof Costs)[]) total[name] += costs[name] / seconds
  }
  return { total, heap: heapMb() - before, all: running.all }
}

/** A snapshot of as many buckets as a partition may hold: those that it has, again and again, earlier each time. */
async function largest(partition: Partition) {
  const known = [...partition.buckets.values()]
  for (let n = 1; known.length > 0 && partition.buckets.size < largestSnapshot; n++) {
    for (const bucket of known) {
      const earlier = n * 60_000
      const one = { ...bucket, from: bucket.from - earlier, to: bucket.to - earlier }
      partition.buckets.set(`${bucket.signal} ${one.from} ${JSON.stringify(bucket.group)}`, one)
    }
  }
  let bytes = 0
  const encode = () => (bytes = encodePartition(partition).length)
  const seconds = await cpuOf(encode)
  partition.changed.add([...partition.buckets.keys()].at(-1) ?? '')
  const again = await cpuOf(encode)
  return { seconds, again, bytes, buckets: partition.buckets.size }
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`

for (const scale of values.scale?.map(Number) ?? [1 / 16, 1 / 4, 1]) {
  const size = {
    signals: Math.round(Number(values.signals) * scale),
    services: Math.round(Number(values.services) * scale),
  }
  const site = siteOf(size, openRandom(1))
  const { total, heap, all } = await run(site, indexed, Number(values.seconds))
  say(`${size.signals} signals × ${size.services} services, events/s`, String(rate))
  say('  counting, of a core', percent(total.counting))
  say('  an event, µs', ((total.counting * 1e6) / rate).toFixed(2))
  if (Number(values.plain) > 0) {
    const plainly = await run(site, plain, 1)
    const ratio = plainly.total.counting / total.counting
    say('  the plain loop, of a core', `${percent(plainly.total.counting)} (${ratio.toFixed(1)} ×)`)
  }
  say('  buckets published a second', Math.round(total.buckets).toLocaleString('en'))
  say('  to write them, of a core', percent(total.publishing))
  const open = all.reduce((sum, { partition }) => sum + partition.buckets.size, 0)
  say('  open buckets, heap MB', `${open.toLocaleString('en')}, ${heap.toFixed(0)}`)
  say(
    '  snapshots a second, of a core',
    `${percent(total.snapshots)} (${(total.bytes / 1e6).toFixed(2)} MB)`,
  )
  const [first] = all
  if (!first) continue
  const { seconds, again, bytes, buckets } = await largest(first.partition)
  say(
    `  one snapshot of ${buckets.toLocaleString('en')} buckets`,
    `${(seconds * 1000).toFixed(0)} ms, ${(bytes / 1e6).toFixed(1)} MB; with a bucket changed ${(again * 1000).toFixed(0)} ms`,
  )
}
