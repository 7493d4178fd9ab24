import {
  partitionOf,
  type Bus,
  type BusRecord,
  type ProducedRecord,
  type Topic,
} from '../../pipeline/bus/bus.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { busGroupCases } from './bus-groups.ts'
import { heldCases } from './bus-held.ts'
import { listen, produced, readAll, readTopic, text, type BusSubject } from './bus-subject.ts'
import { runCases, unable, until, type Case, type Check, type Register } from './suite.ts'

/** Every implementation of Bus runs this; see `pipeline/bus/bus.ts` for the promises. */
export function busContract(test: Register, openBus: () => Promise<BusSubject>): void {
  runCases(test, busCases, openBus)
}

const ordering: Case<BusSubject>[] = [
  {
    title: 'records of one key keep the order of the calls, also of calls side by side',
    async run(t, { bus }) {
      const keys = ['a', 'b', 'c', 'd', 'e', 'f']
      const calls: Promise<void>[] = []
      for (let n = 0; n < 90; n += 3) {
        for (const key of keys) {
          calls.push(
            bus.produce(
              'logs',
              [n, n + 1, n + 2].map((i) => produced(key, i)),
            ),
          )
        }
      }
      await Promise.all(calls)
      const partitions = await readTopic(bus, 'logs')
      for (const key of keys) {
        const holding = partitions.filter((records) => records.some((one) => one.key === key))
        t.is(holding.length, 1, `${key} is in one partition`)
        t.deepEqual(
          holding[0]?.filter((one) => one.key === key).map(text),
          Array.from({ length: 90 }, (_, n) => String(n)),
        )
      }
    },
  },
  {
    title: 'a key goes to the partition it hashes to, unless the record names another',
    async run(t, { bus }) {
      const keys = ['web', 'worker', 'ümlaut', '']
      await bus.produce(
        'logs',
        keys.map((key) => produced(key, 'hashed')),
      )
      await bus.produce(
        'logs',
        [0, 1, 2, 3].map((partition) => produced('mark', 'named', { partition })),
      )
      for (const [partition, records] of (await readTopic(bus, 'logs')).entries()) {
        t.deepEqual(
          records.map(({ key }) => key),
          [...keys.filter((key) => partitionOf(key, 4) === partition), 'mark'],
        )
      }
    },
  },
  {
    title: 'offsets ascend, and ends are the offsets that the next records get',
    async run(t, { bus }) {
      t.deepEqual(await bus.ends('changes'), [0])
      await bus.produce('changes', [produced('a', 1), produced('b', 2)])
      const [end = 0] = await bus.ends('changes')
      await bus.produce('changes', [produced('c', 3)])
      const [next] = (await bus.read('changes', 0, end, { maxBytes: 1000 })).records
      t.is(next && text(next), '3')
      t.is(next?.offset, end)
      const offsets = (await readAll(bus, 'changes', 0)).map(({ offset }) => offset)
      t.deepEqual(
        offsets,
        offsets.toSorted((a, b) => a - b),
      )
    },
  },
  {
    title: 'an empty list of records is produced at once',
    async run(t, { bus }) {
      await bus.produce('logs', [])
      t.deepEqual(await bus.ends('logs'), [0, 0, 0, 0])
    },
  },
]

const contents: Case<BusSubject>[] = [
  {
    title: 'keys, headers and values come back as they were given, whatever bytes they hold',
    async run(t, { bus }) {
      const allBytes = Uint8Array.from({ length: 256 }, (_, i) => i)
      const given: ProducedRecord[] = [
        { key: 'all bytes', value: allBytes, headers: { kind: 'lines', head: '{"v":1}' } },
        { key: 'part of a larger buffer', value: Buffer.from('xxhelloxx').subarray(2, 7) },
        { key: 'empty value', value: new Uint8Array(0), headers: { kind: 'mark' } },
        { key: 'ключ 🔑 "\\\n', value: Buffer.from('ü'), headers: { 'имя "': 'значение\n🔑' } },
        { key: '', value: Buffer.from('no key'), headers: { empty: '' } },
      ]
      await bus.produce('signals', given)
      const read = await readAll(bus, 'signals', 0)
      t.deepEqual(
        read.map(({ key, value, headers }) => ({ key, headers, value: [...value] })),
        given.map(({ key, value, headers = {} }) => ({ key, headers, value: [...value] })),
      )
      t.true(read.every(({ time }) => Math.abs(wallClock.now() - time) < 600_000))
    },
  },
  {
    title: 'a large record comes back whole',
    async run(t, { bus }) {
      const value = Buffer.alloc(700_000, 'large ')
      await bus.produce('logs', [{ key: 'a', value, partition: 1 }])
      const [record] = await readAll(bus, 'logs', 1)
      t.true(record !== undefined && value.equals(record.value))
    },
  },
]

