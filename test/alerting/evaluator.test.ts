import test from 'ava'
import { wallClock } from '../../pipeline/clock.ts'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { decodeAll } from '../../alerting/records.ts'
import {
  bucket,
  busIn,
  errorRate,
  manualClock,
  measured,
  openDesk,
  openWorld,
  publishBuckets,
  publishWatermark,
  ruleOf,
  second,
  silence,
  t0,
  tempDir,
  until,
} from './world.ts'

const at = (seconds: number) => t0 + seconds * second

async function recordsOf(bus: Bus) {
  return decodeAll((await bus.snapshot('alerts')).latest)
}

test('a time is evaluated once every partition was measured up to it', async (t) => {
  const bus = await openWorld(t)
  const { alerting } = await openDesk(t, bus)
  await publishBuckets(bus, [bucket('error_rate', { service: '/shop/web' }, at(0), 60)])
  for (const partition of [0, 1, 2]) await publishWatermark(bus, at(5), partition)
  await publishWatermark(bus, at(4), 3)
  await until('the first evaluation', () => alerting.through() === at(0))
  t.deepEqual(alerting.alerts(), [])
  await publishWatermark(bus, at(5), 3)
  await until('the second', () => alerting.through() === at(5))
  t.like(alerting.alerts()[0], {
    alert: 'HighErrorRate',
    service: '/shop/web',
    state: 'firing',
    since: at(5),
    value: 6,
    threshold: '> 5',
    explanation: '6 errors/s > 5',
  })
  t.like(alerting.rules()[0], { alert: 'HighErrorRate', lastEvaluation: at(5), error: undefined })
  t.is(alerting.trouble(), undefined)
})

test('a restart in the middle of `for` forgets nothing: missed times are caught up', async (t) => {
  const dir = await tempDir(t)
  const rules = [ruleOf({ forMs: 20 * second })]
  const before = await busIn(dir)
  const first = await openDesk(t, before, { rules })
  await measured(before, at(-10), at(10), 40)
  await until('pending', () => first.alerting.alerts()[0]?.state === 'pending')
  const since = first.alerting.alerts()[0]?.since
  await first.close()
  await measured(before, at(10), at(20), 40)
  await before.close()

  const after = await busIn(dir)
  t.teardown(() => after.close())
  const second_ = await openDesk(t, after, { rules })
  await until('caught up', () => second_.alerting.through() === at(20))
  t.like(second_.alerting.alerts()[0], { state: 'pending', since })
  await measured(after, at(20), at(30), 40)
  await until('firing', () => second_.alerting.alerts()[0]?.state === 'firing')
  const fired = await until('the change', () =>
    second_.changes.find((doc) => doc['event.action'] === 'fired'),
  )
  t.is(Date.parse(fired['@timestamp']), (since ?? 0) + 20 * second, 'when it was due')
})

test('an incident that began and ended while nobody evaluated is told all the same', async (t) => {
  const bus = await openWorld(t)
  const first = await openDesk(t, bus)
  await measured(bus, at(-10), at(0), 1)
  await until('quiet', () => first.alerting.through() === at(0))
  await first.close()
  await measured(bus, at(0), at(20), 40)
  await measured(bus, at(20), at(60), 1)
  const later = await openDesk(t, bus)
  await until('both told', () => later.changes.length >= 2)
  t.deepEqual(
    later.changes.map((doc) => [doc['event.action'], Date.parse(doc['@timestamp'])]),
    [
      ['fired', at(10)],
      ['resolved', at(25)],
    ],
  )
})

test('evaluating the same twice (the write was lost) gives the same states and the same incident', async (t) => {
  const run = async () => {
    const bus = await openWorld(t)
    const desk = await openDesk(t, bus)
    await measured(bus, at(-10), at(0), 1)
    await until('quiet', () => desk.alerting.through() === at(0))
    await measured(bus, at(0), at(20), 40)
    await until('firing', () => desk.alerting.alerts()[0]?.state === 'firing')
    return desk.alerting.alerts()[0]?.incident
  }
  t.is(await run(), await run())
})

test('a late bucket corrects its window', async (t) => {
  const bus = await openWorld(t)
  const { alerting } = await openDesk(t, bus)
  await measured(bus, at(0), at(5), 1)
  await until('evaluated', () => alerting.through() === at(5))
  await publishBuckets(bus, [bucket('error_rate', { service: '/shop/web' }, at(0), 100)])
  await publishWatermark(bus, at(10))
  await until('evaluated', () => alerting.through() === at(10))
  t.is(alerting.alerts()[0]?.value, 10)
})

