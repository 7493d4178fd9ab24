import test from 'ava'
import type { ServerResponse } from 'node:http'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { cpu, minute, requests, second, service, t0 } from './app.ts'
import {
  changesOn,
  decisionsOn,
  json,
  marathonAt,
  measured,
  openSite,
  settingsOf,
  short,
  story,
  until,
} from './world.ts'

const at = (seconds: number) => t0 + seconds * second

test('load rises, instances rise; it falls, they fall: and each step is told with its reason', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  const desk = await open({ policy: { stabilizationDownMs: 15 * second } })
  await load(20, 0)
  await load(100, 10)
  await until('raised', () => marathon.app.instances === 7)
  await until('told', async () => (await story(bus)).includes('scaled scaled-up 2 → 7'))
  await load(100, 11)
  await until('deploying', async () => (await story(bus)).at(-1) === 'held deployment-running 7')
  marathon.settle()
  await load(100, 12)
  await until('calm', async () => (await story(bus)).at(-1) === 'held within-tolerance 7')
  await load(30, 22)
  await until('held', async () => (await story(bus)).at(-1) === 'held stabilizing 7')
  await load(30, 28)
  await until('lowered', () => marathon.app.instances === 2)
  await until('told', async () => (await story(bus)).includes('scaled scaled-down 7 → 2'))

  t.deepEqual(await story(bus), [
    'held no-change 2',
    'scaled scaled-up 2 → 7',
    'held deployment-running 7',
    'held within-tolerance 7',
    'held stabilizing 7',
    'scaled scaled-down 7 → 2',
  ])
  t.deepEqual(marathon.patches(), [7, 2])
  const changes = await changesOn(bus)
  t.deepEqual(
    changes.map((doc) => [doc['event.kind'], doc['event.action'], doc['service.name']]),
    [
      ['scaling', 'scaled', service],
      ['scaling', 'scaled', service],
    ],
  )
  const [raised] = (await decisionsOn(bus)).filter(({ decision }) => decision.to === 7)
  t.like(raised, {
    '@timestamp': '2026-11-22T18:00:10.000000000Z',
    'event.id': `scaling:/shop/web:${at(10)}:scaled-scaled-up`,
    message: 'scaled 2 → 7: requests 100/s over 2 ready instances is 50 each, target 15',
    'mesoscope.owner': 'shop',
    'scaling.from': 2,
    'scaling.to': 7,
  })
  t.deepEqual(raised?.decision.answer, { status: 200, deployment: 'deployment-1' })
  t.is(desk.trouble(), undefined)
})

test('what says the same is written once, and again after ten minutes', async (t) => {
  const { bus, load, open } = await openSite(t)
  const desk = await open()
  for (let seconds = 0; seconds <= 660; seconds += 10) {
    await load(30, seconds)
  }
  t.deepEqual(
    (await decisionsOn(bus)).map(({ decision }) => [(decision.ts - t0) / second, decision.reason]),
    [
      [0, 'within-tolerance'],
      [600, 'within-tolerance'],
    ],
  )
  t.like(desk.current(), [{ service, last: { ts: at(660), reason: 'within-tolerance' } }])
})

test('held up, it acts on what is now and not on what was', async (t) => {
  const site = await openSite(t)
  const { marathon, load, open } = site
  await load(30, 0)
  await load(200, 30)
  await load(60, 60)
  const metrics = openMetrics()
  const desk = await open({ metrics })
  await until('raised', () => marathon.app.instances > 2)
  t.is(desk.through(), at(60))
  t.deepEqual(marathon.patches(), [4])
  await load(60, 61)
  await load(60, 71)
  const { values } = await metrics.scaling_skipped_total.get()
  t.is(values[0]?.value, 9)
})

test('a lock is told, waited for, and tried again with what is right by then', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  marathon.refuse = (response) =>
    json(response, 409, { message: 'App is locked', deployments: [{ id: 'other' }] })
  const desk = await open()
  await load(100, 0)
  await until('refused', async () => (await story(bus)).at(-1) === 'failed locked 2')
  await load(100, 1)
  await until('waiting', async () => (await story(bus)).at(-1) === 'held locked 2')
  t.deepEqual(marathon.patches(), [7], 'not asked again at once')
  t.regex(
    desk.current()[0]?.last?.message ?? '',
    /^stays at 2: Marathon answered 409, locked by deployment other; next try in 4s$/,
  )
  t.is(desk.current()[0]?.notBeforeMs, at(5.5))
  marathon.refuse = undefined
  await load(150, 6)
  await until('raised', () => marathon.app.instances === 9)
  t.true(marathon.asked.every(({ url }) => !url.includes('force')))
  await until('told', async () => (await story(bus)).at(-1) === 'scaled scaled-up 2 → 9')
  const [failed] = (await decisionsOn(bus)).filter(({ decision }) => decision.outcome === 'failed')
  t.is(
    failed?.message,
    'could not scale 2 → 7: Marathon answered 409, locked by deployment other; next try in 5s',
  )
  t.deepEqual(
    (await changesOn(bus)).map((doc) => doc['event.action']),
    ['failed', 'scaled'],
    'the timeline shows what was tried',
  )
})

