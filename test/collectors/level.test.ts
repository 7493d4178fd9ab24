import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { levelOf } from '../../collectors/level.ts'
import type { Level } from '../../pipeline/event.ts'

const escape = (text: string) => JSON.stringify(text).slice(1, -1)

const lines: Record<string, [Level, string][]> = {
  JSON: [
    ['info', '{"level":"INFO","msg":"x"}'],
    ['error', '{"ts":1,"severity":"ERROR"}'],
    ['debug', '{"lvl":"DEBUG5"}'],
    ['warn', '{"@timestamp":"x","log.level": "warning"}'],
    ['info', '{"level":30,"msg":"error: none"}'],
    ['error', '{"level": 50}'],
    ['fatal', '{"level":60}'],
    ['error', '{"version":"1.1","level":3}'],
    ['unknown', '{"msg":"no level in here, 0 errors"}'],
    ['unknown', '{"level":"STATS","msg":"ERROR"}'],
  ],
  logfmt: [
    ['warn', 'time=x level=warn msg="error seen"'],
    ['error', 'lvl="error" x=1'],
    ['debug', 'msg=ready severity=DEBUG'],
  ],
  words: [
    ['info', '2026-11-22 18:00:00,123 INFO  [main] c.s.Order - ERROR budget kept'],
    ['warn', '2026-11-22 18:00:00 [WARN] slow'],
    ['error', 'ERROR: relation "x" does not exist'],
    ['error', '10:22:40 ERR failed'],
    ['fatal', 'FATAL could not start'],
    ['fatal', '[CRITICAL] no space left'],
    ['info', 'NOTICE: table skipped'],
    ['trace', 'TRACE enter'],
    ['error', 'Error: cannot find module'],
    ['error', 'Error connecting to database'],
    ['warn', 'Warning: no config file'],
    ['error', '2026/11/22 14:49:34 [error] 54053#0: *1 open() failed'],
    ['warn', '\u001b[31m\u001b[1mWARNING: development server\u001b[0m'],
    ['debug', '2012-07-02 10:22:40,672:DEBUG:foo bar'],
    ['fatal', 'panic: runtime error: invalid memory address'],
    ['fatal', 'PHP Fatal error:  Uncaught exception'],
  ],
  'words that are no level': [
    ['unknown', '0 errors, 3 warnings'],
    ['unknown', 'error_count=0 done'],
    ['unknown', 'ERROR=0'],
    ['unknown', 'see https://example.org/ERROR/info'],
    ['unknown', 'user information updated'],
    ['unknown', 'Debug mode: on'],
    ['unknown', 'no errors found in error.log'],
    ['unknown', `${'x'.repeat(300)} ERROR too late to be a level`],
    ['unknown', ''],
  ],
  prefixes: [
    ['error', 'E1122 15:04:22.619632 1952 x.cc:253] failed'],
    ['warn', 'W20261122 19:57:52.646862 10859 exec.cpp:164] slow'],
    ['info', 'I0301 14:47:46.959683 89194 group.cpp:831] ERROR'],
    ['error', '<3>disk failure'],
    ['info', '<14>Nov 22 18:00:00 host app: started'],
  ],
  'access lines': [
    ['info', '10.0.0.1 - - [22/Nov/2026:18:00:00 +0000] "GET /ERROR HTTP/1.1" 200 12 "-" "x"'],
    ['error', '10.0.0.1 - - [22/Nov/2026:18:00:00 +0000] "POST /cart HTTP/1.1" 502 12'],
    ['info', '10.0.0.1 - - [22/Nov/2026:18:00:00 +0000] "GET /x HTTP/2" 404 12'],
    ['info', '127.0.0.1 - - [12/Apr/2018:09:48:40 +0200] "" 400 0 "-" "-"'],
    [
      'info',
      '1795378509.704   2586 10.1.2.3 TCP_MISS/200 2215 GET http://x/ - HIER_DIRECT/1.2.3.4',
    ],
    ['error', '1795378509.704   2586 10.1.2.3 TCP_TUNNEL/503 2215 CONNECT http://x/ u -'],
    ['info', '[pid: 1|app: 0] 127.0.0.1 () POST /u => generated 47 bytes (HTTP/1.1 200) 9 headers'],
  ],
  exceptions: [
    ['error', 'java.lang.IllegalStateException: pool exhausted'],
    ['error', 'Traceback (most recent call last):\n  File "x.py"'],
    ['error', 'ReferenceError: myArray is not defined'],
    ['error', "thread 'main' panicked at src/main.rs:2:5:"],
    ['warn', '2026-11-22 18:00:00 WARN x - java.lang.IllegalStateException: retried'],
  ],
}

for (const [kind, table] of Object.entries(lines)) {
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
