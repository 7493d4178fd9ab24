import test from 'ava'
import fc from 'fast-check'
import { parseQuery } from '../../pipeline/query.ts'
import { silentLog, type Logger } from '../../pipeline/log.ts'
import { decodeDocs, toBusRecord, type LogRecord } from '../../pipeline/record.ts'
import { openMatchingLines, type MatchingLinesOptions } from '../../processors/matching-lines.ts'
import { nothingKnown } from '../../processors/resolve.ts'
import { openBus, produceLines, record, someTime } from '../helpers/pipeline.ts'
import { mark } from './measuring.ts'
import { someRecords, where } from './wanting.ts'

const never = new AbortController().signal
const wanted = [
  { id: 'errors', from: 'logs', where: 'level:error' },
  { id: 'refused', from: 'logs', where: 'refused' },
] as const

const lines = (source: string, first: number, ...messages: string[]) =>
  record({
    source,
    identity: { container: source, service: '/web' },
    first,
    messages,
    levels: messages.map((message) => (message.startsWith('!') ? 'error' : 'info')),
    times: messages.map((_, n) => someTime + (first + n) * 1000),
  })

function open(options: Pick<MatchingLinesOptions, 'bus'> & Partial<MatchingLinesOptions>) {
  return openMatchingLines({ catalog: nothingKnown, wanted, log: silentLog, ...options })
}

const told = (found: { ms: number; fields: Record<string, unknown> }[]) =>
  found.map(({ ms, fields }) => `${(ms - someTime) / 1000} ${String(fields['message'])}`)

test('each rule is given its lines of before a time, once, with all that is known of them', async (t) => {
  const bus = await openBus(t)
  const reader = await open({
    bus,
    catalog: { complete: (identity) => ({ ...identity, owner: 'shop' }) },
  })
  await produceLines(bus, lines('a', 0, 'x', '!refused', '!y'), lines('b', 1, 'refused'))
  await mark(bus, someTime + 10_000)
  t.true(await reader.advance(someTime + 2000, never))
  t.deepEqual(told(reader.take('errors', someTime + 2000)), ['1 !refused'])
  const refused = reader.take('refused', someTime + 2000)
  t.deepEqual(told(refused).toSorted(), ['1 !refused', '1 refused'])
  t.like(refused[0]?.fields, { 'service.name': '/web', 'mesoscope.owner': 'shop' })
  t.true(await reader.advance(someTime + 3000, never))
  t.deepEqual(told(reader.take('errors', someTime + 3000)), ['2 !y'])
  t.deepEqual(reader.take('errors', someTime + 9000), [])
})

test('it reads no further than the first mark behind the time, and waits for that', async (t) => {
  const bus = await openBus(t)
  const reader = await open({ bus, pollMs: 5 })
  await produceLines(bus, lines('a', 0, '!one'))
  await mark(bus, someTime + 1000)
  // It comes late, behind a mark: the evaluation before it does not see it, whenever it takes place.
  await produceLines(bus, lines('b', 0, '!late'))
  await mark(bus, someTime + 2000)
  t.true(await reader.advance(someTime + 1000, never))
  t.deepEqual(told(reader.take('errors', someTime + 1000)), ['0 !one'])
  t.true(await reader.advance(someTime + 2000, never))
  t.deepEqual(told(reader.take('errors', someTime + 2000)), ['0 !late'])

  const stop = new AbortController()
  const waiting = reader.advance(someTime + 3000, stop.signal)
  await mark(bus, someTime + 3000)
  t.true(await waiting)
  const forEver = reader.advance(someTime + 4000, stop.signal)
  stop.abort()
  t.false(await forEver)
})

test('a later reader goes on where it stood, with the lines that wait', async (t) => {
  const bus = await openBus(t)
  const first = await open({ bus })
  await produceLines(bus, lines('a', 0, '!one', '!two', '!three'))
  await mark(bus, someTime + 5000)
  await produceLines(bus, lines('a', 3, '!four'))
  await mark(bus, someTime + 8000)
  await first.advance(someTime + 1000, never)
  t.deepEqual(told(first.take('errors', someTime + 1000)), ['0 !one'])
  const position: unknown = JSON.parse(JSON.stringify(first.position()))
  const second = await open({ bus, restored: position })
  await second.advance(someTime + 8000, never)
  t.deepEqual(told(second.take('errors', someTime + 8000)), ['1 !two', '2 !three', '3 !four'])
})

test('without a place to go on it begins with what comes, or where it is told to', async (t) => {
  const bus = await openBus(t)
  await produceLines(bus, lines('a', 0, '!before'))
  const now = await open({ bus })
  const then = await open({ bus, from: async () => [0, 0, 0, 0] })
  await produceLines(bus, lines('a', 1, '!after'))
  await mark(bus, someTime + 5000)
  for (const reader of [now, then]) await reader.advance(someTime + 5000, never)
  t.deepEqual(told(now.take('errors', someTime + 5000)), ['1 !after'])
  t.deepEqual(told(then.take('errors', someTime + 5000)), ['0 !before', '1 !after'])
})

