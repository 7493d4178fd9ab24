import test from 'ava'
import { isQuiet, markFlapping, type FlapSettings } from '../../../alerting/rules/flap-marking.ts'
import { fingerprintOf, type Sample } from '../../../alerting/rules/rule.ts'
import { advance, resolvedRetentionMs, type AlertState } from '../../../alerting/rules/state.ts'

const minute = 60_000
const settings: FlapSettings = { low: 5, high: 20, everyMs: minute }
const rule = { forMs: 0, keepFiringForMs: 0, lowIsWorse: false }

const labels = { service: '/a' }
const a: Sample = {
  fingerprint: fingerprintOf(labels),
  labels,
  group: {},
  value: 7,
  signals: {},
  lastMs: 0,
  annotations: {},
}

/** An evaluation each `stepMs`; `1` the condition holds, `?` nobody can tell. */
function run(holds: string, stepMs: number) {
  let states = new Map<string, AlertState>()
  const told: string[] = []
  for (const [n, held] of holds.split('').entries()) {
    const ts = n * stepMs
    const unknown = { ...a, unknown: true, unknownSince: ts }
    const vector = held === '?' ? [unknown] : held === '1' ? [a] : []
    const after = advance(states, rule, ts, vector)
    const marked = markFlapping(states, after.states, ts, settings)
    states = new Map(marked.states)
    told.push(...marked.changes.map(({ to }) => `${n} ${to}`))
  }
  return { told, flap: [...states.values()][0]?.flap, count: states.size }
}

test('an alert that comes and goes is marked until it has been steady for a while', (t) => {
  const { told, flap } = run('1010101' + '0'.repeat(40), minute)
  t.deepEqual(told.slice(0, 1), ['3 started'])
  t.is(told.length, 2)
  t.regex(told[1] ?? '', /stopped$/)
  t.is(flap, undefined, 'steady for 21 states: nothing is remembered')
})

test('changes count at once; a state that stays counts once a minute', (t) => {
  const fast = run('1010', 5000)
  t.is(fast.flap?.history, '0'.repeat(17) + '2020')
  const steady = run('1'.repeat(25), 5000)
  t.is(steady.flap?.history.replace(/^0+/, ''), '222', 'at 0, 60 and 120 s')
  t.deepEqual(steady.told, [])
})

test('what cannot be told counts for nothing', (t) => {
  const { flap } = run('1' + '?'.repeat(60), minute)
  t.is(flap?.history.replace(/^0+/, ''), '2')
})

test('one that flapped is remembered for longer than others, until it is steady', (t) => {
  const steps = Math.ceil(resolvedRetentionMs / minute) + 2
  const remembered = run('10101' + '0'.repeat(steps), minute)
  t.is(remembered.count, 1)
  t.false(remembered.flap === undefined || isQuiet(remembered.flap))
  t.is(run('10101' + '0'.repeat(steps + 21), minute).count, 0)
})
