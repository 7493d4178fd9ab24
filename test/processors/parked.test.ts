import test, { type ExecutionContext } from 'ava'
import type { Bus } from '../../pipeline/bus/bus.ts'
import type { Identity } from '../../pipeline/identity.ts'
import type { MeasurerOptions } from '../../processors/measure.ts'
import { openBus, produceLines, record, someTime, until } from '../helpers/pipeline.ts'
import { dyingBus, mark, measured, newest, openMeasuring } from './measuring.ts'

/* Lines come before anybody has told whose they are: their counts wait, and nothing else does. */

const signals: MeasurerOptions['signals'] = {
  all: { from: 'logs', where: '', by: ['service'] },
  errors: { from: 'logs', where: 'level:error', by: ['service', 'owner'] },
  containers: { from: 'logs', where: '', by: ['container'] },
}

/** Knows containers by what is put into `known`. */
function openKnowing(known = new Map<string, Identity>()) {
  const of = ({ container = '' }: Identity) => known.get(container)
  const catalog = {
    complete: (identity: Identity) => ({ ...of(identity), ...identity }),
    lacks: (identity: Identity) => (of(identity) ? undefined : identity.container),
    caughtUp: () => Promise.resolve(),
  }
  return { known, catalog }
}

function open(t: ExecutionContext, bus: Bus, options: Partial<MeasurerOptions>) {
  return openMeasuring(t, bus, { signals, patienceMs: 60_000, ...options })
}

/** `signal group` → count, over all times. */
async function totals(bus: Bus): Promise<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const { signal, group, count } of await newest(bus)) {
    if (count === 0) continue
    const key = `${signal} ${Object.values(group).join()}`
    sums[key] = (sums[key] ?? 0) + count
  }
  return sums
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((a, b) => a + b, 0)

const lines = (container: string, first = 0, more: Identity = {}) =>
  record({
    source: `${container}:o`,
    identity: { container, ...more },
    first,
    messages: ['a', 'b'],
    levels: ['error', 'info'],
    times: [someTime, someTime + 1500],
  })

test('counts wait for the identity of their lines; what is known does not wait with them', async (t) => {
  const bus = await openBus(t)
  const { known, catalog } = openKnowing(new Map([['c2', { service: '/db' }]]))
  open(t, bus, { catalog })
  await produceLines(bus, lines('c1'), lines('c2'))
  await measured(bus)
  t.deepEqual(await totals(bus), {
    'all /db': 2,
    'errors /db': 1,
    'containers c1': 2,
    'containers c2': 2,
  })

  known.set('c1', { service: '/web', owner: 'shop' })
  await mark(bus, someTime)
  await produceLines(bus, lines('c1', 2))
  await measured(bus)
  t.deepEqual(await totals(bus), {
    'all /db': 2,
    'errors /db': 1,
    'all /web': 4,
    'errors /web,shop': 2,
    'containers c1': 4,
    'containers c2': 2,
  })
})

test('who is not told of in time counts as unresolved, and is waited for once', async (t) => {
  const bus = await openBus(t)
  const { known, catalog } = openKnowing()
  open(t, bus, { catalog, patienceMs: 300 })
  await produceLines(bus, lines('c1'))
  await measured(bus)
  t.is((await totals(bus))['all unresolved'], undefined, 'it waits')
  await until('given up', async () => {
    await mark(bus, someTime)
    return (await totals(bus))['all unresolved'] === 2
  })
  await produceLines(bus, lines('c1', 2))
  await measured(bus)
  t.is((await totals(bus))['all unresolved'], 4)

  known.set('c1', { service: '/web' })
  await produceLines(bus, lines('c1', 4))
  await measured(bus)
  t.like(await totals(bus), { 'all unresolved': 4, 'all /web': 2, 'containers c1': 6 })
})

test('nobody is given up of whom was told in time', async (t) => {
  const bus = await openBus(t)
  const { known, catalog } = openKnowing()
  const caughtUp = async () => void known.set('c1', { service: '/web' })
  open(t, bus, { catalog: { ...catalog, caughtUp }, patienceMs: 0 })
  await produceLines(bus, lines('c1'), lines('c2'))
  await measured(bus)
  t.like(await totals(bus), { 'all /web': 2, 'all unresolved': 2 })
})

test('killed at any write, what waits is neither forgotten nor doubled', async (t) => {
  for (const dieAt of [1, 2, 3, 4, 5, 6]) {
    for (const carriedOut of [false, true]) {
      const bus = await openBus(t)
      const { known, catalog } = openKnowing(new Map([['c2', { service: '/db' }]]))
      const dying = dyingBus(bus, dieAt, carriedOut)
      let dead = false
      const before = open(t, dying, { catalog })
      for (let n = 0; !dead; n++) {
        await produceLines(bus, lines('c1', n * 2), lines('c2', n * 2))
        if (n === 2) known.set('c1', { service: '/web' })
        dead = await Promise.race([dying.died.then(() => true), measured(bus).then(() => false)])
      }
      await before.close()
      known.set('c1', { service: '/web' })
      open(t, bus, { catalog })
      await mark(bus, someTime)
      await measured(bus)
      const written = sum((await bus.ends('logs')).values()) - bus.partitions('logs')
      const sums = await totals(bus)
      t.is(sums['all /web'], written, `killed at ${dieAt}, ${carriedOut}`)
      t.is(sums['all /db'], written)
      t.is(sums['all unresolved'], undefined)
    }
  }
})

test('a process that takes over goes on waiting', async (t) => {
  const bus = await openBus(t)
  const { known, catalog } = openKnowing()
  const before = open(t, bus, { catalog })
  await produceLines(bus, lines('c1', 0, { labels: { team: 'shop' } }))
  await measured(bus)
  await before.close()
  open(t, bus, { catalog })
  known.set('c1', { service: '/web' })
  await mark(bus, someTime)
  await measured(bus)
  t.like(await totals(bus), { 'all /web': 2, 'errors /web': 1 })
})
