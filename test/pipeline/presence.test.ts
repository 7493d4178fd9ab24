import test from 'ava'
import { manualClock } from '../../pipeline/clock.ts'
import type { Health } from '../../pipeline/health.ts'
import { announce, followProcesses } from '../../pipeline/presence.ts'
import { openBus, someTime, until } from '../helpers/pipeline.ts'

const well: Health = { status: 'green', components: [{ name: 'index', status: 'green' }] }
const ill: Health = {
  status: 'red',
  components: [{ name: 'index', status: 'red', trouble: 'Elasticsearch is away' }],
}

test('each process tells how it is; one that ends is gone, one that is killed grows silent', async (t) => {
  const bus = await openBus(t)
  const clock = manualClock(someTime)
  const state = { health: well }
  const open = (id: string, host: string, health: () => Health) =>
    announce({ id, host, roles: ['processor'], bus, health, clock })
  const one = open('1', 'b', () => state.health)
  const two = open('2', 'a', () => well)
  const view = await followProcesses({ bus, clock })
  t.teardown(() => view.close())
  const shown = () => view.all().map(({ id, status, isSilent }) => [id, status, isSilent])
  await until('both are known', () => view.all().length === 2)
  t.deepEqual(shown(), [
    ['2', 'green', false],
    ['1', 'green', false],
  ])
  state.health = ill
  await until('its trouble is known', () => view.all()[0]?.status === 'red')
  t.like(view.all()[0], { id: '1', host: 'b', roles: ['processor'], health: ill })

  // Who comes later knows the same.
  const later = await followProcesses({ bus, clock })
  t.deepEqual(later.all(), view.all())
  await later.close()

  await one.close()
  await until('it has said good-bye', () => view.all().length === 1)
  // As after a kill: nothing is told any more, and nothing is taken back.
  const silent = await followProcesses({
    bus: { ...bus, read: () => new Promise(() => {}) },
    clock,
  })
  clock.set(someTime + 41_000)
  t.deepEqual(
    silent.all().map(({ id, status, isSilent }) => [id, status, isSilent]),
    [['2', 'amber', true]],
  )
  clock.set(someTime + 31 * 60_000)
  t.deepEqual(silent.all(), [])
  await two.close()
})

test('what another version may have written is no process', async (t) => {
  const bus = await openBus(t)
  const values = ['', 'x', 'null', '{"v":2}', '{"v":1,"host":"h","roles":[],"atMs":1,"health":{}}']
  await bus.produce(
    'processes',
    values.map((value, i) => ({ key: String(i), value: Buffer.from(value) })),
  )
  const view = await followProcesses({ bus, clock: manualClock(1) })
  t.deepEqual(view.all(), [])
  await view.close()
})

test('a bus that is away holds nobody up', async (t) => {
  const bus = { produce: () => Promise.reject(new Error('away')) }
  const one = announce({
    id: '1',
    host: 'h',
    roles: [],
    bus,
    health: () => well,
    clock: manualClock(1),
  })
  await one.close()
  t.pass()
})
