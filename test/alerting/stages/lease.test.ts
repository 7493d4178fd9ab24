import test from 'ava'
import fc from 'fast-check'
import type { PostedAlert } from '../../../alerting/stages/alerts.ts'
import { createLease, type Lease, type LeaseState } from '../../../alerting/stages/lease.ts'
import type { LeaseFact } from '../../../alerting/stages/lease-facts.ts'

const t0 = Date.parse('2026-11-22T18:03:00Z')
const second = 1000
const minute = 60 * second
const web = { alertname: 'ServiceUnhealthy', service: '/shop/web' }
const database = { alertname: 'ServiceUnhealthy', service: '/shop/db' }

/** At `at` after the beginning, ms. */
function runs(at: number, rest: Partial<LeaseFact> = {}): LeaseFact {
  return { deployment: '5ed4', what: 'runs', at: t0 + at, services: ['/shop/web'], ...rest }
}

const ended = (at: number, rest: Partial<LeaseFact> = {}) => runs(at, { what: 'ended', ...rest })

/** With these facts, each taken when it was so. */
function leaseWith(facts: readonly LeaseFact[]): Lease {
  const lease = createLease()
  for (const fact of facts) lease.take(fact, fact.at)
  return lease
}

const holds = (lease: Lease, at: number, labels: Record<string, string> = web) =>
  lease.heldBy(labels, t0 + at) !== undefined

/** What is posted in this time, as `15m firing`, with repetitions left out. */
function posted(lease: Lease, from: number, to: number): string[] {
  const lines: string[] = []
  let now = t0 + from
  for (let due = lease.nextDue(); due !== undefined && due <= t0 + to; due = lease.nextDue()) {
    now = Math.max(now, due)
    for (const post of lease.advance(now)) {
      const line = `${(now - t0) / minute}m ${stateOf(post, now)}`
      if (lines.at(-1)?.split(' ')[1] !== line.split(' ')[1]) lines.push(line)
    }
  }
  return lines
}

const stateOf = ({ endsAt = Infinity }: PostedAlert, now: number) =>
  endsAt <= now ? 'resolved' : 'firing'

/** Seen every half minute, as polls do. */
function seen(from: number, to: number, rest: Partial<LeaseFact> = {}): LeaseFact[] {
  const count = Math.floor((to - from) / (30 * second)) + 1
  return Array.from({ length: count }, (_, i) => runs(from + i * 30 * second, rest))
}

test('it holds the alerts of the services that the deployment touches, and says why', (t) => {
  const services = ['/shop/web', '/shop/db']
  const lease = leaseWith([runs(0, { services, step: 2, steps: 3 })])
  const why = (labels: Record<string, string>) => lease.heldBy(labels, t0 + second)
  t.is(why(web), 'deployment 5ed4 of /shop/web since 18:03 UTC (step 2 of 3)')
  t.is(why(database), 'deployment 5ed4 of /shop/db since 18:03 UTC (step 2 of 3)')
  t.is(why({ alertname: 'X', service: '/shop/other' }), undefined)
  t.is(why({ alertname: 'X' }), undefined)
  t.is(why({ ...web, during_deployment: 'tell' }), undefined)
  t.truthy(why({ ...web, during_deployment: 'hold' }))
})

test('seen again and again it goes on; not seen for two minutes it is over', (t) => {
  const lease = leaseWith(seen(0, 4 * minute))
  t.true(holds(lease, 6 * minute - 1))
  t.false(holds(lease, 6 * minute))
  lease.take(runs(7 * minute), t0 + 7 * minute)
  t.true(holds(lease, 7 * minute))
})

test('older news take nothing back', (t) => {
  const lease = leaseWith(seen(0, 4 * minute, { step: 2, steps: 3 }))
  lease.take(runs(minute, { step: 1, steps: 3 }), t0 + 4 * minute)
  t.regex(lease.heldBy(web, t0 + 5 * minute) ?? '', /\(step 2 of 3\)$/)
})

test('what is told late was so then', (t) => {
  const lease = createLease()
  lease.take(runs(0), t0 + 2 * minute)
  t.false(holds(lease, 2 * minute))
  lease.take(runs(10 * minute), t0 + 3 * minute)
  t.true(holds(lease, 5 * minute - 1), 'a clock that is ahead')
  t.false(holds(lease, 5 * minute))
})

test('it ends half a minute after the deployment', (t) => {
  const lease = leaseWith([runs(0), ended(minute)])
  t.true(holds(lease, 90 * second - 1))
  t.false(holds(lease, 90 * second))
})

