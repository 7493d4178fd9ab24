import test from 'ava'
import fc from 'fast-check'
import { backoffAfter } from '../../autoscaling/backoff.ts'
import { stabilize, type Recommendation } from '../../autoscaling/hpa/stabilize.ts'
import { openLanes } from '../../autoscaling/lanes.ts'
import { decodeMemory, freshMemory, trim, wordOf } from '../../autoscaling/memory.ts'
import { decodeAll, decisionDoc, encode } from '../../autoscaling/records.ts'
import type { BusRecord } from '../../pipeline/bus/bus.ts'
import { appOf, evaluate, minute, second, service, t0, total } from './app.ts'

const someWindow = fc.constantFrom(0, 10 * second, 30 * second, 90 * second)

const someHistory = fc.array(
  fc.record({ seconds: fc.integer({ min: 1, max: 20 }), replicas: fc.integer({ min: 1, max: 9 }) }),
  { minLength: 1, maxLength: 40 },
)

test('what is forgotten is never missed by a later stabilization', (t) => {
  fc.assert(
    fc.property(someHistory, someWindow, someWindow, (history, upMs, downMs) => {
      let ts = t0
      let whole: Recommendation[] = []
      let trimmed: Recommendation[] = []
      let current = history[0]?.replicas ?? 1
      for (const { seconds, replicas } of history) {
        ts += seconds * second
        const windows = { current, upMs, downMs, ts }
        const full = stabilize(replicas, { ...windows, recommendations: whole })
        const short = stabilize(replicas, { ...windows, recommendations: trimmed })
        t.is(short.replicas, full.replicas)
        current = full.replicas
        whole = [...whole, { ts, replicas }]
        trimmed = trim(short.recommendations, { upMs, downMs, ts })
        t.true(trimmed.length <= 2 * 9)
      }
    }),
    { numRuns: 300 },
  )
})

test('after each failure it waits twice as long, up to five minutes, each a little differently', (t) => {
  const refusal = { done: false, outcome: 'failed', reason: 'locked', because: '409' } as const
  const waits: number[] = []
  let before = undefined as ReturnType<typeof backoffAfter> | undefined
  for (let i = 0; i < 9; i++) {
    before = backoffAfter({ ...refusal, lasting: false }, before, t0, 0.5)
    waits.push((before.untilMs - t0) / second)
  }
  t.deepEqual(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300])
  const early = backoffAfter({ ...refusal, lasting: false }, undefined, t0, 0)
  const late = backoffAfter({ ...refusal, lasting: false }, undefined, t0, 1)
  t.deepEqual([early.untilMs - t0, late.untilMs - t0], [3750, 6250])
  t.is(backoffAfter({ ...refusal, lasting: true }, undefined, t0, 0.5).untilMs - t0, minute)
})

test('two decisions of the same word tell a person nothing new', (t) => {
  const word = (asked: Parameters<typeof evaluate>[0]) => wordOf(evaluate(asked).decision)
  const calm = word({ signals: { requests: total(30) } })
  t.is(word({ signals: { requests: total(31) } }), calm, 'another value')
  t.not(word({ signals: { requests: total(71) } }), calm)
  const waiting = (waitingFor: string[]) =>
    word({ state: appOf(2, { instances: 3, queue: { count: 1, waitingFor } }) })
  t.not(waiting(['cpus']), waiting(['mem']), 'another resource')
  const deploying = (id: string) => word({ state: appOf(2, { deployments: [{ id }] }) })
  t.not(deploying('a'), deploying('b'), 'another deployment')
})

test('records of another shape are listed, not thrown', (t) => {
  const record = (key: string, value: string): [string, BusRecord] => [
    key,
    { offset: 0, key, value: Buffer.from(value), headers: {}, time: 0 },
  ]
  const good = { ...freshMemory(service), recommendations: [{ ts: t0, replicas: 3 }] }
  const records = decodeAll(
    new Map([
      record(service, JSON.stringify(good)),
      record('/other', JSON.stringify(good)),
      record('/old', JSON.stringify({ ...good, service: '/old', v: 0 })),
      record('/odd', JSON.stringify({ ...good, service: '/odd', recommendations: [null] })),
      record('/events', JSON.stringify({ ...good, service: '/events', events: { up: [{}] } })),
      record('/taken', JSON.stringify({ ...good, service: '/taken', taken: { ts: 'now' } })),
      record('/idle', JSON.stringify({ ...good, service: '/idle', idle: { sinceTs: null } })),
      record('/none', ''),
      record('/half', '{"v":1'),
      record('progress', '{"v":1,"offset":12,"through":1,"signals":"a"}'),
      record('seen:1', '{"signal":"requests","group":{"service":"/a"},"lastMs":5}'),
      record('seen:2', '7'),
    ]),
  )
  t.deepEqual([...records.memories.keys()], [service])
  t.deepEqual(records.memories.get(service), good)
  t.is(records.progress?.offset, 12)
  t.is(records.seen.length, 1)
  t.deepEqual(records.unreadable, [
    '/other',
    '/old',
    '/odd',
    '/events',
    '/taken',
    '/idle',
    '/half',
    'seen:2',
  ])
  t.is(decodeMemory(service, encode(service, good).value)?.recommendations.length, 1)
})

test('the same decision has the same id, another outcome of it another', (t) => {
  const { decision } = evaluate({ signals: { requests: total(71) } })
  const id = (of: typeof decision) => decisionDoc(of, {})['event.id']
  t.is(id(decision), id(structuredClone(decision)))
  t.not(id(decision), id({ ...decision, outcome: 'failed', reason: 'locked' }))
})

test('so many run at once, the others in their order, whatever fails', async (t) => {
  const inLane = openLanes(2)
  const begun: number[] = []
  const ends: (() => void)[] = []
  let running = 0
  let most = 0
  const task = (i: number) => async () => {
    begun.push(i)
    most = Math.max(most, ++running)
    await new Promise<void>((resolve) => ends.push(resolve))
    running--
    if (i === 1) throw new Error('one fails')
    return i
  }
  const all = [0, 1, 2, 3, 4].map((i) => inLane(task(i)))
  const settled = Promise.allSettled(all)
  for (let i = 0; i < 5; i++) {
    while (ends.length === 0) await new Promise((resolve) => setImmediate(resolve))
    ends.shift()?.()
  }
  t.deepEqual(
    (await settled).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
  )
  t.deepEqual(begun, [0, 1, 2, 3, 4])
  t.is(most, 2)
})
