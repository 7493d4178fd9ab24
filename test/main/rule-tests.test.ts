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

test('numbers of lines, percentiles, ratios of signals, growth, and how many are different', async (t) => {
  const own = `
signals:
  slow: { field: ms, measure: p95, over: 30s }
  requests: { where: 'ms:*', measure: rate, over: 30s }
  failed: { where: 'ms:* AND level:error', measure: rate, over: 30s }
  failed_share: { from: signals, value: failed / requests }
  users: { field: user, measure: cardinality, over: 30s }
  sent: { field: sent_total, counter: true, measure: rate, over: 30s }
  cpu_of_task: { from: metrics, metric: container.cpu.usage, measure: avg, over: 10s, by: [service, task] }
  cpu_spread: { from: signals, value: cpu_of_task, measure: max }
alerts:
  - { alert: Slow, when: slow > 400, annotations: { summary: '{{ value | humanize }}' } }
  - { alert: Failing, when: failed_share > 0.3 && requests > 0.1 }
  - { alert: FewUsers, when: users < 3 && requests > 0.1 }
  - { alert: Sending, when: sent > 9 }
  - { alert: Hot, when: cpu_spread > 1 }
`
  const results = await run(
    t,
    `tests:
  - name: lines
    input:
      - { at: 0s..60s, every: 1s, log: { service: /web, message: x, fields: { ms: 100, user: ana, sent_total: 7 } } }
      - { at: 30s..60s, every: 2s, log: { service: /web, level: error, message: x, fields: { ms: 500, user: bob } } }
      - { at: 0s..60s, every: 20s, log: { service: /db, message: no numbers } }
    expect:
      - { at: 25s, alerts: [{ alert: FewUsers, state: firing, labels: { service: /web }, value: 1 }] }
      - at: 60s
        alerts:
          - { alert: Slow, state: firing, labels: { service: /web } }
          - { alert: Failing, state: firing, labels: { service: /web } }
          - { alert: FewUsers, state: firing, value: 2 }
  - name: a counter that begins anew
    only: [Sending]
    input:
      - { at: 0s, log: { service: /web, message: x, fields: { sent_total: 100 } } }
      - { at: 10s, log: { service: /web, message: x, fields: { sent_total: 300 } } }
      - { at: 20s, log: { service: /web, message: x, fields: { sent_total: 99 } } }
    expect:
      - { at: 15s, alerts: [] }
      - { at: 25s, alerts: [{ alert: Sending, state: firing, value: 9.966666666666667 }] }
  - name: the hottest task
    only: [Hot]
    input:
      - { at: 0s..30s, every: 5s, sample: { service: /web, task: web.1, metrics: { container.cpu.usage: 0.5 } } }
      - { at: 0s..30s, every: 5s, sample: { service: /web, task: web.2, metrics: { container.cpu.usage: 1.5 } } }
    expect:
      - { at: 20s, alerts: [{ alert: Hot, state: firing, labels: { service: /web }, value: 1.5 }] }
`,
    own,
  )
  t.deepEqual(results, [['2 lines'], ['14 a counter that begins anew'], ['23 the hottest task']])
})

test('what is not measured any more, what cannot be evaluated, what never came and what always fires', async (t) => {
  const own = `
signals:
  busy: { from: metrics, metric: container.cpu.utilization, measure: avg, over: 10s, by: [service, task] }
  hottest: { from: signals, value: busy, measure: max }
  no_backup: { where: 'backup done', measure: absent, over: 30s, expected: [{ service: /backup }] }
  requests: { measure: count, over: 10s }
alerts:
  - { alert: Busy, when: busy > 0.8, no_data: alert, for: 5s, annotations: { summary: '{{ task }} {{ value }}' } }
  - { alert: Hottest, when: hottest > 0.8, no_data: alert }
  - { alert: NoBackup, when: no_backup == 1 }
  - { alert: Broken, when: 'requests == 6.0 && [requests][int(requests)] > 100.0', on_error: alert }
  - { alert: Watchdog, watchdog: true, labels: { severity: none } }
`
  const results = await run(
    t,
    `tests:
  - name: no data
    only: [Busy, Hottest]
    length: 80s
    input:
      - { at: 0s..30s, every: 5s, sample: { service: /web, task: web.1, metrics: { container.cpu.utilization: 0.1 } } }
      - { at: 0s..30s, every: 5s, sample: { service: /web, task: web.2, metrics: { container.cpu.utilization: 0.1 } } }
      - { at: 0s..30s, every: 5s, sample: { service: /db, task: db.1, metrics: { container.cpu.utilization: 0.1 } } }
      - { at: 0s..80s, every: 5s, sample: { service: /app, task: app.1, metrics: { container.cpu.utilization: 0.1 } } }
      - { at: 29s, change: { service: /db, kind: task, action: died, task: db.1 } }
      - { at: 60s..80s, every: 5s, sample: { service: /web, task: web.1, metrics: { container.cpu.utilization: 0.9 } } }
    expect:
      - { at: 30s, alerts: [] }
      - { at: 45s, alerts: [{ alert: Busy, state: firing }, { alert: Busy, state: firing }, { alert: Hottest, state: firing, labels: { service: /web } }] }
      - { at: 55s, alerts: [{ alert: Busy, state: firing, labels: { task: web.1 } }, { alert: Busy, state: firing, labels: { task: web.2 } }, { alert: Hottest, state: firing }] }
      - { at: 80s, alerts: [{ alert: Busy, state: firing, labels: { task: web.1 }, value: 0.9 }, { alert: Busy, state: firing, labels: { task: web.2 } }, { alert: Hottest, state: firing, value: 0.9 }] }
  - name: a job that never ran, and one that does
    only: [NoBackup]
    length: 90s
    input:
      - { at: 0s..90s, every: 5s, log: { service: /web, message: x } }
      - { at: 50s..90s, every: 20s, log: { service: /backup, message: backup done } }
    expect:
      - { at: 45s, alerts: [{ alert: NoBackup, state: firing, labels: { service: /backup } }] }
      - { at: 60s, alerts: [] }
  - name: a rule that breaks
    only: [Broken]
    length: 40s
    input:
      - { at: 12s..18s, every: 1s, log: { service: /queue, message: x } }
      - { at: 0s..40s, every: 20s, log: { message: x } }
    expect:
      - { at: 20s, alerts: [{ alert: Broken, state: firing }] }
  - name: always
    only: [Watchdog]
    input: [{ at: 0s..20s, every: 5s, log: { message: x } }]
    expect: [{ at: 10s, alerts: [{ alert: Watchdog, state: firing, labels: { severity: none }, value: 1 }] }]
`,
    own,
  )
  t.deepEqual(results, [
    ['2 no data'],
    ['17 a job that never ran, and one that does'],
    [
      '26 a rule that breaks',
      '26: a rule failed: No such key: index out of bounds, index 6 >= size 1',
    ],
    ['34 always'],
  ])
})
