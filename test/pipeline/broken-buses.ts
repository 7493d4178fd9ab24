import type { Batch, Bus, ConsumerOptions, ProducedRecord } from '../../pipeline/bus/bus.ts'

/** A bus with one promise broken. */
export interface BrokenBus {
  /** "a bus that …" */
  breaks: string
  /** Beginnings of the titles of the cases that must fail. */
  caughtBy: string[]
  /** `state` outlives opening again. */
  wrap(bus: Bus, state: Record<string, unknown>): Bus
}

function consuming(bus: Bus, change: (options: ConsumerOptions) => ConsumerOptions): Bus {
  return { ...bus, consume: (options) => bus.consume(change(options)) }
}

function reading(bus: Bus, change: (batch: Batch) => Batch): Bus {
  return {
    ...bus,
    read: async (...args) => change(await bus.read(...args)),
  }
}

function producing(
  bus: Bus,
  change: (records: readonly ProducedRecord[]) => ProducedRecord[],
): Bus {
  return { ...bus, produce: (topic, records) => bus.produce(topic, change(records)) }
}

/** `object` without a field that need not be there. */
export function without<T extends object>(object: T, name: OptionalKeys<T>): T {
  const rest = { ...object }
  delete rest[name]
  return rest
}
type OptionalKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T]

