import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { isoToMs, type ChangeDoc } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import {
  findingsKey,
  postureKey,
  readServicePosture,
  type Posture,
  type PostureFinding,
} from '../../pipeline/posture.ts'
import { followPostures } from '../../pipeline/posture-view.ts'
import { openPostures } from '../../processors/posture.ts'
import { jsonOf, openBus, readAll, until } from '../helpers/pipeline.ts'
import { dyingBus } from './measuring.ts'

const service = '/shop/web'

interface Of {
  of?: Posture['of']
  found?: PostureFinding[]
  clear?: PostureFinding[]
  accept?: string
  atMs?: number
}

function postureOf(id: string, { of = 'container', found = [], clear = [], ...more }: Of): Posture {
  const verdicts = [
    ...found.map((name) => [name, { found: true, detail: `is ${name}` }]),
    ...clear.map((name) => [name, { found: false, detail: `not ${name}` }]),
  ]
  const identity = { service, owner: 'shop', image: 'web:1' }
  const findings = Object.fromEntries(verdicts) as Posture['findings']
  return { v: 1, of, id, identity, findings, atMs: wallClock.now(), ...more }
}

const put = (bus: Bus, ...postures: Posture[]) =>
  bus.produce(
    'posture',
    postures.map((one) => ({ key: postureKey(one), value: Buffer.from(JSON.stringify(one)) })),
  )
const remove = (bus: Bus, of: Posture['of'], id: string) =>
  bus.produce('posture', [{ key: postureKey({ of, id }), value: new Uint8Array() }])

function open(t: ExecutionContext, bus: Bus) {
  const metrics = openMetrics()
  const options = { bus, clock: wallClock, metrics, log: silentLog, settleMs: 30 }
  const postures = openPostures(options)
  t.teardown(() => postures.close())
  return { ...postures, metrics }
}

async function changes(bus: Bus): Promise<ChangeDoc[]> {
  return (await readAll(bus, 'changes')).map((one) => jsonOf(one) as ChangeDoc)
}

/** `found root`, in order, each once. */
async function happened(bus: Bus): Promise<string[]> {
  const all = new Map((await changes(bus)).map((one) => [one['event.id'], one]))
  return [...all.values()].map((one) => `${one['event.action']} ${String(one['posture.finding'])}`)
}

async function held(bus: Bus) {
  const { latest } = await bus.snapshot('findings')
  const record = latest.get(findingsKey(service))
  return record && readServicePosture(record.value)
}

const untilHappened = (bus: Bus, ...expected: string[]) =>
  until(expected.join(', '), async () => {
    const all = await happened(bus)
    return expected.every((one) => all.includes(one))
  })

const untilContainers = (bus: Bus, count: number) =>
  until(`${count} containers`, async () => (await held(bus))?.containers === count)

test('a finding is told when it appears and when it goes away, with identity and remedy', async (t) => {
  const bus = await openBus(t)
  open(t, bus)
  await put(bus, postureOf('a', { found: ['root'], clear: ['privileged', 'one-instance'] }))
  await put(bus, postureOf('/shop/web', { of: 'app', clear: ['one-instance'] }))
  await untilHappened(bus, 'found root')
  const [doc] = await changes(bus)
  t.like(doc, {
    'event.kind': 'posture',
    'event.action': 'found',
    message: '/shop/web runs as root (is root)',
    'posture.finding': 'root',
    'posture.accepted': false,
    'service.name': service,
    'mesoscope.owner': 'shop',
  })
  t.regex(doc?.['event.id'] ?? '', /^change:posture:\/shop\/web:root:found:\d+$/)
  await put(bus, postureOf('a', { clear: ['root', 'privileged'] }))
  await untilHappened(bus, 'gone root')
  t.deepEqual(await happened(bus), ['found root', 'gone root'])
  t.is((await held(bus))?.findings.privileged?.found, false)
  t.is((await held(bus))?.findings.capabilities, undefined, 'nobody looked: not known')
  const view = await followPostures(bus)
  t.teardown(() => view.close())
  t.deepEqual(view.services(), [service])
  t.is(view.get(service)?.findings.root?.found, false)
  t.is(view.get('/shop'), undefined)
})

test('a weakness of one container is one of the service; of checks one is enough', async (t) => {
  const bus = await openBus(t)
  open(t, bus)
  await put(
    bus,
    postureOf('a', { clear: ['root'], found: ['no-health-check'] }),
    postureOf('b', { found: ['root', 'no-health-check'] }),
    postureOf('/shop/web', { of: 'app', clear: ['no-health-check'] }),
  )
  await untilHappened(bus, 'found root')
  t.deepEqual(await happened(bus), ['found root'])
  t.is((await held(bus))?.findings.root?.detail, 'is root (1 of 2 containers)')
})

test('while nothing runs nothing has changed; without Marathon what runs is counted', async (t) => {
  const bus = await openBus(t)
  open(t, bus)
  await put(bus, postureOf('a', { found: ['root'] }))
  await untilHappened(bus, 'found one-instance')
  await remove(bus, 'container', 'a')
  await untilContainers(bus, 0)
  await put(bus, postureOf('b', { found: ['root'] }), postureOf('c', { found: ['root'] }))
  await untilHappened(bus, 'gone one-instance')
  t.deepEqual(await happened(bus), ['found root', 'found one-instance', 'gone one-instance'])
})

