import {
  partitionOf,
  topics,
  type Batch,
  type Bus,
  type BusRecord,
  type ConsumerOptions,
  type ProducedRecord,
  type Topic,
} from '../../pipeline/bus/bus.ts'

/** A bus of its own for one case. */
export interface BusSubject {
  bus: Bus
  /** Closes the bus and opens it again on the same data. */
  reopen?(): Promise<Bus>
  /** Makes the bus forget the records of `logs` that every group has read. */
  trim?(): Promise<void>
  clean(): Promise<void>
  /** How long to wait for what should come. */
  patienceMs?: number
}

export const text = (record: { value: Uint8Array }) => Buffer.from(record.value).toString('utf8')

export function produced(key: string, value: string | number, more = {}): ProducedRecord {
  return { key, value: Buffer.from(String(value)), ...more }
}

/** All records of a partition from `offset` on, read batch by batch. */
export async function readAll(
  bus: Bus,
  topic: Topic,
  partition: number,
  { offset = 0, maxBytes = 2 ** 20 } = {},
): Promise<BusRecord[]> {
  const end = (await bus.ends(topic))[partition] ?? 0
  const records: BusRecord[] = []
  for (let next = offset; next < end;) {
    const batch = await bus.read(topic, partition, next, { maxBytes })
    if (batch.next <= next) throw new Error(`no progress at offset ${next} of ${end}`)
    records.push(...batch.records)
    next = batch.next
  }
  return records
}

export async function readTopic(bus: Bus, topic: Topic): Promise<BusRecord[][]> {
  const all = []
  for (let partition = 0; partition < bus.partitions(topic); partition++) {
    all.push(await readAll(bus, topic, partition))
  }
  return all
}

/** One key for each partition of a topic. */
export function keysByPartition(topic: Topic): string[] {
  const { partitions } = topics[topic]
  return Array.from({ length: partitions }, (_, partition) => {
    for (let i = 0; ; i++) if (partitionOf(`key${i}`, partitions) === partition) return `key${i}`
  })
}

/** A member of a group that remembers what it was given. */
export function listen(bus: Bus, options: Partial<ConsumerOptions> & { group: string }) {
  const seen: { partition: number; record: BusRecord }[] = []
  const consumer = bus.consume({
    topic: 'logs',
    ...options,
    async onBatch(batch: Batch) {
      const held = await options.onBatch?.(batch)
      for (const record of batch.records) seen.push({ partition: batch.partition, record })
      return held
    },
  })
  return {
    seen,
    texts: () => seen.map(({ record }) => text(record)),
    close: () => consumer.close(),
  }
}