const reading: Case<BusSubject>[] = [
  {
    title:
      'a batch stops before the record that would exceed maxBytes; a single larger one is alone',
    async run(t, { bus }) {
      const sizes = [100, 100, 100, 100, 100, 1000, 100, 100, 400, 100]
      await bus.produce(
        'changes',
        sizes.map((size) => ({ key: 'k', value: Buffer.alloc(size, 'x') })),
      )
      const read: number[] = []
      for (let next = 0, end = 1; next < end;) {
        const batch = await bus.read('changes', 0, next, { maxBytes: 350 })
        const inside = batch.records.map(({ value }) => value.length)
        t.true(inside.length > 0, 'there is progress')
        t.true(
          inside.length === 1 || inside.reduce((a, b) => a + b) <= 350,
          `batch of ${inside.join()}`,
        )
        t.is(batch.next, (batch.records.at(-1)?.offset ?? 0) + 1)
        read.push(...inside)
        ;({ next, end } = batch)
      }
      t.deepEqual(read, sizes)
    },
  },
  {
    title:
      'reading at the end gives an empty batch that says where to go on, and then what has come',
    async run(t, { bus }) {
      await bus.produce('changes', [produced('a', 1)])
      const [end = 0] = await bus.ends('changes')
      const empty = await bus.read('changes', 0, end, { maxBytes: 1000 })
      t.deepEqual(empty.records, [])
      t.is(empty.next, end)
      t.is(empty.from, end)
      await bus.produce('changes', [produced('a', 2), produced('a', 3)])
      const batch = await bus.read('changes', 0, empty.next, { maxBytes: 1000 })
      t.deepEqual(batch.records.map(text), ['2', '3'])
      t.is(batch.end, batch.next)
    },
  },
  {
    title: '`end - next` records are waiting behind a batch',
    async run(t, { bus }) {
      const nine = Array.from({ length: 9 }, (_, i) => produced('a', i))
      await bus.produce('changes', nine)
      const batch = await bus.read('changes', 0, 0, { maxBytes: 1 })
      t.is(batch.records.length, 1)
      t.is(batch.end - batch.next, 8)
    },
  },
  {
    title: 'reading outside groups commits nothing',
    async run(t, { bus }) {
      await bus.produce('changes', [produced('a', 1)])
      await readAll(bus, 'changes', 0)
      t.deepEqual([...(await bus.committed('index', 'changes'))], [])
    },
  },
  {
    title: 'a reader is told where records still exist, if what it asked for was trimmed away',
    async run(t, subject) {
      if (!subject.trim) return unable(t, 'this bus cannot be made to trim')
      const { bus, patienceMs } = subject
      const many = Array.from({ length: 20 }, (_, i) => produced('a', i, { partition: 2 }))
      await bus.produce('logs', many)
      const all = await readAll(bus, 'logs', 2)
      const reader = listen(bus, { group: 'index' })
      await until('all to be read', () => reader.seen.length === 20, patienceMs)
      await reader.close()
      await subject.trim()
      await bus.produce('logs', [produced('a', 'after', { partition: 2 })])
      const batch = await bus.read('logs', 2, 0, { maxBytes: 2 ** 20 })
      t.true(batch.from > 0, 'something was trimmed')
      t.is(batch.records[0]?.offset, batch.from)
      t.deepEqual(
        batch.records.map(text),
        [...all.map(text), 'after'].slice(batch.from - (all[0]?.offset ?? 0)),
      )
    },
  },
]

