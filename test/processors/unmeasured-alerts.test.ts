import test, { type ExecutionContext } from 'ava'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { msToIso } from '../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../pipeline/identity.ts'
import { encodeSamples, samplesToBus } from '../../pipeline/sample.ts'
import type { SignalDeclarations } from '../../pipeline/signals.ts'
import { busIn, openDesk, openWorld, ruleOf, tempDir, until } from '../alerting/world.ts'
import { someTime } from '../helpers/pipeline.ts'
import { sample } from '../helpers/samples.ts'
import { mark, measured, openMeasuring } from './measuring.ts'

/* An alert on samples fires, and then none come any more: is what it is about over, or does only nobody measure it? */

const second = 1000
const hour = 3600
const memory = 'container.memory.utilization'
const running = 'service.instances.running'
const measuredAs = { from: 'metrics', where: '', overMs: 10 * second } as const
const signals: SignalDeclarations = {
  memory: { ...measuredAs, metric: memory, measure: 'max', by: ['service', 'task'] },
  of_all: { ...measuredAs, metric: memory, measure: 'max', by: ['service'] },
  running: { ...measuredAs, metric: running, measure: 'last', by: ['service'] },
}
const web: Identity = { service: '/web', task: 'web.1', container: 'c1' }

interface Options {
  when?: string
  bus?: Bus
  keepFiringForMs?: number
}

async function open(t: ExecutionContext, { when = 'memory > 0.9', bus, ...rule }: Options = {}) {
  const at = (seconds: number) => someTime + seconds * second
  const world = bus ?? (await openWorld(t))
  const measurer = openMeasuring(t, world, { signals, resolutionMs: 5 * second })
  const desk = await openDesk(t, world, { signals, rules: [ruleOf({ when, ...rule })] })
  const send = (seconds: number, metrics: Record<string, number>, identity = web) => {
    const source = `docker:${seconds} ${JSON.stringify(identity)}`
    const doc = sample({ source, at: at(seconds), identity, metrics })
    return world.produce('metrics', [samplesToBus(encodeSamples([doc], { source, lineage: 'l' }))])
  }
  const change = (seconds: number, doc: Record<string, unknown>, identity: Identity) => {
    const id = `change:${JSON.stringify([seconds, identity])}`
    const time = { '@timestamp': msToIso(at(seconds)), 'event.id': id }
    const value = Buffer.from(JSON.stringify({ ...time, ...doc, ...identityToEcs(identity) }))
    return world.produce('changes', [{ key: '/web', value }])
  }
  return {
    measures: (seconds: number, value: number, identity = web) =>
      send(seconds, { [memory]: value }, identity),
    runs: (seconds: number, count: number) =>
      send(seconds, { [running]: count }, { service: '/web' }),
    ends: (seconds: number, identity = web) =>
      change(seconds, { 'event.kind': 'task', 'event.action': 'killed' }, identity),
    removed: (seconds: number) =>
      change(
        seconds,
        { 'event.kind': 'deployment', 'event.action': 'removed' },
        { service: '/web' },
      ),
    /** Everything before is there; what the alert is after that. */
    async stateAt(seconds: number): Promise<string | undefined> {
      for (const topic of ['changes', 'metrics'] as const) {
        await mark(world, at(seconds), 'c', topic)
        await measured(world, topic)
      }
      await until(`evaluation at ${seconds} s`, () => desk.alerting.through() === at(seconds))
      return desk.alerting.alerts()[0]?.state
    },
    resolved: async () => {
      const isResolved = ({ 'event.action': action }: { 'event.action': unknown }) =>
        action === 'resolved'
      const doc = await until('it is told', () => desk.changes.find(isResolved))
      return doc.message
    },
    /** What was told of alerts, once it is so much. */
    async told(count: number) {
      await until(`${count} told`, () => desk.changes.length >= count)
      return desk.changes.map((doc) => doc['event.action'])
    },
    async close() {
      await desk.close()
      await measurer.close()
    },
  }
}