test('an end whose beginning was missed holds for the rest of its grace', (t) => {
  const lease = leaseWith([ended(minute)])
  t.true(holds(lease, 89 * second))
  t.false(holds(lease, 90 * second))
})

test('late news do not begin it anew; being seen long after the end does', (t) => {
  const lease = leaseWith([runs(0), ended(minute), runs(80 * second)])
  t.false(holds(lease, 90 * second))
  lease.take(ended(85 * second), t0 + 90 * second)
  t.false(holds(lease, 90 * second), 'its first end counts')
  lease.take(runs(3 * minute), t0 + 3 * minute)
  t.true(holds(lease, 3 * minute))
})

test('seen for longer than the cap it holds no more, from its beginning on', (t) => {
  const lease = leaseWith(seen(0, 20 * minute))
  t.true(holds(lease, 15 * minute - 1))
  t.false(holds(lease, 15 * minute))
  const late = leaseWith([runs(10 * minute, { sinceMs: t0 - 4 * minute })])
  t.true(holds(late, 11 * minute - 1))
  t.false(holds(late, 11 * minute))
})

test('deployments without a gap between them share the cap of the first', (t) => {
  const first = [...seen(0, 9 * minute), ended(9 * minute)]
  const next = (from: number) => seen(from, from + 10 * minute, { deployment: '6fa1' })
  const chained = leaseWith([...first, ...next(9.5 * minute)])
  t.true(holds(chained, 15 * minute - 1))
  t.false(holds(chained, 15 * minute))
  const apart = leaseWith([...first, ...next(9.6 * minute)])
  t.true(holds(apart, 15 * minute))
  const elsewhere = leaseWith([
    ...first,
    ...seen(9 * minute, 19 * minute, { deployment: '6fa1', services: ['/shop/db'] }),
  ])
  t.true(holds(elsewhere, 19 * minute, database))
})

test('a service that a poll adds is held from the beginning of the deployment', (t) => {
  const lease = leaseWith([
    ...seen(0, 14 * minute),
    runs(14 * minute, { services: ['/shop/db'], sinceMs: t0 }),
  ])
  t.true(holds(lease, 15 * minute - 1, database))
  t.false(holds(lease, 15 * minute, database))
})

test('past the cap one alert names the deployment, its step and its apps; it is resolved with it', (t) => {
  const services = ['/shop/web', '/shop/db']
  const lease = leaseWith(seen(0, 15 * minute, { services, step: 2, steps: 3 }))
  t.is(lease.nextDue(), t0 + 15 * minute)
  t.deepEqual(lease.advance(t0 + 15 * minute - 1), [])
  const [alert, ...others] = lease.advance(t0 + 15 * minute)
  t.deepEqual(others, [])
  t.deepEqual(alert?.labels, {
    severity: 'page',
    alertname: 'DeploymentStuck',
    service: '/shop/web',
    deployment: '5ed4',
  })
  t.is(
    alert?.annotations?.['summary'],
    'Deployment 5ed4 of /shop/web has run for more than 15 min: step 2 of 3',
  )
  t.is(alert?.annotations?.['apps'], '/shop/web, /shop/db')
  t.regex(alert?.annotations?.['runbook'] ?? '', /DELETE \/v2\/deployments\/5ed4/)
  t.is(alert?.startsAt, t0 + 15 * minute)
  lease.take(ended(16 * minute), t0 + 16.5 * minute)
  const [over] = lease.advance(t0 + 16.5 * minute)
  t.deepEqual(over?.labels, alert?.labels)
  t.deepEqual([over?.startsAt, over?.endsAt], [t0 + 15 * minute, t0 + 16 * minute])
  t.deepEqual(posted(lease, 17 * minute, 20 * minute), [])
})

test('it is posted again before it is believed no more, and at once at the next step', (t) => {
  const lease = leaseWith(seen(0, 15 * minute, { step: 1 }))
  const [first] = lease.advance(t0 + 15 * minute)
  const again = lease.nextDue() ?? Infinity
  t.true(again < (first?.endsAt ?? 0))
  lease.take(runs(15.1 * minute, { step: 2 }), t0 + 15.1 * minute)
  const [next] = lease.advance(t0 + 15.1 * minute)
  t.regex(next?.annotations?.['summary'] ?? '', /step 2$/)
  t.deepEqual(lease.advance(t0 + 15.1 * minute), [])
  t.is(lease.advance(t0 + 16.1 * minute).length, 1)
})

