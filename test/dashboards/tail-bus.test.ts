import test, { type ExecutionContext } from 'ava'
import { tailBus, type CompleteRecord, type TailFilter } from '../../dashboards/tail.ts'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { LogDoc } from '../../pipeline/event.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { resolve } from '../../processors/resolve.ts'
import { openBus, produceLines, record, someTime, until } from '../helpers/pipeline.ts'

/** A tail that runs, once it is at the end of the bus. */
async function start(
  t: ExecutionContext,
  bus: Bus,
  filter: TailFilter = {},
  onLines: (docs: LogDoc[]) => void | Promise<void> = () => {},
  complete?: CompleteRecord,
) {
  const ended = new AbortController()
  const lines: string[] = []
  const atEnd = Promise.withResolvers<void>()
  const watched: Bus = {
    ...bus,
    async ends(topic) {
      const ends = await bus.ends(topic)
      atEnd.resolve()
      return ends
    },
  }
  const take = async (docs: LogDoc[]) => {
    lines.push(...docs.map((doc) => doc.message))
    await onLines(docs)
  }
  const done = tailBus(watched, filter, take, ended.signal, complete)
  t.teardown(async () => {
    ended.abort()
    await done.catch(() => {})
  })
  await Promise.race([atEnd.promise, done])
  return { lines, done, end: () => ended.abort() }
}

const web = { service: '/web', task: 'web.1' }
const mixed = record({
  source: 'a:o',
  identity: web,
  levels: ['error', 'info', 'warn'],
  messages: ['payment refused', 'payment taken 12 ms', 'slow'],
})
const other = record({
  source: 'b:o',
  identity: { service: '/db', task: 'db.1' },
  messages: ['vacuum'],
})
const nobodys = record({ source: 'c:o', identity: { container: 'c' }, messages: ['who am I'] })

test('gives the lines from now on, and none from before', async (t) => {
  const bus = await openBus(t)
  await produceLines(bus, record({ source: 'a:o', messages: ['old'] }))
  const { lines } = await start(t, bus)
  await produceLines(bus, record({ source: 'a:o', first: 1, messages: ['new', 'newer'] }))
  await until('they are shown', () => lines.length > 0)
  t.deepEqual(lines, ['new', 'newer'])
})

const filters: [string, TailFilter, string[]][] = [
  ['by service', { services: ['/db'] }, ['vacuum']],
  ['of no known service', { services: ['unresolved'] }, ['who am I']],
  ['by level', { levels: ['error', 'warn'] }, ['payment refused', 'slow']],
  ['by task', { task: 'web.1' }, ['payment refused', 'payment taken 12 ms', 'slow']],
  ['by words', { query: 'payment' }, ['payment refused', 'payment taken 12 ms']],
  ['by a level in the query', { query: 'level:error' }, ['payment refused']],
  ['by pattern', { grep: String.raw`\d+ ms` }, ['payment taken 12 ms']],
  [
    'by all of them',
    { services: ['/web'], levels: ['info'], query: 'taken', grep: 'pay' },
    ['payment taken 12 ms'],
  ],
  ['by what no line has', { services: ['/web'], query: 'level:fatal' }, []],
]
for (const [title, filter, wanted] of filters) {
  test(`lines are chosen ${title}`, async (t) => {
    const bus = await openBus(t)
    const { lines, done, end } = await start(t, bus, filter)
    const all = await start(t, bus)
    await produceLines(bus, mixed, other, nobodys)
    // One that everybody sees tells that the others have passed.
    await until('they have passed', () => all.lines.length === 5)
    await until('they are shown', () => lines.length >= wanted.length)
    end()
    await done
    t.deepEqual(lines.toSorted(), wanted.toSorted())
  })
}