test('each further refusal is waited for longer, and then it is trouble', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  marathon.refuse = (response) => json(response, 422, { message: 'Object is not valid' })
  const desk = await open()
  const waits: number[] = []
  let seconds = 0
  for (let tries = 1; tries <= 3; tries++) {
    await load(100, seconds)
    const refused = `${tries} refused`
    await until(refused, async () => (await story(bus)).filter(isRefused).length === tries)
    await load(100, ++seconds)
    const { last, notBeforeMs = 0 } = desk.current()[0] ?? {}
    t.is(last?.reason, 'refused')
    waits.push(notBeforeMs - at(seconds - 1))
    seconds = Math.ceil((notBeforeMs - t0) / second)
  }
  t.deepEqual(waits, [60_500, 120_500, 240_500], 'half a second after it was measured')
  const said = 'it could not be scaled 3 times: Marathon answered 422: Object is not valid'
  t.is(desk.trouble(), `${service}: ${said}`)
  t.is(desk.current()[0]?.trouble, said)
})

const isRefused = (line: string) => line === 'failed refused 2'

test('what somebody changed meanwhile is left as it is', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  await open()
  await load(30, 0)
  // The collector has read two; a person is quicker than we.
  marathon.beforeLook = () => {
    marathon.app.instances = 4
  }
  await load(100, 10)
  await until('seen', async () => (await story(bus)).at(-1) === 'held changed-meanwhile 2')
  t.deepEqual(marathon.patches(), [])
  marathon.beforeLook = () => {}
  await load(100, 16)
  await until('raised', () => marathon.app.instances === 7)
})

test('an hour without data: nothing is changed, and the reason stands there', async (t) => {
  const { bus, clock, marathon, read, load, open } = await openSite(t)
  const desk = await open({ policy: { stabilizationDownMs: 0 } })
  await load(30, 0)
  await load(0, 15)
  await until('no line', async () => (await story(bus)).at(-1) === 'held no-data 2')
  for (let seconds = 60; seconds <= 3600; seconds += 60) {
    // Measuring stands still altogether.
    clock.set(at(seconds))
    read()
    await until('evaluated', () => (desk.current()[0]?.last?.ts ?? 0) >= at(seconds))
  }
  t.deepEqual(marathon.patches(), [])
  const decisions = await decisionsOn(bus)
  t.true(decisions.slice(1).every(({ decision }) => short(decision) === 'held no-data 2'))
  t.true(decisions.length >= 6, 'a summary every ten minutes')
  t.is(desk.current()[0]?.last?.message, 'stays at 2: requests was measured 59m45s ago last')
  t.regex(desk.trouble() ?? '', /^no signal was measured for .* nothing is scaled: see whether/)
})

test('above its maximum it comes down although nothing is measured', async (t) => {
  const { clock, marathon, read, open } = await openSite(t)
  marathon.app.instances = 12
  marathon.app.running = 12
  read()
  await open()
  clock.set(at(25))
  read()
  await until('lowered', () => marathon.app.instances === 10)
  t.deepEqual(marathon.patches(), [10])
})

test('Marathon is away: what it told is not acted on, and that is told', async (t) => {
  const { bus, clock, load, open } = await openSite(t)
  const desk = await open({ marathons: () => [{ ...marathonAt(at(0)), trouble: 'ECONNREFUSED' }] })
  await load(100, 0)
  await until('held', async () => (await story(bus)).at(-1) === 'held stale-state 2')
  t.is(desk.current()[0]?.last?.message, 'stays at 2: Marathon cannot be read: ECONNREFUSED')
  clock.set(at(1))
})

