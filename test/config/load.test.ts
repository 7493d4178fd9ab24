import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { inspect } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { SettingsTrouble } from '../../config/faults.ts'
import { dataDirectory, loadSettings, loadUsable, type Overrides } from '../../config/load.ts'
import { Trouble } from '../../pipeline/errors.ts'

const bad = 'test/config/bad'

/** What stands in variables must never stand in a complaint. */
const env = {
  EMPTY: '',
  PORT_WITH_SECRET: 'hunter2',
  PATTERN_WITH_SECRET: '(hunter2',
  QUERY_WITH_SECRET: 'level:(hunter2',
}

function faultsOf(file: string, overrides: Overrides = {}): string[] {
  try {
    loadSettings(file, env, overrides)
    return []
  } catch (error) {
    if (!(error instanceof SettingsTrouble)) throw error
    return error.faults.map((fault) => fault.replace(`${bad}/`, ''))
  }
}

for (const file of readdirSync(bad).filter((name) => name.endsWith('.yaml'))) {
  test(`${file} gets exactly its complaint`, (t) => {
    const complaint = `${faultsOf(join(bad, file)).join('\n')}\n`
    t.is(complaint, readFileSync(join(bad, `${basename(file, '.yaml')}.txt`), 'utf8'))
    t.notRegex(complaint, /hunter2/)
  })
}

function written(t: ExecutionContext, text: string | Uint8Array, name = 'mesoscope.yaml'): string {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-config-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  writeFileSync(join(dir, name), text)
  return join(dir, name)
}

test('the empty file is valid: nothing is collected, only this machine is listened to', (t) => {
  const { settings } = loadSettings(written(t, ''), {})
  t.deepEqual(settings, loadSettings(undefined, {}).settings)
  t.deepEqual(settings.listen, { host: '127.0.0.1', port: 7080 })
  t.deepEqual([settings.collectors.docker, settings.collectors.files], [[], []])
  t.is(settings.mail, undefined)
})

test('the files that come with Mesoscope are valid', (t) => {
  const example = loadSettings('config/example.yaml', {}).settings
  t.is(example.alerts[0]?.for, 120_000)
  t.is(example.spool.max_bytes, 1024 ** 3)
  t.is(example.mail?.host, 'localhost')
  const demo = loadSettings('config/demo.yaml', {}, { mail: { host: '127.0.0.1', port: 2525 } })
  t.deepEqual(Object.keys(demo.settings.signals), [
    'requests',
    'error_rate',
    'silence',
    'oom_kills',
    'recent_deaths',
    'stuck_deployments',
    'no_leader',
  ])
  t.is(demo.settings.mail?.port, 2525)
  t.deepEqual(demo.settings.evaluation, {
    interval: 1000,
    resolution: 1000,
    flapping: { low: 5, high: 20, every: 60_000 },
  })
})

test('an empty section is as good as none', (t) => {
  const { settings } = loadSettings(written(t, 'listen:\nsignals:\nalerts:\nmail:\n'), {})
  t.deepEqual(settings, loadSettings(undefined, {}).settings)
})

test('the environment is put into texts, wherever they are read as numbers or flags too', (t) => {
  const text = [
    'cluster: "${ZONE}-${RACK:-r1}"',
    'data: $${HOME}',
    'listen: { port: "${PORT}" }',
    'collectors: { multiline: "${MULTILINE:-false}", max_event_bytes: "${SIZE}" }',
  ]
  const { settings } = loadSettings(written(t, text.join('\n')), {
    ZONE: 'eu',
    PORT: '8080',
    SIZE: '1MiB',
    RACK: '',
  })
  t.is(settings.cluster, 'eu-r1')
  t.is(settings.data, '${HOME}')
  t.is(settings.listen.port, 8080)
  t.false(settings.collectors.multiline)
  t.is(settings.collectors.max_event_bytes, 1024 ** 2)
})

