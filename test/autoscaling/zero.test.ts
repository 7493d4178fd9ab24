import test from 'ava'
import fc from 'fast-check'
import { afterChange } from '../../autoscaling/changes.ts'
import { freshMemory, type ServiceMemory } from '../../autoscaling/memory.ts'
import type { SignalReading } from '../../autoscaling/reading.ts'
import { settled, turnOf } from '../../autoscaling/turn.ts'
import type { SignalDeclaration } from '../../pipeline/signals.ts'
import {
  appOf,
  cpu,
  evaluate,
  inputOf,
  minute,
  perTask,
  second,
  service,
  t0,
  total,
  type Asked,
} from './app.ts'
import { changesOf, restarted, run, type Course } from './loop.ts'

const queue: SignalDeclaration = {
  from: 'metrics',
  metric: 'prometheus.queue',
  where: '',
  measure: 'last',
  overMs: 30 * second,
  by: ['service'],
}

const policy = {
  targets: { queue: 10 },
  activation: { queue: 2 },
  min: 0,
  max: 8,
  idleAfterMs: minute,
  stabilizationDownMs: 10 * second,
}

const idleFor = (seconds: number, more: Partial<ServiceMemory> = {}): ServiceMemory => ({
  ...freshMemory(service),
  idle: { sinceTs: t0 - seconds * second, seenTs: t0 - 5 * second },
  ...more,
})
const asleep: ServiceMemory = { ...freshMemory(service), asleepMs: t0 - minute }

const asked = (waiting: number | undefined, wanted: number, more: Asked = {}): Asked => ({
  state: appOf(wanted),
  signals: waiting === undefined ? {} : { queue: total(waiting, queue) },
  ...more,
  policy: { ...policy, ...more.policy },
})

const table: [string, Asked, string][] = [
  [
    'nothing was to be done for long enough',
    asked(2, 1, { memory: idleFor(60) }),
    'scaled 1 → 0: queue is 2, not above 2, for 1m',
  ],
  [
    'however many there are',
    asked(0, 5, { memory: idleFor(60) }),
    'scaled 5 → 0: queue is 0, not above 2, for 1m',
  ],
  [
    'not for long enough yet: one stays',
    asked(0, 1, { memory: idleFor(59) }),
    'stays at 1: the minimum; queue 0 over 1 ready instance is 0 each, target 10, would do with 0',
  ],
  [
    'what is not measured is not idle',
    asked(undefined, 1, { memory: idleFor(600) }),
    'stays at 1: queue is not measured',
  ],
  [
    'nor what may be incomplete',
    asked(0, 1, { memory: idleFor(600), unsure: 'collector docker: cannot read' }),
    'stays at 1: the minimum; queue 0 over 1 ready instance is 0 each, target 10, would do with 0',
  ],
  [
    'nor what was not looked at meanwhile',
    asked(0, 1, {
      memory: { ...freshMemory(service), idle: { sinceTs: t0 - 600_000, seenTs: t0 - 21_000 } },
    }),
    'stays at 1: the minimum; queue 0 over 1 ready instance is 0 each, target 10, would do with 0',
  ],
  [
    'one of two signals is active',
    asked(0, 1, {
      signals: { queue: total(0, queue), cpu: perTask([0.5], cpu) },
      memory: idleFor(600),
      policy: { activation: { queue: 2, cpu: 0.1 } },
    }),
    'stays at 1: the minimum; queue 0 over 1 ready instance is 0 each, target 10, would do with 0',
  ],
  [
    'at zero with nothing to do',
    asked(2, 0, { memory: asleep }),
    'stays at 0: queue is 2, not above 2',
  ],
  [
    'at zero with something to do: as many as the load asks for',
    asked(35, 0, { memory: asleep }),
    'scaled 0 → 4: queue is 35, above 2',
  ],
  [
    'at zero with little to do: one',
    asked(3, 0, { memory: asleep }),
    'scaled 0 → 1: queue is 3, above 2',
  ],
  [
    'never more than the maximum',
    asked(3500, 0, { memory: asleep }),
    'scaled 0 → 8: queue is 3500, above 2',
  ],
  [
    'nor more at once than its rates allow, but one',
    asked(3500, 0, {
      memory: asleep,
      policy: { scaleUp: { select: 'max', policies: [{ percent: 100, perMs: minute }] } },
    }),
    'scaled 0 → 1: queue is 3500, above 2',
  ],
  [
    'at zero without a measurement it stays, and says so',
    asked(undefined, 0, { memory: asleep }),
    'stays at 0: queue is not measured: whether there is anything to do is not known',
  ],
  [
    'scaled to zero by hand it stays, whatever there is to do',
    asked(35, 0),
    'stays at 0: it was scaled to zero by hand',
  ],
  [
    'down to zero only as fast as its rates allow',
    asked(0, 5, {
      memory: idleFor(60),
      policy: { scaleDown: { select: 'max', policies: [{ count: 2, perMs: minute }] } },
    }),
    'scaled 5 → 3: queue is 0, not above 2, for 1m (at most 2 fewer within 1m)',
  ],
  [
    'not at all where it never goes down',
    asked(0, 5, {
      memory: idleFor(60),
      policy: { scaleDown: { select: 'disabled', policies: [] } },
    }),
    'stays at 5: queue is 0, not above 2, for 1m (its policy never scales down)',
  ],
  [
    'with a policy that knows no zero any more, what we took away comes back',
    { state: appOf(0), signals: {}, memory: asleep },
    'scaled 0 → 2: its minimum is 2, whatever the load',
  ],
]