export const brokenBuses: readonly BrokenBus[] = [
  {
    breaks: 'loses the order within a batch',
    caughtBy: ['records of one key keep', 'a group is given every record once'],
    wrap: (bus) =>
      producing(
        consuming(bus, (options) => ({
          ...options,
          onBatch: (batch) => options.onBatch({ ...batch, records: batch.records.toReversed() }),
          maxBytes: 1000,
        })),
        (records) => records.toReversed(),
      ),
  },
  {
    breaks: 'lets calls overtake each other',
    caughtBy: ['records of one key keep'],
    wrap: (bus) => {
      let calls = 0
      return {
        ...bus,
        async produce(topic, records) {
          if (calls++ % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
          await bus.produce(topic, records)
        },
      }
    },
  },
  {
    breaks: 'ignores the key when it chooses a partition',
    caughtBy: ['records of one key keep', 'a key goes to the partition'],
    wrap: (bus) => {
      let n = 0
      const scattered = (record: ProducedRecord, partitions: number) => ({
        ...record,
        partition: record.partition ?? n++ % partitions,
      })
      return {
        ...bus,
        produce: (topic, records) =>
          bus.produce(
            topic,
            records.map((record) => scattered(record, bus.partitions(topic))),
          ),
      }
    },
  },
  {
    breaks: 'ignores the partition that a record names',
    caughtBy: ['a key goes to the partition'],
    wrap: (bus) =>
      producing(bus, (records) => records.map((record) => without(record, 'partition'))),
  },
  {
    breaks: 'answers before the records are kept',
    caughtBy: ['what was produced is there', 'offsets ascend'],
    wrap: (bus) => ({
      ...bus,
      async produce(topic, records) {
        void new Promise((resolve) => setTimeout(resolve, 300))
          .then(() => bus.produce(topic, records))
          .catch(() => {})
      },
    }),
  },
  {
    breaks: 'reads values as text',
    caughtBy: ['keys, headers and values'],
    wrap: (bus) =>
      reading(bus, (batch) => ({
        ...batch,
        records: batch.records.map((record) => ({
          ...record,
          value: Buffer.from(Buffer.from(record.value).toString('utf8')),
        })),
      })),
  },
  {
    breaks: 'forgets headers',
    caughtBy: ['keys, headers and values'],
    wrap: (bus) => producing(bus, (records) => records.map((record) => without(record, 'headers'))),
  },
  {
    breaks: 'puts more in a batch than maxBytes',
    caughtBy: ['a batch stops before', 'batches of a group'],
    wrap: (bus) => ({
      ...consuming(bus, ({ maxBytes = 1, ...options }) => ({
        ...options,
        maxBytes: maxBytes + 2000,
      })),
      read: (topic, partition, offset) => bus.read(topic, partition, offset, { maxBytes: 2000 }),
    }),
  },
  {
    breaks: 'never gives a record larger than maxBytes',
    caughtBy: ['a batch stops before'],
    wrap: (bus) => ({
      ...bus,
      async read(topic, partition, offset, { maxBytes }) {
        const batch = await bus.read(topic, partition, offset, { maxBytes })
        const fits = batch.records.every(({ value }) => value.length <= maxBytes)
        return fits ? batch : { ...batch, records: [], next: offset }
      },
    }),
  },
  {
    breaks: 'skips a record behind each batch',
    caughtBy: ['a batch stops before', '`end - next` records'],
    wrap: (bus) => reading(bus, (batch) => ({ ...batch, next: batch.next + 1 })),
  },
  {
    breaks: 'starts reading at the newest record',
    caughtBy: ['reading at the end gives'],
    wrap: (bus) => ({
      ...bus,
      async read(topic, partition, offset, limits) {
        const end = (await bus.ends(topic))[partition] ?? 0
        return bus.read(topic, partition, offset === 0 ? offset : end, limits)
      },
    }),
  },
  {
    breaks: 'does not tell that something was trimmed away',
    caughtBy: ['a reader is told where records still exist'],
    wrap: (bus) => ({
      ...bus,
      read: async (topic, partition, offset, limits) => ({
        ...(await bus.read(topic, partition, offset, limits)),
        from: offset,
      }),
    }),
  },
  {
    breaks: 'handles a batch twice',
    caughtBy: ['a group is given every record once', 'each group is given every record'],
    wrap: (bus) =>
      consuming(bus, (options) => ({
        ...options,
        async onBatch(batch) {
          await options.onBatch(batch)
          await options.onBatch(batch)
        },
      })),
  },
  {
    breaks: 'goes on when a handler rejects',
    caughtBy: ['a batch whose handler rejects', 'what was refused is not committed'],
    wrap: (bus) =>
      consuming(bus, (options) => ({
        ...options,
        onBatch: (batch) =>
          options.onBatch(batch).catch((error: unknown) => options.onFailure?.(error, batch)),
      })),
  },
  {
    breaks: 'does not wait for the handler',
    caughtBy: [
      'one batch of a partition at a time',
      'a position is committed when',
      'a member that leaves',
    ],
    wrap: (bus) =>
      consuming(bus, (options) => ({
        ...options,
        async onBatch(batch) {
          options.onBatch(batch).catch(() => {})
        },
      })),
  },
  {
    breaks: 'handles all partitions one after the other',
    caughtBy: ['one batch of a partition at a time'],
    wrap: (bus) => {
      let before: ReturnType<ConsumerOptions['onBatch']> = Promise.resolve()
      return consuming(bus, (options) => ({
        ...options,
        onBatch: (batch) => (before = before.then(() => options.onBatch(batch))),
      }))
    },
  },
  {
    breaks: 'commits what a batch still holds',
    caughtBy: ['a batch that holds something holds up no other', 'who leaves a group waits for'],
    wrap: (bus) =>
      consuming(bus, (options) => ({
        ...options,
        async onBatch(batch) {
          await options.onBatch(batch)
        },
      })),
  },
  {
    breaks: 'lets what a batch holds hold up the next one',
    caughtBy: ['a batch that holds something holds up no other'],
    wrap: (bus) =>
      consuming(bus, (options) => ({
        ...options,
        async onBatch(batch) {
          const held = await options.onBatch(batch)
          await held?.settled
        },
      })),
  },
  {
    breaks: 'forgets what failed while it was held',
    caughtBy: ['what fails while it is held'],
    wrap: (bus) =>
      consuming(bus, (options) => ({
        ...options,
        async onBatch(batch) {
          const held = await options.onBatch(batch)
          return held && { settled: held.settled.catch(() => {}) }
        },
      })),
  },
  {
    breaks: 'forgets positions',
    caughtBy: ['a group goes on at its committed', 'a position is committed when'],
    wrap: (bus) => ({
      ...consuming(bus, (options) => ({
        ...options,
        async onAssigned(partitions) {
          const own = await options.onAssigned?.(partitions)
          return own ?? new Map(partitions.map((partition) => [partition, 0]))
        },
      })),
      committed: async () => new Map(),
    }),
  },
  {
    breaks: 'shares positions among groups',
    caughtBy: ['each group is given every record'],
    wrap: (bus) => ({
      ...consuming(bus, (options) => ({ ...options, group: 'all' })),
      committed: (_, topic) => bus.committed('all', topic),
    }),
  },
  {
    breaks: 'gives every member all partitions',
    caughtBy: ['two members share', 'partitions are told as taken'],
    wrap: (bus) => {
      let members = 0
      return consuming(bus, (options) => ({ ...options, group: `${options.group}${members++}` }))
    },
  },
  {
    breaks: 'loses what a member leaves behind',
    caughtBy: ['a member that leaves', 'partitions are told as taken'],
    wrap: (bus) => ({
      ...bus,
      consume: (options) => ({ ...bus.consume(options), close: async () => {} }),
    }),
  },
  {
    breaks: 'does not tell what it takes from a member',
    caughtBy: ['partitions are told as taken'],
    wrap: (bus) => consuming(bus, (options) => without(options, 'onRevoked')),
  },
  {
    breaks: 'ignores the positions of onAssigned',
    caughtBy: ['positions that onAssigned returns'],
    wrap: (bus) =>
      consuming(bus, (options) => ({
        ...options,
        onAssigned: async (partitions) => void (await options.onAssigned?.(partitions)),
      })),
  },
  {
    breaks: 'calls onAssigned late',
    caughtBy: ['onAssigned names the partitions'],
    wrap: (bus) =>
      consuming(bus, (options) => ({
        ...options,
        async onAssigned(partitions) {
          void new Promise((resolve) => setTimeout(resolve, 50))
            .then(() => options.onAssigned?.(partitions))
            .catch(() => {})
        },
      })),
  },
  {
    breaks: 'keeps deleted keys in snapshots',
    caughtBy: ['a snapshot holds the newest'],
    wrap: (bus) => ({
      ...bus,
      async snapshot(topic) {
        const { latest, ends } = await bus.snapshot(topic)
        for (let next = 0; next < (ends[0] ?? 0);) {
          const batch = await bus.read(topic, 0, next, { maxBytes: 1000 })
          for (const record of batch.records)
            if (!latest.has(record.key)) latest.set(record.key, record)
          next = batch.next
        }
        return { latest, ends }
      },
    }),
  },
  {
    breaks: 'gives the oldest record of a key',
    caughtBy: ['a snapshot holds the newest', 'headers of a snapshot'],
    wrap: (bus) => ({
      ...bus,
      async snapshot(topic) {
        const { latest, ends } = await bus.snapshot(topic)
        const { records } = await bus.read(topic, 0, 0, { maxBytes: 1000 })
        for (const record of records.toReversed()) latest.set(record.key, record)
        return { latest, ends }
      },
    }),
  },
  {
    breaks: 'takes the ends of a snapshot later than the records',
    caughtBy: ['reading on from the ends'],
    wrap: (bus) => ({
      ...bus,
      async snapshot(topic) {
        const { latest } = await bus.snapshot(topic)
        await new Promise((resolve) => setTimeout(resolve, 30))
        return { latest, ends: await bus.ends(topic) }
      },
    }),
  },
]
