import test, { type ExecutionContext } from 'ava'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { msToIso } from '../../pipeline/event.ts'
import { samplesToBus } from '../../pipeline/sample.ts'
import type { SignalDeclarations } from '../../pipeline/signals.ts'
import { openDesk, openWorld, ruleOf, until } from '../alerting/world.ts'
import { produceLines, record, someTime } from '../helpers/pipeline.ts'
import { samplesOf } from '../helpers/samples.ts'
import { mark, openMeasuring } from './measuring.ts'

/* From lines, samples and changes on the bus to alerts, through the topic `signals`. */

const second = 1000
const metric = 'container.memory.utilization'
const signals: SignalDeclarations = {
  memory: {
    from: 'metrics',
    metric,
    where: '',
    measure: 'max',
    overMs: 10 * second,
    by: ['service'],
  },
  deaths: {
    from: 'changes',
    where: 'kind:task AND action:died',
    measure: 'count',
    overMs: 60 * second,
    by: ['service'],
  },
  errors: {
    from: 'logs',
    where: 'level:error',
    measure: 'rate',
    overMs: 10 * second,
    by: ['service'],
  },
}

async function open(t: ExecutionContext, when: string) {
  const bus = await openWorld(t)
  openMeasuring(t, bus, { signals, resolutionMs: 5 * second })
  const desk = await openDesk(t, bus, { signals, rules: [ruleOf({ when })] })
  let sequence = 0
  return {
    bus,
    alerting: desk.alerting,
    memory: (at: number, value: number) =>
      bus.produce('metrics', [
        samplesToBus(
          samplesOf(
            {
              source: 'docker:a',
              sequence: sequence++,
              at: someTime + at * second,
              metrics: { [metric]: value },
            },
            1,
          ),
        ),
      ]),
    death: (at: number, name: string) => died(bus, at, name),
    /** Everything before is there. */
    through: async (at: number, ...topics: ('logs' | 'metrics' | 'changes')[]) => {
      for (const topic of topics.length > 0 ? topics : (['logs', 'metrics', 'changes'] as const))
        await mark(bus, someTime + at * second, 'c', topic)
    },
    evaluated: (at: number) =>
      until(`evaluation at ${at} s`, () => desk.alerting.through() === someTime + at * second),
    state: () => desk.alerting.alerts()[0]?.state,
  }
}

function died(bus: Bus, at: number, name: string): Promise<void> {
  const doc = {
    '@timestamp': msToIso(someTime + at * second),
    'event.id': `change:task:${name}:${at}`,
    'event.kind': 'task',
    'event.action': 'died',
    message: 'exit code 1',
    'service.name': '/web',
  }
  return bus.produce('changes', [{ key: '/web', value: Buffer.from(JSON.stringify(doc)) }])
}

test('memory near its limit fires, and is over once it is measured to be lower', async (t) => {
  const { memory, through, evaluated, state, alerting } = await open(t, 'memory > 0.9')
  await memory(1, 0.5)
  await through(5)
  await evaluated(5)
  t.is(state(), undefined)
  await memory(6, 0.95)
  await memory(7, 0.1)
  await through(10)
  await evaluated(10)
  t.is(state(), 'firing')
  t.is(alerting.alerts()[0]?.value, 0.95)
  await memory(16, 0.5)
  await through(25)
  await evaluated(25)
  t.is(state(), 'resolved')
})

test('a value is not compared before all topics were measured', async (t) => {
  const { memory, through, evaluated, state } = await open(t, 'memory > 0.9')
  await through(5)
  await evaluated(5)
  await through(10, 'logs', 'changes')
  await memory(6, 0.95)
  await through(10, 'metrics')
  await evaluated(10)
  t.is(state(), 'firing')
})

test('deaths count, and one told of twice counts once', async (t) => {
  const { death, through, evaluated, state } = await open(t, 'deaths >= 3')
  await death(1, 'a')
  await death(2, 'b')
  await death(2, 'b')
  await through(5)
  await evaluated(5)
  t.is(state(), undefined)
  await death(6, 'c')
  await through(10)
  await evaluated(10)
  t.is(state(), 'firing')
})

test('signals of several topics are joined: what was not measured begins nothing and ends nothing', async (t) => {
  const { bus, memory, through, evaluated, state } = await open(t, 'memory > 0.9 && errors > 0.0')
  const identity = { service: '/web' }
  await produceLines(bus, record({ source: 'a', identity, levels: ['error'] }))
  await memory(1, 0.95)
  await through(5)
  await evaluated(5)
  t.is(state(), 'firing')
  const times = [someTime + 14 * second]
  await produceLines(bus, record({ source: 'a', identity, first: 1, levels: ['error'], times }))
  await through(15)
  await evaluated(15)
  t.is(state(), 'unknown')
  await memory(16, 0.95)
  await through(20)
  await evaluated(20)
  t.is(state(), 'firing')
})
