import test from 'ava'
import { compileRules } from '../../alerting/rules/compile.ts'
import type { AlertState } from '../../alerting/rules/state.ts'
import {
  explainValue,
  factsOf,
  heardAgain,
  limitWords,
  listSignals,
  valueWithUnit,
} from '../../alerting/words.ts'
import type { SignalDeclaration, SignalDeclarations } from '../../pipeline/signals.ts'
import { ruleOf, second, t0 } from './world.ts'

const declared = (signal: Partial<SignalDeclaration>): SignalDeclaration => ({
  from: 'metrics',
  where: '',
  measure: 'max',
  overMs: 60 * second,
  by: ['service', 'task'],
  ...signal,
})

const signals: SignalDeclarations = {
  memory: declared({ metric: 'container.memory.utilization' }),
  cpu: declared({ metric: 'container.cpu.utilization', measure: 'avg' }),
  used: declared({ metric: 'container.memory.usage' }),
  most: declared({ metric: 'container.memory.limit' }),
  cores: declared({ metric: 'container.cpu.usage' }),
  received: declared({ metric: 'container.network.receive' }),
  running: declared({ metric: 'service.instances.running', measure: 'last' }),
  age: declared({ metric: 'service.deployment.age' }),
  elected: declared({ metric: 'mesos.master.elected' }),
  samples_count: declared({ metric: 'container.memory.usage', measure: 'count' }),
  unmeasured: declared({ metric: 'container.memory.usage', measure: 'absent' }),
  deaths: declared({ from: 'changes', where: 'kind:task', measure: 'count' }),
  oom: declared({ from: 'changes', where: 'oom:true', measure: 'count' }),
  death_rate: declared({ from: 'changes', where: 'kind:task', measure: 'rate' }),
  quiet: declared({ from: 'changes', measure: 'absent' }),
  count: declared({ from: 'changes', measure: 'count' }),
  error_rate: declared({ from: 'logs', where: 'level:error', measure: 'rate' }),
}

function factsFor(when: string) {
  const { rules, faults } = compileRules([ruleOf({ when })], signals)
  const [rule] = rules
  if (!rule) throw new Error(JSON.stringify(faults))
  return factsOf(rule, signals)
}

function alertWith(value: number, more: Partial<AlertState> = {}): AlertState {
  return {
    fingerprint: 'f',
    labels: {},
    group: { service: '/shop/web' },
    value,
    signals: {},
    lastMs: t0 - 150 * second,
    annotations: {},
    state: 'firing',
    activeAt: t0,
    peak: value,
    ...more,
  }
}

const MiB = 2 ** 20

const sentences: [when: string, value: number, threshold: number, text: string][] = [
  ['memory > 0.9', 0.97, 0.9, '97 % > 90 %'],
  ['cpu >= 1', 1.1, 1, '110 % >= 100 %'],
  ['used > 104857600', 127 * MiB, 100 * MiB, '127 MiB > 100 MiB'],
  ['cores > 1.5', 1.75, 1.5, '1.75 cores > 1.5 cores'],
  ['received > 1048576', 3 * MiB, MiB, '3 MiB/s > 1 MiB/s'],
  ['running < 2', 1, 2, '1 instance < 2 instances'],
  ['age > 600', 700, 600, '700 s > 600 s'],
  ['elected < 1', 0, 1, 'elected = 0 < 1'],
  ['samples_count < 5', 3, 5, '3 samples < 5'],
  ['deaths > 3', 4, 3, '4 deaths > 3'],
  ['deaths > 0', 1, 0, '1 death > 0'],
  ['oom > 0', 1, 0, '1 OOM > 0'],
  ['death_rate > 0.1', 0.5, 0.1, '0.5 deaths/s > 0.1'],
  ['count > 0', 2, 0, '2 changes > 0'],
  ['error_rate > 5', 7.2, 5, '7.2 errors/s > 5'],
  ['used / most > 0.9', 0.97, 0.9, 'used / most = 0.97 > 0.9'],
  ['used > most * 0.9', 120 * MiB, 115 * MiB, '120 MiB > 115 MiB (most * 0.9)'],
]

for (const [when, value, threshold, text] of sentences) {
  test(`${when}: ${text}`, (t) => {
    t.is(explainValue(factsFor(when), alertWith(value, { threshold }), t0), text)
  })
}

test('silence is told by its length', (t) => {
  t.is(explainValue(factsFor('unmeasured == 1'), alertWith(1), t0), 'not measured for 2m 30s')
  t.is(explainValue(factsFor('quiet == 1'), alertWith(1), t0), 'no change for 2m 30s')
  t.is(heardAgain(factsFor('unmeasured == 1')), 'measured again')
  t.is(heardAgain(factsFor('quiet == 1')), 'changes again')
})

test('several signals, each in its unit', (t) => {
  const facts = factsFor('memory > 0.9 && deaths > 0 && error_rate > 1')
  const alert = alertWith(0.97, { signals: { memory: 0.97, deaths: 1, error_rate: 2 } })
  const text = 'memory 97 %, deaths 1 death, error_rate 2 errors/s'
  t.is(listSignals(facts, alert), text)
  t.is(explainValue(facts, alert, t0), text)
})

test('what a share is a share of', (t) => {
  t.is(limitWords(factsFor('memory > 0.9')), 'of its memory limit')
  t.is(limitWords(factsFor('cpu > 0.9')), 'of its CPU limit')
  t.is(limitWords(factsFor('used > 1')), undefined)
  t.is(limitWords(factsFor('deaths > 1')), undefined)
})

test('numbers that are none', (t) => {
  const facts = factsFor('used > 1')
  t.is(valueWithUnit(facts, Number.POSITIVE_INFINITY), '+Inf')
  t.is(valueWithUnit(facts, Number.NaN), 'NaN')
  t.is(valueWithUnit(factsFor('memory > 0.9'), Number.NaN), 'NaN')
})

test('facts that 0.1.0 has written down are about lines', (t) => {
  const facts = factsFor('error_rate > 5')
  for (const signal of facts.signals) delete signal.from
  t.is(explainValue(facts, alertWith(7.2, { threshold: 5 }), t0), '7.2 errors/s > 5')
})