for (const [title, answer] of [
  ['HTML', (r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>')],
  ['503', (r) => json(r, 503, { message: 'no leader' })],
  ['silence', () => {}],
] as [string, (response: ServerResponse) => void][]) {
  test(`a change that is answered with ${title} may have been made: it is looked at again, and told as it was`, async (t) => {
    const { bus, marathon, load, open } = await openSite(t)
    marathon.refuse = (response) => {
      marathon.app.instances = 7
      answer(response)
    }
    const desk = await open(title === 'silence' ? { timeoutMs: 2000 } : {})
    await load(100, 0)
    await until('told', async () => (await story(bus)).at(-1) === 'scaled scaled-up 2 → 7')
    const [told] = await decisionsOn(bus)
    t.regex(told?.decision.answer?.message ?? '', /^found done: /)
    marathon.settle()
    await load(100, 10)
    await until('seen', async () => (await story(bus)).at(-1) === 'held within-tolerance 7')
    t.deepEqual(marathon.patches(), [7], 'not asked twice')
    t.is(desk.trouble(), undefined)
  })
}

test('nobody knows what became of a change: that is said, and it is not asked for twice', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  marathon.refuse = (response) => {
    marathon.app.instances = 7
    marathon.beforeLook = () => {
      throw new Error('away')
    }
    json(response, 503, { message: 'no leader' })
  }
  await open()
  await load(100, 0)
  await until('failed', async () => (await story(bus)).at(-1) === 'failed marathon-away 2')
  t.is(
    (await decisionsOn(bus)).at(-1)?.message,
    'could not scale 2 → 7: Marathon answered 503: no leader; it may have been done; next try in 5s',
  )
  marathon.beforeLook = () => {}
  marathon.settle()
  await load(100, 10)
  await until('found', async () => (await story(bus)).at(-1) === 'scaled scaled-up 2 → 7')
  await load(100, 20)
  await until('seen', async () => (await story(bus)).at(-1) === 'held within-tolerance 7')
  t.deepEqual(marathon.patches(), [7])
})

test('the bus was away between a decision and its change: nobody acts on what was', async (t) => {
  const { bus, marathon, load, open, clock, read } = await openSite(t)
  await load(100, 0)
  const back = Promise.withResolvers<void>()
  const away = Promise.withResolvers<void>()
  const produce: Bus['produce'] = async (topic, records) => {
    if (topic === 'evaluations') {
      away.resolve()
      await back.promise
    }
    return bus.produce(topic, records)
  }
  await open({ bus: { ...bus, produce } })
  await away.promise
  clock.set(t0 + 300 * second)
  read()
  back.resolve()
  const told = await until('told', async () =>
    (await decisionsOn(bus)).find(({ decision }) => decision.reason === 'stale-state'),
  )
  t.regex(told.message, /^did not scale 2 → 7: it was decided 5m ago, too long to act on/)
  t.deepEqual(marathon.patches(), [])
})

test('dry run tells and asks nothing of Marathon', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  const desk = await open({ settings: { ...settingsOf(), dryRun: true } })
  await load(100, 0)
  await until('told', async () => (await story(bus)).at(-1) === 'would-scale dry-run 2 → 7')
  t.deepEqual(marathon.asked, [])
  t.deepEqual(await changesOn(bus), [])
  t.like(desk.current(), [{ policy: { dryRun: true }, lastChange: { to: 7 } }])
})

test('an app that asks by labels is scaled; one whose labels have a fault is refused, and told', async (t) => {
  const { bus, marathon, read, load, open } = await openSite(t)
  const desk = await open({ settings: { ...settingsOf(), labels: true, policies: [] } })
  marathon.app.labels = {
    'autoscale.enabled': 'true',
    'autoscale.max': 'lots',
    'autoscale.target.requests': '15',
  }
  read()
  await load(100, 0)
  await until('refused', async () => (await story(bus)).at(-1) === 'refused bad-policy 2')
  const fault = 'label autoscale.max="lots": expected a whole number from 1 to 100000'
  t.is((await decisionsOn(bus))[0]?.message, `not scaled: its policy has a fault: ${fault}`)
  const told = `it is not scaled, its policy has a fault: ${fault}: correct it on the app`
  t.is(desk.trouble(), `${service}: ${told}`)
  t.deepEqual(
    desk.current().map(({ trouble, policy }) => [trouble, policy]),
    [[told, undefined]],
  )
  await load(100, 1)
  t.is((await decisionsOn(bus)).length, 1, 'told once')
  marathon.app.labels = { ...marathon.app.labels, 'autoscale.max': '6' }
  await load(100, 2)
  await until('raised', async () => (await story(bus)).at(-1) === 'scaled scaled-up 2 → 6')
  marathon.settle()
  marathon.app.labels = {}
  await load(300, 3)
  t.deepEqual(desk.current(), [])
  await until('forgotten', async () => !(await bus.snapshot('scaling')).latest.has(service))
})

