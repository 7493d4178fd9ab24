import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { levelOf } from '../../collectors/level.ts'
import { levelLines } from './level-lines.ts'
import type { Level } from '../../pipeline/event.ts'

const escape = (text: string) => JSON.stringify(text).slice(1, -1)

for (const [kind, table] of Object.entries(levelLines)) {
  for (const [level, text] of table) {
    test(`${kind}: ${level} is ${JSON.stringify(text.slice(0, 90))}`, (t) => {
      t.is(levelOf(escape(text)), level)
    })
  }
}

test('an event with a stack trace is an error, unless it says otherwise', (t) => {
  t.is(levelOf('V8 errors stack trace\\n  at x', true), 'error')
  t.is(levelOf('WARN retried\\n  at x', true), 'warn')
})

test('markup as Docker escapes it', (t) => {
  t.is(levelOf('\\u003c3\\u003edisk failure'), 'error')
  t.is(levelOf('\\u001b[33mWARN\\u001b[0m slow'), 'warn')
})

test('hostile lines take no longer than others and do not throw', (t) => {
  for (const part of ['HTTP/', '{\\"level\\":', 'ERROR_', '\\u001b[', '[', '1.2', '] \\"\\" ']) {
    t.true(['unknown', 'error', 'info'].includes(levelOf(part.repeat(200_000))))
  }
})

const logs = join(process.env['MESOSCOPE_SHARED'] ?? '../shared', 'fixtures/logs')

/** How many lines of each level there are in real logs. */
const counted: Record<string, Partial<Record<Level, number>>> = {
  'beats/nginx_access.log': { info: 7 },
  'beats/nginx_error.log': { error: 4, warn: 2 },
  'lnav/logfile_bunyan.0': { debug: 9, info: 1 },
  'lnav/logfile_caddy_log.0': { info: 30, warn: 9 },
  'lnav/logfile_crlf.0': { debug: 1, warn: 1 },
  'lnav/logfile_docker_compose.0': { unknown: 20, warn: 2 },
  'lnav/logfile_ecs_log.json': { debug: 1, info: 1, warn: 1, error: 1, fatal: 1 },
  'lnav/logfile_glog.0': { error: 2, info: 4, warn: 1 },
  'lnav/logfile_grafana.0': { info: 5 },
  'lnav/logfile_haproxy.0': { info: 13, unknown: 4 },
  'lnav/logfile_java.0': { info: 20 },
  'lnav/logfile_journald.json': { fatal: 1, info: 1 },
  'lnav/logfile_logfmt.0': { error: 2, warn: 1, info: 2 },
  'lnav/logfile_mux_zookeeper.0': { info: 1 },
  'lnav/logfile_nested_json.json': {
    trace: 1,
    info: 2,
    debug: 5,
    unknown: 1,
    warn: 1,
    error: 1,
    fatal: 2,
  },
  'lnav/logfile_pino.0': { info: 1 },
  'lnav/logfile_postgres.0': { info: 20, unknown: 7, error: 1 },
  'lnav/logfile_rust_tracing.0': { info: 2, trace: 1, warn: 1, error: 1 },
  'lnav/logfile_uwsgi.0': { info: 19 },
  'mesos/mesos-master-glog.log': { info: 3 },
}

if (existsSync(logs)) {
  for (const [name, wanted] of Object.entries(counted)) {
    test(`levels of ${name}`, (t) => {
      const found: Partial<Record<Level, number>> = {}
      for (const line of readFileSync(join(logs, name), 'utf8').split('\n').slice(0, -1)) {
        const level = levelOf(escape(line.replace(/\r$/, '')))
        found[level] = (found[level] ?? 0) + 1
      }
      t.deepEqual(found, wanted)
    })
  }

  for (const name of readdirSync(join(logs, 'stacktraces'))) {
    const isText = name === 'arbitrary_text.txt'
    test(`${name} is ${isText ? 'no error' : 'an error'}`, (t) => {
      const level = levelOf(escape(readFileSync(join(logs, 'stacktraces', name), 'utf8')), !isText)
      t.true(isText ? level === 'unknown' : level === 'error' || level === 'fatal')
    })
  }
} else test.skip(`levels of the lines in ${logs} (set MESOSCOPE_SHARED)`, () => {})
