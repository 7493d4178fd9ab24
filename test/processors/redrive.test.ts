import test from 'ava'
import { wallClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { msToIso, type DeadLetter } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics, type Metrics } from '../../pipeline/metrics.ts'
import { toBusRecord } from '../../pipeline/record.ts'
import type { Store } from '../../pipeline/store/store.ts'
import { openDocIndexer } from '../../processors/index-docs.ts'
import { openIndexer } from '../../processors/index-lines.ts'
import { openRedrive } from '../../processors/redrive.ts'
import { openCatalog } from '../../processors/resolve.ts'
import { openBus, openStore, record, someTime, until } from '../helpers/pipeline.ts'

/** A real store that refuses the lines of one source, as Elasticsearch does with some, until that is mended. */
function refusing(store: Store, source: string) {
  const state = { isMended: false }
  const wrapped: Store = {
    ...store,
    async appendLogs(records) {
      const refused = state.isMended ? [] : records.filter(({ head }) => head.source === source)
      const result = await store.appendLogs(records.filter((one) => !refused.includes(one)))
      const rejected = refused.map((one) => ({ record: one, reason: 'older than 366 days' }))
      return { ...result, rejected: [...result.rejected, ...rejected] }
    },
  }
  return { store: wrapped, state }
}

test('refused lines are given back once, and are there once', async (t) => {
  const bus = await openBus(t)
  const metrics = openMetrics()
  const { store, state } = refusing(await openStore(t), 'bad:o')
  const common = { bus, store, clock: wallClock, metrics, log: silentLog }
  const catalog = await openCatalog({ bus, store, patienceMs: 0 })
  const parts = [openIndexer({ ...common, catalog }), openDocIndexer(common), catalog]
  t.teardown(() => Promise.all(parts.map((part) => part.close())))
  const redrive = openRedrive(common)
  const letters = async () => (await store.docs('dead', {})) as DeadLetter[]

  await bus.produce(
    'logs',
    ['good:o', 'bad:o'].map((source) => toBusRecord(record({ source, messages: ['one', 'two'] }))),
  )
  await until('there is a dead letter', async () => (await letters()).length === 1)
  await until('the others are there', async () => (await store.search({})).hits.length === 2)

  // Too early: it is refused again, and is the same letter.
  const early = await redrive(await letters(), 'me')
  t.deepEqual(early.sent, ['dead:store:bad:o:l:0'])
  await until('it is refused again', async () => {
    const [letter] = await letters()
    return letter?.redriven === undefined && (await refusals(metrics)) === 2
  })
  t.is((await letters()).length, 1)

  state.isMended = true
  const [open] = await letters()
  await redrive([open as DeadLetter], 'me')
  await redrive([open as DeadLetter], 'me')
  await until('it is there', async () => (await store.search({})).hits.length === 4)
  await until('it is marked', async () => (await letters())[0]?.redriven?.by === 'me')
  await until('all is read', async () => {
    const [ends, committed] = [await bus.ends('logs'), await bus.committed('index', 'logs')]
    return ends.every((end, partition) => end === 0 || committed.get(partition) === end)
  })
  t.is((await store.search({})).hits.length, 4)
  t.is((await letters()).length, 1)
})

async function refusals({ dead_letters_total: counter }: Metrics): Promise<number> {
  return (await counter.get()).values.reduce((sum, { value }) => sum + value, 0)
}

test('a record that nobody could read keeps its letter when it is given back', async (t) => {
  const bus = await openBus(t)
  const store = await openStore(t)
  const common = { bus, store, clock: wallClock, metrics: openMetrics(), log: silentLog }
  const indexer = openDocIndexer(common)
  t.teardown(() => indexer.close())
  const redrive = openRedrive(common)
  const letters = async () => (await store.docs('dead', {})) as DeadLetter[]
  await bus.produce('changes', [{ key: 'k', value: Buffer.from('{"v":2}'), headers: { a: 'b' } }])
  await until('there is a dead letter', async () => (await letters()).length === 1)
  const [letter] = await letters()
  t.like(letter, { 'event.id': 'dead:changes:0:0', original: { topic: 'changes', key: 'k' } })
  await redrive([letter as DeadLetter], 'me')
  await until('it came again', async () => (await bus.ends('changes'))[0] === 2)
  await until('it was read again', async () => {
    const committed = await bus.committed('index', 'changes')
    return committed.get(0) === 2
  })
  const after = await letters()
  t.is(after.length, 1)
  t.like(after[0]?.original, { headers: { a: 'b', 'dead-letter': 'dead:changes:0:0' } })
})

const letter: DeadLetter = {
  '@timestamp': msToIso(someTime),
  'event.id': 'dead:x',
  'event.kind': 'dead',
  reason: 'r',
  origin: 'o',
  bytes: 3,
  sample: 'abc',
}
const original = { topic: 'logs', key: 'k', headers: {}, value: 'YQ==' } as const

test('what cannot be given back is told with the reason', async (t) => {
  const produced: string[] = []
  const bus = { produce: async (topic: string) => void produced.push(topic) }
  const redrive = openRedrive({ bus, clock: wallClock, metrics: openMetrics() })
  const odd = [
    letter,
    { ...letter, bytes: 5_000_000 },
    { ...letter, original: { ...original, topic: 'alerts' as never } },
    { ...letter, original: { ...original, value: 1 as never } },
    { ...letter, original: { ...original, headers: { a: 1 } as never } },
  ]
  const { sent, impossible } = await redrive(odd, 'me')
  t.deepEqual(sent, [])
  t.deepEqual(
    impossible.map(({ reason }) => reason),
    [
      'it never became a record of the bus: look where it comes from',
      'of its 5000000 bytes only the first are kept',
      ...Array.from({ length: 3 }, () => 'what is kept of it is damaged'),
    ],
  )
  t.deepEqual(produced, [])
})

test('where the bus takes nothing the letters are as before', async (t) => {
  const told: DeadLetter[] = []
  const redrive = openRedrive({
    bus: {
      async produce(topic, records) {
        if (topic !== 'dead') throw new Trouble('the bus is full', { retryable: true })
        for (const { value } of records)
          told.push(JSON.parse(Buffer.from(value).toString()) as DeadLetter)
      },
    },
    clock: wallClock,
    metrics: openMetrics(),
  })
  await t.throwsAsync(redrive([{ ...letter, original }], 'me'), { message: 'the bus is full' })
  t.is(told[0]?.redriven?.by, 'me')
  t.deepEqual(told[1], { ...letter, original })
})
