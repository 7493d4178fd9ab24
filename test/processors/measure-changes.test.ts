import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { msToIso, type ChangeDoc } from '../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../pipeline/identity.ts'
import type { CountedSignal } from '../../processors/buckets.ts'
import { latenessMs } from '../../processors/measure-topic.ts'
import type { MeasurerOptions } from '../../processors/measure.ts'
import { decodePartition } from '../../processors/partition.ts'
import { openBus, someTime } from '../helpers/pipeline.ts'
import { dyingBus, keyOf, mark, measured, newest, openMeasuring, published } from './measuring.ts'

const deaths: CountedSignal = {
  from: 'changes',
  where: 'kind:task AND action:died',
  by: ['service'],
}
const all: CountedSignal = { from: 'changes', where: '', by: ['service'] }

function open(t: ExecutionContext, bus: Bus, options: Partial<MeasurerOptions> = {}) {
  return openMeasuring(t, bus, { signals: { deaths, all }, ...options })
}

interface Death {
  ms?: number
  action?: string
  identity?: Identity
  more?: Record<string, unknown>
}

function death(task: string, { ms = 0, action = 'died', ...given }: Death = {}): ChangeDoc {
  return {
    '@timestamp': msToIso(someTime + ms),
    'event.id': `change:task:${task}:${ms}`,
    'event.kind': 'task',
    'event.action': action,
    message: `task ${task} ${action}`,
    ...identityToEcs(given.identity ?? { service: '/web', task }),
    ...given.more,
  }
}

const produce = (bus: Bus, ...docs: ChangeDoc[]) =>
  bus.produce(
    'changes',
    docs.map((doc) => ({ key: 'k', value: Buffer.from(JSON.stringify(doc)) })),
  )

/** `signal service from` → count. */
async function totals(bus: Bus): Promise<Record<string, number>> {
  const buckets = await newest(bus)
  return Object.fromEntries(
    buckets.map(({ signal, group, from, count }) => [
      `${signal} ${group.service} ${from - someTime}`,
      count,
    ]),
  )
}

test('changes count in the bucket of their time, each once a signal, however often they come', async (t) => {
  const bus = await openBus(t)
  const measurer = open(t, bus)
  const docs = [death('a'), death('b', { ms: 900 }), death('c', { ms: 1000, action: 'killed' })]
  await produce(bus, ...docs, ...docs)
  await measured(bus, 'changes')
  await produce(bus, ...docs.toReversed())
  await measured(bus, 'changes')
  await measurer.close()
  open(t, bus)
  await produce(bus, ...docs, death('d', { ms: 1000 }))
  await measured(bus, 'changes')
  t.deepEqual(await totals(bus), {
    'all /web 0': 2,
    'all /web 1000': 2,
    'deaths /web 0': 2,
    'deaths /web 1000': 1,
  })
  for (const { values, lastMs } of await newest(bus)) {
    t.is(values, undefined, 'they are counted, not measured')
    t.true(lastMs >= someTime)
  }
})

test('a change written again with more fields counts for what wants it only now', async (t) => {
  const bus = await openBus(t)
  open(t, bus, {
    signals: { all, oom: { ...deaths, where: 'oom:true' }, deaths },
  })
  const more = { 'container.oom_killed': true, 'process.exit_code': 137 }
  await produce(bus, death('a'), death('b', { more }))
  await measured(bus, 'changes')
  t.deepEqual(await totals(bus), { 'all /web 0': 2, 'deaths /web 0': 2, 'oom /web 0': 1 })
  await produce(bus, death('a', { more }), death('a', { more }))
  await measured(bus, 'changes')
  t.deepEqual(await totals(bus), { 'all /web 0': 2, 'deaths /web 0': 2, 'oom /web 0': 2 })
})

