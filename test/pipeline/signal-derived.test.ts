import test from 'ava'
import type { Identity } from '../../pipeline/identity.ts'
import {
  measuredBehind,
  openDerived,
  sampledSignals,
  withRead,
} from '../../pipeline/signal-derived.ts'
import {
  groupKey,
  type SignalDeclaration,
  type SignalDeclarations,
  type SignalValue,
  type SignalValues,
} from '../../pipeline/signals.ts'

const perService = {
  where: '',
  overMs: 60_000,
  by: ['service'],
} satisfies Partial<SignalDeclaration>
const perTask = { ...perService, by: ['service', 'task'] } satisfies Partial<SignalDeclaration>

function derived(value: string, more: Partial<SignalDeclaration> = {}): SignalDeclaration {
  return { ...perService, from: 'signals', measure: 'last', value, ...more }
}

const measured: SignalDeclarations = {
  errors: { ...perService, from: 'logs', measure: 'rate' },
  requests: { ...perService, from: 'logs', measure: 'rate' },
  cpu: { ...perTask, from: 'metrics', metric: 'container.cpu.usage', measure: 'avg' },
  silent: { ...perTask, from: 'metrics', metric: 'container.cpu.usage', measure: 'absent' },
}

function valuesOf(rows: Record<string, [Identity, number, Partial<SignalValue>?][]>) {
  return (name: string): SignalValues =>
    new Map(
      (rows[name] ?? []).map(([group, value, more]) => [
        groupKey(group),
        { group, value, lastMs: 1000, ...more },
      ]),
    )
}

/** Of each group, as text. */
function results(signals: SignalDeclarations, name: string, rows: Parameters<typeof valuesOf>[0]) {
  const opened = openDerived({ ...measured, ...signals })
  const base = valuesOf(rows)
  const all = (signal: string): SignalValues =>
    opened.signals.get(signal)?.valuesAt(all) ?? base(signal)
  return [...all(name).values()].map(
    ({ group, value, unknown }) =>
      `${Object.values(group).join()} ${value}${unknown ? ' unknown' : ''}`,
  )
}

const web = { service: '/web' }
const db = { service: '/db' }

test('it is calculated for each group of what it reads; where that gives no number there is no value', (t) => {
  const signals = { ratio: derived('errors / requests') }
  const rows = {
    errors: [[web, 1]],
    requests: [
      [web, 4],
      [db, 0],
    ],
  } as never
  t.deepEqual(results(signals, 'ratio', rows), ['/web 0.25'])
  t.deepEqual(results({ twice: derived('requests * 2 + 1') }, 'twice', rows), ['/web 9', '/db 1'])
})

test('it may read others that are made of others', (t) => {
  const signals = { percent: derived('ratio * 100'), ratio: derived('errors / requests') }
  const rows = { errors: [[web, 1]], requests: [[web, 4]] } as never
  t.deepEqual(results(signals, 'percent', rows), ['/web 25'])
  const all = { ...measured, ...signals }
  t.deepEqual(measuredBehind(['percent', 'cpu'], all), ['errors', 'requests', 'cpu'])
  t.deepEqual(Object.keys(withRead(['percent'], all)), ['errors', 'requests', 'percent', 'ratio'])
})

test('groups that become one are merged as the measure says', (t) => {
  const task = (name: string) => ({ service: '/web', task: name })
  const rows = {
    cpu: [
      [task('a'), 1],
      [task('b'), 2],
      [task('c'), 9, { unknown: true }],
    ],
  } as never
  const merged = (measure: SignalDeclaration['measure']) =>
    results({ all: derived('cpu * 1', { measure }) }, 'all', rows)
  t.deepEqual(merged('sum'), ['/web 12 unknown'])
  t.deepEqual(merged('avg'), ['/web 4 unknown'])
  t.deepEqual(merged('max'), ['/web 9 unknown'])
  t.deepEqual(merged('min'), ['/web 1 unknown'])
  t.deepEqual(merged('count'), ['/web 3 unknown'])
  t.deepEqual(merged('p50'), ['/web 2 unknown'])
  t.deepEqual(results({ same: derived('cpu', { by: perTask.by }) }, 'same', rows), [
    '/web,a 1',
    '/web,b 2',
    '/web,c 9 unknown',
  ])
})

test('what cannot be is told of each, and stops no other', (t) => {
  const { signals, faults } = openDerived({
    ...measured,
    fine: derived('errors + requests'),
    unreadable: derived('errors +'),
    truth: derived('errors > 1'),
    mixed: derived('errors / cpu', { by: ['service', 'task'] }),
    finer: derived('errors', { by: ['service', 'task'] }),
    coarser: derived('cpu'),
    a: derived('b + 1'),
    b: derived('c + 1'),
    c: derived('a + 1'),
    behind: derived('truth + 1'),
    strange: derived('nothing + 1'),
    constant: derived('1 + 1'),
  })
  t.deepEqual([...signals.keys()], ['fine'])
  const told = Object.fromEntries(faults)
  t.regex(told['truth'] ?? '', /^gives bool, not a number$/)
  t.regex(told['mixed'] ?? '', /^cannot join errors \(by service\) with cpu \(by service, task\)/)
  t.regex(told['finer'] ?? '', /^is by task, but what it reads is by service$/)
  t.regex(told['coarser'] ?? '', /say with measure what of several is meant/)
  t.regex(told['c'] ?? '', /reads itself, by way of a, b, c/)
  t.regex(told['a'] ?? '', /reads b, which has a fault/)
  t.regex(told['behind'] ?? '', /reads truth, which has a fault/)
  t.regex(told['constant'] ?? '', /reads no signal/)
  t.truthy(told['unreadable'])
  t.truthy(told['strange'])
})

test('of lines silence is a value, of samples it is none', (t) => {
  const all = {
    ...measured,
    ratio: derived('errors / requests'),
    hottest: derived('cpu', { measure: 'max' }),
    gone: derived('silent', { by: perTask.by }),
  }
  t.deepEqual([...sampledSignals(all)], ['cpu', 'hottest'])
})

test('what is behind signals that read each other many times over is found at once', (t) => {
  const signals: SignalDeclarations = { s0: { ...perService, from: 'logs', measure: 'rate' } }
  for (let i = 1; i <= 40; i++) {
    signals[`s${i}`] = derived(i === 1 ? 's0' : `s${i - 1} + s${i - 2}`)
  }
  const began = performance.now()
  t.deepEqual(measuredBehind(['s40'], signals), ['s0'])
  t.true(performance.now() - began < 2000)
})
