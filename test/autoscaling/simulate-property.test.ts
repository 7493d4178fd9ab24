import test from 'ava'
import fc from 'fast-check'
import type { PolicyDeclaration, ScalingPolicy } from '../../autoscaling/policy.ts'
import { encodeRequest } from '../../autoscaling/requests.ts'
import { pauseDirections, type PauseDirection } from '../../pipeline/scaling-desk.ts'
import type { SimulationAnswer } from '../../pipeline/simulation.ts'
import { minute, policyOf, second, service, t0 } from './app.ts'
import { simulated } from './simulated.ts'
import {
  decisionsOn,
  json,
  marathonAt,
  openSite,
  short,
  tempDir,
  until,
  type Site,
} from './world.ts'

const stabilizationDownMs = 20 * second

/** Of which one is followed. */
const lives: Partial<PolicyDeclaration>[] = [
  { stabilizationDownMs },
  {
    stabilizationDownMs,
    max: 30,
    steps: [
      { signal: 'requests', above: 25, add: { count: 2 } },
      { signal: 'requests', below: 4, remove: { percent: 50 } },
    ],
    scaleUp: { select: 'max', policies: [{ count: 3, perMs: 15 * second }] },
    scaleDown: { select: 'min', policies: [{ count: 2, perMs: 30 * second }] },
    overrideMs: 20 * second,
  },
  {
    stabilizationDownMs,
    min: 0,
    activation: { requests: 10 },
    idleAfterMs: 10 * second,
    warmUpMs: 5 * second,
    overrideMs: 30 * second,
    steps: [{ signal: 'requests', above: 40, add: { count: 2 } }],
    scaleUp: { select: 'max', policies: [{ count: 2, perMs: 15 * second }] },
    scaleDown: { select: 'min', policies: [{ percent: 50, perMs: 10 * second }] },
  },
]