test('without measurements alerts become unknown, not resolved; then they go on', async (t) => {
  const bus = await openWorld(t)
  const clock = manualClock(at(20))
  const { alerting } = await openDesk(t, bus, { clock, stalledAfterMs: 60 * second })
  await measured(bus, at(-10), at(20), 40)
  await until('firing', () => alerting.alerts()[0]?.state === 'firing')
  const incident = alerting.alerts()[0]?.incident
  t.is(alerting.trouble(), undefined)

  clock.set(at(81))
  await until('unknown', () => alerting.alerts()[0]?.state === 'unknown')
  t.regex(
    alerting.trouble() ?? '',
    /no signal was measured for 61 s \(partition \d stands at 2026-11-22T18:00:20\.000Z\)/,
  )
  await until('unknown on the bus too', async () => {
    const { states } = await recordsOf(bus)
    return states[0]?.alert.unknownSince === at(81)
  })

  await measured(bus, at(20), at(30), 40)
  await until('known again', () => alerting.alerts()[0]?.state === 'firing')
  t.is(alerting.alerts()[0]?.incident, incident)
  t.is(alerting.trouble(), undefined)
})

test('the stall of one partition is one, however the others move', async (t) => {
  const bus = await openWorld(t)
  const clock = manualClock(at(20))
  const { alerting } = await openDesk(t, bus, { clock, stalledAfterMs: 60 * second })
  await measured(bus, at(-10), at(20), 40)
  await until('firing', () => alerting.alerts()[0]?.state === 'firing')
  for (const partition of [0, 1, 3]) await publishWatermark(bus, at(90), partition)
  clock.set(at(90))
  await until('unknown', () => alerting.alerts()[0]?.state === 'unknown')
  t.regex(alerting.trouble() ?? '', /partition 2 stands at/)
})

const silent = ruleOf({ alert: 'NoLines', when: 'silent == 1' })

test('silence of a group that was heard is an alert; one that never was heard is none', async (t) => {
  const bus = await openWorld(t)
  const { alerting } = await openDesk(t, bus, { signals: silence, rules: [silent] })
  await publishBuckets(bus, [bucket('silent', { service: '/quiet' }, at(0), 3)])
  await publishWatermark(bus, at(5))
  await until('evaluated', () => alerting.through() === at(5))
  await publishWatermark(bus, at(60))
  await until('evaluated', () => alerting.through() === at(60))
  t.deepEqual(
    alerting.alerts().map(({ service, state, since, explanation }) => {
      return [service, state, since, explanation.replace(/for .*/, 'for …')]
    }),
    [['/quiet', 'firing', at(25), 'no line for …']],
  )
})

/** Watermarks every five seconds, as a collector that runs gives them. */
async function watchedThrough(bus: Bus, from: number, to: number) {
  for (let ms = from; ms <= to; ms += 5000) await publishWatermark(bus, ms)
}

test('while nobody collected, no absence can be told: a restart does not make services silent', async (t) => {
  const bus = await openWorld(t)
  const options = { signals: silence, rules: [silent], beginAt: at(0), watchGapMs: 10_000 }
  const first = await openDesk(t, bus, options)
  await publishBuckets(bus, [bucket('silent', { service: '/back' }, at(5), 3)])
  await publishBuckets(bus, [bucket('silent', { service: '/gone' }, at(5), 3)])
  await watchedThrough(bus, at(5), at(15))
  await until('evaluated', () => first.alerting.through() === at(15))
  await first.close()

  const later = await openDesk(t, bus, options)
  await publishBuckets(bus, [bucket('silent', { service: '/back' }, at(600), 3)])
  await watchedThrough(bus, at(600), at(615))
  await until('evaluated', () => later.alerting.through() === at(615))
  t.deepEqual(later.alerting.alerts(), [], 'the window reaches back to when nobody collected')
  await publishBuckets(bus, [bucket('silent', { service: '/back' }, at(615), 3)])
  await watchedThrough(bus, at(620), at(625))
  await until('evaluated', () => later.alerting.through() === at(625))
  t.deepEqual(
    later.alerting.alerts().map(({ service, state }) => [service, state]),
    [['/gone', 'firing']],
  )
})

test('an alert of absence goes on over a restart, and when the group is not heard for longer than it is known', async (t) => {
  const bus = await openWorld(t)
  const options = {
    signals: silence,
    rules: [silent],
    beginAt: at(0),
    watchGapMs: 10_000,
    seenForMs: 120_000,
  }
  const first = await openDesk(t, bus, options)
  await publishBuckets(bus, [bucket('silent', { service: '/quiet' }, at(5), 3)])
  await watchedThrough(bus, at(5), at(60))
  await until('firing', () => first.alerting.alerts()[0]?.state === 'firing')
  await first.close()
  const later = await openDesk(t, bus, options)
  await watchedThrough(bus, at(600), at(900))
  await until('evaluated', () => later.alerting.through() === at(900))
  t.is(later.alerting.alerts()[0]?.state, 'firing')
  await publishBuckets(bus, [bucket('silent', { service: '/quiet' }, at(900), 3)])
  await watchedThrough(bus, at(905), at(910))
  await until('resolved', () => later.alerting.alerts()[0]?.state === 'resolved')
})