test('whether one that is seen no more still runs is not known: no alert begins, and none ends', (t) => {
  const lost = leaseWith(seen(0, 10 * minute))
  t.deepEqual(posted(lost, 10 * minute, 30 * minute), [])
  lost.take(runs(30 * minute), t0 + 30 * minute)
  t.deepEqual(posted(lost, 30 * minute, 31 * minute), ['30m firing'])
  t.deepEqual(posted(lost, 31 * minute, 60 * minute), ['32m firing'], 'it goes on')
  lost.take(ended(61 * minute), t0 + 61 * minute)
  t.deepEqual(posted(lost, 61 * minute, 70 * minute), ['61m resolved'])
})

test('the times of an alert agree, whatever comes late', (t) => {
  const lease = leaseWith(seen(0, 15 * minute))
  const [first] = lease.advance(t0 + 15 * minute)
  lease.take(runs(15 * minute, { sinceMs: t0 - 5 * minute }), t0 + 15 * minute)
  lease.take(runs(minute, { services: ['/shop/db'] }), t0 + 15 * minute)
  const [again] = lease.advance(t0 + 16 * minute)
  t.deepEqual([again?.labels, again?.startsAt], [first?.labels, first?.startsAt])
  lease.take(ended(14 * minute), t0 + 17 * minute)
  const [over] = lease.advance(t0 + 17 * minute)
  t.deepEqual([over?.labels, over?.endsAt], [first?.labels, first?.startsAt])
})

test('a deployment in time is no alert, and is forgotten', (t) => {
  const lease = leaseWith([...seen(0, 14 * minute), ended(14.5 * minute)])
  t.deepEqual(posted(lease, 14 * minute, 120 * minute), [])
  t.deepEqual(lease.state().deployments, [])
  t.is(lease.nextDue(), undefined)
})

test('what nobody tells of any more is forgotten after a day, with its alert', (t) => {
  const lease = leaseWith(seen(0, 16 * minute))
  t.deepEqual(posted(lease, 0, 3 * 24 * 60 * minute), ['15m firing'])
  t.deepEqual(lease.state().deployments, [])
})

test('of very many deployments the ones heard of longest ago are forgotten', (t) => {
  const lease = createLease()
  const numbered = (i: number) => runs(0, { deployment: `d${i}`, services: [`/${i}`] })
  for (let i = 0; i < 10_000; i++) lease.take(numbered(i), t0)
  lease.take(numbered(0), t0)
  lease.take(numbered(10_000), t0)
  t.is(lease.state().deployments.length, 10_000)
  t.true(holds(lease, 0, { service: '/0' }))
  t.false(holds(lease, 0, { service: '/1' }))
  t.true(holds(lease, 0, { service: '/10000' }))
})

test('ids and services may have the names of what every object has', (t) => {
  const odd = { deployment: '__proto__', services: ['constructor'] }
  const lease = leaseWith(seen(0, 16 * minute, odd))
  const back = createLease({}, JSON.parse(JSON.stringify(lease.state())) as LeaseState)
  t.deepEqual(posted(back, 0, 16 * minute), ['15m firing'])
  t.false(holds(back, minute, { service: 'toString' }))
})

const step = fc.record({
  wait: fc.integer({ min: 0, max: 5 * minute }),
  deployment: fc.constantFrom('a', 'b', 'c'),
  what: fc.constantFrom('runs', 'runs', 'runs', 'ended'),
  late: fc.constantFrom(0, 0, second, 3 * minute),
  services: fc.subarray(['/shop/web', '/shop/db']),
  step: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
})

test('a restart at any moment changes nothing', (t) => {
  const story = fc.array(fc.tuple(step, fc.boolean()), { maxLength: 40 })
  const play = (steps: StoryOf<typeof story>, restarts: boolean) => {
    let lease = createLease()
    let now = t0
    const log: unknown[] = []
    const runTo = (end: number) => {
      for (let due = lease.nextDue(); due !== undefined && due <= end; due = lease.nextDue()) {
        // Of a restored one what is due may be due for long.
        now = Math.max(now, due)
        for (const post of lease.advance(now)) log.push([now, post])
      }
      now = end
    }
    for (const [{ wait, late, step, ...fact }, restart] of steps) {
      runTo(now + wait)
      lease.take({ ...fact, at: now - late, ...(step === undefined ? {} : { step }) }, now)
      log.push(lease.heldBy(web, now), lease.heldBy(database, now + 20 * second))
      if (!restarts || !restart) continue
      lease = createLease({}, JSON.parse(JSON.stringify(lease.state())) as LeaseState)
    }
    runTo(now + 60 * minute)
    return log
  }
  fc.assert(
    fc.property(story, (steps) => {
      t.deepEqual(play(steps, true), play(steps, false))
    }),
    { numRuns: 200 },
  )
})

type StoryOf<T> = T extends fc.Arbitrary<infer Value> ? Value : never
