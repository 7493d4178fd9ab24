import test, { type ExecutionContext } from 'ava'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { marathonKey, type MarathonState, type ServiceState } from '../../pipeline/service-state.ts'
import { openServices } from '../../processors/services.ts'
import { openBus, until } from '../helpers/pipeline.ts'

function stateOf(service: string, state: Partial<ServiceState> = {}): ServiceState {
  return {
    v: 1,
    service,
    kind: 'app',
    marathon: 'main',
    atMs: 1000,
    instances: 3,
    staged: 0,
    running: 3,
    healthy: 2,
    unhealthy: 1,
    hasChecks: true,
    tasks: [{ id: 'web.1', state: 'TASK_RUNNING' }],
    deployments: [],
    resident: false,
    labels: {},
    env: {},
    ...state,
  }
}

const marathon: MarathonState = { v: 1, marathon: 'main', intervalMs: 5000, atMs: 1000 }

function tell(bus: Bus, key: string, value: unknown): Promise<void> {
  const bytes = value === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(value))
  return bus.produce('services', [{ key, value: bytes }])
}

async function open(t: ExecutionContext, bus: Bus) {
  const metrics = openMetrics()
  const services = await openServices({ bus, metrics, log: silentLog })
  t.teardown(() => services.close())
  return { ...services, metrics }
}

test('what the topic holds is known at once, what comes soon after', async (t) => {
  const bus = await openBus(t)
  await tell(bus, '/shop/web', stateOf('/shop/web', { instances: 1 }))
  await tell(bus, '/shop/web', stateOf('/shop/web'))
  await tell(bus, marathonKey('main'), marathon)
  const services = await open(t, bus)
  t.deepEqual(services.all(), [stateOf('/shop/web')])
  t.deepEqual(services.marathon(), [marathon])

  await tell(bus, '/db', stateOf('/db', { instances: 1 }))
  await tell(bus, '/shop/web', stateOf('/shop/web', { instances: 5 }))
  await until('both are known', () => services.get('/shop/web')?.instances === 5)
  t.is(services.get('/db')?.instances, 1)

  await tell(bus, '/db', undefined)
  await tell(bus, marathonKey('main'), undefined)
  await until('gone', () => services.marathon().length === 0)
  t.is(services.get('/db'), undefined)
  t.is(services.trouble(), undefined)
})

test('what is not understood is skipped and told, until a good record comes', async (t) => {
  const bus = await openBus(t)
  const good = stateOf('/good')
  const bad: [string, unknown][] = [
    ['/a', 'text'],
    ['/b', null],
    ['/c', { ...stateOf('/c'), v: 2 }],
    ['/d', stateOf('/other')],
    ['/e', { ...stateOf('/e'), running: 'three' }],
    ['/f', { ...stateOf('/f'), tasks: [null] }],
    ['/g', { ...stateOf('/g'), labels: undefined }],
    [marathonKey('x'), { v: 1 }],
  ]
  for (const [key, value] of bad) await tell(bus, key, value)
  await bus.produce('services', [{ key: '/z', value: Buffer.from('{"v":1') }])
  await tell(bus, '/good', good)
  const services = await open(t, bus)
  t.deepEqual(services.all(), [good])
  t.regex(
    services.trouble() ?? '',
    /the state of \/a \(and 8 more\) was not understood: not a state/,
  )

  const { values } = await services.metrics.malformed_services_total.get()
  t.is(values[0]?.value, 9)

  for (const [key] of bad) await tell(bus, key, undefined)
  await tell(bus, '/z', stateOf('/z'))
  await until('mended', () => services.trouble() === undefined)
  t.deepEqual(services.get('/z'), stateOf('/z'))
})

test('a bus that is away for a while is told; what was known stays', async (t) => {
  const bus = await openBus(t)
  await tell(bus, '/web', stateOf('/web'))
  let away = false
  const flaky: Bus = {
    ...bus,
    read: (...args) => (away ? Promise.reject(new Trouble('the bus is away')) : bus.read(...args)),
  }
  const services = await open(t, flaky)
  away = true
  await until('told', () => /cannot be read: the bus is away/.test(services.trouble() ?? ''))
  t.is(services.all().length, 1)
  away = false
  await until('well again', () => services.trouble() === undefined)
})
