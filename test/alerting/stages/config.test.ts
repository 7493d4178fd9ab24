import test from 'ava'
import { maskedConfig, readStagesConfig } from '../../../alerting/stages/config.ts'

const bad: [string, string, string][] = [
  [
    'an unknown field',
    'route: {receiver: a}\nreceivers: [{name: a}]\nroutes: []\n',
    'am.yml:3: routes: unknown field',
  ],
  [
    'an unknown receiver deep in the tree',
    'route:\n  receiver: a\n  routes:\n  - receiver: b\nreceivers: [{name: a}]\n',
    'am.yml:4: route.routes[0].receiver: no receiver is named b',
  ],
  [
    'a wrong duration',
    'route:\n  receiver: a\n  group_wait: soon\nreceivers: [{name: a}]\n',
    'am.yml:3: route.group_wait: no duration as 30s, 5m or 1h30m: soon',
  ],
  [
    'an interval that nobody declared',
    'route:\n  receiver: a\n  routes: [{mute_time_intervals: [night]}]\nreceivers: [{name: a}]\n',
    'am.yml:3: route.routes[0].mute_time_intervals[0]: no time interval is named night',
  ],
  [
    'a root that does not take all',
    "route:\n  receiver: a\n  matchers: ['x=y']\nreceivers: [{name: a}]\n",
    'am.yml:3: route.matchers: the root route must not have it: it takes all',
  ],
  [
    'a matcher that would not be seen',
    'route:\n  receiver: a\n  routes:\n  - match: {__proto__: x}\nreceivers: [{name: a}]\n',
    'am.yml:4: route.routes[0].match.__proto__: this name cannot be used here',
  ],
  [
    'a name that no label has',
    'route:\n  receiver: a\n  routes:\n  - match: {a-b: x}\nreceivers: [{name: a}]\n',
    'am.yml:4: route.routes[0].match.a-b: no name of a label',
  ],
  [
    'a template in the labels of a route',
    "route:\n  receiver: a\n  labels: {x: '{{ .Status }}'}\nreceivers: [{name: a}]\n",
    'am.yml:3: route.labels.x: Go templates are not run here; write the text itself, or leave the option out to get our own',
  ],
  [
    'a wait that no clock can count',
    'route:\n  receiver: a\n  repeat_interval: 300y\nreceivers: [{name: a}]\n',
    'am.yml:3: route.repeat_interval: no duration as 30s, 5m or 1h30m: 300y',
  ],
]

for (const [what, source, complaint] of bad) {
  test(`${what} is told with line and path`, (t) => {
    t.is(t.throws(() => readStagesConfig(source, 'am.yml')).message, complaint)
  })
}

test('what YAML leaves empty is as if it were not there', (t) => {
  const source =
    'global:\nroute:\n  receiver: a\n  group_wait:\n  routes:\nreceivers: [{name: a}]\ntime_intervals:\n'
  const { resolveTimeout, route } = readStagesConfig(source, 'am.yml')
  t.deepEqual([resolveTimeout, route.groupWait, route.routes], [300_000, 30_000, []])
})

test('an expression of match_re stands anchored in the keys of groups', (t) => {
  const source = 'route:\n  receiver: a\n  routes: [{match_re: {x: b|c}}]\nreceivers: [{name: a}]\n'
  t.is(readStagesConfig(source, 'am.yml').route.routes[0]?.key, '{}/{x=~"^(?:b|c)$"}')
})

test('labels of a route are those above it too', (t) => {
  const source =
    'route:\n  receiver: a\n  labels: {x: "1", y: "2"}\n  routes:\n  - labels: {y: "3"}\nreceivers: [{name: a}]\n'
  const { route } = readStagesConfig(source, 'am.yml')
  t.deepEqual(route.routes[0]?.labels, { x: '1', y: '3' })
})

test('waits are inherited, mute intervals are not', (t) => {
  const { route } = readStagesConfig(
    `
time_intervals: [{name: never, time_intervals: [{years: ['1999']}]}]
route:
  receiver: a
  routes:
  - group_wait: 1m
    group_by: ['...']
    mute_time_intervals: [never]
    routes: [{matchers: [x=y]}]
receivers: [{name: a}]
`,
    'am.yml',
  )
  const child = route.routes[0]?.routes[0]
  t.is(child?.groupWait, 60_000)
  t.is(child?.groupBy, 'all')
  t.is(child?.repeatInterval, 14_400_000)
  t.deepEqual(child?.muteTimeIntervals, [])
  t.is(child?.key, '{}/{}/{x="y"}')
})

test('what was commented out is not shown either', (t) => {
  const shown = maskedConfig(`# token: one
route: { receiver: ops } # two
receivers:
  # url: three
  - name: ops # four
    webhook_configs:
      - url: 'http://127.0.0.1/five' # six
# seven
`)
  t.notRegex(shown, /one|two|three|four|five|six|seven/)
  t.regex(shown, /receiver: ops/)
})

test('secrets of receivers that are not built here, and of what has no effect, are not shown', (t) => {
  const shown = maskedConfig(`route: { receiver: ops }
global:
  mattermost_webhook_url: http://127.0.0.1/one
  rocketchat_token_id: two
tracing: { endpoint: 'three', http_headers: { Authorization: { secrets: [four] } } }
event_recorder:
  outputs: [{ type: webhook, webhook_url: 'http://127.0.0.1/five' }]
receivers:
  - name: tracing
    webhook_configs: [{ url: 'http://127.0.0.1/six', max_alerts: 7 }]
`)
  t.notRegex(shown, /one|two|three|four|five|six/)
  t.regex(shown, /tracing: <secret>/)
  t.regex(shown, /max_alerts: 7/)
})
