import type { Batch, Bus, ConsumerOptions } from '../../pipeline/bus/bus.ts'
import { pause } from '../../pipeline/clock.ts'
import { keysByPartition, listen, produced, text, type BusSubject } from './bus-subject.ts'
import { unable, until, type Case, type Check } from './suite.ts'

const keys = keysByPartition('logs')

/** `count` records for each partition of `logs`, in turn: their texts are `<partition>:<n>`. */
async function produceEverywhere(bus: Bus, count: number, from = 0): Promise<void> {
  for (let n = from; n < from + count; n++) {
    await bus.produce(
      'logs',
      keys.map((key, partition) => produced(key, `${partition}:${n}`)),
    )
  }
}

function everywhere(count: number, from = 0): string[] {
  return keys.flatMap((_, partition) =>
    Array.from({ length: count }, (_unused, n) => `${partition}:${from + n}`),
  )
}

const sum = (positions: Iterable<number>) => [...positions].reduce((a, b) => a + b, 0)

async function waitForCommits({ bus, patienceMs }: BusSubject, group: string, count: number) {
  await until(
    `${count} records to be committed`,
    async () => sum((await bus.committed(group, 'logs')).values()) === count,
    patienceMs,
  )
}

/** Holds handlers inside their batch until it is opened, at the latest when the case is over. */
function gated(
  run: (t: Check, subject: BusSubject, held: ReturnType<typeof openGate>) => Promise<void>,
): Case<BusSubject>['run'] {
  return async (t, subject) => {
    const held = openGate()
    try {
      await run(t, subject, held)
    } finally {
      held.open()
    }
  }
}

function openGate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { wait: () => promise, open: resolve }
}

const whole: Case<BusSubject>[] = [
  {
    title:
      'a group is given every record once, those of before it began too, each partition in order',
    async run(t, subject) {
      const { bus, patienceMs } = subject
      await produceEverywhere(bus, 5)
      const { seen, texts, close } = listen(bus, { group: 'index', maxBytes: 10 })
      await produceEverywhere(bus, 5, 5)
      await until('all records', () => seen.length >= 40, patienceMs)
      await waitForCommits(subject, 'index', 40)
      await close()
      t.deepEqual(texts().toSorted(), everywhere(10).toSorted())
      for (const partition of keys.keys()) {
        t.deepEqual(
          seen.filter((one) => one.partition === partition).map(({ record }) => text(record)),
          everywhere(10).slice(partition * 10, partition * 10 + 10),
        )
      }
    },
  },
  {
    title: 'each group is given every record, and has positions of its own',
    async run(t, subject) {
      const { bus, patienceMs } = subject
      await produceEverywhere(bus, 3)
      const [index, measure] = [listen(bus, { group: 'index' }), listen(bus, { group: 'measure' })]
      await until('index', () => index.seen.length >= 12, patienceMs)
      await until('measure', () => measure.seen.length >= 12, patienceMs)
      await waitForCommits(subject, 'measure', 12)
      await measure.close()
      await produceEverywhere(bus, 1, 3)
      await until('index', () => index.seen.length >= 16, patienceMs)
      await waitForCommits(subject, 'index', 16)
      await index.close()
      t.deepEqual(index.texts().toSorted(), everywhere(4).toSorted())
      t.deepEqual(measure.texts().toSorted(), everywhere(3).toSorted())
      t.is(sum((await bus.committed('measure', 'logs')).values()), 12)
    },
  },
  {
    title: 'batches of a group hold no more than its maxBytes',
    async run(t, { bus, patienceMs }) {
      const value = Buffer.alloc(100)
      await bus.produce(
        'changes',
        Array.from({ length: 10 }, () => ({ key: 'a', value })),
      )
      const sizes: number[] = []
      const { close } = listen(bus, {
        group: 'index',
        topic: 'changes',
        maxBytes: 250,
        onBatch: async ({ records }) => void sizes.push(records.length),
      })
      await until('all records', () => sum(sizes) >= 10, patienceMs)
      await close()
      t.true(sizes.length >= 5 && sizes.every((size) => size <= 2), `batches of ${sizes.join()}`)
    },
  },
  {
    title: 'one batch of a partition at a time; another partition does not wait for it',
    run: gated(async (t, { bus, patienceMs }, held) => {
      let inside = 0
      const { texts, close } = listen(bus, {
        group: 'index',
        maxBytes: 1,
        async onBatch({ partition }) {
          if (partition !== 1) return
          t.is(++inside, 1, 'only one batch of partition 1 is being handled')
          await held.wait()
          inside--
        },
      })
      await produceEverywhere(bus, 3)
      await until('the other partitions', () => texts().length === 9, patienceMs)
      held.open()
      await until('the held partition', () => texts().length === 12, patienceMs)
      await close()
      t.deepEqual(texts().slice(9), ['1:0', '1:1', '1:2'])
    }),
  },
]