test('of an app that was removed nothing is held', async (t) => {
  const bus = await openBus(t)
  open(t, bus)
  await put(bus, postureOf('/shop/web', { of: 'app', found: ['one-instance'] }))
  await put(bus, postureOf('a', { found: ['root'] }))
  await untilHappened(bus, 'found root', 'found one-instance')
  await remove(bus, 'app', '/shop/web')
  await remove(bus, 'container', 'a')
  await untilHappened(bus, 'gone root', 'gone one-instance')
  await until('it is forgotten', async () => (await held(bus)) === undefined)
  t.is((await happened(bus)).length, 4)
})

test('of two processes one tells, and the other goes on when that ends', async (t) => {
  const bus = await openBus(t)
  const [one, other] = [open(t, bus), open(t, bus)]
  await put(bus, postureOf('a', { found: ['root'] }), postureOf('b', { found: ['root'] }))
  await untilHappened(bus, 'found root')
  await one.close()
  await put(bus, postureOf('a', { found: ['privileged'] }))
  await untilHappened(bus, 'found privileged')
  await other.close()
  t.deepEqual(
    (await changes(bus)).map((doc) => doc['posture.finding']),
    ['root', 'privileged'],
  )
})

test('after a restart nothing is told again, and what was missed is', async (t) => {
  const bus = await openBus(t)
  const first = open(t, bus)
  await put(bus, postureOf('a', { found: ['root'] }), postureOf('b', { found: ['root'] }))
  await untilHappened(bus, 'found root')
  await first.close()
  await put(bus, postureOf('a', { found: ['privileged'], clear: ['root'] }))
  const second = open(t, bus)
  await untilHappened(bus, 'found privileged')
  await second.close()
  t.deepEqual(await happened(bus), ['found root', 'found privileged'], 'b is root still')
  t.is((await changes(bus)).length, 2)
})

test('what left while nobody was here is told with the time at which that was noticed', async (t) => {
  const bus = await openBus(t)
  const first = open(t, bus)
  await put(bus, postureOf('a', { found: ['root'] }), postureOf('b', {}))
  await untilHappened(bus, 'found root')
  await first.close()
  await remove(bus, 'container', 'b')
  const noticedMs = wallClock.now()
  open(t, bus)
  await untilHappened(bus, 'found one-instance')
  const last = (await changes(bus)).at(-1)
  t.true(isoToMs(last?.['@timestamp'] ?? '') >= noticedMs)
  t.deepEqual(await happened(bus), ['found root', 'found one-instance'])
})

test('wherever it dies, each is told once and none is lost', async (t) => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 5 }),
    fc.boolean(),
    async (dieAt, done) => {
      const bus = await openBus(t)
      await put(bus, postureOf('a', { found: ['root'] }), postureOf('b', { clear: ['root'] }))
      const dying = dyingBus(bus, dieAt, done)
      const first = open(t, dying)
      await Promise.race([dying.died, untilSettled(bus)])
      await first.close()
      await put(bus, postureOf('a', { found: ['root', 'privileged'] }))
      const second = open(t, bus)
      await untilHappened(bus, 'found root', 'found privileged')
      await untilSettled(bus)
      await second.close()
      t.deepEqual((await happened(bus)).toSorted(), ['found privileged', 'found root'])
    },
  )
  await fc.assert(property, { numRuns: 10, seed: 3 })
})

async function untilSettled(bus: Bus): Promise<void> {
  await until('all is told', async () => {
    const record = (await bus.snapshot('findings')).latest.get(findingsKey(service))
    return record !== undefined && !('untold' in (jsonOf(record) as object))
  })
}

test('what is accepted is marked, also in the change', async (t) => {
  const bus = await openBus(t)
  open(t, bus)
  await put(bus, postureOf('a', { found: ['root'], accept: ' Root, one-instance,nonsense' }))
  await untilHappened(bus, 'found root')
  t.is((await changes(bus))[0]?.['posture.accepted'], true)
  t.is((await held(bus))?.findings.root?.accepted, true)
  t.deepEqual((await held(bus))?.accept, ['root', 'one-instance', 'nonsense'])
})

test('what is no posture is counted, and stops nothing', async (t) => {
  const bus = await openBus(t)
  const { metrics } = open(t, bus)
  const bad = ['nonsense', '[]', '{"v":2}', JSON.stringify({ ...postureOf('x', {}), findings: 7 })]
  await bus.produce(
    'posture',
    bad.map((text, at) => ({ key: `container:${at}`, value: Buffer.from(text) })),
  )
  await put(bus, postureOf('a', { found: ['root'] }))
  await untilHappened(bus, 'found root')
  t.is((await metrics.malformed_postures_total.get()).values[0]?.value, bad.length)
})

test('one whose teller is gone for a day is forgotten', async (t) => {
  const bus = await openBus(t)
  let nowMs = wallClock.now()
  const options = { bus, metrics: openMetrics(), log: silentLog, settleMs: 30 }
  const postures = openPostures({ ...options, clock: { now: () => nowMs } })
  t.teardown(() => postures.close())
  await put(bus, postureOf('a', { found: ['root'] }))
  await until('it is read', async () => {
    nowMs += 31
    return (await happened(bus)).includes('found root')
  })
  nowMs += 25 * 3_600_000
  await until('it is gone', async () => {
    nowMs += 60_000
    return (await happened(bus)).includes('gone root')
  })
  t.is((await bus.snapshot('posture')).latest.size, 0)
})
