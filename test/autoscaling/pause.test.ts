import test from 'ava'
import { freshMemory, wordOf } from '../../autoscaling/memory.ts'
import { decodeAll, encode, pauseKey, requestsKey } from '../../autoscaling/records.ts'
import { decodeRequest, encodeRequest } from '../../autoscaling/requests.ts'
import type { BusRecord } from '../../pipeline/bus/bus.ts'
import type { DecisionReason } from '../../pipeline/decision.ts'
import { allServices, type ScalingPause } from '../../pipeline/scaling-desk.ts'
import { appOf, evaluate, minute, second, service, t0, total, type Asked } from './app.ts'

const untilMs = t0 + 90 * minute

const pauseOf = (pause: Partial<ScalingPause> = {}): ScalingPause => ({
  id: 'p1',
  service,
  direction: 'both',
  fromMs: t0 - minute,
  untilMs,
  by: 'ana',
  reason: 'deploy of 4.2',
  ...pause,
})

const rise: Asked = { signals: { requests: total(100) } }
const fall: Asked = {
  state: appOf(5),
  policy: { stabilizationDownMs: 0 },
  signals: { requests: total(10) },
}
const calm: Asked = { signals: { requests: total(30) } }
const aboveMaximum: Asked = { state: appOf(12), signals: { requests: total(150) } }
const inFlight = {
  sentMs: t0,
  decision: { ...evaluate(rise).decision, to: 7 },
  answered: true,
}

const cases: { title: string; given: Asked; pauses: ScalingPause[]; reason: DecisionReason }[] = [
  { title: 'no pause', given: rise, pauses: [], reason: 'scaled-up' },
  { title: 'both, up', given: rise, pauses: [pauseOf()], reason: 'paused' },
  { title: 'both, down', given: fall, pauses: [pauseOf()], reason: 'paused' },
  { title: 'both, nothing wished', given: calm, pauses: [pauseOf()], reason: 'paused' },
  { title: 'up, up', given: rise, pauses: [pauseOf({ direction: 'up' })], reason: 'paused' },
  { title: 'up, down', given: fall, pauses: [pauseOf({ direction: 'up' })], reason: 'scaled-down' },
  { title: 'down, down', given: fall, pauses: [pauseOf({ direction: 'down' })], reason: 'paused' },
  { title: 'down, up', given: rise, pauses: [pauseOf({ direction: 'down' })], reason: 'scaled-up' },
  {
    title: 'up, nothing wished',
    given: calm,
    pauses: [pauseOf({ direction: 'up' })],
    reason: 'within-tolerance',
  },
  {
    title: 'a maximum that was lowered',
    given: aboveMaximum,
    pauses: [pauseOf()],
    reason: 'paused',
  },
  {
    title: 'a maximum that was lowered, up',
    given: aboveMaximum,
    pauses: [pauseOf({ direction: 'up' })],
    reason: 'scaled-down',
  },
  {
    title: 'of all services',
    given: rise,
    pauses: [pauseOf({ service: allServices })],
    reason: 'paused',
  },
  {
    title: 'its own the other way, and one of all',
    given: rise,
    pauses: [pauseOf({ direction: 'down' }), pauseOf({ service: allServices })],
    reason: 'paused',
  },
  {
    title: 'one that is over',
    given: rise,
    pauses: [pauseOf({ untilMs: t0 + second })],
    reason: 'scaled-up',
  },
  {
    title: 'one that is over in a moment',
    given: rise,
    pauses: [pauseOf({ untilMs: t0 + second + 1 })],
    reason: 'paused',
  },
  {
    title: 'dry run',
    given: { ...rise, policy: { dryRun: true } },
    pauses: [pauseOf()],
    reason: 'paused',
  },
  {
    title: 'a change that is under way',
    given: { ...rise, memory: { ...freshMemory(service), inFlight } },
    pauses: [pauseOf()],
    reason: 'deployment-running',
  },
]

