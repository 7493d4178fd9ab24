import test, { type ExecutionContext } from 'ava'
import kafkajs from 'kafkajs'
import type { Bus, ProducedRecord } from '../../pipeline/bus/bus.ts'
import { openKafkaClient } from '../../pipeline/bus/kafka-client.ts'
import { inspectKafka, openKafkaBus, type KafkaBusOptions } from '../../pipeline/bus/kafka.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { isRetryable, Trouble } from '../../pipeline/errors.ts'
import { silentLog, type Logger } from '../../pipeline/log.ts'
import { listen, produced, readAll, readTopic, text } from '../contracts/bus-subject.ts'
import { rejection, until } from '../contracts/suite.ts'
import { startKafka, type KafkaServers } from '../servers/kafka.ts'
import { asking, countsOf, deposed, leadersOf } from './kafka-cluster.ts'
import { judge, openWriter } from './kafka-writer.ts'

/* What can go wrong with Kafka, on three real brokers that by themselves acknowledge what one of them has. */

let servers: KafkaServers
let count = 0
const all = [0, 1, 2]
const patienceMs = 120_000

test.before('three brokers run', async () => {
  servers = await startKafka({ count: 3, more: { 'min.insync.replicas': '1' } })
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

/** A bus, and a load on it, that end with the test, whatever comes of it; what was killed or frozen runs again. */
async function openFor(t: ExecutionContext, prefix: string, more: Partial<KafkaBusOptions> = {}) {
  const bus = await open(prefix, more)
  t.teardown(() => bus.close())
  t.teardown(allRunning)
  return bus
}

async function allRunning(): Promise<void> {
  for (const broker of all) servers.thaw(broker)
  await Promise.all(all.map((broker) => servers.start(broker)))
}

function load(t: ExecutionContext, bus: Bus) {
  const writer = openWriter(bus)
  t.teardown(() => writer.stop())
  // First of all: what is under way waits for brokers.
  t.teardown(allRunning)
  return writer
}

test.serial(
  'a broker is killed under load: of what was acknowledged nothing is lost, doubled or out of order',
  async (t) => {
    const bus = await openFor(t, `kill${++count}.`)
    const writer = load(t, bus)
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
  },
)

test.serial(
  'all brokers are away: that is told as retryable, and then it goes on in order',
  async (t) => {
    const bus = await openFor(t, `away${++count}.`)
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
    await Promise.all(all.map((broker) => servers.kill(broker)))
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
    await Promise.all(all.map((broker) => servers.start(broker)))
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
    const bus = await openFor(t, `frozen${++count}.`, { produceTimeoutMs: 5000 })
    const writer = load(t, bus)
    await until('a load', () => writer.count() > 300, patienceMs)
    servers.freeze(2)
    const frozen = writer.count()
    await until('a refusal', () => writer.refusals() > 0, patienceMs)
    await until('writing to go on', () => writer.count() > frozen + 300, patienceMs)
    servers.thaw(2)
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
  },
)

test.serial(
  'a topic of another shape is named, with what is there and what is wanted',
  async (t) => {
    const prefix = `shape${++count}.`
    await openFor(t, prefix, { replication: 2 })
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

/** How long each attempt of a read took until it was given up, and that it was told. */
async function readUntilGiven(t: ExecutionContext, bus: Bus, partition: number, offset: number) {
  const tookMs: number[] = []
  await until(
    'a read to succeed',
    async () => {
      const began = wallClock.now()
      try {
        const { records } = await bus.read('logs', partition, offset, { maxBytes: 1000 })
        return records.length > 0
      } catch (error) {
        t.true(error instanceof Trouble && isRetryable(error), String(error))
        return false
      } finally {
        tookMs.push(wallClock.now() - began)
      }
    },
    patienceMs,
  )
  return tookMs
}

test.serial(
  'the leader says nothing: a read is given up in half a minute, told, and goes on where another leads',
  async (t) => {
    const prefix = `silent${++count}.`
    const bus = await openFor(t, prefix)
    const told: unknown[] = []
    const group = listen(bus, { group: 'index', onFailure: (error) => void told.push(error) })
    await bus.produce('logs', [produced('a', 'before', { partition: 0 })])
    await until('the group to read', () => group.seen.length === 1, patienceMs)
    const leader = (await leadersOf(servers, `${prefix}logs`)).get(0) ?? 0
    servers.freeze(leader)
    const [read, ends] = await Promise.all([readUntilGiven(t, bus, 0, 0), timed(bus.ends('logs'))])
    t.true(Math.max(...read, ends) < 30_000, `${read.join(', ')}; ${ends} ms`)
    t.log(`reads took ${read.join(', ')} ms, the ends ${ends} ms`)
    await until(
      'a record to be taken',
      () =>
        bus.produce('logs', [produced('a', 'after', { partition: 0 })]).then(
          () => true,
          () => false,
        ),
      patienceMs,
    )
    await until('the group to go on', () => group.texts().includes('after'), patienceMs)
    t.true(told.length > 0)
  },
)

test.serial(
  'no broker says anything: reads are given up in half a minute, and go on once they do',
  async (t) => {
    const bus = await openFor(t, `mute${++count}.`)
    await bus.produce('logs', [produced('a', 'before', { partition: 0 })])
    for (const broker of all) servers.freeze(broker)
    for (let attempt = 0; attempt < 2; attempt++) {
      const began = wallClock.now()
      const error = await rejection(t, bus.read('logs', 0, 0, { maxBytes: 1000 }))
      t.true(error instanceof Trouble && isRetryable(error), String(error))
      t.true(wallClock.now() - began < 30_000, `${wallClock.now() - began} ms`)
    }
    for (const broker of all) servers.thaw(broker)
    await readUntilGiven(t, bus, 0, 0)
  },
)

/** How long something takes to succeed or fail, ms. */
async function timed(action: Promise<unknown>): Promise<number> {
  const began = wallClock.now()
  await action.catch(() => {})
  return wallClock.now() - began
}

/**
 * A request to the leaders of all partitions, of which one says nothing, and dies when the others have answered and lead what
 * it led. Resolves when `send` has, with what each partition holds then.
 */
async function sendWhileOneDies(topic: string, send: () => Promise<unknown>) {
  const victim = (await leadersOf(servers, topic)).get(0) ?? 0
  const led = await leadersOf(servers, topic)
  servers.freeze(victim)
  const sending = send()
  sending.catch(() => {})
  await deposed(servers, topic, victim, patienceMs)
  const others = [...led].filter(([, leader]) => leader !== victim).map(([partition]) => partition)
  await until(
    'the others to have it',
    async () => {
      const counts = await countsOf(servers, topic, [victim]).catch(() => undefined)
      return counts && others.every((partition) => (counts.get(partition) ?? 0) > 0)
    },
    patienceMs,
  )
  await servers.kill(victim)
  await sending
  const counts = await countsOf(servers, topic, [victim])
  return { victims: [...led].filter(([, leader]) => leader === victim), counts }
}

/** Whether it was acknowledged; what was refused may be tried again. */
async function taken(producing: Promise<void>): Promise<boolean> {
  try {
    await producing
    return true
  } catch (error) {
    if (isRetryable(error)) return false
    throw error
  }
}

const oneEach = [0, 1, 2, 3].map((partition) => ({ partition, value: `to ${partition}` }))

test.serial(
  'a leader dies in the middle of a call: what is acknowledged is there, in every partition',
  async (t) => {
    const prefix = `rule${++count}.`
    const bus = await openFor(t, prefix)
    const records = oneEach.map(({ partition, value }) => produced('a', value, { partition }))
    // It knows its brokers, as one that works does: a first request could be to the one that says nothing.
    await bus.produce('metrics', [produced('a', 'before')])
    const { counts } = await sendWhileOneDies(`${prefix}logs`, () =>
      until('it to be acknowledged', () => taken(bus.produce('logs', records)), patienceMs),
    )
    t.deepEqual(
      [...counts.values()].filter((held) => held < 1),
      [],
    )
  },
)

test.serial(
  'the same without the rule of one partition a request: kafkajs acknowledges what is lost (tulios/kafkajs#1303)',
  async (t) => {
    const prefix = `norule${++count}.`
    await openFor(t, prefix)
    const topic = `${prefix}logs`
    const client = openKafkaClient({ brokers: servers.brokers }, silentLog)
    t.teardown(() => client.close())
    const producer = client.kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const { victims, counts } = await sendWhileOneDies(topic, () =>
      producer.send({ topic, acks: -1, timeout: 60_000, messages: oneEach }),
    )
    t.true(victims.length > 0)
    // Its promise has resolved, and of what it acknowledged these partitions hold nothing.
    for (const [partition] of victims) t.is(counts.get(partition), 0, `partition ${partition}`)
  },
)

/** What was warned of. */
function openWarnings() {
  const warnings: { topics?: string[] }[] = []
  const log = Object.create(silentLog, {
    warn: { value: (details: { topics?: string[] }) => void warnings.push(details) },
  }) as Logger
  return { warnings, log }
}

test.serial('two brokers must have a record; where one is enough that is told', async (t) => {
  const prefix = `enough${++count}.`
  const first = openWarnings()
  await openFor(t, prefix, { log: first.log })
  t.deepEqual(first.warnings, [], 'topics of ours are made with two')
  const name = `${prefix}state`
  await asking(servers, [], (admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name,
          configEntries: [
            { name: 'cleanup.policy', value: 'compact' },
            { name: 'max.message.bytes', value: String(16 * 2 ** 20) },
          ],
        },
      ],
    }),
  )
  const second = openWarnings()
  const more = { replication: 3, log: second.log }
  await openFor(t, prefix, more)
  t.deepEqual(
    second.warnings.map(({ topics }) => topics),
    [[name]],
    'as the brokers have it',
  )
  const said = await inspectKafka({ brokers: servers.brokers, prefix, ...more })
  t.regex(said, /all topics are there\nwarning: records are acknowledged as soon as one broker/)
  t.regex(said, new RegExp(`\\(${name}\\): set min\\.insync\\.replicas`))
})
