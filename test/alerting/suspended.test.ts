import test from 'ava'
import { openEngine, type Engine } from '../../alerting/engine.ts'
import { compileRules } from '../../alerting/rules/compile.ts'
import type { SignalDeclarations } from '../../pipeline/signals.ts'
import { encodeBuckets } from '../../pipeline/signal-records.ts'
import { bucket, ruleOf, second, t0 } from './world.ts'

/* Samples of a time in which nobody collected were never taken: a `for` goes on after it as after a restart of Prometheus. */

const minute = 60 * second
const signals: SignalDeclarations = {
  memory: {
    from: 'metrics',
    metric: 'container.memory.usage',
    where: '',
    measure: 'avg',
    overMs: 10 * second,
    by: ['service'],
  },
}

function open(forMs: number, restored?: Engine): Engine {
  const rules = compileRules([ruleOf({ alert: 'Full', when: 'memory > 5', forMs })], signals)
  const through = restored?.through()
  return openEngine({
    signals,
    rules,
    intervalMs: 5 * second,
    partitions: () => 1,
    watchGapMs: 10 * second,
    ...(restored ? { restored: { states: restored.states(), through } } : {}),
  })
}

let offset = 0
const encode = (value: unknown) => Buffer.from(JSON.stringify(value))

/** Samples of 9 each 5 s of [from, to), measured up to `to`, 5 s at a time; evaluates as far as can be. */
function run(engine: Engine, from: number, to: number): void {
  for (let at = from; at < to; at += 5 * second) {
    const one = bucket('memory', { service: '/web' }, at, 1)
    const values = { sum: 9, min: 9, max: 9, last: 9 }
    engine.take([
      { offset: offset++, headers: { kind: 'bucket' }, value: encodeBuckets([{ ...one, values }]) },
    ])
    pass(engine, at + 5 * second)
  }
}

function pass(engine: Engine, through: number): void {
  engine.take([
    {
      offset: offset++,
      headers: { kind: 'watermark' },
      value: encode({ topic: 'metrics', partition: 0, through }),
    },
  ])
  while (engine.step());
}

const stateOf = (engine: Engine) => {
  const [alert] = engine.states().map((state) => state.alert)
  return alert && { state: alert.state, since: (alert.activeAt - t0) / minute }
}

test('after two minutes without a collector a long `for` goes on where it was', (t) => {
  const engine = open(30 * minute)
  run(engine, t0, t0 + 15 * minute)
  t.like(stateOf(engine), { state: 'pending' })
  const before = engine.states()[0]?.alert.activeAt ?? 0
  pass(engine, t0 + 17 * minute)
  t.is(engine.states()[0]?.alert.activeAt, before, 'nobody evaluated it')
  run(engine, t0 + 17 * minute, t0 + 20 * minute)
  const after = engine.states()[0]?.alert
  t.is(after?.state, 'pending')
  const awayMs = (after?.activeAt ?? 0) - before
  t.true(awayMs > 1.5 * minute && awayMs < 2.5 * minute, `${awayMs}`)
  run(engine, t0 + 20 * minute, t0 + 33 * minute)
  t.like(stateOf(engine), { state: 'firing' })
})

test('so it does over a restart', (t) => {
  const first = open(30 * minute)
  run(first, t0, t0 + 15 * minute)
  pass(first, t0 + 17 * minute)
  const second = open(30 * minute, first)
  run(second, t0 + 17 * minute, t0 + 33 * minute)
  t.like(stateOf(second), { state: 'firing' })
})

test('a `for` shorter than ten minutes begins anew, and so does one after an hour', (t) => {
  for (const [forMs, awayMs] of [
    [5 * minute, 2 * minute],
    [30 * minute, 65 * minute],
  ] as const) {
    const engine = open(forMs)
    run(engine, t0, t0 + 4 * minute)
    t.like(stateOf(engine), { state: 'pending' })
    const back = t0 + 4 * minute + awayMs
    pass(engine, back)
    run(engine, back, back + 2 * minute)
    t.is(stateOf(engine)?.state, 'pending')
    t.true((stateOf(engine)?.since ?? 0) * minute + t0 >= back - 5 * second)
  }
})

test('what is measured and over is over; samples that stop while others are collected are no outage', (t) => {
  const engine = open(30 * minute)
  run(engine, t0, t0 + 5 * minute)
  for (let at = t0 + 5 * minute; at <= t0 + 7 * minute; at += 5 * second) pass(engine, at)
  t.is(stateOf(engine), undefined)
})

test('more than a day that nobody evaluated does not count as waiting', (t) => {
  const engine = open(30 * minute)
  run(engine, t0, t0 + 5 * minute)
  const later = t0 + 3 * 24 * 60 * minute
  run(engine, later - 5 * second, later + minute)
  t.is(stateOf(engine)?.state, 'pending')
})