test('a service that was last heard before the first start is history, not missed', async (t) => {
  const bus = await openWorld(t)
  await publishBuckets(bus, [bucket('silent', { service: '/long-gone' }, at(0), 3)])
  const options = { signals: silence, rules: [silent], beginAt: at(100), watchGapMs: 10_000 }
  const { alerting } = await openDesk(t, bus, options)
  await watchedThrough(bus, at(105), at(200))
  await until('evaluated', () => alerting.through() === at(200))
  t.deepEqual(alerting.alerts(), [])
})

test('a restart long after a group fell silent does not forget it', async (t) => {
  const bus = await openWorld(t)
  const options = { signals: silence, rules: [silent] }
  const first = await openDesk(t, bus, options)
  await publishBuckets(bus, [bucket('silent', { service: '/quiet' }, at(0), 3)])
  await publishWatermark(bus, at(5))
  await until('evaluated', () => first.alerting.through() === at(5))
  for (let minute = 1; minute <= 10; minute++) await publishWatermark(bus, at(minute * 60))
  await until('evaluated', () => first.alerting.through() === at(600))
  await first.close()
  t.true(((await recordsOf(bus)).progress?.offset ?? 0) > 1, 'it need not be read again')

  const later = await openDesk(t, bus, options)
  await publishWatermark(bus, at(660))
  await until('evaluated', () => later.alerting.through() === at(660))
  t.like(later.alerting.alerts()[0], { service: '/quiet', state: 'firing', since: at(25) })
})

test('only what is still needed is read again', async (t) => {
  const bus = await openWorld(t)
  const desk = await openDesk(t, bus)
  for (let from = 0; from < 100; from += 5) await measured(bus, at(from), at(from + 5), 1)
  await until('evaluated', () => desk.alerting.through() === at(100))
  await desk.close()
  const { progress } = await recordsOf(bus)
  const [end = 0] = await bus.ends('signals')
  // 10 s of window are two rounds of one bucket record and four watermarks.
  t.true((progress?.offset ?? 0) >= end - 15, `${progress?.offset} of ${end}`)
})

test('other declarations of signals make it read everything again', async (t) => {
  const bus = await openWorld(t)
  const first = await openDesk(t, bus)
  await measured(bus, at(0), at(100), 3)
  await until('evaluated', () => first.alerting.through() === at(100))
  await first.close()
  const over = { ...errorRate, error_rate: { ...errorRate['error_rate'], overMs: 60 * second } }
  const longer = await openDesk(t, bus, {
    signals: over as typeof errorRate,
    rules: [ruleOf({ when: 'error_rate > 0.5' })],
  })
  await publishWatermark(bus, at(105))
  await until('evaluated', () => longer.alerting.through() === at(105))
  t.is(longer.alerting.alerts()[0]?.value, (11 * 3) / 60)
})

test('history from before the first start is not alerted on', async (t) => {
  const bus = await openWorld(t)
  await measured(bus, at(0), at(50), 100)
  await measured(bus, at(50), at(100), 1)
  const { alerting, changes } = await openDesk(t, bus)
  await until('evaluated', () => alerting.through() === at(100))
  t.deepEqual(alerting.alerts(), [])
  t.deepEqual(changes, [])
})

test('a kill right after the very first opening does not make the next start the first one again', async (t) => {
  const bus = await openWorld(t)
  const first = await openDesk(t, bus, { beginAt: at(0) })
  await first.close()
  await measured(bus, at(0), at(20), 100)
  await measured(bus, at(20), at(60), 0)
  const { alerting, changes } = await openDesk(t, bus, { beginAt: at(60) })
  const fired = () => changes.filter((change) => change['event.action'] === 'fired')
  await until('told', () => fired().length > 0)
  t.true(alerting.alerts().every(({ since }) => since < at(20)))
  t.is(fired().length, 1)
})

test('a jump of years is not walked through', async (t) => {
  const bus = await openWorld(t)
  const { alerting } = await openDesk(t, bus, { catchUpMs: 60 * second })
  await publishWatermark(bus, 5000)
  await until('evaluated', () => alerting.through() === 5000)
  await measured(bus, at(0), at(10), 100)
  await until('evaluated', () => alerting.through() === at(10))
  t.is(alerting.alerts()[0]?.state, 'firing')
})