const sharing: Case<BusSubject>[] = [
  {
    title: 'two members share the partitions, and none is in two hands at a time',
    async run(t, { bus, patienceMs }) {
      const held = new Map<number, string>()
      const member = (name: string) =>
        listen(bus, {
          group: 'index',
          maxBytes: 1,
          async onBatch({ partition }) {
            t.is(held.get(partition), undefined, `partition ${partition} is in one hand`)
            held.set(partition, name)
            // Long enough for another to come in between, were it given the same.
            await pause(10)
            held.delete(partition)
          },
        })
      const first = member('first')
      await produceEverywhere(bus, 5)
      const second = member('second')
      let made = 5
      const all = () => new Set([...first.texts(), ...second.texts()])
      await until(
        'the second member to have a share',
        async () => {
          await produceEverywhere(bus, 1, made++)
          return second.seen.length > 0
        },
        patienceMs,
      )
      await produceEverywhere(bus, 5, made)
      made += 5
      await until('all records', () => all().size === made * 4, patienceMs)
      await first.close()
      await second.close()
      t.deepEqual([...all()].toSorted(), everywhere(made).toSorted())
    },
  },
  {
    title: 'a member that leaves finishes its batch, then the others go on where it was',
    run: gated(async (t, subject, held) => {
      const { bus, patienceMs } = subject
      let entered = false
      let left = false
      const leaving = listen(bus, {
        group: 'index',
        async onBatch() {
          entered = true
          await held.wait()
        },
      })
      await produceEverywhere(bus, 2)
      await until('a batch under way', () => entered, patienceMs)
      const closing = leaving.close().then(() => void (left = true))
      const staying = listen(bus, { group: 'index' })
      await produceEverywhere(bus, 2, 2)
      t.is(left, false, 'close waits for the batch under way')
      held.open()
      await closing
      const all = () => [...leaving.texts(), ...staying.texts()]
      await until('all records', () => new Set(all()).size === 16, patienceMs)
      await waitForCommits(subject, 'index', 16)
      await staying.close()
      t.deepEqual(all().toSorted(), everywhere(4).toSorted())
    }),
  },
  {
    title:
      'partitions are told as taken after their last batch, and before another member has them',
    async run(t, { bus, patienceMs }) {
      const owners = new Map<number, string>()
      const member = (name: string) =>
        listen(bus, {
          group: 'index',
          async onAssigned(partitions) {
            for (const partition of partitions) {
              t.is(owners.get(partition), undefined, `partition ${partition} was given up before`)
              owners.set(partition, name)
            }
          },
          onRevoked(partitions) {
            for (const partition of partitions) {
              t.is(owners.get(partition), name)
              owners.delete(partition)
            }
          },
          async onBatch({ partition }) {
            t.is(owners.get(partition), name, `partition ${partition} was assigned`)
          },
        })
      const owned = (name: string) => [...owners.values()].filter((one) => one === name).length
      const first = member('first')
      await until('the first to have all', () => owned('first') === 4, patienceMs)
      const second = member('second')
      await until(
        'shares',
        () => owned('first') + owned('second') === 4 && owned('second') > 0,
        patienceMs,
      )
      await produceEverywhere(bus, 1)
      await until('records', () => first.seen.length + second.seen.length === 4, patienceMs)
      await first.close()
      await until('the second to have all', () => owned('second') === 4, patienceMs)
      await second.close()
      t.deepEqual([...owners], [])
    },
  },
]

const failing: Case<BusSubject>[] = [
  {
    title: 'a batch whose handler rejects comes again until it is handled; other partitions go on',
    async run(t, { bus, patienceMs }) {
      const attempts: number[] = []
      const told: unknown[] = []
      const refusal = new Error('the store is away')
      const { seen, texts, close } = listen(bus, {
        group: 'index',
        maxBytes: 1,
        async onBatch({ partition, records }) {
          if (partition !== 2) return
          attempts.push(records[0]?.offset ?? -1)
          if (attempts.length <= 3) throw refusal
        },
        onFailure: (error, batch) => told.push([error, batch.partition, batch.records.map(text)]),
      })
      await produceEverywhere(bus, 3)
      await until('all records', () => seen.length >= 12, patienceMs)
      await close()
      t.deepEqual(texts().toSorted(), everywhere(3).toSorted())
      t.deepEqual(
        texts().filter((one) => one.startsWith('2:')),
        ['2:0', '2:1', '2:2'],
      )
      t.is(new Set(attempts.slice(0, 4)).size, 1, 'the same record, three times refused')
      t.deepEqual(
        told,
        [1, 2, 3].map(() => [refusal, 2, ['2:0']]),
      )
    },
  },
  {
    title: 'what was refused is not committed: the next member is given it',
    async run(t, { bus, patienceMs }) {
      await bus.produce('changes', [produced('a', 1), produced('a', 2)])
      let attempts = 0
      const refusing = listen(bus, {
        group: 'index',
        topic: 'changes',
        async onBatch() {
          attempts++
          throw new Error('refused')
        },
      })
      await until('two attempts', () => attempts >= 2, patienceMs)
      await refusing.close()
      t.is(sum((await bus.committed('index', 'changes')).values()), 0)
      const next = listen(bus, { group: 'index', topic: 'changes' })
      await until('the records', () => next.seen.length >= 2, patienceMs)
      await next.close()
      t.deepEqual(next.texts(), ['1', '2'])
    },
  },
]