test('ids are remembered as long as their bucket is open, and no longer', async (t) => {
  const bus = await openBus(t)
  const measurer = open(t, bus)
  const remembered = async () => {
    const { latest } = await bus.snapshot('state')
    const snapshot = latest.get('measure:changes:0')?.value ?? new Uint8Array()
    return [...decodePartition(0, snapshot, () => true).counted.keys()]
  }
  await produce(bus, death('a'), death('b', { ms: 5000, action: 'killed' }))
  await measured(bus, 'changes')
  t.deepEqual((await remembered()).toSorted(), [
    'all change:task:a:0',
    'all change:task:b:5000',
    'deaths change:task:a:0',
  ])
  await mark(bus, someTime + latenessMs.changes + 3000, 'c', 'changes')
  await produce(bus, death('a'))
  await measured(bus, 'changes')
  t.deepEqual(await remembered(), ['all change:task:b:5000'])
  t.like(await totals(bus), { 'deaths /web 0': 1 })
  const { values } = await measurer.metrics.late_lines_total.get()
  t.deepEqual(
    values.map(({ value, labels }) => [labels['signal'], value]),
    [
      ['deaths', 1],
      ['all', 1],
    ],
  )
})

test('what is known of a task is added before its changes are chosen and counted', async (t) => {
  const bus = await openBus(t)
  open(t, bus, {
    signals: { deaths: { ...deaths, where: 'service:"/web"' } },
    complete: (identity) => (identity.task === 'a' ? { ...identity, service: '/web' } : identity),
  })
  await produce(
    bus,
    death('a', { identity: { task: 'a' } }),
    death('b', { identity: { task: 'b' } }),
  )
  await measured(bus, 'changes')
  t.deepEqual(await totals(bus), { 'deaths /web 0': 1 })
})

test('what is no change stops nothing', async (t) => {
  const bus = await openBus(t)
  const measurer = open(t, bus)
  const { '@timestamp': _, ...timeless } = death('x')
  await bus.produce('changes', [
    { key: 'k', value: Buffer.from('{"x":') },
    { key: 'k', value: Buffer.from('null') },
    { key: 'k', value: Buffer.from(JSON.stringify(timeless)) },
    { key: 'k', value: Buffer.from(JSON.stringify({ ...death('y'), '@timestamp': 'soon' })) },
  ])
  await produce(bus, { ...death('a'), message: undefined as never })
  await measured(bus, 'changes')
  t.is(measurer.trouble(), undefined)
  t.deepEqual(await totals(bus), { 'all /web 0': 1, 'deaths /web 0': 1 })
})

const scenarios = fc.record({
  told: fc.array(fc.record({ task: fc.integer({ min: 0, max: 8 }), whole: fc.boolean() }), {
    minLength: 1,
    maxLength: 25,
  }),
  deaths: fc.array(fc.record({ at: fc.integer({ min: 1, max: 6 }), carriedOut: fc.boolean() }), {
    maxLength: 3,
  }),
})

test('whatever comes twice and whenever it is killed, each change counts once', async (t) => {
  await fc.assert(
    fc.asyncProperty(scenarios, async ({ told, deaths: kills }) => {
      const bus = await openBus(t)
      const signals = { all, oom: { ...all, where: 'oom:true' } }
      const docs = told.map(({ task, whole }) =>
        death(`${task}`, { ms: task * 300, more: whole ? { 'container.oom_killed': true } : {} }),
      )
      const perLife = Math.ceil(docs.length / (kills.length + 1))
      for (const [life, { at, carriedOut }] of kills.entries()) {
        const dying = dyingBus(bus, at, carriedOut)
        const doomed = open(t, dying, { signals })
        await produce(bus, ...docs.slice(life * perLife, (life + 1) * perLife))
        await mark(bus, someTime + life, 'c', 'changes')
        await Promise.race([dying.died, measured(bus, 'changes')])
        await doomed.close()
      }
      const measurer = open(t, bus, { signals })
      await produce(bus, ...docs.slice(kills.length * perLife))
      await measured(bus, 'changes')
      await measurer.close()

      const expected: Record<string, number> = {}
      for (const [signal, wanted] of [
        ['all', told],
        ['oom', told.filter(({ whole }) => whole)],
      ] as const) {
        for (const task of new Set(wanted.map((one) => one.task))) {
          const key = `${signal} /web ${Math.floor((task * 300) / 1000) * 1000}`
          expected[key] = (expected[key] ?? 0) + 1
        }
      }
      t.deepEqual(await totals(bus), expected)
      const counts = new Map<string, number>()
      for (const bucket of (await published(bus)).buckets) {
        t.true(bucket.count >= (counts.get(keyOf(bucket)) ?? 0), 'no count goes back')
        counts.set(keyOf(bucket), bucket.count)
      }
      await bus.close()
    }),
    { numRuns: 12 },
  )
})
