import test from 'ava'
import type { Bus, ProducedRecord } from '../../pipeline/bus/bus.ts'
import { openKafkaBus, type KafkaBusOptions } from '../../pipeline/bus/kafka.ts'
import { pause } from '../../pipeline/clock.ts'
import { isRetryable, Trouble } from '../../pipeline/errors.ts'
import { silentLog } from '../../pipeline/log.ts'
import { listen, produced, readAll, readTopic, text } from '../contracts/bus-subject.ts'
import { rejection, until } from '../contracts/suite.ts'
import { startKafka, type KafkaServers } from '../servers/kafka.ts'

/* What can go wrong with Kafka, on three real brokers of which two have to have a record before it is acknowledged. */

let servers: KafkaServers
let count = 0
const patienceMs = 120_000

test.before('three brokers run', async () => {
  servers = await startKafka({ count: 3 })
})

test.after.always('they end', () => servers?.close())

function open(prefix: string, more: Partial<KafkaBusOptions> = {}): Promise<Bus> {
  return openKafkaBus({
    brokers: servers.brokers,
    prefix,
    replication: 3,
    sessionTimeoutMs: 6000,
    log: silentLog,
    ...more,
  })
}

/**
 * Produces numbered records to all partitions of `logs`, all of them in one call, again where it is refused, until it is told to
 * stop. Partitions are led by several brokers: a call is that of tulios/kafkajs#1303.
 */
function openWriter(bus: Bus) {
  const stop = new AbortController()
  const acknowledged: number[] = []
  let refusals = 0
  async function write() {
    for (let n = 0; !stop.signal.aborted; n += 3) {
      const numbers = [n, n + 1, n + 2]
      const records = [0, 1, 2, 3].flatMap((partition) =>
        numbers.map((one) => produced(`p${partition}`, one, { partition })),
      )
      while (!(await attempt(records))) await pause(50)
      acknowledged.push(...numbers)
    }
  }
  async function attempt(records: ReturnType<typeof produced>[]): Promise<boolean> {
    try {
      await bus.produce('logs', records)
      return true
    } catch (error) {
      if (!isRetryable(error)) throw error
      refusals++
      return false
    }
  }
  const writing = write()
  return {
    acknowledged,
    count: () => acknowledged.length,
    refusals: () => refusals,
    async stop() {
      stop.abort()
      await writing
    },
  }
}

/** In the order of their first coming, each number once; how many came more than once. */
function judge(read: number[]): { order: number[]; repeated: number } {
  const order = [...new Set(read)]
  return { order, repeated: read.length - order.length }
}

test.serial(
  'a broker is killed under load: of what was acknowledged nothing is lost, doubled or out of order',
  async (t) => {
    const bus = await open(`kill${++count}.`)
    const writer = openWriter(bus)
    for (const broker of [0, 1]) {
      const before = writer.count()
      await until('a load', () => writer.count() > before + 300, patienceMs)
      await servers.kill(broker)
      const killed = writer.count()
      await until('writing to go on', () => writer.count() > killed + 300, patienceMs)
      await servers.start(broker)
    }
    await writer.stop()
    const partitions = await until(
      'all to be readable',
      () => readTopic(bus, 'logs').catch(() => undefined),
      patienceMs,
    )
    for (const [partition, records] of partitions.entries()) {
      const read = records.map((record) => Number(text(record)))
      const { order, repeated } = judge(read)
      t.deepEqual(order, writer.acknowledged, `all of partition ${partition}, in order`)
      // Only what was refused and sent again may have come twice.
      t.true(repeated <= 3 * writer.refusals(), `${repeated} came again`)
      if (writer.refusals() === 0) t.is(repeated, 0)
    }
    t.log(`${writer.count()} acknowledged, ${writer.refusals()} refused and sent again`)
    await bus.close()
  },
)