for (const { title, given, pauses, reason } of cases) {
  test(`a pause holds its own way: ${title}`, (t) => {
    const { decision } = evaluate({ ...given, pauses })
    t.is(decision.reason, reason)
    t.is(decision.outcome === 'scaled', reason.startsWith('scaled'))
    if (reason === 'paused') t.is(decision.to, decision.from)
  })
}

test('it tells who, why and until when, what it would do without, and what comes then', (t) => {
  const { decision } = evaluate({ ...rise, pauses: [pauseOf()] })
  t.is(
    decision.message,
    'stays at 2: paused by ana until 2026-11-22T19:30:00Z (deploy of 4.2); without that 2 → 7: requests 100/s over 2 ready instances is 50 each, target 15',
  )
  t.is(decision.would, 7)
  t.like(decision.pause, { by: 'ana' })
  t.deepEqual(decision.next, [{ change: 'scales to 7', when: 'the pause is over', atMs: untilMs }])
  t.is(decision.inputs.targets[0]?.proposal, 7, 'targets are evaluated as ever')
  t.deepEqual(
    decision.steps.map(({ step, before, after }) => [step, before, after]),
    [
      ['proposal', 2, 7],
      ['pause', 7, 2],
      ['outcome', 2, 2],
    ],
  )
  const own = evaluate({
    ...calm,
    pauses: [pauseOf({ direction: 'both' }), pauseOf({ service: allServices, by: 'bo' })],
  })
  t.is(own.decision.message, 'stays at 2: paused by ana until 2026-11-22T19:30:00Z (deploy of 4.2)')
  const all = pauseOf({ service: allServices, direction: 'up', by: 'bo\n\u001b[2J' })
  t.regex(
    evaluate({ ...rise, pauses: [all] }).decision.message,
    /^stays at 2: paused for all services upwards by bo \S*\[2J until /,
  )
})

test('another pause is news, another load under the same is none', (t) => {
  const word = (given: Asked, pause: ScalingPause) =>
    wordOf(evaluate({ ...given, pauses: [pause] }).decision)
  t.is(word(rise, pauseOf()), word(calm, pauseOf()))
  t.not(word(rise, pauseOf()), word(rise, pauseOf({ id: 'p2' })))
})

const recordOf = (key: string, value: object | string): [string, BusRecord] => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return [key, { offset: 0, key, value: Buffer.from(text), headers: {}, time: 0 }]
}

test('pauses and how far requests were taken stand on the bus, and are read without trust', (t) => {
  const own = pauseOf()
  const all = pauseOf({ service: allServices, id: 'p2' })
  const written = [own, all].map((pause) => encode(pauseKey(pause.service), pause))
  const sound = new Map(
    written.map(({ key, value }) => recordOf(key, Buffer.from(value).toString())),
  )
  sound.set(...recordOf(requestsKey, { v: 1, position: 12 }))
  t.like(decodeAll(sound), { pauses: [own, all], requests: 12, unreadable: [] })
  const wrong: [string, object | string][] = [
    ['pause:/a', '{"v'],
    ['pause:/b', 'null'],
    ['pause:/c', { ...own, untilMs: 'soon' }],
    ['pause:/d', { ...own, untilMs: 1e300 }],
    ['pause:/e', { ...own, direction: 'sideways' }],
    ['pause:/f', { ...own, by: '' }],
    [requestsKey, { v: 2, position: 12 }],
  ]
  const read = decodeAll(new Map(wrong.map(([key, value]) => recordOf(key, value))))
  t.like(read, { pauses: [], requests: undefined })
  t.is(read.unreadable.length, wrong.length)
})

test('requests are read without trust', (t) => {
  const request = { kind: 'pause' as const, pause: pauseOf() }
  t.deepEqual(decodeRequest(encodeRequest(request).value), request)
  const resume = { kind: 'resume' as const, service, by: 'bo' }
  t.deepEqual(decodeRequest(encodeRequest(resume).value), resume)
  for (const text of ['', 'null', '[]', '{"kind":"pause"}', '{"kind":"resume"}', '{"kind":"x"}']) {
    t.throws(() => decodeRequest(Buffer.from(text)), undefined, text)
  }
})
