import test from 'ava'
import { compileRules } from '../../../alerting/rules/compile.ts'
import { type RuleDeclaration } from '../../../alerting/rules/rule.ts'
import { groupKey, type SignalDeclarations, type SignalValues } from '../../../pipeline/signals.ts'
import type { Identity } from '../../../pipeline/identity.ts'
import { ruleOf } from '../world.ts'

const logs = { from: 'logs', where: '', overMs: 60_000, by: ['service'] } as const
const signals: SignalDeclarations = {
  error_rate: { ...logs, by: ['service'], measure: 'rate' },
  request_rate: { ...logs, by: ['service'], measure: 'rate' },
  silent: { ...logs, by: ['service'], measure: 'absent' },
  per_task: { ...logs, by: ['service', 'task'], measure: 'count' },
  memory: { ...logs, from: 'metrics', metric: 'm', by: ['service'], measure: 'max' },
  samples: { ...logs, from: 'metrics', metric: 'm', by: ['service'], measure: 'count' },
  deaths: { ...logs, from: 'changes', by: ['service'], measure: 'count' },
}

type Given = Record<string, [Identity, number][]>

function valuesOf(given: Given) {
  return (signal: string): SignalValues =>
    new Map(
      (given[signal] ?? []).map(([group, value]) => [
        groupKey(group),
        { group, value, lastMs: 1000 },
      ]),
    )
}

function evaluate(rule: Partial<RuleDeclaration>, given: Given) {
  const { rules, faults } = compileRules([ruleOf(rule)], signals)
  if (!rules[0]) throw new Error(JSON.stringify(faults))
  return rules[0].evaluate(valuesOf(given))
}

const a = { service: '/a' }
const b = { service: '/b' }

const conditions: [string, string, Given, string[]][] = [
  [
    'one signal',
    'error_rate > 5',
    {
      error_rate: [
        [a, 7],
        [b, 5],
      ],
    },
    ['/a 7'],
  ],
  [
    'a ratio',
    'error_rate / request_rate > 0.05',
    {
      error_rate: [
        [a, 1],
        [b, 1],
      ],
      request_rate: [
        [a, 10],
        [b, 100],
      ],
    },
    ['/a 0.1'],
  ],
  ['whole numbers mix with fractions', 'error_rate * 2 > 5', { error_rate: [[a, 3]] }, ['/a 6']],
  [
    'equality with a whole number',
    'silent == 1',
    {
      silent: [
        [a, 1],
        [b, 0],
      ],
    },
    ['/a 1'],
  ],
  ['a turned comparison', '5 < error_rate', { error_rate: [[a, 7]] }, ['/a 7']],
  [
    'groups are the union, a rate that lacks one is 0',
    'error_rate >= 0.0 && request_rate < 1',
    { error_rate: [[a, 2]], request_rate: [[b, 0.5]] },
    ['/a 2', '/b 0'],
  ],
  [
    'without `absent` a group has no result',
    'silent == 1 || error_rate > 5',
    { error_rate: [[a, 9]], silent: [[b, 1]] },
    ['/b 1'],
  ],
  [
    'nothing over nothing is no alert',
    'error_rate / request_rate > 0.05',
    { error_rate: [[a, 0]], request_rate: [[a, 0]] },
    [],
  ],
  [
    'something over nothing is one',
    'error_rate / request_rate > 0.05',
    { error_rate: [[a, 1]], request_rate: [[a, 0]] },
    ['/a Infinity'],
  ],
  [
    'what was not measured of a group gives it no result',
    'memory > 0.9 || error_rate > 5',
    { error_rate: [[a, 9]], memory: [[b, 0.95]] },
    ['/b 0.95'],
  ],
  [
    'nor is it counted as none',
    'samples < 3',
    { samples: [[a, 2]], error_rate: [[b, 1]] },
    ['/a 2'],
  ],
  [
    'changes are: a group that lacks them has none',
    'error_rate > 5 && deaths < 1',
    { error_rate: [[a, 9]], deaths: [[b, 2]] },
    ['/a 9'],
  ],
]

for (const [sentence, when, given, expected] of conditions) {
  test(`condition: ${sentence}`, (t) => {
    const samples = evaluate({ when }, given)
    t.deepEqual(
      samples.map(({ group, value }) => `${group.service} ${value}`),
      expected,
    )
  })
}

test('a rule reads the signals its condition names, and knows its threshold', (t) => {
  const { rules } = compileRules(
    [ruleOf({ when: 'error_rate  /  request_rate > 0.05 * 2' })],
    signals,
  )
  t.deepEqual(rules[0]?.reads, ['error_rate', 'request_rate'])
  t.like(rules[0]?.comparison, {
    left: 'error_rate / request_rate',
    signal: undefined,
    operator: '>',
    right: '0.05 * 2',
  })
  t.like(compileRules([ruleOf({ when: '5 >= error_rate' })], signals).rules[0], {
    comparison: { signal: 'error_rate', operator: '<=', right: '5' },
    lowIsWorse: true,
  })
  t.is(
    compileRules([ruleOf({ when: 'error_rate > 5 && silent == 0' })], signals).rules[0]?.comparison,
    undefined,
  )
})

