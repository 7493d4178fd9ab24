import test from 'ava'
import { policiesOf, type PolicyDeclaration } from '../../autoscaling/policy.ts'
import { appOf, cpu, minute, policyOf, requests, requestsPerTask, second, service } from './app.ts'

const signals = {
  requests,
  cpu,
  silence: { ...requests, measure: 'absent' as const },
  everything: { ...requests, by: ['agent' as const] },
  cpu_average: { ...cpu, by: ['service' as const] },
  cpu_by_agent: { ...cpu, by: ['service' as const, 'agent' as const] },
  per_task: requestsPerTask,
  behind: { ...requests, from: 'metrics' as const, measure: 'last' as const },
  slowest: { ...requests, measure: 'p95' as const },
}

function sourcesOf(labels: Record<string, string>, env: Record<string, string> = {}) {
  return {
    declared: [] as PolicyDeclaration[],
    services: [appOf(2, { labels, env })],
    labels: true,
    signals,
    dryRun: false,
  }
}

const asking = {
  'autoscale.enabled': 'true',
  'autoscale.max': '8',
  'autoscale.target.requests': '15',
}

test('an app asks for it by its labels', (t) => {
  const { policies, faulty, remarks } = policiesOf(
    sourcesOf({
      ...asking,
      'autoscale.min': '2',
      'autoscale.target.cpu': '0.6',
      'autoscale.tolerance': '.2',
      'autoscale.stabilization.up': '30s',
      'autoscale.stabilization.down': '1h30m',
      'autoscale.dry_run': 'true',
      'autoscale.resident': 'TRUE',
      'autoscale.override': '1h',
      owner: 'shop',
    }),
  )
  t.deepEqual(policies.get(service), {
    service,
    source: 'labels',
    targets: { requests: 15, cpu: 0.6 },
    min: 2,
    max: 8,
    tolerance: 0.2,
    stabilizationUpMs: 30 * second,
    stabilizationDownMs: 90 * minute,
    dryRun: true,
    resident: true,
    overrideMs: 60 * minute,
  })
  t.is(faulty.size, 0)
  t.deepEqual(remarks, [])
})

test('what is not said has the defaults of the settings', (t) => {
  t.deepEqual(policiesOf(sourcesOf(asking)).policies.get(service), {
    service,
    source: 'labels',
    targets: { requests: 15 },
    min: 1,
    max: 8,
    tolerance: 0.1,
    stabilizationUpMs: 0,
    stabilizationDownMs: 5 * minute,
    dryRun: false,
    resident: false,
    overrideMs: 10 * minute,
  })
})

test('an app asks for it by its environment, and labels win over that', (t) => {
  const env = {
    autoscale_enabled: 'true',
    autoscale_min: '3',
    autoscale_max: '9',
    autoscale_target_per_task: '20',
    autoscale_stabilization_down: '2m',
    autoscale_dry_run: 'false',
  }
  const { policies, remarks } = policiesOf(sourcesOf({ 'autoscale.max': '5' }, env))
  const found = policies.get(service)
  t.deepEqual([found?.min, found?.max, found?.targets], [3, 5, { per_task: 20 }])
  t.is(found?.stabilizationDownMs, 2 * minute)
  t.deepEqual(remarks, [])
})

test('the settings win over labels, whole', (t) => {
  const { source: _source, ...declared } = policyOf({ max: 4 })
  const sources = { ...sourcesOf({ ...asking, 'autoscale.max': 'many' }), declared: [declared] }
  const { policies, faulty } = policiesOf(sources)
  t.is(policies.get(service)?.max, 4)
  t.is(policies.get(service)?.source, 'config')
  t.is(faulty.size, 0)
})

test('labels count only where the settings allow it', (t) => {
  t.is(policiesOf({ ...sourcesOf(asking), labels: false }).policies.size, 0)
})

test('dry run for all is dry run for each', (t) => {
  t.true(policiesOf({ ...sourcesOf(asking), dryRun: true }).policies.get(service)?.dryRun)
})