test('an app that asked by labels and is gone is forgotten after a day, not at once', async (t) => {
  const { bus, clock, marathon, read, load, open } = await openSite(t)
  let isThere = true
  const states = () => (isThere ? [marathon.stateAt(clock.now())] : [])
  const settings = { ...settingsOf(), labels: true, policies: [] }
  const desk = await open({ services: states, settings })
  marathon.app.labels = {
    'autoscale.enabled': 'true',
    'autoscale.max': '6',
    'autoscale.target.requests': '15',
  }
  read()
  await load(30, 0)
  const isKnown = async () => (await bus.snapshot('scaling')).latest.has(service)
  await until('remembered', isKnown)
  isThere = false
  await load(30, 10)
  clock.set(at(23 * 3600))
  await measured(bus, at(23 * 3600 - 20), at(23 * 3600), 30)
  await until('evaluated', () => desk.through() === at(23 * 3600))
  t.true(await isKnown())
  clock.set(at(25 * 3600))
  await measured(bus, at(25 * 3600 - 20), at(25 * 3600), 30)
  await until('forgotten', async () => !(await isKnown()))
})

test('a restart forgets nothing: windows, back-off and what was told', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  const policy = { stabilizationDownMs: minute }
  const first = await open({ policy })
  await load(100, 0)
  await until('raised', async () => (await story(bus)).at(-1) === 'scaled scaled-up 2 → 7')
  marathon.settle()
  await load(100, 5)
  await until('calm', async () => (await story(bus)).at(-1) === 'held within-tolerance 7')
  await load(20, 20)
  await until('held', async () => (await story(bus)).at(-1) === 'held stabilizing 7')
  await first.close()
  const before = await decisionsOn(bus)

  const second_ = await open({ policy })
  await load(20, 40)
  t.is((await decisionsOn(bus)).length, before.length, 'the same reason is not told again')
  t.like(second_.current(), [
    { last: { reason: 'stabilizing' }, lastChange: { from: 2, to: 7 }, notBeforeMs: at(65) },
  ])
  t.deepEqual(marathon.patches(), [7])
  await load(20, 66)
  await until('lowered', () => marathon.app.instances === 2)
  await second_.close()

  marathon.settle()
  marathon.refuse = (response) => json(response, 409, { message: 'App is locked' })
  const third = await open({ policy })
  await load(100, 76)
  await until('refused', async () => (await story(bus)).at(-1) === 'failed locked 2')
  await third.close()
  const asked = marathon.patches().length
  const fourth = await open({ policy })
  await load(100, 78)
  t.like(fourth.current(), [{ last: { reason: 'locked', outcome: 'held' } }])
  t.is(marathon.patches().length, asked)
})

test('what nobody asks for any more is not evaluated: signals that cannot be scaled on hold nothing up', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  const signals = { requests, cpu, silence: { ...requests, measure: 'absent' as const } }
  await open({ signals })
  await load(100, 0)
  await until('raised', () => marathon.app.instances === 7)
  t.pass()
  await until('told', async () => (await story(bus)).length === 1)
})

test('records that are not understood are counted, and the rest goes on', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  const garbage = Buffer.from('{"v":9')
  await bus.produce('scaling', [
    { key: service, value: garbage },
    { key: 'progress', value: Buffer.from('null') },
    { key: 'seen:1', value: Buffer.from('[]') },
  ])
  await bus.produce('signals', [
    { key: '0', value: garbage, headers: { kind: 'bucket' } },
    { key: '0', value: garbage, headers: { kind: 'riddle' } },
  ])
  const metrics = openMetrics()
  await open({ metrics })
  await load(100, 0)
  await until('raised', () => marathon.app.instances === 7)
  t.is((await metrics.malformed_signals_total.get()).values[0]?.value, 2)
})

test('never two changes at once, however slow Marathon is', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  let pending: (() => void) | undefined
  let most = 0
  let running = 0
  marathon.refuse = (response) => {
    most = Math.max(most, ++running)
    pending = () => {
      running--
      marathon.app.instances = 7
      marathon.app.deployments = ['slow']
      json(response, 200, { deploymentId: 'slow' })
    }
  }
  await open()
  await load(100, 0)
  await until('asked', () => pending)
  for (const seconds of [1, 2, 3]) await load(100 + seconds * 40, seconds)
  pending?.()
  await until('told', async () => (await story(bus)).includes('scaled scaled-up 2 → 7'))
  await load(100, 4)
  await until('seen', async () => (await story(bus)).length >= 2)
  t.is(most, 1)
  t.is(marathon.patches().length, 1)
})
