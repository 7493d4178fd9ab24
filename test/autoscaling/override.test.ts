import test from 'ava'
import { decodeMemory, freshMemory, type ServiceMemory } from '../../autoscaling/memory.ts'
import type { Decision } from '../../pipeline/decision.ts'
import type { ServiceState } from '../../pipeline/service-state.ts'
import { appOf, evaluate, minute, second, service, t0, total, type Asked } from './app.ts'

const config = '2026-11-20T10:00:00.000Z'
const iso = (ms: number) => new Date(ms).toISOString()

/** One evaluation after the other, each with what the one before has remembered, over JSON as a restart reads it. */
function follow(begin: Partial<ServiceMemory> = {}, policy: Asked['policy'] = {}) {
  let memory: ServiceMemory = { ...freshMemory(service), ...begin }
  return {
    memory: () => memory,
    at(seconds: number, state: Partial<ServiceState> & { instances: number }, load = 100) {
      const ts = t0 + seconds * second
      const { instances } = state
      const decided = evaluate({
        ts,
        nowMs: ts + 500,
        memory,
        policy: { overrideMs: 10 * minute, stabilizationDownMs: 0, ...policy },
        state: appOf(instances, { atMs: ts, version: config, configVersion: config, ...state }),
        marathon: { v: 1, marathon: 'marathon', atMs: ts, intervalMs: 5 * second },
        signals: {
          requests: { ...total(load), values: [{ group: { service }, value: load, lastMs: ts }] },
        },
      })
      const read = decodeMemory(service, Buffer.from(JSON.stringify(decided.memory)))
      if (!read) throw new Error('its memory cannot be read')
      memory = read
      return decided.decision
    },
    carriedOut(decision: Decision, seconds: number) {
      const sentMs = t0 + seconds * second
      const done = { ...decision, answer: { status: 200, deployment: 'ours' } }
      memory = { ...memory, lastChange: done, inFlight: { sentMs, decision: done, answered: true } }
    },
  }
}

const short = ({ outcome, reason, from, to }: Decision) => `${outcome} ${reason} ${from} → ${to}`

test('instances that were set by hand stay so for a while, once, and then the load counts again', (t) => {
  const service_ = follow()
  t.is(short(service_.at(0, { instances: 7 })), 'held within-tolerance 7 → 7')
  const version = iso(t0 + 8 * second)
  const seen = service_.at(10, { instances: 3, version })
  t.is(short(seen), 'held override 3 → 3')
  t.is(
    seen.message,
    'stays at 3: set from 7 to 3 by hand at 2026-11-22T18:00:08Z, which is respected until 2026-11-22T18:10:08Z; without that 3 → 7: requests 100/s over 3 ready instances is 33.3 each, target 15',
  )
  t.is(seen.would, 7)
  t.deepEqual(seen.override, { instances: 3, from: 7, sinceMs: t0 + 8 * second })
  t.like(seen.conditions?.ScalingActive, { status: false, reason: 'SetByHand' })
  t.deepEqual(seen.next, [
    {
      change: 'scales to 7',
      when: 'the time for what was set by hand is over',
      atMs: t0 + 608 * second,
    },
  ])
  t.is(short(service_.at(600, { instances: 3, version })), 'held override 3 → 3')
  t.is(short(service_.at(608, { instances: 3, version })), 'scaled scaled-up 3 → 7')
  t.is(service_.memory().override, undefined)
})

const hand = { version: iso(t0 + 10 * second) }

test('beyond its limits it is corrected only afterwards', (t) => {
  for (const [instances, corrected] of [
    [1, 'scaled scaled-up 1 → 2'],
    [14, 'scaled scaled-down 14 → 10'],
  ] as const) {
    const service_ = follow()
    service_.at(0, { instances: 7 })
    t.is(service_.at(10, { instances, ...hand }).reason, 'override')
    t.is(short(service_.at(610, { instances, ...hand })), corrected)
  }
})

test('suspended by hand and brought back, it is scaled at once', (t) => {
  const service_ = follow({ asked: 7 })
  service_.at(0, { instances: 7 })
  t.is(short(service_.at(10, { instances: 0, ...hand }, 0)), 'held suspended 0 → 0')
  const version = iso(t0 + 20 * second)
  t.is(short(service_.at(21, { instances: 3, version })), 'scaled scaled-up 3 → 7')
})

test('set by hand again, the time begins again; set back to what we asked for, it is over', (t) => {
  const service_ = follow({ asked: 7 })
  service_.at(0, { instances: 7 })
  service_.at(10, { instances: 3, ...hand })
  const again = service_.at(500, { instances: 4, version: iso(t0 + 499 * second) })
  t.deepEqual(again.override, { instances: 4, from: 3, sinceMs: t0 + 499 * second })
  const back = service_.at(510, { instances: 7, version: iso(t0 + 509 * second) })
  t.is(short(back), 'held within-tolerance 7 → 7')
})

test('what was set while nobody looked counts from when it was set', (t) => {
  const service_ = follow()
  service_.at(0, { instances: 7 })
  t.is(service_.at(540, { instances: 3, ...hand }).override?.sinceMs, t0 + 10 * second)
  const late = follow()
  late.at(0, { instances: 7 })
  t.is(short(late.at(3600, { instances: 3, ...hand })), 'scaled scaled-up 3 → 7')
  const untold = follow()
  untold.at(0, { instances: 7 })
  const sinceMs = t0 + 3599 * second
  t.is(
    untold.at(3600, { instances: 3, version: config, atMs: sinceMs }).override?.sinceMs,
    sinceMs,
    'where Marathon does not tell, from when it was seen',
  )
})