test('labels and annotations are texts over identity, value, labels and signals', (t) => {
  const labels = {
    severity: '{% if value > 10 %}page{% else %}ticket{% endif %}',
    team: '{{labels.service}}',
  }
  const annotations = {
    summary:
      '{{service}} has {{value | humanize}}/s, {{signals.request_rate | humanize}} requests ({{labels.severity}})',
    share: '{{0.1234567 | humanizePercentage}} in {{3700 | humanizeDuration}}',
  }
  const when = 'error_rate > 5 && request_rate > 1'
  const [sample] = evaluate(
    { when, labels, annotations },
    { error_rate: [[a, 1234]], request_rate: [[a, 20]] },
  )
  t.deepEqual(sample?.labels, {
    service: '/a',
    severity: 'page',
    team: '/a',
    alertname: 'HighErrorRate',
  })
  t.deepEqual(sample?.annotations, {
    summary: '/a has 1.234k/s, 20 requests (page)',
    share: '12.35% in 1h 1m 40s',
  })
})

test('a label that changes with the value makes another alert', (t) => {
  const labels = { severity: '{% if value > 10 %}page{% else %}ticket{% endif %}' }
  const of = (value: number) => evaluate({ labels }, { error_rate: [[a, value]] })[0]?.fingerprint
  t.not(of(7), of(11))
  t.is(of(7), of(8))
})

test('a template that fails while rendering says so in the text and stops no alert', (t) => {
  const annotations = { summary: '{% for i in (1..100000000) %}{{i}}{% endfor %}' }
  const [sample] = evaluate({ annotations }, { error_rate: [[a, 7]] })
  t.regex(sample?.annotations['summary'] ?? '', /^<error expanding template: /)
})

test('two results with one identity fail the rule', (t) => {
  const labels = { service: 'same' }
  t.throws(
    () =>
      evaluate(
        { labels },
        {
          error_rate: [
            [a, 7],
            [b, 7],
          ],
        },
      ),
    { message: /same labels/ },
  )
})

const faults: [string, Partial<RuleDeclaration>, string, RegExp][] = [
  ['an unknown signal', { when: 'errors > 5' }, 'alerts[0].when', /Unknown variable: errors/],
  ['a type error', { when: 'error_rate > "x"' }, 'alerts[0].when', /no such overload/],
  ['not a condition', { when: 'error_rate' }, 'alerts[0].when', /gives double/],
  ['no signal in it', { when: '1 > 0' }, 'alerts[0].when', /reads no signal/],
  ['broken syntax', { when: 'error_rate >' }, 'alerts[0].when', /Unexpected token/],
  [
    'signals that cannot be joined',
    { when: 'error_rate > per_task' },
    'alerts[0].when',
    /cannot join/,
  ],
  [
    'a template left open',
    { annotations: { summary: '{{value' } },
    'alerts[0].annotations.summary',
    /not closed/,
  ],
  [
    'an unknown filter',
    { labels: { x: '{{value | shout}}' } },
    'alerts[0].labels.x',
    /undefined filter/,
  ],
  [
    'a label that is the name',
    { labels: { alertname: 'x' } },
    'alerts[0].labels.alertname',
    /already/,
  ],
  ['no name', { alert: ' ' }, 'alerts[0].alert', /no name/],
]

for (const [sentence, rule, path, message] of faults) {
  test(`fault: ${sentence}`, (t) => {
    const compiled = compileRules([ruleOf(rule), ruleOf({ alert: 'Good' })], signals)
    t.is(compiled.faults.length, 1)
    t.is(compiled.faults[0]?.path, path)
    t.regex(compiled.faults[0]?.message ?? '', message)
    t.deepEqual(
      compiled.rules.map(({ alert }) => alert),
      ['Good'],
      'the other rule is not stopped',
    )
  })
}

test('all faults are told at once', (t) => {
  const rule = ruleOf({ when: 'x > 1', labels: { a: '{{' }, annotations: { b: '{% if %}' } })
  const { faults: found } = compileRules(
    [rule, ruleOf({ alert: 'Two' }), ruleOf({ alert: 'Two' })],
    {
      ...signals,
      'not-a-name': { ...logs, by: ['service'], measure: 'rate' },
      in: { ...logs, by: ['service'], measure: 'rate' },
    },
  )
  t.deepEqual(
    found.map(({ path }) => path),
    [
      'signals.not-a-name',
      'signals.in',
      'alerts[0].when',
      'alerts[0].labels.a',
      'alerts[0].annotations.b',
      'alerts[2]',
    ],
  )
})

test('templates reach no files', (t) => {
  const { faults: found } = compileRules(
    [ruleOf({ annotations: { x: "{% include 'package.json' %}" } })],
    signals,
  )
  const rendered =
    found.length > 0
      ? ''
      : evaluate(
          { annotations: { x: "{% include 'package.json' %}" } },
          { error_rate: [[a, 7]] },
        )[0]?.annotations['x']
  t.notRegex(rendered ?? '', /mesoscope/)
})

test('a rule on single lines: its kind and parameters are checked, with the place', (t) => {
  const log = (given: object) => ({
    ...ruleOf({ when: 'in words' }),
    log: { type: 'frequency', where: '', parameters: { num_events: 3, timeframe: 1000 }, ...given },
  })
  const faultOf = (given: object) => compileRules([log(given)], {}).faults[0]
  t.is(faultOf({}), undefined)
  t.like(faultOf({ type: 'frequent' }), { path: 'alerts[0].log' })
  t.regex(
    faultOf({ type: 'frequent' })?.message ?? '',
    /"frequent" is no kind of rule: there are any, /,
  )
  t.regex(faultOf({ parameters: { timeframe: 1000 } })?.message ?? '', /^frequency: num_events: /)
  t.regex(faultOf({ where: 'level:(' })?.message ?? '', /cannot read the query/)
  t.regex(
    faultOf({ type: 'percentage_match', parameters: { max_percentage: 5 } })?.message ?? '',
    /percentage_match: match_bucket_filter is missing/,
  )
})