test('a secret comes from a file or the environment and is never printed', (t) => {
  const file = written(t, 'hunter2\n', 'token')
  const text = `listen: { token: 'file:${file}' }\nmail: { host: h, user: u, password: '\${PASS}' }\n`
  const { settings } = loadSettings(written(t, text), { PASS: 'swordfish' })
  t.is(settings.listen.token?.reveal(), 'hunter2')
  t.is(settings.mail?.password?.reveal(), 'swordfish')
  const printed = [
    JSON.stringify(settings),
    inspect(settings, { depth: 9, showHidden: true }),
    `${settings.listen.token?.toString()}`,
  ]
  for (const print of printed) {
    t.notRegex(print, /hunter2|swordfish/)
    t.regex(print, /\[secret\]/)
  }
})

test('a secret that is a directory, empty or too large is told without being shown', (t) => {
  const large = written(t, 'hunter2'.repeat(20_000), 'large')
  const empty = written(t, '\n', 'empty')
  for (const [path, sentence] of [
    [tmpdir(), 'is not a plain file'],
    [empty, 'the secret is empty'],
    [large, 'too many for a secret'],
  ]) {
    const error = t.throws(
      () => loadSettings(written(t, `listen: { token: 'file:${path}' }`), {}),
      { instanceOf: SettingsTrouble },
    )
    t.regex(error.message, /mesoscope\.yaml:1: listen\.token: /)
    t.true(error.message.includes(String(sentence)), error.message)
    t.notRegex(error.message, /hunter2/)
  }
})

test('overrides are laid over the file: keys replaced, lists added', (t) => {
  const file = written(t, 'listen: { port: 1 }\ncollectors: { files: [{ paths: [/a] }] }\n')
  const { settings } = loadSettings(
    file,
    {},
    {
      data: '/elsewhere',
      listen: { port: 2, token: undefined },
      collectors: { files: [{ paths: ['/b/${NOT_FILLED_IN}'], service: 'b' }] },
    },
  )
  t.is(settings.data, '/elsewhere')
  t.deepEqual(settings.listen, { host: '127.0.0.1', port: 2 })
  t.deepEqual(settings.collectors.files, [
    { paths: ['/a'], service: 'host' },
    { paths: ['/b/${NOT_FILLED_IN}'], service: 'b' },
  ])
})

test('faults of overrides name the command line, and those of the file stay', (t) => {
  const file = join(bad, 'two-documents.yaml')
  const overrides = { listen: { port: 70_000 }, collectors: { docker: [{}] } }
  t.deepEqual(faultsOf(file, overrides), [
    'two-documents.yaml:2: not YAML: a second document begins here (---); one file holds one',
    'command line: listen.port: expected a whole number from 0 to 65535, got 70000',
  ])
  t.deepEqual(
    faultsOf(join(bad, 'braces.yaml').replace('bad/braces', '../../config/demo'), overrides),
    [
      'command line: listen.port: expected a whole number from 0 to 65535, got 70000',
      'command line: collectors.docker[0]: needs a root, a socket or both',
    ],
  )
})

test('checks of other rooms see sound settings only, and their faults get the line', (t) => {
  const check = () => [{ path: ['alerts', 0, 'when'], sentence: 'is odd' }]
  const text = 'signals:\n  a: { measure: rate }\nalerts:\n  - alert: A\n    when: a > 1\n'
  const error = t.throws(() => loadSettings(written(t, text), {}, {}, [check]))
  t.regex(error?.message ?? '', /mesoscope\.yaml:5: alerts\[0\]\.when: is odd$/)
  const other = t.throws(() => loadSettings(written(t, `${text}dta: x\n`), {}, {}, [check]))
  t.notRegex(other?.message ?? '', /is odd/)
})

test('one name may stand for two rules whose labels differ', (t) => {
  const rule = (severity: string) =>
    `  - { alert: A, when: a > 1, labels: { severity: ${severity} } }\n`
  const text = `signals: { a: { measure: rate } }\nalerts:\n${rule('warn')}${rule('page')}`
  t.is(loadSettings(written(t, text), {}).settings.alerts.length, 2)
})