type Act =
  | { load: number; seconds: number }
  | { refuse: number }
  | { unanswered: boolean }
  | { pause: PauseDirection; seconds: number }
  | { resume: true }
  | { settle: true }
  | { byHand: number }
  | { restart: true }
  | { stall: number }
  | { away: boolean }

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      load: fc.oneof(fc.nat(12), fc.nat(300)),
      seconds: fc.integer({ min: 1, max: 25 }),
    }),
  },
  { weight: 3, arbitrary: fc.constant<Act>({ settle: true }) },
  { weight: 2, arbitrary: fc.record({ refuse: fc.constantFrom(0, 409, 403, 422, 503) }) },
  { weight: 1, arbitrary: fc.record({ unanswered: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      pause: fc.constantFrom(...pauseDirections),
      seconds: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Act>({ resume: true }) },
  { weight: 1, arbitrary: fc.record({ byHand: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.constant<Act>({ restart: true }) },
  { weight: 1, arbitrary: fc.record({ stall: fc.integer({ min: 21, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ away: fc.boolean() }) },
)

/** Lets it all happen, and whatever follows of it whenever it follows. */
async function happen(
  site: Site,
  {
    policy,
    acts,
    random,
  }: {
    policy: Partial<PolicyDeclaration>
    acts: readonly Act[]
    random: () => number
  },
) {
  const { marathon, clock, bus } = site
  let trouble = false
  const options = {
    policy,
    random,
    marathons: () => [
      { ...marathonAt(clock.now()), ...(trouble ? { trouble: 'ECONNREFUSED' } : {}) },
    ],
  }
  let desk = await site.open(options)
  let seconds = 0
  await site.load(20, 0)
  for (const one of acts) {
    if ('load' in one) await site.load(one.load, (seconds += one.seconds))
    else if ('settle' in one) marathon.settle()
    else if ('unanswered' in one) {
      marathon.refuse = (response) => {
        if (one.unanswered) marathon.app.instances = 7
        marathon.beforeLook = () => {
          throw new Error('away')
        }
        json(response, 503, { message: 'no leader' })
      }
    } else if ('pause' in one) {
      const { pause: direction, seconds: length } = one
      const fromMs = clock.now()
      const pause = { id: `p${fromMs}`, service, direction, by: 'ana', reason: 'deploy', fromMs }
      const request = { ...pause, untilMs: fromMs + length * second }
      await bus.produce('requests', [encodeRequest({ kind: 'pause', pause: request })])
    } else if ('resume' in one) {
      await bus.produce('requests', [encodeRequest({ kind: 'resume', service, by: 'bo' })])
    } else if ('refuse' in one) {
      const { refuse: status } = one
      marathon.beforeLook = () => {}
      marathon.refuse =
        status === 0 ? undefined : (response) => json(response, status, { message: 'no' })
    } else if ('byHand' in one) {
      marathon.app.instances = one.byHand
      marathon.settle()
    } else if ('restart' in one) {
      await desk.close()
      desk = await site.open(options)
    } else if ('stall' in one) {
      clock.set(clock.now() + one.stall * second)
      seconds = Math.ceil((clock.now() - t0) / second)
      const before = (await site.bus.ends('evaluations'))[0] ?? 0
      await until('evaluated', async () => ((await site.bus.ends('evaluations'))[0] ?? 0) > before)
    } else trouble = one.away
  }
  await desk.close()
}

test('whatever happens, along what was recorded exactly the same is decided; by the same policy too', async (t) => {
  let decided = 0
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...lives),
      fc.array(act, { minLength: 3, maxLength: 25 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      async (policy, acts, numbers) => {
        const site = await openSite(t, await tempDir(t))
        await happen(site, { policy, acts, random: () => numbers.next().value as number })
        const { exactness, decisions } = await simulated(site.bus)
        t.is(exactness?.first, undefined)
        t.is(exactness?.identical, exactness?.decisions)
        t.is(exactness?.unrecorded, 0)
        t.is(exactness?.told.decisions, exactness?.told.identical)
        decided += exactness?.decisions ?? 0
        const told = (await decisionsOn(site.bus)).map(({ decision }) => decision)
        t.deepEqual(JSON.parse(JSON.stringify(decisions)), told)
        const again = await simulated(site.bus, { policy: policyOf(policy) })
        t.is(again.other?.differsFrom, undefined)
        t.deepEqual(again.decisions.map(short), told.map(short))
        await site.bus.close()
      },
    ),
    { numRuns: 25 },
  )
  t.true(decided > 50)
})

const others: fc.Arbitrary<Partial<ScalingPolicy>> = fc.record({
  targets: fc.record({ requests: fc.integer({ min: 2, max: 60 }) }),
  min: fc.integer({ min: 1, max: 5 }),
  max: fc.integer({ min: 5, max: 30 }),
  stabilizationDownMs: fc.constantFrom(0, 20 * second, 2 * minute),
  stabilizationUpMs: fc.constantFrom(0, 20 * second),
})

test('another policy: half the target is about twice the instances, and none leaves its limits', async (t) => {
  const site = await openSite(t)
  const desk = await site.open({ policy: { stabilizationDownMs, max: 50 } })
  const loads = [20, 60, 120, 200, 260, 200, 120, 60, 20, 150]
  await site.load(20, 0)
  for (const [i, load] of loads.entries()) {
    for (let at = 1; at <= 12; at++) {
      await site.load(load, i * 120 + at * 10)
      site.marathon.settle()
    }
  }
  await desk.close()
  const mean = ({ points }: SimulationAnswer, side: 'happened' | 'simulated') =>
    points.reduce((sum, point) => sum + (point[side]?.wanted ?? 0), 0) / points.length
  const startMs = 10 * second
  const half = await simulated(site.bus, {
    startMs,
    policy: policyOf({ targets: { requests: 7.5 }, stabilizationDownMs, max: 100 }),
  })
  const ratio = mean(half, 'simulated') / mean(half, 'happened')
  t.true(ratio > 1.8 && ratio < 2.2, `${ratio}`)
  t.true(half.simulated.taskHours > 1.8 * half.happened.taskHours)
  await fc.assert(
    fc.asyncProperty(others, async (other) => {
      const policy = policyOf(other)
      const { points, decisions } = await simulated(site.bus, { policy, startMs })
      const wanted = points.slice(2).flatMap(({ simulated: state }) => state?.wanted ?? [])
      t.true(wanted.every((count) => count >= policy.min && count <= policy.max))
      t.true(decisions.every(({ outcome }) => outcome === 'scaled' || outcome === 'held'))
    }),
    { numRuns: 10 },
  )
})

test('what is asked for lies behind the hour: a reader begins where everything was told again', async (t) => {
  const site = await openSite(t)
  const desk = await site.open({ policy: { stabilizationDownMs } })
  for (let seconds = 0; seconds <= 3900; seconds += 10) {
    await site.load(20 + 100 * Math.abs(Math.sin(seconds / 300)), seconds)
    site.marathon.settle()
  }
  await desk.close()
  const late = await simulated(site.bus, { from: t0 + 3700 * second })
  t.is(late.exactness?.first, undefined)
  t.is(late.exactness?.identical, late.exactness?.decisions)
  t.true((late.exactness?.decisions ?? 0) >= 20)
  t.is(late.evaluated.from, t0 + 3700 * second)
  const all = await simulated(site.bus)
  t.is(all.exactness?.identical, all.exactness?.decisions)
  t.true((all.exactness?.decisions ?? 0) >= 390)
})
