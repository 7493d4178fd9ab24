import test from 'ava'
import { fingerprintOf, type Sample } from '../../../alerting/rules/rule.ts'
import {
  abandon,
  advance,
  markUnknown,
  type AlertState,
  type Transition,
} from '../../../alerting/rules/state.ts'

function sample(labels: Record<string, string>, value: number): Sample {
  const fingerprint = fingerprintOf(labels)
  return { fingerprint, labels, group: {}, value, signals: {}, lastMs: 0, annotations: {} }
}

const plain = { forMs: 20, keepFiringForMs: 0, lowIsWorse: false }
const a = sample({ service: '/a' }, 7)

/** Runs evaluations 10 ms apart; `1` the condition holds, `0` it does not. */
function run(rule: typeof plain, holds: string, start = new Map<string, AlertState>(), at = 0) {
  let states = start
  const told: string[] = []
  const all: Transition[] = []
  for (const [index, held] of holds.split('').entries()) {
    const ts = at + index * 10
    const after = advance(states, rule, ts, held === '1' ? [a] : [])
    states = after.states
    all.push(...after.transitions)
    told.push(...after.transitions.map(({ to }) => `${ts} ${to}`))
  }
  return { states, told, all, alert: [...states.values()][0] }
}

const stories: [string, Partial<typeof plain>, string, string[]][] = [
  ['holds long enough', {}, '111', ['0 pending', '20 firing']],
  ['one miss starts the wait again', {}, '11011', ['0 pending', '20 dropped', '30 pending']],
  ['without a wait it fires at once', { forMs: 0 }, '1', ['0 firing']],
  ['resolves at the first miss', {}, '1110', ['0 pending', '20 firing', '30 resolved']],
  ['fires again as a new incident', { forMs: 0 }, '101', ['0 firing', '10 resolved', '20 firing']],
  ['keeps firing over a short miss', { forMs: 0, keepFiringForMs: 20 }, '10011', ['0 firing']],
  [
    'keeps firing only so long',
    { forMs: 0, keepFiringForMs: 20 },
    '1000',
    ['0 firing', '30 resolved'],
  ],
]

for (const [sentence, rule, holds, expected] of stories) {
  test(`an alert ${sentence}`, (t) => {
    t.deepEqual(run({ ...plain, ...rule }, holds).told, expected)
  })
}

test('activeAt, firedAt and resolvedAt are evaluation times', (t) => {
  const { alert } = run(plain, '1110')
  t.like(alert, { state: 'inactive', activeAt: 0, firedAt: 20, resolvedAt: 30 })
})

test('a resolved alert is forgotten after 15 minutes', (t) => {
  const resolved = run(plain, '1110').states
  t.is(advance(resolved, plain, 30 + 15 * 60_000, []).states.size, 1)
  t.is(advance(resolved, plain, 31 + 15 * 60_000, []).states.size, 0)
})

test('the peak is the worst value, the lowest where low is worse', (t) => {
  for (const [lowIsWorse, peak] of [
    [false, 9],
    [true, 3],
  ] as const) {
    let states = new Map<string, AlertState>()
    for (const [ts, value] of [5, 9, 3, 4].entries()) {
      states = advance(states, { ...plain, lowIsWorse }, ts, [{ ...a, value }]).states
    }
    t.like([...states.values()][0], { value: 4, peak })
  }
})

test('unknown keeps the state until the next evaluation', (t) => {
  const { states } = run(plain, '111')
  const unknown = markUnknown(markUnknown(states, 500), 900)
  t.like(unknown.get(a.fingerprint), { state: 'firing', unknownSince: 500, firedAt: 20 })
  t.is(states.get(a.fingerprint)?.unknownSince, undefined, 'the state before is untouched')
  const { states: after, transitions } = advance(unknown, plain, 1000, [a])
  t.is(after.get(a.fingerprint)?.unknownSince, undefined)
  t.deepEqual(transitions, [])
})

test('a longer `for` makes it pending again; it fires again as the same incident, and its end is told', (t) => {
  const fired = run(plain, '111').states
  const longer = { ...plain, forMs: 50 }
  const back = run(longer, '11', fired, 30)
  t.deepEqual(back.told, ['30 pending'])
  const again = run(longer, '1', back.states, 50)
  t.like(again.all[0], { to: 'firing', again: true, alert: { activeAt: 0, firedAt: 20 } })
  t.deepEqual(run(longer, '0', back.states, 50).told, ['50 resolved'])
})

test('what a removed rule had firing is over', (t) => {
  const { alert } = run(plain, '111')
  t.like(alert && abandon(alert, 99), { to: 'resolved', alert: { resolvedAt: 99 } })
  const resolved = run(plain, '1110').alert
  t.is(resolved && abandon(resolved, 99), undefined)
})