test('the lines of a moment come in the order of time, source and sequence', async (t) => {
  const bus = await openBus(t)
  const { lines } = await start(t, bus)
  const piece = (source: string, first: number, times: number[]) =>
    record({
      source,
      first,
      times: times.map((ms) => someTime + ms),
      messages: times.map((ms, i) => `${ms} ${source} ${first + i}`),
    })
  await produceLines(
    bus,
    piece('b:o', 7, [1, 5, 5, 9]),
    piece('a:o', 9, [2, 5]),
    piece('c:o', 0, [0, 3]),
    piece('a:o', 11, [5, 8]),
  )
  await until('they are shown', () => lines.length === 10)
  t.deepEqual(lines, [
    '0 c:o 0',
    '1 b:o 7',
    '2 a:o 9',
    '3 c:o 1',
    '5 a:o 10',
    '5 a:o 11',
    '5 b:o 8',
    '5 b:o 9',
    '8 a:o 12',
    '9 b:o 10',
  ])
})

test('what cannot be read, and marks, are passed over', async (t) => {
  const bus = await openBus(t)
  const { lines } = await start(t, bus)
  await bus.produce('logs', [
    { key: 'a', value: new Uint8Array(), headers: { kind: 'mark' }, partition: 0 },
    {
      key: 'a',
      value: Buffer.from('x'),
      headers: { kind: 'lines', head: '{"v":1}' },
      partition: 0,
    },
    {
      key: 'a',
      value: Buffer.from('x'),
      headers: { kind: 'lines', head: 'no JSON' },
      partition: 0,
    },
  ])
  await produceLines(bus, { ...other, body: Buffer.from('no zstd') }, other)
  await until('the good one is shown', () => lines.length > 0)
  t.deepEqual(lines, ['vacuum'])
})

test('an abort ends it at once, also while it is being called', async (t) => {
  const bus = await openBus(t)
  const idle = await start(t, bus)
  idle.end()
  await idle.done

  const called = Promise.withResolvers<void>()
  const busy = await start(t, bus, {}, () => called.resolve())
  await produceLines(bus, mixed)
  await called.promise
  busy.end()
  await busy.done
  const seen = busy.lines.length
  await produceLines(bus, other)
  t.is(busy.lines.length, seen)
})

test('a slow consumer gets every line; meanwhile nothing more is read', async (t) => {
  const bus = await openBus(t)
  let free = Promise.withResolvers<void>()
  let calls = 0
  let reads = 0
  const counted: Bus = {
    ...bus,
    read: (...args) => {
      reads++
      return bus.read(...args)
    },
  }
  const { lines } = await start(t, counted, {}, async () => {
    calls++
    await free.promise
  })
  await produceLines(bus, record({ source: 'a:o', messages: ['0'] }))
  await until('it is busy', () => calls === 1)
  const before = reads
  for (let i = 1; i < 30; i++)
    await produceLines(bus, record({ source: 'a:o', first: i, messages: [`${i}`] }))
  t.is(reads, before)
  free.resolve()
  await until('all are shown', () => lines.length === 30)
  t.deepEqual(
    lines,
    Array.from({ length: 30 }, (_, i) => `${i}`),
  )
})

test('a query or pattern that cannot be read is refused', async (t) => {
  const bus = await openBus(t)
  const { signal } = new AbortController()
  await t.throwsAsync(
    tailBus(bus, { query: 'level:(' }, () => {}, signal),
    { instanceOf: Trouble },
  )
  await t.throwsAsync(
    tailBus(bus, { grep: '(?=x)' }, () => {}, signal),
    { instanceOf: Trouble },
  )
})

test('a line is found under the service that is known now, if its collector did not know it', async (t) => {
  const bus = await openBus(t)
  const complete = (identity: Identity) =>
    identity.container === 'c' ? { ...identity, service: '/web', owner: 'shop' } : identity
  const shown: LogDoc[] = []
  const { lines } = await start(
    t,
    bus,
    { services: ['/web'] },
    (docs) => void shown.push(...docs),
    (one) => resolve(one, { complete }),
  )
  await produceLines(bus, nobodys, other, mixed)
  await until('they are shown', () => lines.length === 4)
  t.deepEqual(lines.toSorted(), ['payment refused', 'payment taken 12 ms', 'slow', 'who am I'])
  const found = shown.find(({ message }) => message === 'who am I')
  t.is(found?.['service.name'], '/web')
})
