import test from 'ava'
import fc from 'fast-check'
import { explainDecision } from '../../autoscaling/explain.ts'
import { policiesOf } from '../../autoscaling/policy.ts'
import type { SignalDeclarations } from '../../pipeline/signals.ts'
import { appOf, cpu, evaluate, minute, requests, second, service } from './app.ts'
import { openSite, settingsOf, until } from './world.ts'

const memory = { ...cpu, metric: 'container.memory.utilization' }
const signals: SignalDeclarations = { requests, cpu, memory }

const rule = 'http | requests | target | 1000 | 180 | 120 | 4'
const asking = {
  autoscale: 'true',
  autoscale_min_instances: '2',
  autoscale_max_instances: '20',
  autoscale_rule_requests: rule,
}

function read(
  env: Record<string, string>,
  labels: Record<string, string> = {},
  known: SignalDeclarations = signals,
) {
  const services = [appOf(2, { labels, env })]
  const found = policiesOf({ declared: [], services, labels: true, signals: known, dryRun: false })
  const { policies, faulty, remarks } = found
  return { policy: policies.get(service), faults: faulty.get(service)?.faults, remarks }
}

test('an app of that autoscaler is scaled as it stands, and what is done otherwise is said', (t) => {
  const note =
    'environment variable AUTOSCALE_RULE_REQUESTS is followed as 1000/s of the signal requests: over 10s, as that is declared, not over 3m; its rest of 2m after a change (8m before shrinking) is taken for windows of stabilization'
  const { policy, faults, remarks } = read(asking)
  t.like(policy, {
    service,
    source: 'labels',
    targets: { requests: 1000 },
    min: 2,
    max: 20,
    tolerance: 0.1,
    stabilizationUpMs: 2 * minute,
    stabilizationDownMs: 8 * minute,
    dryRun: false,
    resident: false,
    notes: [note],
  })
  t.is(faults, undefined)
  t.deepEqual(remarks, [], 'nothing that somebody has to do')
  const { decision } = evaluate(policy ? { policy } : {})
  t.true(explainDecision(decision, { moment: String }).includes(note))
})

test('a signal named by both comes before one named by the metric alone', (t) => {
  const known = { ...signals, http_requests: { ...requests, overMs: 60 * second } }
  t.deepEqual(read(asking, {}, known).policy?.targets, { http_requests: 1000 })
  const odd = { ...asking, autoscale_rule_requests: 'HTTP|re-quests | target|.5|1|0|0' }
  const dashed = { http_re_quests: requests }
  t.regex(read(odd, {}, dashed).faults?.[0] ?? '', /its target is "\.5"/)
  const even = { ...asking, autoscale_rule_requests: 'HTTP|re-quests|target|0.5|1|0|0' }
  t.deepEqual(read(even, {}, dashed).policy?.targets, { http_re_quests: 0.5 })
})

test('several rules: each signal is a target, of two on one the stricter, of rests the longest', (t) => {
  const { policy } = read(
    {
      ...asking,
      autoscale_rule_a: 'http | requests | target | 400 | 60 | 30 | 20',
      autoscale_rule_m: 'custom_metrics | load | target | 3 | 60 | 180',
    },
    {},
    { ...signals, load: { ...cpu, unit: '' } },
  )
  t.deepEqual(policy?.targets, { requests: 400, load: 3 })
  t.is(policy?.stabilizationUpMs, 3 * minute)
  t.is(policy?.stabilizationDownMs, 10 * minute)
  t.is(policy?.notes?.length, 3)
})

test('a rule of the earlier form, without a factor, rests as long in both directions', (t) => {
  const old = { ...asking, autoscale_rule_requests: 'http | requests | target | 1000 | 180 | 120' }
  t.is(read(old).policy?.stabilizationDownMs, 2 * minute)
})

test('labels of ours win over each variable, and whole where they say `enabled`', (t) => {
  const part = read(asking, { 'autoscale.dry_run': 'true', 'autoscale.stabilization.up': '0' })
  t.like(part.policy, { dryRun: true, stabilizationUpMs: 0, max: 20 })
  const { policy, remarks } = read(asking, {
    'autoscale.enabled': 'true',
    'autoscale.max': '5',
    'autoscale.target.cpu': '0.7',
  })
  t.like(policy, { targets: { cpu: 0.7 }, min: 1, max: 5, stabilizationUpMs: 0 })
  t.is(policy?.notes, undefined)
  t.deepEqual(remarks, [
    '/shop/web: environment variable AUTOSCALE, environment variable AUTOSCALE_MIN_INSTANCES, environment variable AUTOSCALE_MAX_INSTANCES and environment variable AUTOSCALE_RULE_REQUESTS: not read, since label autoscale.enabled is set',
  ])
})

test('who says false is left alone, in either language', (t) => {
  const nothing = { policy: undefined, faults: undefined, remarks: [] }
  t.deepEqual(read({ ...asking, autoscale: 'false' }), nothing)
  t.deepEqual(read(asking, { 'autoscale.enabled': 'false' }), nothing)
})

test('without `autoscale` nothing is scaled, and that is said', (t) => {
  const { autoscale: _gone, ...rest } = asking
  t.deepEqual(read(rest), {
    policy: undefined,
    faults: undefined,
    remarks: [
      '/shop/web: environment variable AUTOSCALE_MIN_INSTANCES is set, but autoscale.enabled is not true: not scaled',
    ],
  })
})

