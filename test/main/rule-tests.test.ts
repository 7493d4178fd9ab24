import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadSettings } from '../../config/load.ts'
import { loadRuleTests } from '../../config/rule-tests.ts'
import { runRuleTests } from '../../main/rule-tests.ts'
import { tempDir } from '../helpers/pipeline.ts'

const rules = `
signals:
  errors: { where: 'level:error', measure: count, over: 10s }
  busy: { from: metrics, metric: container.cpu.utilization, measure: avg, over: 10s, by: [service, task] }
alerts:
  - { alert: Errors, when: errors > 3, for: 10s, labels: { severity: page }, annotations: { summary: '{{ service }} has {{ value }}' } }
  - { alert: Busy, when: busy > 0.5 }
`

async function run(t: ExecutionContext, tests: string, own = rules) {
  const dir = await tempDir(t)
  writeFileSync(join(dir, 'rules.yaml'), own)
  writeFileSync(join(dir, 'tests.yaml'), tests)
  const { settings } = loadSettings(join(dir, 'rules.yaml'), {})
  const results = await runRuleTests(settings, loadRuleTests(join(dir, 'tests.yaml')).tests)
  return results.map(({ name, line, differences }) => [
    `${line} ${name}`,
    ...differences.map((one) => `${one.line}: ${one.sentence}`),
  ])
}

test('what fires, what is told, and what differs, with its line', async (t) => {
  t.deepEqual(
    await run(
      t,
      `tests:
  - name: as it is
    input:
      - { at: 0s..40s, every: 1s, log: { service: /web, message: 'ERROR no' } }
    expect:
      - { at: 5s, alerts: [{ alert: Errors, state: pending, value: 5 }] }
      - { at: 18s, alerts: [{ alert: Errors, state: firing, labels: { severity: page }, annotations: { summary: /web has 10 } }] }
    told: [{ at: 15s, alert: Errors, state: firing }]
  - name: as it is not
    input:
      - { at: 0s..40s, every: 1s, log: { service: /web, level: error, message: no } }
    expect:
      - { at: 5s, alerts: [{ alert: Errors, state: firing }] }
      - { at: 20s, alerts: [{ alert: Errors, state: firing, value: 11 }] }
      - { at: 40s, alerts: [{ alert: Errors, state: firing }, { alert: Busy, state: firing }] }
    told: []
`,
    ),
    [
      ['2 as it is'],
      [
        '9 as it is not',
        '13: at 5 s there is no Errors firing',
        '13: at 5 s there is Errors pending of 5 {service=/web, severity=page} summary "/web has 5", which is not expected',
        '14: at 20 s there is no Errors firing of 11',
        '14: at 20 s there is Errors firing of 10 {service=/web, severity=page} summary "/web has 10", which is not expected',
        '15: at 40 s there is no Busy firing',
        '9: Errors firing of 10 {service=/web, severity=page} summary "/web has 10" is told at 15 s, which is not expected',
      ],
    ],
  )
})

test('a test that is about some rules expects nothing of the others', async (t) => {
  const story = (only: string) => `tests:
  - name: two
    ${only}
    input:
      - { at: 0s..40s, every: 1s, log: { service: /web, level: error, message: x } }
      - { at: 0s..40s, every: 5s, sample: { service: /web, task: a, metrics: { container.cpu.utilization: 0.9 } } }
    expect: [{ at: 30s, alerts: [{ alert: Busy, state: firing }] }]
    told: [{ at: 5s, alert: Busy, state: firing }]
`
  t.deepEqual(await run(t, story('only: [Busy]')), [['2 two']])
  t.is((await run(t, story('length: 40s')))[0]?.length, 3)
})

test('late lines correct their window or come too late for it; samples and their end', async (t) => {
  const [late, samples] = await run(
    t,
    `tests:
  - name: late
    length: 60s
    input:
      - { at: 0s..60s, every: 5s, log: { service: /web, level: info, message: x } }
      - { at: 8s..9s, every: 200ms, late: 5s, log: { service: /web, level: error, message: x } }
      - { at: 31s..32s, every: 200ms, late: 20s, log: { service: /web, level: error, message: x } }
    expect:
      - { at: 10s, alerts: [] }
      - { at: 15s, alerts: [{ alert: Errors, state: pending, value: 5 }] }
      - { at: 40s, alerts: [] }
  - name: samples
    input:
      - { at: 0s..20s, every: 5s, sample: { service: /web, task: web.1, metrics: { container.cpu.utilization: 0.9 } } }
      - { at: 20s..40s, every: 5s, sample: { service: /web, task: web.1, metrics: { container.cpu.utilization: 0.1 } } }
    expect:
      - { at: 15s, alerts: [{ alert: Busy, state: firing, labels: { task: web.1 } }] }
      - { at: 35s, alerts: [] }
    told:
      - { at: 5s, alert: Busy, state: firing }
      - { at: 25s, alert: Busy, state: resolved }
`,
  )
  t.deepEqual(late, ['2 late'])
  t.deepEqual(samples, ['12 samples'])
})

