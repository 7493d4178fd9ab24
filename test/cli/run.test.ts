import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { CliParts, DemoOptions, StartOptions } from '../../cli/parts.ts'
import type { Settings } from '../../config/settings.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { until } from '../dashboards/open.ts'
import { directory, openTerminal } from './terminal.ts'

/** Starts what only notes how it was started; `opened` resolves the start. */
function openStub() {
  const noted: { settings?: Settings; options?: StartOptions; closed: number } = { closed: 0 }
  let opened = () => {}
  const wait = new Promise<void>((resolve) => {
    opened = resolve
  })
  const start = async (settings: Settings, options: StartOptions) => {
    Object.assign(noted, { settings, options })
    await wait
    return { url: 'http://127.0.0.1:1', close: async () => void noted.closed++ }
  }
  return { noted, start, opened }
}

async function started(...words: string[]) {
  const { noted, start, opened } = openStub()
  opened()
  const terminal = openTerminal({ start })
  const done = terminal.run('run', ...words)
  await until('the start', () => terminal.printed.out !== '' || terminal.printed.code !== undefined)
  terminal.stop()
  return { ...noted, printed: await done, closed: noted.closed }
}

test('run without anything starts all roles on the defaults, and closes at the first signal', async (t) => {
  const { settings, options, printed, closed } = await started()
  t.deepEqual(settings?.listen, { host: '127.0.0.1', port: 7080 })
  t.deepEqual(options?.roles, ['collector', 'processor', 'alerting', 'autoscaling', 'dashboards'])
  t.false(options?.fresh)
  t.is(printed.out, 'mesoscope: http://127.0.0.1:1, data in .mesoscope\n')
  t.is(printed.err, 'mesoscope: SIGINT: stopping; once more to stop at once\n')
  t.is(printed.code, 0)
  t.is(closed, 1)
})

test('options of run are laid over the file', async (t) => {
  const file = join(directory(t), 'm.yaml')
  writeFileSync(file, 'data: /a\ncollectors: { files: [{ paths: [/b], service: b }] }\n')
  const words = `--config ${file} --data /c --port 0 --roles collector,processor --fresh
    --docker --socket /d.sock --tail /e --tail /f/*.log --service e`
  const { settings, options } = await started(...words.split(/\s+/))
  t.is(settings?.data, '/c')
  t.is(settings?.listen.port, 0)
  t.deepEqual(settings?.collectors.docker, [
    { root: '/var/lib/docker/containers', socket: '/d.sock', stats: true, opt_in: false },
  ])
  t.deepEqual(settings?.collectors.files, [
    { paths: ['/b'], service: 'b' },
    { paths: ['/e', '/f/*.log'], service: 'e' },
  ])
  t.deepEqual(options?.roles, ['collector', 'processor'])
  t.true(options?.fresh)
})

test('a signal while starting stops as soon as it has started', async (t) => {
  const { noted, start, opened } = openStub()
  const terminal = openTerminal({ start })
  const done = terminal.run('run')
  await until('the start', () => noted.settings)
  terminal.stop('SIGTERM')
  t.is(noted.closed, 0)
  opened()
  t.is((await done).code, 0)
  t.is(noted.closed, 1)
  t.is(terminal.printed.out, '', 'it does not say that it runs')
})

test('a second signal leaves at once', async (t) => {
  const { start, opened } = openStub()
  opened()
  const terminal = openTerminal({ start })
  const done = terminal.run('run')
  await until('the start', () => terminal.printed.out !== '')
  terminal.stop('SIGTERM')
  terminal.stop('SIGTERM')
  t.deepEqual(terminal.printed.left, [143])
  await done
})

test('what cannot start is told in one line, exit code 1', async (t) => {
  const start = async () => {
    throw new Trouble('port 7080 on 127.0.0.1 is in use', { remedy: 'choose another' })
  }
  const { err, code } = await openTerminal({ start }).run('run')
  t.is(err, 'mesoscope: port 7080 on 127.0.0.1 is in use: choose another\n')
  t.is(code, 1)
})

for (const [what, words, complaint] of [
  ['an unknown role', ['--roles', 'collector,cook'], /Known are collector, processor/],
  [
    'a service without files',
    ['--service', 'x'],
    /--service names the service of the files of --tail/,
  ],
  ['a port that is none', ['--port', '70000'], /Give a whole number from 0 to 65535/],
  [
    'an empty socket path',
    ['--docker', '--socket', ''],
    /^command line: collectors\.docker\[0\]\.socket: /,
  ],
] as const) {
  test(`run refuses ${what}, exit code 2`, async (t) => {
    const { printed } = await started(...words)
    t.regex(printed.err, complaint)
    t.is(printed.code, 2)
  })
}

test('demo starts the demo with its options', async (t) => {
  let given: DemoOptions | undefined
  const startDemo = async (options: DemoOptions) => {
    given = options
    options.say('http://127.0.0.1:1 shows \u001b it')
    return { close: async () => {} }
  }
  const terminal = openTerminal({ startDemo })
  const done = terminal.run('demo', '--data', '/x', '--port', '0', '--fresh')
  await until('the start', () => given)
  terminal.stop()
  const { out, code } = await done
  t.is(out, 'http://127.0.0.1:1 shows \\x1b it\n')
  t.is(code, 0)
  t.like(given, { data: '/x', port: 0, fresh: true })
})

test('a bad rule is told and set aside; SIGHUP reads the file again', async (t) => {
  const file = join(directory(t), 'm.yaml')
  const good = 'alerts:\n  - { alert: Good, when: errors > 1 }\n'
  writeFileSync(file, `${good}  - { alert: Bad, when: 'errors >' }\n`)
  const { noted, opened } = openStub()
  opened()
  const reloaded: [rules: string[], bad: unknown[]][] = []
  const refused: (readonly string[])[] = []
  const start: CliParts['start'] = async (settings, options) => {
    Object.assign(noted, { settings, options })
    return {
      close: async () => {},
      async reload(next, bad) {
        reloaded.push([next.alerts.map(({ alert }) => alert), [...bad]])
        return 'rules reloaded (2)'
      },
      refuseReload: (faults) => void refused.push(faults),
    }
  }
  const terminal = openTerminal({ start })
  const done = terminal.run('run', '--config', file)
  await until('the start', () => terminal.printed.out !== '')
  t.deepEqual(
    noted.settings?.alerts.map(({ alert }) => alert),
    ['Good'],
  )
  t.like(noted.options?.badRules, { length: 1, 0: { alert: 'Bad' } })
  t.regex(terminal.printed.err, /m\.yaml:3: alerts\[1\]\.when: .*\nmesoscope: set aside .*: Bad\n$/)

  writeFileSync(file, `${good}  - { alert: Bad, when: errors > 2 }\n`)
  terminal.reload()
  await until('reloaded', () => reloaded.length === 1)
  t.deepEqual(reloaded, [[['Good', 'Bad'], []]])
  t.regex(terminal.printed.err, /rules reloaded \(2\)\n$/)

  writeFileSync(file, 'alertz: []\n')
  terminal.reload()
  await until('refused', () => refused.length === 1)
  t.regex(refused[0]?.[0] ?? '', /m\.yaml:1: alertz: is not a setting/)
  t.regex(terminal.printed.err, /those from before are in use\n$/)
  terminal.stop()
  t.is((await done).code, 0)
})