test('samples stop: it is unknown and not over; with the next sample it goes on', async (t) => {
  const { measures, stateAt, told } = await open(t)
  await measures(1, 0.95)
  t.is(await stateAt(5), 'firing')
  t.is(await stateAt(15), 'unknown')
  t.is(await stateAt(600), 'unknown')
  await measures(601, 0.97)
  t.is(await stateAt(605), 'firing')
  await measures(606, 0.5)
  t.is(await stateAt(615), 'resolved')
  t.deepEqual(await told(2), ['fired', 'resolved'], 'of one incident')
})

test('what nobody measured begins nothing', async (t) => {
  const { measures, stateAt, told } = await open(t)
  await measures(1, 0.5)
  t.is(await stateAt(15), undefined)
  t.deepEqual(await told(0), [])
})

for (const [title, endsAt, told] of [
  ['before its last sample has left the window', 3, 5],
  ['while it is unknown', 3, 120],
  ['a little before its last sample, by another clock', -7, 120],
] as const) {
  test(`its task has ended, which is told ${title}: it is over`, async (t) => {
    const { measures, ends, stateAt, resolved } = await open(t)
    await measures(1, 0.95)
    t.is(await stateAt(5), 'firing')
    if (told > 5) t.is(await stateAt(told), 'unknown')
    await ends(endsAt)
    t.is(await stateAt(told + 10), 'resolved')
    t.regex(await resolved(), /, because its task has ended$/)
  })
}

test('the end of another task, or one long before the last sample, says nothing', async (t) => {
  const { measures, ends, stateAt } = await open(t)
  await measures(61, 0.95)
  t.is(await stateAt(65), 'firing')
  await ends(62, { service: '/web', task: 'web.2' })
  await ends(40)
  t.is(await stateAt(80), 'unknown')
})

test('its service was removed: it is over, whatever became of its tasks', async (t) => {
  const { measures, removed, stateAt, resolved } = await open(t, { when: 'of_all > 0.9' })
  await measures(1, 0.95)
  t.is(await stateAt(5), 'firing')
  t.is(await stateAt(15), 'unknown')
  await removed(8)
  t.is(await stateAt(20), 'resolved')
  t.regex(await resolved(), /, because its service was removed$/)
})

test('its service has no instance any more: it is over', async (t) => {
  const { measures, runs, stateAt, resolved } = await open(t, { when: 'of_all > 0.9' })
  await measures(1, 0.95)
  await runs(2, 1)
  t.is(await stateAt(5), 'firing')
  await runs(12, 1)
  t.is(await stateAt(15), 'unknown', 'it has one, which nobody measures')
  await runs(17, 0)
  t.is(await stateAt(20), 'resolved')
  t.regex(await resolved(), /, because no instance of its service runs any more$/)
})

test('after a day it is over', async (t) => {
  const { measures, stateAt, resolved } = await open(t)
  await measures(1, 0.95)
  t.is(await stateAt(5), 'firing')
  t.is(await stateAt(24 * hour), 'unknown')
  t.is(await stateAt(24 * hour + 5), 'resolved')
  t.regex(await resolved(), /, because nothing was measured of it for 1d$/)
})

test('one that only goes on for a while although it is over does not become unknown', async (t) => {
  const { measures, stateAt } = await open(t, { keepFiringForMs: 20 * second })
  await measures(1, 0.95)
  t.is(await stateAt(5), 'firing')
  await measures(11, 0.5)
  t.is(await stateAt(15), 'firing')
  t.is(await stateAt(30), 'firing')
  t.is(await stateAt(35), 'resolved')
})

test('a restart forgets neither that it is unknown nor what has ended', async (t) => {
  const bus = await busIn(await tempDir(t))
  t.teardown(() => bus.close())
  const first = await open(t, { bus })
  await first.measures(1, 0.95)
  await first.measures(1, 0.95, { service: '/web', task: 'web.2' })
  t.is(await first.stateAt(5), 'firing')
  await first.ends(3)
  t.is(await first.stateAt(10), 'firing')
  await first.close()
  const later = await open(t, { bus })
  await later.stateAt(15)
  t.deepEqual(await later.told(1), ['resolved'], 'the one that has ended')
  await later.close()
  const last = await open(t, { bus })
  await last.stateAt(60)
  t.deepEqual(await last.told(0), [])
  await last.ends(50, { service: '/web', task: 'web.2' })
  await last.stateAt(65)
  t.deepEqual(await last.told(1), ['resolved'])
})
