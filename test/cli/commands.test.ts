import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openSqliteStore } from '../../pipeline/store/sqlite.ts'
import { open } from '../dashboards/open.ts'
import { change, deadLetter, openInstance } from '../dashboards/shop.ts'
import { directory, leaveAddress, now, openTerminal } from './terminal.ts'

/** An ended process that left lines with a gap, a dead letter and the changes of two alerts. */
async function left(t: ExecutionContext) {
  const dir = directory(t)
  const store = openSqliteStore({ dir: join(dir, 'store') })
  const web = openInstance('/shop/web', 'web.1', 'a'.repeat(64))
  const records = [0, 1, 2].map((i) => web.write(now - 5000 + 1000 * i, [['error', `line ${i}`]]))
  await store.appendLogs(records.toSpliced(1, 1))
  await store.putDocs('dead', [deadLetter(now - 3000)])
  const alert = (ms: number, incident: string, action: string) =>
    change(ms, {
      'event.id': `change:alert:${incident}:${action}`,
      'event.kind': 'alert',
      'event.action': action,
      message: `HighErrorRate ${action}`,
      'alert.name': 'HighErrorRate',
      'alert.incident': incident,
      'service.name': '/shop/web',
    })
  await store.putDocs('changes', [
    alert(now - 4000, 'one', 'fired'),
    alert(now - 2000, 'one', 'resolved'),
    alert(now - 1000, 'two', 'fired'),
    alert(now - 900, 'two', 'notified'),
  ])
  await store.close()
  return dir
}

test('services, dead letters, gaps and alerts of an ended process come from its store', async (t) => {
  const dir = await left(t)
  const { run } = openTerminal()
  const shown = async (command: string) => (await run(command, '--utc', '--data', dir)).out
  t.is(
    await shown('services'),
    `SERVICE    LINES  ERRORS  TASKS  NEWEST LINE
/shop/web      2       2      1  2026-11-22 18:29:57.000Z
`,
  )
  t.is(
    await shown('dead'),
    `TIME                      REASON                  BYTES  AGAIN  WHERE                       BEGINS WITH
2026-11-22 18:29:57.000Z  not a json-file record    120  -      4f0c-json.log at byte 8812  {"log":"<b>half\\x00 a line
`,
  )
  const gaps = await shown('gaps')
  t.regex(gaps, /^not complete: 1 line missing in 1 gap, beside 2 lines of 1 source$/m)
  t.regex(gaps, /\/shop\/web +a{64}:o +1 +1 +1 +2026-11-22 18:29:55\.000Z/)
  const alerts = (await shown('alerts')).split('\n')
  t.regex(alerts[1] ?? '', /^resolved +HighErrorRate +\/shop\/web +2026-11-22 18:29:58\.000Z/)
  t.regex(alerts[2] ?? '', /^firing +HighErrorRate +\/shop\/web +2026-11-22 18:29:59\.000Z/)
})

test('each of them gives JSON', async (t) => {
  const dir = await left(t)
  const { run } = openTerminal()
  for (const [command, key, count] of [
    ['services', 'services', 1],
    ['dead', 'dead', 1],
    ['gaps', 'gaps', 1],
    ['alerts', 'alerts', 2],
  ] as const) {
    const { out, code } = await run(command, '--json', '--data', dir)
    t.is((JSON.parse(out) as Record<string, unknown[]>)[key]?.length, count, command)
    t.is(code, 0)
  }
})