test('the alerts of a rule that was removed are over', async (t) => {
  const bus = await openWorld(t)
  const first = await openDesk(t, bus)
  await measured(bus, at(-10), at(10), 40)
  await until('firing', () => first.alerting.alerts()[0]?.state === 'firing')
  await first.close()
  const later = await openDesk(t, bus, { rules: [ruleOf({ alert: 'Another' })] })
  await measured(bus, at(10), at(20), 40)
  const resolved = await until('the end', () =>
    later.changes.find((doc) => doc['event.action'] === 'resolved'),
  )
  t.regex(resolved.message, /HighErrorRate is resolved .*its rule was removed/)
  await until('only the other is left', () => {
    const names = later.alerting.alerts().map(({ alert }) => alert)
    return names.join() === 'Another'
  })
})

test('the alerts of a rule with a fault are kept, and the fault is told', async (t) => {
  const bus = await openWorld(t)
  const first = await openDesk(t, bus)
  await measured(bus, at(-10), at(10), 40)
  await until('firing', () => first.alerting.alerts()[0]?.state === 'firing')
  await first.close()
  const later = await openDesk(t, bus, { rules: [ruleOf({ when: 'error_rat > 5' })] })
  await measured(bus, at(10), at(20), 1)
  await until('evaluated', () => later.alerting.through() === at(20))
  t.is(later.alerting.alerts()[0]?.state, 'firing')
  t.regex(later.alerting.trouble() ?? '', /alerts\[0\]\.when \(HighErrorRate\): Unknown variable/)
  t.regex(later.alerting.rules()[0]?.error ?? '', /Unknown variable/)
})

test('a rule that cannot be evaluated keeps its alerts; the others go on', async (t) => {
  const bus = await openWorld(t)
  const failing = ruleOf({ alert: 'Odd', when: 'int(1.0 / (error_rate - 1.0)) > 0' })
  const { alerting } = await openDesk(t, bus, { rules: [failing, ruleOf()] })
  await measured(bus, at(0), at(10), 10)
  await until('Odd and not HighErrorRate', () => alerting.through() === at(10))
  await measured(bus, at(10), at(20), 5)
  await until('evaluated', () => alerting.through() === at(20))
  t.truthy(alerting.rules()[0]?.error)
  t.regex(alerting.trouble() ?? '', /^rule Odd cannot be evaluated/)
  t.is(alerting.rules()[1]?.error, undefined)
})

test('records that are no signals are counted and passed over', async (t) => {
  const bus = await openWorld(t)
  const { openMetrics } = await import('../../pipeline/metrics.ts')
  const metrics = openMetrics()
  const { alerting } = await openDesk(t, bus, { metrics })
  const bad = [
    ['bucket', 'no json'],
    ['bucket', '{}'],
    ['bucket', '[{"signal":"error_rate"}]'],
    ['watermark', '{"partition":99,"through":1}'],
    ['watermark', '{"partition":0,"through":null}'],
    ['else', '{}'],
  ]
  await bus.produce(
    'signals',
    bad.map(([kind = '', text = '']) => ({
      key: '0',
      value: Buffer.from(text),
      headers: { kind },
    })),
  )
  await measured(bus, at(-10), at(10), 40)
  await until('firing', () => alerting.alerts()[0]?.state === 'firing')
  const { values } = await metrics.malformed_signals_total.get()
  t.is(values[0]?.value, bad.length)
})

test('while the bus refuses, it waits and says so; nothing is lost', async (t) => {
  const bus = await openWorld(t)
  let full = false
  const flaky: Bus = {
    ...bus,
    async produce(topic, records) {
      if (full && topic === 'alerts') throw new Error('the disk is full')
      return bus.produce(topic, records)
    },
  }
  const { alerting, changes } = await openDesk(t, flaky)
  await measured(bus, at(-10), at(0), 1)
  await until('quiet', () => alerting.through() === at(0))
  full = true
  await measured(bus, at(0), at(10), 40)
  await until('trouble', () => /wait for the bus: the disk is full/.test(alerting.trouble() ?? ''))
  t.deepEqual(changes, [])
  full = false
  await until('told', () => changes.some((doc) => doc['event.action'] === 'fired'))
  t.is(alerting.trouble(), undefined)
})

test('wall time plays no part in evaluation', async (t) => {
  const bus = await openWorld(t)
  const { alerting } = await openDesk(t, bus, { clock: wallClock })
  await measured(bus, at(-10), at(10), 40)
  await until('firing', () => alerting.alerts()[0]?.state === 'firing')
  t.true((alerting.alerts()[0]?.since ?? 0) <= at(10))
})