test('what cannot be read stops nothing; what was trimmed away is told', async (t) => {
  const bus = await openBus(t)
  const warned: unknown[] = []
  const log = { ...silentLog, warn: (facts: unknown) => void warned.push(facts) } as Logger
  await bus.produce('logs', [
    { ...toBusRecord(lines('a', 0, '!bad')), value: Buffer.from('no zstd') },
    { key: 'a', value: Buffer.from('x'), headers: { kind: 'lines', head: 'no JSON' } },
    toBusRecord(lines('a', 1, '!good')),
  ])
  await mark(bus, someTime + 5000)
  const trimmed: MatchingLinesOptions['bus'] = {
    ...bus,
    read: async (topic, partition, offset, limits) => {
      const batch = await bus.read(topic, partition, offset, limits)
      return offset === 1 ? { ...batch, from: 2 } : batch
    },
  }
  const reader = await open({ bus: trimmed, from: async () => [0, 0, 0, 0], log })
  await reader.advance(someTime + 5000, never)
  t.deepEqual(told(reader.take('errors', someTime + 5000)), ['1 !good'])
  t.deepEqual(warned, [])

  const from = (await bus.ends('logs')).map((end) => (end > 1 ? 1 : 0))
  const later = await open({ bus: trimmed, from: async () => from, log })
  await later.advance(someTime + 5000, never)
  t.like(warned, { length: 1, 0: { from: 1, to: 2 } })
})

test('changes are looked at like lines, each once, also by a later reader', async (t) => {
  const bus = await openBus(t)
  const wanted = [
    { id: 'deaths', from: 'changes', where: 'action:died' },
    { id: 'errors', from: 'logs', where: 'level:error' },
  ] as const
  const change = (id: string, at: number, more: object = {}) => ({
    key: '/web',
    value: Buffer.from(
      JSON.stringify({
        '@timestamp': new Date(someTime + at * 1000).toISOString(),
        'event.id': id,
        'event.kind': 'task',
        'event.action': 'died',
        message: `death ${id}`,
        'service.name': '/web',
        ...more,
      }),
    ),
  })
  const first = await open({ bus, wanted })
  await bus.produce('changes', [
    change('a', 1),
    change('b', 2, { 'event.action': 'started' }),
    { key: 'x', value: Buffer.from('no document') },
    change('a', 1, { 'process.exit_code': 137 }),
    change('c', 8),
  ])
  await produceLines(bus, lines('a', 0, '!one'))
  for (const topic of ['changes', 'logs'] as const) await mark(bus, someTime + 10_000, 'c', topic)
  await first.advance(someTime + 5000, never)
  t.deepEqual(told(first.take('deaths', someTime + 5000)), ['1 death a'])
  t.deepEqual(told(first.take('errors', someTime + 5000)), ['0 !one'])

  const position: unknown = JSON.parse(JSON.stringify(first.position()))
  await bus.produce('changes', [change('a', 1, { reason: 'oom' }), change('d', 11)])
  for (const topic of ['changes', 'logs'] as const) await mark(bus, someTime + 20_000, 'c', topic)
  const second = await open({ bus, wanted, restored: position })
  await second.advance(someTime + 20_000, never)
  t.deepEqual(told(second.take('deaths', someTime + 20_000)), ['8 death c', '11 death d'])
})

test('of many rules each is given what it asks for, as where every line goes past every rule', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(where, { minLength: 1, maxLength: 20, size: 'max' }),
      someRecords,
      async (wheres, records) => {
        const rules = wheres.map((text, i) => ({ id: `r${i}`, from: 'logs' as const, where: text }))
        const reader = await openMatchingLines({
          bus: busOf(records),
          catalog: nothingKnown,
          wanted: rules,
          from: async () => [0],
          log: silentLog,
        })
        await reader.advance(someTime + 60_000, never)
        const docs = records.flatMap((one) => decodeDocs(one))
        for (const rule of rules) {
          const { matches } = parseQuery(rule.where)
          const found = reader.take(rule.id, someTime + 60_000)
          t.deepEqual(
            found.map(({ fields }) => fields['event.id']),
            docs.filter(matches).map((doc) => doc['event.id']),
          )
        }
      },
    ),
    { numRuns: 60 },
  )
})

/** All records in one partition, and a mark behind them. */
function busOf(given: readonly LogRecord[]): MatchingLinesOptions['bus'] {
  const through = { kind: 'mark', collector: 'c', through: String(someTime + 60_000) }
  const produced = [
    ...given.map(toBusRecord),
    { key: 'm', value: new Uint8Array(), headers: through },
  ]
  const records = produced.map((one, offset) => ({ ...one, offset, time: someTime }))
  return {
    partitions: () => 1,
    ends: () => Promise.resolve([records.length]),
    read: (topic, partition, from) => {
      const next = records.length
      return Promise.resolve({
        topic,
        partition,
        records: records.slice(from),
        from,
        next,
        end: next,
      })
    },
  }
}

test('a change that is written again, with what a rule wants, is given to that rule and to no other again', async (t) => {
  const bus = await openBus(t)
  const wanted = [
    { id: 'deaths', from: 'changes', where: 'action:died' },
    { id: 'oom', from: 'changes', where: 'oom:true' },
  ] as const
  const death = {
    '@timestamp': new Date(someTime + 1000).toISOString(),
    'event.id': 'a',
    'event.kind': 'task',
    'event.action': 'died',
    message: 'death a',
    'service.name': '/web',
  }
  const written = (doc: object) => ({ key: '/web', value: Buffer.from(JSON.stringify(doc)) })
  const reader = await open({ bus, wanted })
  const again = written({ ...death, oom: true })
  await bus.produce('changes', [written(death), again, again])
  await mark(bus, someTime + 10_000, 'c', 'changes')
  await reader.advance(someTime + 5000, never)
  t.deepEqual(told(reader.take('deaths', someTime + 5000)), ['1 death a'])
  t.deepEqual(told(reader.take('oom', someTime + 5000)), ['1 death a'])
})