const compacted: Case<BusSubject>[] = [
  {
    title: 'a snapshot holds the newest record of each key, and no deleted keys',
    async run(t, { bus }) {
      t.deepEqual(await bus.snapshot('identity'), { latest: new Map(), ends: [0] })
      await bus.produce('identity', [produced('a', 1), produced('b', 1), produced('c', 1)])
      await bus.produce('identity', [produced('b', 2), { key: 'a', value: new Uint8Array() }])
      await bus.produce('identity', [produced('c', 2), produced('c', 3)])
      t.deepEqual(await latest(bus, 'identity'), { b: '2', c: '3' })
      await bus.produce('identity', [produced('a', 'again')])
      t.deepEqual(await latest(bus, 'identity'), { a: 'again', b: '2', c: '3' })
    },
  },
  {
    title: 'headers of a snapshot are those of the newest record',
    async run(t, { bus }) {
      await bus.produce('state', [produced('a', 1, { headers: { epoch: '1' } })])
      await bus.produce('state', [produced('a', 2, { headers: { epoch: '2' } })])
      const { latest: found } = await bus.snapshot('state')
      t.deepEqual(found.get('a')?.headers, { epoch: '2' })
    },
  },
  {
    title: 'reading on from the ends of a snapshot misses no version of a key and repeats none',
    async run(t, { bus }) {
      const versions = 200
      const writing = (async () => {
        for (let n = 0; n < versions; n++) {
          await bus.produce('state', [produced('a', n), produced('b', n)])
        }
      })()
      writing.catch(() => {}) // It is awaited below, unless something fails before.
      await until('the first records', async () => (await bus.ends('state'))[0])
      for (let round = 0; round < 5; round++) {
        const { latest: found, ends } = await bus.snapshot('state')
        await checkContinuation(t, bus, found, ends[0] ?? 0)
      }
      await writing
      const { latest: found, ends } = await bus.snapshot('state')
      t.is(Number(text(found.get('a') as BusRecord)), versions - 1)
      t.deepEqual((await bus.read('state', 0, ends[0] ?? 0, { maxBytes: 1000 })).records, [])
    },
  },
]

async function latest(bus: Bus, topic: Topic): Promise<Record<string, string>> {
  const { latest: found } = await bus.snapshot(topic)
  return Object.fromEntries([...found].map(([key, record]) => [key, text(record)]))
}

/** Behind the snapshot's version of a key the next one follows. */
async function checkContinuation(
  t: Check,
  bus: Bus,
  found: Map<string, BusRecord>,
  offset: number,
): Promise<void> {
  const later = await until('more records', async () => {
    const records = await readAll(bus, 'state', 0, { offset })
    return records.length > 0 || (await bus.ends('state'))[0] === 400 ? records : undefined
  })
  for (const [key, record] of found) {
    t.true(record.offset < offset)
    const versions = [record, ...later.filter((one) => one.key === key)].map(text).map(Number)
    t.deepEqual(
      versions,
      versions.map((_, i) => (versions[0] ?? 0) + i),
    )
  }
}

const durable: Case<BusSubject>[] = [
  {
    title: 'what was produced is there after opening again, and offsets go on behind it',
    async run(t, { bus, reopen }) {
      if (!reopen) return unable(t, 'this bus cannot be opened again')
      await bus.produce('logs', [produced('a', 1), produced('b', 2, { headers: { x: 'y' } })])
      await bus.produce('state', [produced('s', 3)])
      const before = { logs: await readTopic(bus, 'logs'), ends: await bus.ends('logs') }
      const again = await reopen()
      t.deepEqual({ logs: await readTopic(again, 'logs'), ends: await again.ends('logs') }, before)
      t.deepEqual(await latest(again, 'state'), { s: '3' })
      await again.produce('logs', [produced('a', 4)])
      const records = (await readTopic(again, 'logs')).flat().filter(({ key }) => key === 'a')
      t.deepEqual(records.map(text), ['1', '4'])
      t.is(new Set(records.map(({ offset }) => offset)).size, 2)
    },
  },
  {
    title: 'closing waits for the produces under way',
    async run(t, { bus, reopen }) {
      if (!reopen) return unable(t, 'this bus cannot be opened again')
      const calls = Array.from({ length: 20 }, (_, n) => bus.produce('logs', [produced('a', n)]))
      const again = await reopen()
      await Promise.all(calls)
      t.deepEqual(
        (await readTopic(again, 'logs')).flat().map(text),
        calls.map((_, n) => String(n)),
      )
    },
  },
]

export const busCases: readonly Case<BusSubject>[] = [
  ...ordering,
  ...contents,
  ...reading,
  ...compacted,
  ...durable,
  ...busGroupCases,
  ...heldCases,
]