test('an app that says false is left alone, whatever else it says', (t) => {
  const said = { ...asking, 'autoscale.enabled': 'false', 'autoscale.max': 'many' }
  t.deepEqual(policiesOf(sourcesOf(said)), {
    policies: new Map(),
    faulty: new Map(),
    remarks: [],
  })
})

test('settings without `enabled` are told and scale nothing', (t) => {
  const { policies, remarks } = policiesOf(sourcesOf({ 'autoscale.max': '8' }))
  t.is(policies.size, 0)
  t.deepEqual(remarks, [
    '/shop/web: label autoscale.max is set, but autoscale.enabled is not true: not scaled',
  ])
})

test('an unknown label is told, and the rest counts', (t) => {
  const { policies, remarks } = policiesOf(
    sourcesOf({ ...asking, 'autoscale.cooldown': '5m' }, { autoscale_cooldown: '5m' }),
  )
  t.is(policies.size, 1)
  const known =
    'settings are enabled, min, max, tolerance, steps, stabilization.up, stabilization.down, scale_up.policies, scale_up.select, scale_down.policies, scale_down.select, warm_up, idle_after, dry_run, resident, override, target.<signal>, value.<signal>, activation.<signal>'
  t.deepEqual(remarks, [
    `/shop/web: label autoscale.cooldown="5m" is not known: ${known}`,
    `/shop/web: environment variable AUTOSCALE_COOLDOWN="5m" is not known: ${known}`,
  ])
})