test.serial(
  'all brokers are away: that is told as retryable, and then it goes on in order',
  async (t) => {
    const bus = await open(`away${++count}.`)
    const told = { failures: 0, recoveries: 0 }
    const group = listen(bus, { group: 'index' })
    const idle = listen(bus, {
      group: 'index',
      topic: 'dead',
      onFailure: () => void told.failures++,
      onRecovered: () => void told.recoveries++,
    })
    await bus.produce('logs', [produced('a', 'before', { partition: 0 })])
    await until('the first record', () => group.seen.length === 1, patienceMs)
    await Promise.all([0, 1, 2].map((broker) => servers.kill(broker)))
    // Of several requests: what stands behind one that failed must not come before it.
    const large = [0, 1, 2, 3, 4, 5].map((n) => ({
      key: String(n),
      value: Buffer.alloc(700_000, n),
      partition: 1,
    }))
    const error = await rejection(t, bus.produce('logs', large))
    t.true(error instanceof Trouble && isRetryable(error))
    t.regex(error.message, /Kafka \(127\.0\.0\.1:\d+, .*\) says/)
    await rejection(t, bus.read('logs', 0, 0, { maxBytes: 1000 }))
    await Promise.all([0, 1, 2].map((broker) => servers.start(broker)))
    const send = (records: ProducedRecord[]) => async () => {
      try {
        await bus.produce('logs', records)
        return true
      } catch {
        return false
      }
    }
    const small = (value: string) => send([produced('a', value, { partition: 0 })])
    await until('a record to be taken', small('after'), patienceMs)
    await until('the next', small('last'), patienceMs)
    await until('the large ones', send(large), patienceMs)
    const readSmall = () => textsOf(group, 0)
    await until('the group to go on', () => readSmall().includes('last'), patienceMs)
    t.deepEqual(readSmall(), ['before', 'after', 'last'])
    const read = await until(
      'all to be readable',
      () => readAll(bus, 'logs', 1).catch(() => undefined),
      patienceMs,
    )
    t.deepEqual([...new Set(read.map(({ key }) => key))], ['0', '1', '2', '3', '4', '5'])
    // Where nothing comes, that it could is told: or the trouble would be shown until something does.
    await until('the idle topic to recover', () => told.recoveries > 0, patienceMs)
    t.true(told.failures > 0)
    await idle.close()
    await group.close()
    await bus.close()
    // One that is left, of all that were lost and made anew, would keep the process alive.
    await until('no connection to be left', () => !isConnected(), patienceMs)
  },
)

const isConnected = () => process.getActiveResourcesInfo().includes('TCPSocketWrap')

const textsOf = ({ seen }: ReturnType<typeof listen>, partition: number) => [
  ...new Set(seen.filter((one) => one.partition === partition).map(({ record }) => text(record))),
]

test.serial(
  'a broker says nothing, and its connections stay open: a write is refused in time, then it goes on elsewhere',
  async (t) => {
    const bus = await open(`frozen${++count}.`, { produceTimeoutMs: 5000 })
    const writer = openWriter(bus)
    await until('a load', () => writer.count() > 300, patienceMs)
    servers.freeze(2)
    try {
      const frozen = writer.count()
      await until('a refusal', () => writer.refusals() > 0, patienceMs)
      await until('writing to go on', () => writer.count() > frozen + 300, patienceMs)
    } finally {
      servers.thaw(2)
    }
    const thawed = writer.count()
    await until('writing to go on', () => writer.count() > thawed + 300, patienceMs)
    await writer.stop()
    const partitions = await until(
      'all to be readable',
      () => readTopic(bus, 'logs').catch(() => undefined),
      patienceMs,
    )
    for (const [partition, records] of partitions.entries()) {
      const { order } = judge(records.map((record) => Number(text(record))))
      t.deepEqual(order, writer.acknowledged, `all of partition ${partition}, in order`)
    }
    await bus.close()
  },
)

test.serial(
  'a topic of another shape is named, with what is there and what is wanted',
  async (t) => {
    const prefix = `shape${++count}.`
    const first = await open(prefix, { replication: 2 })
    await first.close()
    const wanted = { replication: 3, partitions: { logs: 6 } }
    const error = await rejection(t, open(prefix, wanted))
    t.regex(error.message, new RegExp(`${prefix}logs is held by 2 brokers, not 3`))
    t.regex(error.message, new RegExp(`${prefix}logs has 4 partitions, not 6`))
    t.regex((error as Trouble).remedy ?? '', /bus\.kafka\.prefix/)
  },
)

test.serial('more copies than brokers: the remedy is told', async (t) => {
  const error = await rejection(t, open(`many${++count}.`, { replication: 5 }))
  t.regex(error.message, /held by 5 brokers, and fewer are there/)
})
