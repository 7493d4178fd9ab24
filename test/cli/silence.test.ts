import test, { type ExecutionContext } from 'ava'
import { parseFilter } from '../../alerting/stages/filter.ts'
import { manualClock } from '../../pipeline/clock.ts'
import type { AlertView } from '../../dashboards/api.ts'
import { open } from '../dashboards/open.ts'
import { memoryDesk } from '../helpers/desk.ts'
import { directory, leaveAddress, now, openTerminal } from './terminal.ts'

const yaml = `
route:
  receiver: wall
  routes: [{ matchers: [team="shop"], receiver: oncall }]
inhibit_rules:
  - { source_matchers: [alertname="Down"], target_matchers: [alertname="Slow"], equal: [service] }
receivers: [{ name: wall }, { name: oncall }]
`
const labels = {
  down: { alertname: 'Down', service: '/shop/db', team: 'shop' },
  slow: { alertname: 'Slow', service: '/shop/db', team: 'shop' },
  web: { alertname: 'Errors', service: '/shop/web', team: 'shop' },
  other: { alertname: 'Errors', service: '/other/web' },
}

function viewOf(labels: { alertname: string; service: string }): AlertView {
  return {
    incident: `${labels.alertname}-1`,
    alert: labels.alertname,
    service: labels.service,
    state: 'firing',
    since: now - 60_000,
    value: 4,
    threshold: '> 1',
    labels,
    annotations: { summary: 'too many' },
  }
}

/** A running Mesoscope on which `/shop/db` is down and slow and two services have errors; of one only others know. */
async function running(t: ExecutionContext) {
  const clock = manualClock(now)
  const desk = memoryDesk(yaml, clock)
  await desk.post(Object.values(labels).map((labels) => ({ labels, startsAt: now - 60_000 })))
  const { url, state } = await open(t, { clock, desk, parseMatcher: parseFilter })
  state.alerts = [labels.down, labels.slow, labels.web].map(viewOf)
  const dir = directory(t)
  leaveAddress(dir, { url })
  const { run, io } = openTerminal()
  Object.assign(io, { clock, env: { USER: 'ana' } })
  const mesoscope = (...words: string[]) => run(...words, '--data', dir)
  return { desk, clock, io, dir, state, mesoscope }
}

const muted = (desk: ReturnType<typeof memoryDesk>) =>
  desk
    .alerts()
    .filter(({ silencedBy }) => silencedBy.length > 0)
    .map(({ labels }) => `${labels['alertname']} ${labels['service']}`)
    .toSorted()

test('silence add tells what it mutes, then mutes it until --for is over', async (t) => {
  const { desk, clock, mesoscope } = await running(t)
  const words = ['silence', 'add', 'alertname=~"Err.*"', 'team=shop', '--utc']
  const { out, code } = await mesoscope(...words, '--for', '2h', '--comment', 'deploy')
  t.is(code, 0)
  const [title, , row, blank, until] = out.split('\n')
  t.is(title, 'it mutes 1 alert now:')
  t.regex(row ?? '', /^Errors +\/shop\/web +2026-11-22 18:29:00\.000Z +team=shop$/)
  t.is(blank, '')
  t.regex(until ?? '', /^silenced until 2026-11-22 20:30:00\.000Z, or mesoscope silence expire /)
  t.deepEqual(muted(desk), ['Errors /shop/web'])
  t.like(desk.silences()[0], { createdBy: 'ana', comment: 'deploy', endsAt: now + 7_200_000 })
  clock.set(now + 7_200_001)
  t.deepEqual(muted(desk), [])
})

test('matchers are read as amtool reads them, and as messages write them', async (t) => {
  const { desk, mesoscope } = await running(t)
  const add = async (...matchers: string[]) => {
    const words = [...matchers, '--for', '1h', '--comment', 'x', '--by', 'bo', '--json']
    const { out, code } = await mesoscope('silence', 'add', ...words)
    t.is(code, 0, out)
    const { id } = JSON.parse(out) as { id: string }
    return desk.silences().find((one) => one.id === id)?.matchers
  }
  const matcher = (name: string, value: string, isRegex = false, isEqual = true) => ({
    name,
    value,
    isRegex,
    isEqual,
  })
  t.deepEqual(await add('Errors', 'team!=shop'), [
    matcher('alertname', 'Errors'),
    matcher('team', 'shop', false, false),
  ])
  t.deepEqual(await add('service=/web', 'env!~dev|test'), [
    matcher('service', '/web'),
    matcher('env', 'dev|test', true, false),
  ])
  t.deepEqual(await add('{service="/a,b",alertname=~"A.*"}'), [
    matcher('service', '/a,b'),
    matcher('alertname', 'A.*', true),
  ])
  t.is(desk.silences()[0]?.createdBy, 'bo')
})