test('a file that is missing, too large or not UTF-8 is a Trouble that names it', (t) => {
  const cases: [string, RegExp][] = [
    ['/nonexistent/mesoscope.yaml', /cannot read \/nonexistent\/mesoscope\.yaml \(ENOENT\)/],
    [written(t, Buffer.from([0x61, 0x3a, 0x20, 0xff])), /mesoscope\.yaml is not UTF-8/],
    [written(t, `#${'x'.repeat(2 ** 20)}`), /too many for settings/],
    [tmpdir(), /cannot read .* \(EISDIR\)/],
  ]
  for (const [file, message] of cases) {
    const error = t.throws(() => loadSettings(file, {}), { instanceOf: Trouble })
    t.regex(error.message, message)
  }
})

test('the data directory can be read although a secret cannot', (t) => {
  const file = written(t, 'data: "${STATE}/m"\nlisten: { token: file:/nonexistent }\n')
  t.is(dataDirectory(file, { STATE: '/var' }), '/var/m')
  t.is(dataDirectory(undefined, {}), '.mesoscope')
  t.throws(() => dataDirectory(written(t, 'data: [1]'), {}), { instanceOf: Trouble })
})

test('one bad rule stops no other: it is set aside with its faults', (t) => {
  const file = written(
    t,
    `cluster: prod
signals:
  errors: { where: 'level:error', measure: rate }
  broken: { where: 'level:(', measure: rate }
alerts:
  - { alert: Unreadable, when: 'errors >', labels: { severity: page } }
  - { alert: Good, when: errors > 1 }
  - { alert: OfBroken, when: broken > 1 }
  - { alert: Unknown, when: nothing > 1 }
  - { alert: AlsoGood, when: errors > 2, for: 1m }
`,
  )
  const { settings, badRules } = loadUsable(file, {})
  t.deepEqual(
    settings.alerts.map(({ alert }) => alert),
    ['Good', 'AlsoGood'],
  )
  t.deepEqual(Object.keys(settings.signals), ['errors'])
  const shown = badRules.map(({ alert, labels, faults }) => ({
    alert,
    labels,
    fault: faults
      .join()
      .replace(/^.*mesoscope\.yaml/, 'mesoscope.yaml')
      .slice(0, 60),
  }))
  t.deepEqual(
    shown.toSorted((a, b) => a.fault.localeCompare(b.fault)),
    [
      {
        alert: undefined,
        labels: {},
        fault: 'mesoscope.yaml:4: signals.broken.where: cannot read the quer',
      },
      {
        alert: 'Unreadable',
        labels: { severity: 'page' },
        fault: 'mesoscope.yaml:6: alerts[0].when: cannot read the condition:',
      },
      {
        alert: 'OfBroken',
        labels: {},
        fault: 'mesoscope.yaml:8: alerts[2].when: there is no signal broken;',
      },
      {
        alert: 'Unknown',
        labels: {},
        fault: 'mesoscope.yaml:9: alerts[3].when: there is no signal nothing',
      },
    ],
  )
})

test('among faulty signals too it is the faulty rules that are set aside, not their neighbours', (t) => {
  const file = written(
    t,
    `signals:
  x: { from: metrics, measure: avg }
  errors: { where: 'level:error', measure: rate }
alerts:
  - { alert: Unknown, when: nosuch > 1 }
  - { alert: Long, when: errors > 1, for: banana }
  - { alert: Good, when: errors > 1 }
  - { alert: AlsoGood, when: errors > 2 }
`,
  )
  const { settings, badRules } = loadUsable(file, {})
  t.deepEqual(
    settings.alerts.map(({ alert }) => alert),
    ['Good', 'AlsoGood'],
  )
  t.deepEqual(badRules.flatMap(({ alert }) => alert ?? []).toSorted(), ['Long', 'Unknown'])
})

test('faults of anything else refuse the settings, with those of the rules', (t) => {
  const file = written(t, 'clustre: prod\nalerts: [{ alert: A, when: "1 +" }]\n')
  const { faults } = t.throws<SettingsTrouble>(() => loadUsable(file, {})) ?? { faults: [] }
  t.is(faults.length, 2)
  t.regex(faults[0] ?? '', /mesoscope\.yaml:1: clustre: /)
  t.regex(faults[1] ?? '', /mesoscope\.yaml:2: alerts\[0\]\.when: /)
  const env = written(t, 'alerts: [{ alert: A, when: "${NOWHERE}" }]\n')
  t.throws(() => loadUsable(env, {}), { instanceOf: SettingsTrouble })
})
