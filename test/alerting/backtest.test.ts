import test from 'ava'
import { openBacktest } from '../../alerting/backtest.ts'
import { compileRules } from '../../alerting/rules/compile.ts'
import type { Bus } from '../../pipeline/bus/bus.ts'
import type { RuleDeclaration } from '../../alerting/rules/rule.ts'
import { decodeAll, notifyKey, type Notification } from '../../alerting/records.ts'
import { addNumber, emptyDistribution, writtenDistribution } from '../../pipeline/distribution.ts'
import type { SignalDeclaration, SignalDeclarations } from '../../pipeline/signals.ts'
import { readAll } from '../helpers/pipeline.ts'
import { openRandom } from '../helpers/random.ts'
import {
  bucket,
  errorRate,
  openDesk,
  openWorld,
  publishBuckets,
  publishWatermark,
  ruleOf,
  second,
  t0,
  until,
} from './world.ts'

/** Also percentiles, and a signal of signals. */
const declared: SignalDeclarations = {
  ...errorRate,
  slow: { ...errorRate['error_rate'], field: 'ms', measure: 'p90' } as SignalDeclaration,
  slow_errors: {
    from: 'signals',
    value: 'error_rate * slow',
    where: '',
    measure: 'last',
    overMs: 10 * second,
    by: ['service'],
  },
}

/** Of lines that took so long, ms. */
function slowBucket(service: string, from: number, ms: readonly number[], partition: number) {
  const distribution = emptyDistribution()
  for (const one of ms) addNumber(distribution, one)
  const sum = ms.reduce((a, b) => a + b, 0)
  const values = { sum, min: Math.min(...ms), max: Math.max(...ms), last: ms.at(-1) ?? 0 }
  const counted = bucket('slow', { service }, from, ms.length, partition)
  return { ...counted, values, ...writtenDistribution(distribution) }
}

const at = (seconds: number) => t0 + seconds * second

function backtestOf(bus: Bus, rules: RuleDeclaration[], beginAt = t0) {
  return openBacktest({
    signals: declared,
    rules: compileRules(rules, declared),
    intervalMs: 5 * second,
    partitions: bus.partitions,
    from: t0,
    to: at(3600),
    beginAt,
  })
}

const shown = (one: Notification) =>
  `${notifyKey(one)} at ${one.ts} of ${one.alert.value}, at worst ${one.alert.peak}`

test('an hour with late events and restarts: the back-test tells what was told, case by case', async (t) => {
  for (const seed of [1, 2, 3]) {
    const random = openRandom(seed)
    const integer = (from: number, to: number) => from + Math.floor(random() * (to - from + 1))
    const bus = await openWorld(t)
    const rules = [
      ruleOf({ forMs: 10 * second }),
      ruleOf({ alert: 'Many', when: 'error_rate > 9', keepFiringForMs: 20 * second }),
      ruleOf({ alert: 'Slow', when: 'slow > 950' }),
      ruleOf({ alert: 'Both', when: 'slow_errors > 6000' }),
    ]
    const open = () => openDesk(t, bus, { rules, signals: declared, beginAt: t0 })
    let desk = await open()
    const services = ['/shop/web', '/shop/cart', '/db']
    const late: (() => Promise<void>)[] = []
    for (let s = 0; s < 900; s += 5) {
      const buckets = services.flatMap((service) => {
        const count = integer(0, 90)
        const ms = Array.from({ length: integer(1, 8) }, () => integer(1, 1000))
        const both = [
          bucket('error_rate', { service }, at(s), count, integer(0, 3)),
          slowBucket(service, at(s), ms, integer(0, 3)),
        ]
        if (integer(0, 5) > 0) return both
        // It comes after its time has been evaluated, or just before.
        late.push(() => publishBuckets(bus, both))
        return []
      })
      await publishBuckets(bus, buckets)
      for (const partition of [0, 1, 2, 3]) {
        await publishWatermark(bus, at(s + 5), partition)
        if (late.length > 0 && integer(0, 4) === 0) await late.shift()?.()
      }
      if (integer(0, 30) > 0) continue
      // Somewhere in the middle of things.
      await desk.close()
      desk = await open()
    }
    await until('all is evaluated', () => desk.alerting.through() === at(900))
    await desk.close()
    const told = decodeAll((await bus.snapshot('alerts')).latest).notifications
    for (const { alert } of rules) {
      const own = told.filter((one) => one.facts.alert === alert)
      t.true(own.length > 5, `${own.length} of ${alert} told`)
    }

    const backtest = backtestOf(bus, rules)
    await backtest.take(await readAll(bus, 'signals'))
    t.deepEqual(backtest.told().map(shown).toSorted(), told.map(shown).toSorted(), `seed ${seed}`)
  }
})

test('another rule on the same past: what it would have told, and what of it began before', async (t) => {
  const bus = await openWorld(t)
  for (const [s, count] of [5, 5, 100, 200, 5, 5, 60, 60].entries()) {
    await publishBuckets(bus, [bucket('error_rate', { service: '/shop/web' }, at(s * 5), count)])
    await publishWatermark(bus, at(s * 5 + 5))
  }
  const backtest = backtestOf(bus, [ruleOf({ when: 'error_rate > 8' })])
  await backtest.take(await readAll(bus, 'signals'))
  const { evaluated, incidents, failures } = backtest.result()
  t.deepEqual(evaluated, { from: at(5), to: at(40), count: 8 })
  t.deepEqual(failures, [])
  t.like(incidents, {
    length: 2,
    0: {
      labels: { service: '/shop/web', severity: 'page', alertname: 'HighErrorRate' },
      since: at(15),
      firedAt: at(15),
      resolvedAt: at(30),
      explanation: '10.5 errors/s > 8',
      peak: 30,
    },
    1: { firedAt: at(40), resolvedAt: undefined, peak: 12 },
  })
})

test('a condition that cannot be evaluated is counted, with its error', async (t) => {
  const bus = await openWorld(t)
  await publishBuckets(bus, [bucket('error_rate', { service: '/shop/web' }, at(0), 100)])
  await publishWatermark(bus, at(5))
  const rule = ruleOf({ labels: {}, annotations: {}, when: 'error_rate > 1' })
  const backtest = backtestOf(bus, [{ ...rule, labels: { service: 'one' } }])
  await backtest.take(await readAll(bus, 'signals'))
  t.is(backtest.result().failures.length, 0)
  await publishBuckets(bus, [bucket('error_rate', { service: '/shop/cart' }, at(5), 100)])
  await publishWatermark(bus, at(10))
  const twins = backtestOf(bus, [{ ...rule, labels: { service: 'one' } }])
  await twins.take(await readAll(bus, 'signals'))
  t.regex(twins.result().failures[0]?.error ?? '', /two results have the same labels/)
})
