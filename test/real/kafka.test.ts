import test from 'ava'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { openKafkaBus } from '../../pipeline/bus/kafka.ts'
import { silentLog } from '../../pipeline/log.ts'
import { busContract } from '../contracts/bus.ts'
import { startKafka, type KafkaServers } from '../servers/kafka.ts'

/* The contract of the bus on a real Apache Kafka of one broker; each case has topics of its own. */

let servers: KafkaServers
let count = 0

test.before('Kafka runs', async () => {
  servers = await startKafka()
})

test.after.always('Kafka ends', () => servers?.close())

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
    async reopen() {
      await bus.close()
      return (bus = await open())
    },
    clean: () => bus.close(),
    patienceMs: 60_000,
  }
}

busContract(test.serial, openSubject)
