import test, { type ExecutionContext } from 'ava'
import kafkajs from 'kafkajs'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { openKafkaBus } from '../../pipeline/bus/kafka.ts'
import { silentLog } from '../../pipeline/log.ts'
import { busContract } from '../contracts/bus.ts'
import { listen, produced, text } from '../contracts/bus-subject.ts'
import { until } from '../contracts/suite.ts'
import { startKafka, type KafkaServers } from '../servers/kafka.ts'

/* The contract of the bus on a real Apache Kafka of one broker; each case has topics of its own. */

let servers: KafkaServers
let count = 0

test.before('Kafka runs', async () => {
  servers = await startKafka({ more: { 'log.cleaner.backoff.ms': '200' } })
})

test.after.always('Kafka ends', () => servers?.close())

/** Its bus ends with the test, whatever comes of it. */
async function openFor(t: ExecutionContext) {
  const subject = await openSubject()
  t.teardown(subject.clean)
  return subject
}

async function openSubject() {
  const prefix = `case${++count}.`
  const open = (): Promise<Bus> =>
    openKafkaBus({
      brokers: servers.brokers,
      prefix,
      replication: 1,
      sessionTimeoutMs: 6000,
      log: silentLog,
    })
  let bus = await open()
  return {
    bus,
    prefix,
    async reopen() {
      await bus.close()
      return (bus = await open())
    },
    clean: () => bus.close(),
    patienceMs: 60_000,
  }
}

busContract(test.serial, openSubject)

test.serial(
  'what Kafka has deleted is passed over, and it is told where records begin',
  async (t) => {
    const { bus, prefix } = await openFor(t)
    const records = Array.from({ length: 20 }, (_, i) => produced('a', i, { partition: 2 }))
    await bus.produce('logs', records)
    const admin = new kafkajs.Kafka({ brokers: servers.brokers, logLevel: 0 }).admin()
    await admin.connect()
    await admin.fetchTopicOffsets(`${prefix}logs`)
    await admin.deleteTopicRecords({
      topic: `${prefix}logs`,
      partitions: [{ partition: 2, offset: '15' }],
    })
    await admin.disconnect()
    const batch = await bus.read('logs', 2, 0, { maxBytes: 2 ** 20 })
    t.is(batch.from, 15)
    t.deepEqual(batch.records.map(text), ['15', '16', '17', '18', '19'])
    const group = listen(bus, { group: 'index' })
    await until('the rest', () => group.seen.length === 5, 60_000)
    t.deepEqual(group.texts(), ['15', '16', '17', '18', '19'])
  },
)

test.serial('a compacted topic is read to its end after the cleaner was there', async (t) => {
  const { bus, prefix } = await openFor(t)
  const admin = new kafkajs.Kafka({ brokers: servers.brokers, logLevel: 0 }).admin()
  await admin.connect()
  // The cleaner takes all that is superseded at once, and marks of deletion as soon as it has passed them.
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: `${prefix}state`,
        configEntries: [
          { name: 'cleanup.policy', value: 'compact' },
          { name: 'max.message.bytes', value: String(16 * 2 ** 20) },
          { name: 'segment.ms', value: '100' },
          { name: 'min.cleanable.dirty.ratio', value: '0.001' },
          { name: 'delete.retention.ms', value: '0' },
        ],
      },
    ],
  })
  await admin.disconnect()
  for (let n = 0; n < 20; n++) {
    await bus.produce('state', [produced('a', n), { key: 'gone', value: new Uint8Array() }])
  }
  await until(
    'the cleaner',
    async () => {
      await bus.produce('state', [produced('b', 'tick')])
      const { records } = await bus.read('state', 0, 0, { maxBytes: 2 ** 20 })
      return (records[0]?.offset ?? 0) > 10
    },
    90_000,
  )
  const { latest, ends } = await bus.snapshot('state')
  t.deepEqual([...latest.keys()].toSorted(), ['a', 'b'])
  const [end = 0] = ends
  let offset = 0
  for (let reads = 0; offset < end && reads < 1000; reads++) {
    offset = (await bus.read('state', 0, offset, { maxBytes: 2 ** 20 })).next
  }
  t.true(offset >= end, 'reading comes to the end')
})