test('our own change is none, also when its answer was lost, and one found after a restart', (t) => {
  const seen = follow()
  const raised = seen.at(0, { instances: 2 })
  t.is(short(raised), 'scaled scaled-up 2 → 7')
  seen.carriedOut(raised, 0)
  t.is(seen.at(1, { instances: 2, atMs: t0 }).reason, 'deployment-running', 'not seen yet')
  t.is(seen.at(5, { instances: 7, version: iso(t0 + second) }).reason, 'within-tolerance')
  t.is(seen.memory().override, undefined)

  const lost = follow()
  lost.at(0, { instances: 2 })
  t.is(lost.at(30, { instances: 7, version: iso(t0 + second) }).reason, 'within-tolerance')

  const older = follow({ asked: 7 })
  older.at(0, { instances: 7 })
  const done = evaluate({ signals: { requests: total(135) }, state: appOf(7) }).decision
  t.is(done.to, 9)
  older.carriedOut(done, 5)
  const { inFlight: _seen, ...forgotten } = older.memory()
  const newer = follow(forgotten)
  t.is(newer.at(10, { instances: 9, ...hand }, 135).reason, 'within-tolerance', 'of an older one')

  const first = follow()
  t.is(first.at(0, { instances: 9, ...hand }, 135).reason, 'within-tolerance', 'seen first')
})

test('a number between ours and what was before is of somebody else', (t) => {
  const service_ = follow()
  service_.carriedOut(service_.at(0, { instances: 2 }), 0)
  const seen = service_.at(10, { instances: 4, version: iso(t0 + 5 * second) })
  t.deepEqual(seen.override, { instances: 4, from: 2, sinceMs: t0 + 5 * second })
})

test('a new version that carries the number of its file is not respected, and that is told', (t) => {
  const service_ = follow({ asked: 7 })
  service_.at(0, { instances: 7 })
  const version = iso(t0 + 9 * second)
  const next = { instances: 2, version, configVersion: version }
  const deploying = service_.at(10, { ...next, deployments: [{ id: 'd1' }] })
  t.is(short(deploying), 'held deployment-running 2 → 2')
  t.deepEqual(deploying.steps[0], {
    step: 'deployment',
    before: 7,
    after: 2,
    why: 'a deployment had set it from 7 to 2: the load decides',
  })
  const raised = service_.at(20, next)
  t.is(short(raised), 'scaled scaled-up 2 → 7')
  t.regex(raised.message, /target 15; a deployment had set it from 7 to 2$/)
  service_.carriedOut(raised, 20)
  const back = service_.at(30, { ...next, instances: 7, version: iso(t0 + 21 * second) })
  t.is(back.reason, 'within-tolerance')
  t.is(service_.memory().reset, undefined)
})

test('a deployment of which the load is content is forgotten', (t) => {
  const service_ = follow()
  service_.at(0, { instances: 7 })
  const version = iso(t0 + 9 * second)
  service_.at(10, { instances: 2, version, configVersion: version }, 30)
  t.is(service_.memory().reset, undefined)
})

test('the rollback of our own deployment is none', (t) => {
  const service_ = follow()
  service_.carriedOut(service_.at(0, { instances: 2 }), 0)
  service_.at(5, {
    instances: 7,
    version: iso(t0 + second),
    deployments: [{ id: 'ours' }],
  })
  const version = iso(t0 + 9 * second)
  const rolling = service_.at(10, { instances: 2, version, deployments: [{ id: 'back' }] })
  t.is(short(rolling), 'held deployment-running 2 → 2')
  t.is(
    rolling.steps[0]?.why,
    'the rollback of a deployment had set it from 7 to 2: the load decides',
  )
  t.is(short(service_.at(20, { instances: 2, version })), 'scaled scaled-up 2 → 7')
  const settled = follow()
  settled.carriedOut(settled.at(0, { instances: 2 }), 0)
  settled.at(5, { instances: 7, version: iso(t0 + second) })
  t.is(settled.at(10, { instances: 2, version }).reason, 'override', 'where nothing was under way')
})

test('it is not respected where the policy says 0, nor in a dry run', (t) => {
  for (const policy of [{ overrideMs: 0 }, { dryRun: true }]) {
    const service_ = follow({}, policy)
    service_.at(0, { instances: 7 })
    t.is(service_.at(10, { instances: 3, ...hand }).to, 7)
    t.is(service_.memory().override, undefined)
  }
})

test('what Marathon told long ago is no change by hand', (t) => {
  const service_ = follow()
  service_.at(0, { instances: 7 })
  const stale = evaluate({
    memory: service_.memory(),
    state: appOf(3),
    nowMs: t0 + 10 * minute,
    policy: { overrideMs: minute },
  })
  t.is(stale.decision.reason, 'stale-state')
  t.like(stale.memory, { seen: { instances: 7 }, override: undefined })
})

test('a record that is damaged makes nothing somebody’s change', (t) => {
  const damaged = {
    ...freshMemory(service),
    asked: 'many',
    seen: { instances: null },
    override: { instances: 3 },
    reset: { from: 1, to: 2, by: 'magic' },
  }
  const read = decodeMemory(service, Buffer.from(JSON.stringify(damaged)))
  t.deepEqual(read, freshMemory(service))
})