test('what is no test is told with file, line and path', async (t) => {
  const fault = async (tests: string) => {
    const { message } = (await t.throwsAsync(run(t, tests))) ?? {}
    return message?.replace(/^.*tests\.yaml/gm, 'tests.yaml')
  }
  t.is(
    await fault('tests: []\n'),
    'tests.yaml:1: tests: Too small: expected array to have >=1 items',
  )
  t.is(
    await fault(`tests:
  - name: wrong
    input:
      - { at: soon, log: { service: /web, message: x, levle: error } }
      - { at: 5s, every: 0s, sample: { metrics: { a: 1 } }, change: { kind: task, action: died } }
    expect: [{ at: 5s, alerts: [{ alert: A, state: red }] }]
`),
    `tests.yaml:4: tests[0].input[0].at: expected a time like 30s, or a span like 0s..5m
tests.yaml:4: tests[0].input[0].log.levle: is not known here
tests.yaml:5: tests[0].input[1]: expected one of log, sample and change
tests.yaml:5: tests[0].input[1].every: expected more than nothing
tests.yaml:6: tests[0].expect[0].alerts[0].state: Invalid option: expected one of "pending"|"firing"|"unknown"`,
  )
  t.regex(
    (await fault(
      'tests: [{ name: endless, input: [{ at: 0s..14d, every: 1ms, log: { message: x } }] }]\n',
    )) ?? '',
    /tests\[0\]\.input: expected at most 1000000 events/,
  )
})

test('an alert with a level of its own to clear at, and what becomes of one that is not measured', async (t) => {
  const own = `
signals:
  errors: { where: 'level:error', measure: count, over: 10s }
  busy: { from: metrics, metric: container.cpu.utilization, measure: avg, over: 10s }
alerts:
  - { alert: Errors, when: errors > 8, clear_when: errors < 3 }
  - { alert: Unknown, when: busy > 0.8, clear_when: busy < 0.5 }
  - { alert: Over, when: busy > 0.8, no_data: ok }
  - { alert: Kept, when: busy > 0.8, no_data: keep }
`
  const results = await run(
    t,
    `tests:
  - name: clear
    input:
      - { at: 0s..20s, every: 1s, log: { service: /web, level: error, message: x } }
      - { at: 20s..40s, every: 2s, log: { service: /web, level: error, message: x } }
      - { at: 40s..80s, every: 10s, log: { service: /web, level: error, message: x } }
      - { at: 60s..80s, every: 2s, log: { service: /web, level: error, message: x } }
    expect:
      - { at: 15s, alerts: [{ alert: Errors, state: firing, value: 10 }] }
      - { at: 38s, alerts: [{ alert: Errors, state: firing, value: 5 }] }
      - { at: 55s, alerts: [] }
      - { at: 75s, alerts: [] }
  - name: no data
    length: 60s
    input:
      - { at: 0s..30s, every: 5s, sample: { service: /web, metrics: { container.cpu.utilization: 0.9 } } }
      - { at: 0s..60s, every: 5s, sample: { service: /db, metrics: { container.cpu.utilization: 0.1 } } }
    expect:
      - { at: 30s, alerts: [{ alert: Unknown, state: firing }, { alert: Over, state: firing }, { alert: Kept, state: firing }] }
      - { at: 60s, alerts: [{ alert: Unknown, state: unknown }, { alert: Kept, state: firing }] }
`,
    own,
  )
  t.deepEqual(results, [['2 clear'], ['13 no data']])
})

const onLines = `
alerts:
  - alert: NewVersion
    log: { type: new_term, fields: [service.version] }
    labels: { severity: ticket }
    annotations: { summary: 'version {{ match["service.version"] }} of {{ service }}' }
  - alert: LoginsFail
    log: { type: frequency, where: 'message:"login failed"', num_events: 3, timeframe: 30s, query_key: user }
  - alert: Quiet
    log: { type: flatline, where: 'heartbeat', threshold: 1, timeframe: 20s, query_key: service.name, hold: 10s }
`

test('rules on single lines: what matches is an alert for a while, by group, with the line in its texts', async (t) => {
  const results = await run(
    t,
    `tests:
  - name: new terms
    only: [NewVersion]
    length: 6m
    input:
      - { at: 1s..4m, every: 10s, log: { service: /web, version: v1, message: x } }
      - { at: 2m..4m, every: 10s, log: { service: /web, version: v2, message: x } }
    expect:
      - { at: 5s, alerts: [{ alert: NewVersion, state: firing, labels: { service: /web }, annotations: { summary: version v1 of /web } }] }
      - at: 2m30s
        alerts:
          - { alert: NewVersion, state: firing, labels: { service_version: v1 } }
          - { alert: NewVersion, state: firing, annotations: { summary: version v2 of /web } }
      - { at: 6m, alerts: [{ alert: NewVersion, state: firing, labels: { service_version: v2 } }] }
  - name: many at once, of one user
    only: [LoginsFail]
    input:
      - { at: 10s..12s, every: 1s, log: { service: /web, message: login failed, fields: { user: ana } } }
      - { at: 15s, log: { service: /web, message: login failed, fields: { user: ana } } }
      - { at: 1s..60s, every: 20s, log: { service: /web, message: login failed, fields: { user: bob } } }
      - { at: 1s..60s, every: 1s, log: { service: /web, message: login done, fields: { user: cyn } } }
    expect:
      - { at: 15s, alerts: [] }
      - { at: 20s, alerts: [{ alert: LoginsFail, state: firing, labels: { service: /web, user: ana } }] }
      - { at: 55s, alerts: [] }
    told:
      - { at: 20s, alert: LoginsFail, state: firing, labels: { user: ana } }
      - { at: 50s, alert: LoginsFail, state: resolved, labels: { user: ana } }
  - name: what stops to come
    only: [Quiet]
    length: 90s
    input:
      - { at: 0s..40s, every: 5s, log: { service: /web, message: heartbeat } }
      - { at: 0s..90s, every: 5s, log: { service: /db, message: heartbeat } }
    expect:
      - { at: 45s, alerts: [] }
      - { at: 70s, alerts: [{ alert: Quiet, state: firing, labels: { service: /web } }] }
`,
    onLines,
  )
  t.deepEqual(results, [
    ['2 new terms'],
    ['15 many at once, of one user'],
    ['29 what stops to come'],
  ])
})
