import test from 'ava'
import { readStagesConfig } from '../../../alerting/stages/config.ts'

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
]

for (const [what, source, complaint] of bad) {
  test(`${what} is told with line and path`, (t) => {
    t.is(t.throws(() => readStagesConfig(source, 'am.yml')).message, complaint)
  })
}

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
