import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Bus } from '../../../pipeline/bus/bus.ts'
import { openEmbeddedBus } from '../../../pipeline/bus/embedded.ts'
import { followEpochs, openEpochState, readOn, withEpoch } from '../../../pipeline/bus/epochs.ts'
import { openLeader, type LeaderOptions } from '../../../pipeline/bus/leader.ts'
import { pause, wallClock } from '../../../pipeline/clock.ts'
import { openLog } from '../../../pipeline/log.ts'
import { openRandom } from '../../helpers/random.ts'
import { until } from '../../contracts/suite.ts'

const topic = 'alerts'
const log = openLog('silent')

async function openBus(t: ExecutionContext): Promise<Bus> {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-leader-'))
  const bus = await openEmbeddedBus({ dir, clock: wallClock })
  t.teardown(async () => {
    await bus.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return bus
}

/** A bus on which it is always this process's turn: as one whose session has ended and who does not know it yet. */
function alwaysInTurn(bus: Bus, name: string): Bus {
  return { ...bus, consume: (options) => bus.consume({ ...options, group: name }) }
}

/** A duty that only keeps the bus it was given. */
function contend(t: ExecutionContext, bus: Bus, more: Partial<LeaderOptions> = {}) {
  const given: Bus[] = []
  const closes: string[] = []
  const leader = openLeader({
    bus,
    topic,
    reclaimMs: 60_000,
    log,
    async lead(own) {
      given.push(own)
      return { close: async () => void closes.push('closed') }
    },
    ...more,
  })
  t.teardown(() => leader.close())
  return { leader, given, closes }
}

const record = (key: string, value: string) => ({ key, value: Buffer.from(value) })

async function stateOf(bus: Bus): Promise<Record<string, string>> {
  const { latest } = await trueState(bus)
  return Object.fromEntries(
    [...latest].map(([key, { value }]) => [key, Buffer.from(value).toString()]),
  )
}

async function trueState(bus: Bus) {
  const state = openEpochState()
  await readOn(bus, topic, state)
  return state
}

test('one of two leads; when it leaves, the other goes on with what it has written', async (t) => {
  const bus = await openBus(t)
  const first = contend(t, bus)
  await until('the first to lead', () => first.leader.leads())
  const second = contend(t, bus)
  await first.given[0]?.produce(topic, [record('a', '1'), record('b', '1')])
  await first.given[0]?.produce(topic, [{ key: 'b', value: new Uint8Array() }])
  t.false(second.leader.leads())
  await first.leader.close()
  t.deepEqual(first.closes, ['closed'])
  await until('the second to lead', () => second.leader.leads())
  const { latest = new Map() } = (await second.given[0]?.snapshot(topic)) ?? {}
  t.deepEqual([...latest.keys()], ['a'])
})

test('what was written before there were leaders is part of the state', async (t) => {
  const bus = await openBus(t)
  await bus.produce(topic, [record('a', 'old')])
  const { leader, given } = contend(t, bus)
  await until('it to lead', () => leader.leads())
  const { latest = new Map() } = (await given[0]?.snapshot(topic)) ?? {}
  t.is(Buffer.from(latest.get('a')?.value ?? []).toString(), 'old')
})

test('who was deposed is closed, its writes are refused, and what it wrote late is undone', async (t) => {
  const bus = await openBus(t)
  const old = contend(t, alwaysInTurn(bus, 'old'))
  await until('the first to lead', () => old.leader.leads())
  await old.given[0]?.produce(topic, [record('a', '1'), record('b', '1')])
  const next = contend(t, alwaysInTurn(bus, 'next'))
  await until('the second to lead', () => next.leader.leads())
  await until('the first to be closed', () => old.closes.length === 1)
  t.false(old.leader.leads())
  await next.given[0]?.produce(topic, [record('a', '2')])
  await t.throwsAsync(async () => old.given[0]?.produce(topic, [record('a', '3')]), {
    message: /another process leads alerts now/,
  })
  // As if it were on its way when the claim came: with the older epoch, behind it.
  await bus.produce(topic, [
    withEpoch(record('a', 'late'), 1),
    withEpoch(record('b', 'late'), 1),
    withEpoch(record('new', 'late'), 1),
  ])
  t.deepEqual(await stateOf(bus), { a: '2', b: '1' })
  const newest = async () =>
    Object.fromEntries(
      [...(await bus.snapshot(topic)).latest].map(([k, { value }]) => [
        k,
        Buffer.from(value).toString(),
      ]),
    )
  await until('it to be undone, also for who compacts', async () => {
    const { a, b, new: gone = '' } = await newest()
    return a === '2' && b === '1' && gone === ''
  })
  t.deepEqual(await stateOf(bus), { a: '2', b: '1' })
})

test('a write that comes behind a claim is refused, though nobody has told yet', async (t) => {
  const bus = await openBus(t)
  let isAsleep = false
  // It sleeps: what happens is not told to it.
  const sleepy: Bus = {
    ...alwaysInTurn(bus, 'sleepy'),
    consume: (options) =>
      bus.consume({
        ...options,
        group: 'sleepy',
        onBatch: async (batch) => (isAsleep ? undefined : options.onBatch(batch)),
      }),
  }
  const old = contend(t, sleepy)
  await until('the first to lead', () => old.leader.leads())
  isAsleep = true
  const next = contend(t, alwaysInTurn(bus, 'next'))
  await until('the second to lead', () => next.leader.leads())
  t.true(old.leader.leads(), 'it believes so')
  await t.throwsAsync(async () => old.given[0]?.produce(topic, [record('a', 'late')]), {
    message: /another process leads/,
  })
  t.deepEqual(await stateOf(bus), {})
})

test('who was deposed while it is its turn claims again', async (t) => {
  const bus = await openBus(t)
  const right = contend(t, alwaysInTurn(bus, 'right'), { reclaimMs: 50 })
  await until('the right one to lead', () => right.leader.leads())
  const wrong = contend(t, alwaysInTurn(bus, 'wrong'))
  await until('the wrong one to lead', () => wrong.given.length === 1)
  await until('the right one to lead again', () => right.given.length === 2)
  await until('the wrong one to be closed', () => wrong.closes.length === 1)
  t.true(right.leader.leads())
})

test('nothing that was acknowledged is void, whoever claims when', async (t) => {
  const bus = await openBus(t)
  const random = openRandom(7)
  const acknowledged: string[] = []
  const stop = new AbortController()
  const contenders = [0, 1, 2, 3].map((who) =>
    contend(t, alwaysInTurn(bus, `group${who}`), {
      reclaimMs: 1 + random() * 30,
      async lead(own) {
        let n = 0
        const work = (async () => {
          while (!stop.signal.aborted) {
            const value = `${who}:${n++}`
            try {
              await own.produce(topic, [record(`key${n % 3}`, value)])
              acknowledged.push(value)
            } catch {
              return
            }
            await pause(random() * 3)
          }
        })()
        return { close: () => work }
      },
    }),
  )
  await until('all to have led several times', () => acknowledged.length > 300)
  stop.abort()
  await Promise.all(contenders.map(({ leader }) => leader.close()))
  const isTrue = new Set<string>()
  const state = openEpochState()
  const end = (await bus.ends(topic))[0] ?? 0
  while (state.position < end) {
    const { records } = await bus.read(topic, 0, state.position, { maxBytes: 2 ** 20 })
    for (const one of records) if (state.take(one)) isTrue.add(Buffer.from(one.value).toString())
  }
  t.deepEqual(
    acknowledged.filter((value) => !isTrue.has(value)),
    [],
  )
  t.true(state.epoch > 4, 'they took turns')
})

test('who only looks sees what is true', async (t) => {
  const bus = await openBus(t)
  const view = await followEpochs(bus, topic)
  t.teardown(() => view.close())
  await bus.produce(topic, [withEpoch(record('a', '2'), 2), withEpoch(record('a', 'stale'), 1)])
  await until('it to be seen', () => view.latest().has('a'))
  t.is(Buffer.from(view.latest().get('a')?.value ?? []).toString(), '2')
  await bus.produce(topic, [withEpoch({ key: 'a', value: new Uint8Array() }, 2)])
  await until('it to be gone', () => !view.latest().has('a'))
  t.is(view.trouble(), undefined)
})