for (const [title, given, message] of table) {
  test(`zero: ${title}`, (t) => {
    const { decision } = evaluate(given)
    t.true(decision.message.startsWith(message), decision.message)
  })
}

test('an instance that a person starts, and stops again, is theirs', (t) => {
  const woken = evaluate(asked(0, 1, { memory: asleep }))
  t.is(woken.memory.asleepMs, undefined)
  const stopped = evaluate(asked(35, 0, { memory: woken.memory })).decision
  t.is(stopped.reason, 'suspended')
})

test('what was read of it before we scaled it to zero does not make it the zero of a person', (t) => {
  const memory = { ...freshMemory(service), asleepMs: t0 - second }
  const old = evaluate(asked(0, 1, { memory }))
  t.is(old.memory.asleepMs, t0 - second)
  t.is(evaluate(asked(35, 0, { memory: old.memory })).decision.to, 4)
})

test('what Marathon could not be asked about meanwhile does not change whose zero it is', (t) => {
  const stale = evaluate(asked(0, 0, { memory: asleep, nowMs: t0 + 10 * minute }))
  t.is(stale.decision.reason, 'stale-state')
  t.is(stale.memory.asleepMs, t0 - minute)
})

test('only a change that Marathon took is ours', (t) => {
  const { decision, memory } = evaluate(asked(0, 1, { memory: idleFor(60) }))
  t.is(decision.to, 0)
  t.is(memory.asleepMs, undefined)
  t.is(afterChange(memory, decision, t0).asleepMs, t0)
})

test('the zero of a change that nobody answered is looked into, not taken for one of a person', (t) => {
  const sent = turnOf(inputOf(asked(0, 1, { memory: idleFor(60) })))
  if (sent.act !== 'send') return t.fail(sent.act)
  const lost = { outcome: 'failed', reason: 'marathon-away', because: 'reset' } as const
  const refused = { ...lost, done: false, lasting: false } as const
  const unknown = { ...refused, isUnknown: true } as const
  const { memory } = settled(sent.decision, sent.memory, { result: unknown, nowMs: t0, random: 0 })
  t.is(turnOf(inputOf(asked(35, 0, { memory }))).act, 'recover')
  const result = { done: true, answer: { message: 'found' } } as const
  const found = settled(sent.decision, memory, { result, nowMs: t0, random: 0 })
  t.is(evaluate(asked(35, 0, { memory: found.memory })).decision.to, 4)
  // What was not sent at all is over.
  const known = settled(sent.decision, sent.memory, { result: refused, nowMs: t0, random: 0 })
  t.is(known.memory.inFlight, undefined)
})

test('it is told when it goes to zero, and what would wake it', (t) => {
  t.deepEqual(evaluate(asked(0, 1, { memory: idleFor(20) })).decision.next?.at(-1), {
    change: 'scales down to 0',
    when: 'there is nothing to do until then',
    atMs: t0 + 40 * second,
  })
  t.deepEqual(evaluate(asked(0, 0, { memory: asleep })).decision.next, [
    { change: 'scales up', when: 'queue is above 2' },
  ])
})

const courseOf = (waiting: (at: number) => number | undefined): Course => ({
  policy,
  instances: 2,
  seconds: 300,
  startSeconds: 10,
  signals: ({ at }): Record<string, SignalReading> => {
    const value = waiting(at)
    return value === undefined ? {} : { queue: total(value, queue) }
  },
})

test('a burst comes, is worked off, and it sleeps again', (t) => {
  const course = courseOf((at) => (at >= 100 && at < 150 ? 25 : 0))
  t.deepEqual(changesOf(run(course)), [
    '10 s: 2 → 1',
    '60 s: 1 → 0',
    '100 s: 0 → 3',
    '155 s: 3 → 1',
    '210 s: 1 → 0',
  ])
})

test('never to zero in a minute that was not idle as a whole; and a restart changes nothing', (t) => {
  let zeros = 0
  const some = fc.array(
    fc.oneof({ weight: 5, arbitrary: fc.constantFrom(0, 1, 2) }, fc.constantFrom(3, 30, undefined)),
    { minLength: 61, maxLength: 61 },
  )
  const quiet = fc.nat(45)
  fc.assert(
    fc.property(some, quiet, (values, from) => {
      const load = values.map((value, i) => (i >= from && i < from + 15 ? 0 : value))
      const course = courseOf((at) => load[at / 5])
      const turns = run(course)
      t.deepEqual(run({ ...course, between: restarted }), turns)
      for (const { at, decision } of turns) {
        if (decision.outcome !== 'scaled') continue
        t.true(decision.to <= 8)
        if (decision.to > 0) continue
        zeros++
        t.true(
          load.slice(at / 5 - 12, at / 5 + 1).every((value) => value !== undefined && value <= 2),
        )
      }
    }),
    { numRuns: 100 },
  )
  t.true(zeros > 50, `only ${zeros} times to zero`)
})