const ruleFaults: [string, string, string[]][] = [
  [
    'too few fields',
    'http | requests',
    [
      'it has 2 fields, expected source | metric | target | per instance | seconds | rest in seconds | factor',
    ],
  ],
  [
    'each field wrong',
    ' | | threshold | many | 3m | -1 | 4.5',
    [
      'its source is "", expected where its metric is kept, like http',
      'its metric is "", expected the name of one, like requests',
      'its kind is "threshold", expected target: no other has an equivalent',
      'its target is "many", expected a number above 0',
      'its time to average over is "3m", expected whole seconds up to 86400',
      'its rest is "-1", expected whole seconds up to 86400',
      'its factor is "4.5", expected a whole number up to 100',
    ],
  ],
  [
    'a target of zero',
    'http | requests | target | 0 | 180 | 120 | 4',
    ['its target is "0", expected a number above 0'],
  ],
  [
    'what nothing here measures',
    'rabbit | depth | target | 10 | 180 | 120 | 4',
    ['no signal is named rabbit_depth or depth: declare one; there are requests, cpu, memory'],
  ],
  [
    'a counter',
    'cpu | total | target | 70 | 180 | 120 | 4',
    [
      'no signal is named cpu_total or total: declare one; there are requests, cpu, memory. It only grows, so that a mean of it says nothing: take the rule away and write label autoscale.target.cpu=0.7, the share of the limit',
    ],
  ],
  [
    'bytes for a share',
    'custom_metrics | memory | target | 1000 | 180 | 120 | 4',
    ['the signal memory is a share, of which 1 is all: 1000 is none'],
  ],
]

for (const [title, value, faults] of ruleFaults) {
  test(`refused, with variable, value, field and what is expected: ${title}`, (t) => {
    const found = read({ ...asking, autoscale_rule_requests: value })
    t.is(found.policy, undefined)
    const written = `environment variable AUTOSCALE_RULE_REQUESTS="${value.trim().replace(/\s+/g, ' ')}": `
    t.deepEqual(
      found.faults?.filter((fault) => fault.startsWith('environment')),
      faults.map((fault) => written + fault),
    )
  })
}

test('one faulty rule and nothing is scaled: the others alone may ask for too few', (t) => {
  const { policy, faults } = read({ ...asking, autoscale_rule_x: 'http | requests | target' })
  t.is(policy, undefined)
  t.is(faults?.length, 1)
})

test('limits that are none are named by their variables', (t) => {
  const env = { ...asking, autoscale: 'yes', autoscale_min_instances: '0x2' }
  const { faults } = read({ ...env, autoscale_max_instances: '1e9' })
  t.deepEqual(
    faults?.map((fault) => fault.replace(/ from \d to \d+$/, '')),
    [
      'environment variable AUTOSCALE="yes": expected true or false',
      'environment variable AUTOSCALE_MIN_INSTANCES="0x2": expected a whole number',
      'environment variable AUTOSCALE_MAX_INSTANCES="1e9": expected a whole number',
    ],
  )
})

const someText = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constant(rule))
const someRule = fc.array(
  fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('http', 'requests', 'target', '10', '120')),
  { maxLength: 9 },
)
const someEnv = fc.record(
  {
    autoscale: fc.oneof(someText, fc.constant('true')),
    autoscale_min_instances: fc.oneof(someText, fc.constant('2')),
    autoscale_max_instances: fc.oneof(someText, fc.constant('9')),
    autoscale_rule_a: fc.oneof(
      someText,
      someRule.map((fields) => fields.join('|')),
    ),
    autoscale_rule___proto__: someText,
  },
  { requiredKeys: [] },
)

test('whatever stands there: a policy that can be, or faults of one line, never an exception', (t) => {
  let understood = 0
  fc.assert(
    fc.property(someEnv, (env) => {
      const { policy, faults = [], remarks } = read(env)
      if (policy) {
        understood++
        const { min, max, targets, stabilizationUpMs: up, stabilizationDownMs: down } = policy
        return min <= max && (targets['requests'] ?? 0) > 0 && up >= 0 && down >= 0
      }
      return [...faults, ...remarks].every((said) => said.length < 600 && !/\n/.test(said))
    }),
    { numRuns: 5000 },
  )
  t.true(understood > 10, `only ${understood} were understood`)
})

test('what cannot be read is told where people look, and scales nothing until it is mended', async (t) => {
  const { marathon, read: readMarathon, load, open } = await openSite(t)
  marathon.app.env = { ...asking, autoscale_rule_requests: 'http | requests | threshold | 15' }
  readMarathon()
  const desk = await open({ settings: { ...settingsOf(), labels: true, policies: [] } })
  await load(100, 0)
  t.regex(
    desk.trouble() ?? '',
    /^\/shop\/web: it is not scaled, its policy has a fault: environment variable AUTOSCALE_RULE_REQUESTS="http \| requests \| threshold \| 15": it has 4 fields/,
  )
  t.deepEqual(marathon.asked, [])
  const mended = 'http | requests | target | 15 | 180 | 0 | 4'
  marathon.app.env = { ...asking, autoscale_rule_requests: mended }
  await load(100, 1)
  await until('raised', () => marathon.app.instances === 7)
  t.is(desk.trouble(), undefined, 'what is done otherwise is no trouble')
})