const malformed: [string, Record<string, string>, string[]][] = [
  [
    'values that are none',
    {
      'autoscale.enabled': 'yes',
      'autoscale.min': '-1',
      'autoscale.max': '1e3',
      'autoscale.tolerance': '10%',
      'autoscale.stabilization.down': '5 minutes',
      'autoscale.dry_run': '1',
      'autoscale.target.requests': '-15',
    },
    [
      'label autoscale.enabled="yes": expected true or false',
      'label autoscale.target.requests="-15": expected a number above 0, or a share like 60%',
      'label autoscale.min="-1": expected a whole number from 0 to 100000',
      'label autoscale.max="1e3": expected a whole number from 1 to 100000',
      'label autoscale.tolerance="10%": expected a number above 0',
      'label autoscale.stabilization.down="5 minutes": expected a duration like 5m',
      'label autoscale.dry_run="1": expected true or false',
    ],
  ],
  [
    'texts that are none',
    {
      ...asking,
      'autoscale.steps': 'cpu > 80% +2, cpu > 90% -1',
      'autoscale.scale_up.policies': '4/15s, 100%',
      'autoscale.scale_down.select': 'slow',
      'autoscale.activation.behind': 'some',
      'autoscale.value.behind': '0',
      'autoscale.warm_up': '1 minute',
    },
    [
      'label autoscale.activation.behind="some": expected a number, or a share like 60%',
      'label autoscale.value.behind="0": expected a number above 0, or a share like 60%',
      'label autoscale.steps="cpu > 80% +2, cpu > 90% -1": expected steps like cpu > 80% +2, cpu < 30% -1',
      'label autoscale.scale_up.policies="4/15s, 100%": expected rates like 4/15s, 100%/15s',
      'label autoscale.scale_down.select="slow": expected max, min or disabled',
      'label autoscale.warm_up="1 minute": expected a duration like 60s',
    ],
  ],
  [
    'parts that do not fit each other, or their signal',
    {
      'autoscale.enabled': 'true',
      'autoscale.max': '8',
      'autoscale.target.slowest': '5',
      'autoscale.target.behind': '30',
      'autoscale.value.behind': '30',
      'autoscale.value.requests': '5',
      'autoscale.value.per_task': '5',
      'autoscale.steps': 'cpu > 80% +2, cpu < 90% -1',
      'autoscale.min': '0',
      'autoscale.idle_after': '1m',
      'autoscale.scale_up.select': 'min',
      'autoscale.scale_down.policies': '1/1m, 10%/2h, 5/1ms',
    },
    [
      'its target slowest=5: the signal is a percentile, of which no instance has a share: make it a value (`{ value: … }`, `autoscale.value.…`)',
      'behind is a target of each instance and of all as a value: keep one',
      'its value.requests: the signal is a total, which more instances do not make smaller: give what each shall have, not a value',
      'its value.per_task: the signal is kept per task: give what each shall have, not a value',
      'its steps.1.below: below 0.9 it would take instances away, and above 0.8 add some: keep them apart',
      'its min: 0 is possible only with `activation`: what is to bring it back?',
      'its idle_after: is for `activation`, which is missing',
      'its scale_up: has no policies: name some, or select: disabled',
      'its scale_down.policies.1.per: 2h is no time to hold it to: give 1s to 1h',
      'its scale_down.policies.2.per: 1ms is no time to hold it to: give 1s to 1h',
    ],
  ],
  [
    'what is needed and missing',
    { 'autoscale.enabled': 'true' },
    [
      'label autoscale.target.<signal> is missing: give how much one instance shall have',
      'label autoscale.max is missing: give a whole number from 1 to 100000',
    ],
  ],
  [
    'a name that is nearly right, and may have been meant to protect the service',
    { ...asking, 'autoscale.dry-run': 'true', Autoscale_Min: '2' },
    [
      'label autoscale.dry-run="true": write it autoscale.dry_run',
      'label Autoscale_Min="2": write it autoscale.min',
    ],
  ],
  [
    'a minimum above the maximum',
    { ...asking, 'autoscale.min': '9' },
    ['its minimum (9) is above its maximum (8)'],
  ],
  [
    'a signal that is not there',
    { ...asking, 'autoscale.target.qps': '3' },
    [
      'its target qps=3 names no signal: those it can follow are requests, cpu, per_task, behind, slowest',
    ],
  ],
  [
    'a name of an object',
    { ...asking, 'autoscale.target.constructor': '3', 'autoscale.target.__proto__': '3' },
    [
      'its target constructor=3 names no signal: those it can follow are requests, cpu, per_task, behind, slowest',
      'its target __proto__=3 names no signal: those it can follow are requests, cpu, per_task, behind, slowest',
    ],
  ],
  [
    'signals that nothing can follow',
    {
      'autoscale.enabled': 'true',
      'autoscale.max': '3',
      'autoscale.target.silence': '1',
      'autoscale.target.everything': '1',
      'autoscale.target.cpu_average': '0.5',
      'autoscale.target.cpu_by_agent': '0.5',
      'autoscale.target.requests': '0.0001',
    },
    [
      'its target silence=1: the signal says only that something is absent: measure a rate or a metric',
      'its target everything=1: the signal is not kept per service: add service to its `by`',
      'its target cpu_average=0.5: the signal is measured of each task: add task to its `by`, so that missing ones are seen',
      'its target cpu_by_agent=0.5: the signal is kept per agent too, and the avg of several has no sum: keep it per service and task',
      'its target requests=0.0001 is below 0.001',
    ],
  ],
]

for (const [title, labels, faults] of malformed) {
  test(`refused, each fault with its label and value: ${title}`, (t) => {
    const { policies, faulty } = policiesOf(sourcesOf(labels))
    t.is(policies.size, 0)
    t.deepEqual(faulty.get(service), { service, source: 'labels', faults })
  })
}

test('a long value is told shortened, on one line', (t) => {
  const value = `a\nb${'x'.repeat(5000)}`
  const { faulty } = policiesOf(sourcesOf({ ...asking, 'autoscale.max': value }))
  const [fault = ''] = faulty.get(service)?.faults ?? []
  t.true(fault.length < 200)
  t.false(fault.includes('\n'))
})

test('labels of another type are read as what they say', (t) => {
  const labels = { ...asking, 'autoscale.max': 8, 'autoscale.min': null, team: 7 }
  const { policies, faulty } = policiesOf(sourcesOf(labels as unknown as Record<string, string>))
  t.is(policies.size, 0)
  t.deepEqual(faulty.get(service)?.faults, [
    'label autoscale.min="null": expected a whole number from 0 to 100000',
  ])
})