test('a running process is asked, its answers cannot command the terminal', async (t) => {
  const { url, store, state } = await open(t, { clock: openTerminal().io.clock })
  await store.appendLogs([
    openInstance('/a\u001b[2J', 'a.1', 'a'.repeat(64)).write(now - 5, [['info', 'x']]),
  ])
  state.alerts.push({
    incident: 'one',
    alert: 'High',
    service: '/a',
    state: 'firing',
    since: now - 60_000,
    value: 4.23456,
    threshold: '> 1',
    labels: {},
    annotations: { summary: 'too many\nerrors' },
  })
  const dir = directory(t)
  leaveAddress(dir, { url })
  const { run } = openTerminal()
  t.regex((await run('services', '--data', dir)).out, /^\/a\\x1b\[2J +ok +- +- +1 +0 +1 /m)
  const { out } = await run('alerts', '--utc', '--data', dir)
  t.regex(out, /^firing +High +\/a +2026-11-22 18:29:00\.000Z +4\.235 +> 1 +too many\\nerrors$/m)
  t.is((await run('gaps', '--data', dir)).out, 'complete: 1 line of 1 source\n')
})

test('dead letters are given back by the process that runs, those that were chosen', async (t) => {
  const asked: unknown[] = []
  const { url, store } = await open(t, {
    clock: openTerminal().io.clock,
    async redrive(letters, by) {
      asked.push([letters.map((letter) => letter.origin), by])
      return { sent: ['one'], impossible: [{ id: 'dead:\u001b[2J', reason: 'damaged' }] }
    },
  })
  const original = { topic: 'logs', key: 'k', headers: {}, value: 'YQ==' } as const
  const letter = deadLetter(now - 60_000)
  await store.putDocs('dead', [
    { ...letter, 'event.id': 'a', origin: 'a', original },
    { ...letter, 'event.id': 'b', origin: 'b', reason: 'another' },
  ])
  const dir = directory(t)
  leaveAddress(dir, { url })
  const { run } = openTerminal()
  const redrive = (...args: string[]) => run('dead', 'redrive', ...args, '--data', dir)
  t.regex((await run('dead', '--data', dir)).out, / possible +a +/)
  t.is((await redrive()).code, 2)
  t.is(
    (await redrive('--all', '--dry-run')).out,
    '1 would be given back\nb: not possible: its original is not kept\n',
  )
  t.is((await redrive('--since', '1s')).code, 3)
  t.is((await redrive('--since', '5m', '--reason', 'anoth')).code, 0)
  t.is((await redrive('a')).out, '1 given back to the bus\ndead:\\x1b[2J: not possible: damaged\n')
  t.deepEqual(asked, [
    [['b'], 'the command line'],
    [['a'], 'the command line'],
  ])
})

test('dead letters are not given back where nobody runs', async (t) => {
  const { code, err } = await openTerminal().run(
    'dead',
    'redrive',
    '--all',
    '--data',
    await left(t),
  )
  t.is(code, 1)
  t.regex(err, /no Mesoscope is running there: start it/)
})

test('a Mesoscope elsewhere is asked by its address and token, named or in the environment', async (t) => {
  const token = 'a-token-of-16-characters'
  const { url, store } = await open(t, { clock: openTerminal().io.clock, token })
  await store.appendLogs([
    openInstance('/shop/web', 'w', 'a'.repeat(64)).write(now - 5, [['info', 'over there']]),
  ])
  const file = join(directory(t), 'token')
  writeFileSync(file, `${token}\n`)
  const { run, io } = openTerminal()
  const wanted = /^\/shop\/web /m
  t.regex((await run('services', '--url', url, '--token-file', file)).out, wanted)
  t.regex((await run('logs', 'web', '--url', `${url}/`, '--token-file', file)).out, /over there/)
  t.regex((await run('services', '--url', url)).err, /a token is needed/)
  Object.assign(io.env, { MESOSCOPE_URL: url, MESOSCOPE_TOKEN: token })
  t.regex((await run('services')).out, wanted)
  t.regex((await run('dead', 'redrive', '--all')).err, /no such dead letters|no bus/)
  // A directory that is named counts more.
  t.regex((await run('services', '--data', '/nonexistent/m')).err, /there is no \/nonexistent\/m/)
  t.regex((await run('services', '--url', 'mesoscope.example.org')).err, /is no address/)
  t.regex((await run('services', '--url', url, '--token-file', '/nonexistent/t')).err, /ENOENT/)
  t.is((await run('services', '--url', 'http://127.0.0.1:1')).code, 1)
})

test('a directory that is not there, or has no store, is told with what to do', async (t) => {
  const { err, code } = await openTerminal().run('services', '--data', '/nonexistent/m')
  t.is(
    err,
    'mesoscope: there is no /nonexistent/m: start mesoscope run or mesoscope demo, or name the directory with --data\n',
  )
  t.is(code, 1)
})

test('check counts what is there, or lists all faults with exit code 2', async (t) => {
  const { run } = openTerminal()
  const good = await run('check', 'config/example.yaml')
  t.is(good.out, 'config/example.yaml: ok (2 collectors, 4 signals, 5 alerts)\n')
  t.is(good.code, 0)
  const file = join(directory(t), 'm.yaml')
  writeFileSync(
    file,
    `signals:
  a: { measure: rate }
  b: { measure: rate, by: [task] }
alerts:
  - alert: X
    when: a
  - alert: Y
    when: a > b
  - alert: Z
    when: a > 1
    annotations: { s: '{{ value | nofilter }}' }
`,
  )
  const bad = await run('check', file)
  t.is(bad.out, '')
  t.deepEqual(bad.err.replaceAll(file, 'm.yaml').split('\n'), [
    'm.yaml:6: alerts[0].when: gives double, not true or false: compare it with a threshold',
    'm.yaml:8: alerts[1].when: cannot join a (by service) with b (by task): measure both by the same fields',
    'm.yaml:11: alerts[2].annotations.s: undefined filter: nofilter, line:1, col:1',
    'mesoscope: 3 faults in the settings',
    '',
  ])
  t.is(bad.code, 2)
})

test('help names every command and the exit codes', async (t) => {
  const { out, code } = await openTerminal().run('--help')
  for (const command of [
    'run',
    'check',
    'logs',
    'services',
    'alerts',
    'silence',
    'ack',
    'dead',
    'gaps',
    'demo',
    'playground',
    'scale',
    'doctor',
  ]) {
    t.regex(out, new RegExp(`^  ${command} `, 'm'))
  }
  t.regex(out, /Exit codes: 0 .* 1 .* 2 .* 3 /)
  t.is(code, 0)
  t.is((await openTerminal().run('--version')).out, '1.2.3\n')
  t.is((await openTerminal().run('bogus')).code, 2)
})

test('a mistake of ours is one line, and its stack with --debug', async (t) => {
  const start = async () => {
    throw new TypeError('x is not\u001b[2J a function')
  }
  const { run } = openTerminal({ start })
  const short = await run('run')
  t.is(
    short.err,
    'mesoscope: x is not\\x1b[2J a function: this is a mistake in Mesoscope; --debug shows where\n',
  )
  t.is(short.code, 1)
  t.regex((await run('run', '--debug')).err, /commands\.test\.ts:\d+/)
})