test('what cannot be a silence is refused, with the exit code of wrong use', async (t) => {
  const { desk, io, mesoscope } = await running(t)
  const end = ['--for', '1h', '--comment', 'x']
  const refused: [words: string[], sentence: RegExp][] = [
    [['team=a', '--comment', 'x'], /required option '--for/],
    [['team=a', '--for', '1h'], /required option '--comment/],
    [['team=a', '--for', '1h', '--comment', ' '], /why is it silenced\?/],
    [['team=a', '--for', '0', '--comment', 'x'], /Give a length such as/],
    [['team=a', '--for', '999999d', '--comment', 'x'], /at most a year/],
    [['team=~(', ...end], /"team=~\(" is no matcher/],
    [['a=b', 'team', ...end], /"team" is no matcher/],
    [['team=~.*', ...end], /at least one matcher must not match the empty string/],
    [['team="a', ...end], /is no matcher/],
    [['{', ...end], /is no matcher/],
  ]
  for (const [words, sentence] of refused) {
    const { code, err } = await mesoscope('silence', 'add', ...words)
    t.is(code, 2, words.join(' '))
    t.regex(err, sentence)
  }
  io.env = {}
  t.regex(
    (await mesoscope('silence', 'add', 'team=a', ...end)).err,
    /nobody is named who does this: give --by/,
  )
  t.deepEqual(desk.silences(), [])
})

test('--dry-run only tells what would be muted', async (t) => {
  const { desk, mesoscope } = await running(t)
  const words = ['--for', '1h', '--comment', 'x', '--dry-run']
  const { out } = await mesoscope('silence', 'add', 'service=~.+', ...words)
  t.true(out.startsWith('it would mute 4 alerts now:\n'))
  const none = await mesoscope('silence', 'add', 'service=/nowhere', ...words)
  t.is(none.out, 'it would mute no alert that there is now\n')
  const json = await mesoscope('silence', 'add', 'Errors', ...words, '--json')
  t.like(JSON.parse(json.out), { dry: true, muted: { count: 2 } })
  t.deepEqual(desk.silences(), [])
})

test('silences are listed, shown and ended by the beginning of their id', async (t) => {
  const { desk, clock, mesoscope } = await running(t)
  t.regex((await mesoscope('silence', 'list')).err, /no silence is active or to come/)
  const matchers = [{ name: 'team', value: 'shop', isRegex: false, isEqual: true }]
  const wish = { matchers, startsAt: now, endsAt: now + 3_600_000, createdBy: 'a\u001b[2Jna' }
  const id = await desk.setSilence({ ...wish, comment: 'one\nline' })
  const { out } = await mesoscope('silence', '--utc')
  t.regex(out, /^ID +STATE +UNTIL +BY +MATCHERS +COMMENT$/m)
  t.true(out.includes('2026-11-22 19:30:00.000Z  a\\x1b[2Jna  {team="shop"}  one\\nline\n'))
  const shown = await mesoscope('silence', 'show', id.slice(0, 8), '--utc')
  t.regex(shown.out, /^by +a\\x1b\[2Jna$/m)
  t.regex(shown.out, /^it mutes 3 alerts now:$/m)
  t.is((await mesoscope('silence', 'show', 'zzz')).code, 3)

  clock.set(now + 1000)
  const ended = await mesoscope('silence', 'expire', id.slice(0, 8).toUpperCase())
  t.is(ended.out, `${id} has ended: {team="shop"}\n`)
  t.deepEqual(muted(desk), [])
  t.is((await mesoscope('silence', 'list')).out, '')
  t.regex((await mesoscope('silence', 'list', '--all')).out, / expired +/)
  const again = await mesoscope('silence', 'expire', id, '--json')
  t.deepEqual(JSON.parse(again.out), { id, ended: false })
  await desk.setSilence({ ...wish, startsAt: now + 1000, comment: 'two' })
  const { code, err } = await mesoscope('silence', 'expire', '')
  t.is(code, 2)
  t.regex(err, /can mean 2 silences/)
})

test('ack silences what fires, each by exactly its labels, for four hours', async (t) => {
  const { desk, mesoscope } = await running(t)
  const { out, err, code } = await mesoscope('ack', 'Errors', '--service', 'shop/web', '--utc')
  t.is(code, 0)
  t.regex(out, /^[\w-]{36} {2}\{alertname="Errors",service="\/shop\/web",team="shop"\}\n$/)
  t.is(err, 'mesoscope: one alert acknowledged until 2026-11-22 22:30:00.000Z\n')
  t.like(desk.silences()[0], { comment: 'acknowledged by ana', createdBy: 'ana' })
  t.deepEqual(muted(desk), ['Errors /shop/web'])

  const words = ['--for', '30m', '--comment', 'disk is full', '--json']
  const db = await mesoscope('ack', 'db', ...words)
  t.is((JSON.parse(db.out) as { acknowledged: unknown[] }).acknowledged.length, 2)
  t.deepEqual(muted(desk), ['Down /shop/db', 'Errors /shop/web', 'Slow /shop/db'])
  t.true(desk.silences().some(({ comment }) => comment === 'acknowledged by ana: disk is full'))
})

test('ack of what does not fire, is silenced or is not clear does nothing', async (t) => {
  const { desk, mesoscope } = await running(t)
  t.regex((await mesoscope('ack', 'web')).err, /"web" can mean 2 services: .*\/other\/web/)
  t.is((await mesoscope('ack', 'nothing')).code, 3)
  t.is((await mesoscope('ack', 'Down', '--service', 'shop/web')).code, 3)
  t.regex((await mesoscope('ack', 'Down', '--dry-run')).out, /^\{alertname="Down"/)
  t.deepEqual(desk.silences(), [])
  await mesoscope('ack', 'Down')
  t.regex((await mesoscope('ack', 'Down')).err, /all of "Down" is silenced already/)
  t.is(desk.silences().length, 1)
  const many = Array.from({ length: 51 }, (_, i) => ({ labels: { alertname: 'Many', i: `${i}` } }))
  await desk.post(many)
  t.regex((await mesoscope('ack', 'Many')).err, /means 51 alerts, more than 50 at once/)
  t.is(desk.silences().length, 1)
})

test('alerts tell who is told of them, or who muted them; those of others too', async (t) => {
  const { mesoscope } = await running(t)
  await mesoscope('ack', 'Errors', '--service', '/shop/web', '--for', '1h')
  const { out } = await mesoscope('alerts', '--utc')
  t.regex(out, /^firing +Down +.* > 1 +oncall +too many$/m)
  t.regex(out, /^firing +Slow +.* > 1 +inhibited by Down \/shop\/db +too many$/m)
  const silenced =
    /^firing +Errors +\/shop\/web .* silenced by ana until 2026-11-22 19:30:00\.000Z: acknowledged by ana +/m
  t.regex(out, silenced)
  t.regex(out, /^firing +Errors +\/other\/web +2026-11-22 18:29:00\.000Z +- +- +wall$/m)

  const muted = (await mesoscope('alerts', '--silenced')).out.split('\n').slice(1, -1)
  t.is(muted.length, 2)
  const one = await mesoscope('alerts', '--service', 'shop/web', '--json')
  const { alerts } = JSON.parse(one.out) as { alerts: object[] }
  t.is(alerts.length, 1)
  t.like(alerts[0], {
    alert: 'Errors',
    notification: { state: 'suppressed', receivers: ['oncall'], inhibitedBy: [] },
  })
  t.is((await mesoscope('alerts', '--service', 'web')).code, 2)
  t.regex((await mesoscope('alerts', '--service', 'nobody')).err, /no alerts/)
})

test('of one that is over nothing is told, though its namesake of others fires', async (t) => {
  const { state, mesoscope } = await running(t)
  state.alerts = [{ ...viewOf(labels.web), state: 'resolved', resolvedAt: now - 1000 }]
  await mesoscope('ack', 'Errors', '--service', '/shop/web')
  const { out } = await mesoscope('alerts', '--service', '/shop/web', '--json')
  const { alerts } = JSON.parse(out) as { alerts: { state: string; notification?: object }[] }
  t.deepEqual(
    alerts.map(({ state, notification }) => [state, notification !== undefined]),
    [
      ['resolved', false],
      ['firing', true],
    ],
  )
})

test('where nobody notifies alerts are shown as ever, and nothing can be silenced', async (t) => {
  const clock = manualClock(now)
  const { url, state } = await open(t, { clock })
  state.alerts = [viewOf(labels.web)]
  const dir = directory(t)
  leaveAddress(dir, { url })
  const { run, io } = openTerminal()
  io.env['USER'] = 'ana'
  t.regex((await run('alerts', '--data', dir)).out, /^STATE .* THRESHOLD +SUMMARY$/m)
  const added = await run('silence', 'add', 'a=b', '--for', '1h', '--comment', 'x', '--data', dir)
  t.regex(added.err, /does not notify/)
  t.is(added.code, 1)
  t.regex((await run('ack', 'Errors', '--data', dir)).err, /does not notify/)
  t.is((await run('silence', 'list', '--data', '/nonexistent/m')).code, 1)
})