const positions: Case<BusSubject>[] = [
  {
    title: 'a position is committed when the handler has resolved, not before',
    run: gated(async (t, subject, held) => {
      const { bus, patienceMs } = subject
      let batch: Batch | undefined
      const { close } = listen(bus, {
        group: 'index',
        topic: 'changes',
        async onBatch(one) {
          batch = one
          await held.wait()
        },
      })
      await bus.produce('changes', [produced('a', 1)])
      const { next } = await until('the batch', () => batch, patienceMs)
      t.is((await bus.committed('index', 'changes')).get(0) ?? 0, 0)
      held.open()
      await until(
        'the commit',
        async () => (await bus.committed('index', 'changes')).get(0) === next,
        patienceMs,
      )
      await close()
      t.is((await bus.committed('index', 'changes')).get(0), next)
    }),
  },
  {
    title: 'a group goes on at its committed positions after the bus was opened again',
    async run(t, subject) {
      const { bus, reopen, patienceMs } = subject
      if (!reopen) return unable(t, 'this bus cannot be opened again')
      await produceEverywhere(bus, 3)
      const before = listen(bus, { group: 'index' })
      await until('all records', () => before.seen.length >= 12, patienceMs)
      await before.close()
      const committed = await committedOf(bus)
      const again = await reopen()
      t.deepEqual(await committedOf(again), committed)
      await produceEverywhere(again, 1, 3)
      const after = listen(again, { group: 'index' })
      await until('the new records', () => after.seen.length >= 4, patienceMs)
      await after.close()
      t.deepEqual(after.texts().toSorted(), everywhere(1, 3).toSorted())
    },
  },
  {
    title: 'positions that onAssigned returns win over the committed ones, back and forth',
    async run(t, { bus, patienceMs }) {
      await produceEverywhere(bus, 4)
      const before = listen(bus, { group: 'measure' })
      await until('all records', () => before.seen.length >= 16, patienceMs)
      await before.close()
      await produceEverywhere(bus, 2, 4)
      const [back, forth] = [offsetOf(before, '0:2'), offsetOf(before, '1:3') + 2]
      const after = listen(bus, {
        group: 'measure',
        onAssigned: async () =>
          new Map([
            [0, back],
            [1, forth],
          ]),
      })
      const expected = ['0:2', '0:3', '0:4', '0:5', '1:5', '2:4', '2:5', '3:4', '3:5']
      await until('the records', () => after.seen.length >= expected.length, patienceMs)
      await after.close()
      t.deepEqual(after.texts().toSorted(), expected)
    },
  },
  {
    title:
      'onAssigned names the partitions before their first batch, and is asked again if it fails',
    async run(t, { bus, patienceMs }) {
      const assigned = new Set<number>()
      const told: unknown[] = []
      const refusal = new Error('no snapshot yet')
      const onAssigned: ConsumerOptions['onAssigned'] = async (partitions) => {
        if (told.length < 2) throw refusal
        for (const partition of partitions) assigned.add(partition)
      }
      const { texts, close } = listen(bus, {
        group: 'measure',
        onAssigned,
        onFailure: (error) => told.push(error),
        onBatch: async ({ partition }) => void t.true(assigned.has(partition)),
      })
      await produceEverywhere(bus, 1)
      await until('the records', () => texts().length >= 4, patienceMs)
      await close()
      t.deepEqual(
        [...assigned].toSorted((a, b) => a - b),
        [0, 1, 2, 3],
      )
      t.deepEqual(told, [refusal, refusal])
    },
  },
  {
    title: 'trimming takes nothing that a group has yet to read',
    run: gated(async (t, subject, held) => {
      const { bus, trim, patienceMs } = subject
      if (!trim) return unable(t, 'this bus cannot be made to trim')
      let entered = 0
      const slow = listen(bus, {
        group: 'measure',
        async onBatch() {
          entered++
          await held.wait()
        },
      })
      const fast = listen(bus, { group: 'index' })
      await produceEverywhere(bus, 5)
      await until('the fast group', () => fast.seen.length >= 20, patienceMs)
      await until('the slow group', () => entered === 4, patienceMs)
      await trim()
      held.open()
      await until('the slow group', () => slow.seen.length >= 20, patienceMs)
      await slow.close()
      await fast.close()
      t.deepEqual(slow.texts().toSorted(), everywhere(5).toSorted())
    }),
  },
]

async function committedOf(bus: Bus): Promise<[number, number][]> {
  return [...(await bus.committed('index', 'logs'))].toSorted(([a], [b]) => a - b)
}

function offsetOf({ seen }: ReturnType<typeof listen>, wanted: string): number {
  return seen.find(({ record }) => text(record) === wanted)?.record.offset ?? -1
}

export const busGroupCases: readonly Case<BusSubject>[] = [
  ...whole,
  ...sharing,
  ...failing,
  ...positions,
]
