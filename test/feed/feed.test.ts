import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deflateSync, gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { tempDir } from '../helpers/pipeline.ts'
import { sharedDir } from '../helpers/shared.ts'
import { expected, unread } from './expected.ts'
import { feedDirectory, type Report } from './feed.ts'

const dir = sharedDir()
const withShared = dir === undefined ? test.skip : test

const of = (reports: readonly Report[], outcome: string) =>
  reports.filter((report) => report.outcome === outcome)

withShared('the shared fixtures (skipped where they are not there)', async (t) => {
  const reports = await feedDirectory(join(dir as string, 'fixtures'))
  const byPath = new Map(reports.map((report) => [report.path, report]))
  t.deepEqual(of(reports, 'failed'), [])
  t.true(Object.keys(expected).length >= 60)
  const wrong = Object.entries(expected).flatMap(([path, says]) => {
    const report = byPath.get(path)
    if (report?.outcome === 'passed' && report.says.startsWith(says)) return []
    return [`${path}: expected ${says}, got ${report?.says ?? 'nothing'}`]
  })
  t.deepEqual(wrong, [])
  for (const path of unread) t.is(byPath.get(path)?.outcome, 'unread', path)
})

/** Files by their path below a directory. */
async function make(t: ExecutionContext, files: Record<string, string | Buffer>): Promise<string> {
  const root = await tempDir(t)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return root
}

async function reportsOf(t: ExecutionContext, files: Record<string, string | Buffer>) {
  const reports = await feedDirectory(await make(t, files))
  return Object.fromEntries(reports.map(({ path, outcome, says }) => [path, `${outcome}: ${says}`]))
}

const body = (text: string | Buffer, head: string) =>
  Buffer.concat([Buffer.from(`HTTP/1.1 ${head}\r\n\r\n`), Buffer.from(text)])

test('what a file is, its folder and its shape tell, not its name', async (t) => {
  const reports = await reportsOf(t, {
    'mesos-2/a': '{"tasks":[{"id":"t","statuses":[]},{"id":"u"}]}',
    'mesos-2/b.txt': '[]',
    'mesos-2/c.http': body('No leader elected', '503 Service Unavailable'),
    'mesos-2/d.http': body(
      gzipSync('{"slaves":[{"id":"S0"}]}'),
      '200 OK\r\nContent-Encoding: gzip',
    ),
    'mesos-2/e.json': '<html><body>Bad gateway</body></html>',
    'mesos-2/f': 'Agent has not finished recovery',
    'mesos-2/g': '12\n{"type":"X"}20\n{"type":"HEARTBEAT"}',
    'marathon/x': '{"apps":[{"id":"/a"}]}',
    'marathon/y': ': hi\r\n\r\nevent: e\r\ndata: {"eventType":"e"}\r\n\r\n',
    'docker/z': '[{"Id":"0123456789ab","Names":["/a"],"State":"exited"}]',
    'logs/l': 'ERROR x\n',
    'elsewhere/n': '{"slaves":[],"frameworks":[]}',
    'elsewhere/o': 'just text',
    'mesos-2/nobody.json': '{"flags":{}}',
    'consul/c.json': '{',
    'logs/none': '',
  })
  t.deepEqual(reports, {
    'consul/c.json': 'unread: no collector reads this yet',
    'docker/z': 'passed: 1 container, 0 that run',
    'elsewhere/n': 'passed: 0 agents, 0 frameworks, 0 tasks, 0 statuses',
    'elsewhere/o': 'unread: no collector reads this yet',
    'logs/l': 'passed: 1 line, 1 event, 1 error',
    'logs/none': 'passed: a log without content',
    'marathon/x': 'passed: 1 app',
    'marathon/y': 'passed: 1 event, 0 that tell something',
    'mesos-2/a': 'passed: 2 tasks, 0 statuses',
    'mesos-2/b.txt': 'passed: an empty list',
    'mesos-2/c.http': 'passed: a refusal: 503: No leader elected',
    'mesos-2/d.http': 'passed: 1 agent',
    'mesos-2/e.json': 'passed: HTML instead of an answer',
    'mesos-2/f': 'passed: a refusal: Agent has not finished recovery',
    'mesos-2/g':
      'passed: 1 event, 0 changes, 0 identities, not understood: $.type (X): is of a type that is not known',
    'mesos-2/nobody.json': 'unread: no collector reads this yet',
  })
})

const hex = '4f0c'.repeat(16)
const read = '2026-11-22T18:00:00Z'
const stats = { read, cpu_stats: { cpu_usage: { total_usage: 5e9 } } }
const event = { Type: 'container', Action: 'die', Actor: { ID: hex }, time: 1795371962 }
const described = { Id: hex, Name: '/db-1', State: { Running: true }, Config: {} }
const lines = (...values: unknown[]) => values.map((value) => JSON.stringify(value)).join('\n')
const record = (log: string) => ({ stream: 'stdout', log, time: read })

test('captures of other versions, and as other tools write them', async (t) => {
  const reports = await reportsOf(t, {
    'mesos/h2': 'HTTP/2 200 \r\nContent-Type: application/json\r\n\r\n{"slaves":[{"id":"S0"}]}',
    'mesos/continue': body(body('{"slaves":[]}', '200 OK'), '100 Continue'),
    'mesos/deflate': body(deflateSync('{"slaves":[]}'), '200 OK\r\nContent-Encoding: deflate'),
    'mesos/curl-v.txt': '< HTTP/1.1 200 OK\n<\n{"slaves":[]}',
    'mesos/blank': ' \n',
    'mesos/bom': '\uFEFF{"slaves":[{"id":"S0"}]}',
    'mesos/events': lines([{ type: 'HEARTBEAT' }, { type: 'HEARTBEAT' }]),
    'mesos/failed': lines([{ container_id: 'c', executor_id: 'e', executor_name: 'n' }]),
    'mesos/metrics': lines({ 'containerizer/mesos/container_destroy_errors': 0, 'gc/x': 1 }),
    'mesos/sandbox/stderr': 'I0101 12:00:00.123456  1234 exec.cpp:132] Version: 0.28\n',
    'mesos/sandbox/stdout': 'Starting task web.1\n',
    'marathon/how.txt': 'curl -X PATCH -d \'{"instances":2}\' localhost:8080/v2/apps/a',
    'marathon/tasks.txt': 'web\t10000\tsrv1:31000\t\n',
    'marathon/events': lines(
      { eventType: 'deployment_success', id: 'd', timestamp: read },
      { eventType: 'app_terminated_event', appId: '/a', timestamp: read },
    ),
    'docker/inspect': lines([described, described]),
    'docker/list': lines([
      { Id: hex, Names: [], Status: 'Up 3 minutes' },
      { Id: '123456789', Names: [], State: 'exited' },
    ]),
    'docker/stats': lines([stats, stats]),
    'docker/stats-shown': [stats, stats].map((one) => JSON.stringify(one, null, 2)).join('\n'),
    'docker/events': lines([event, { ...event, Type: 'network' }]),
    'docker/events-1.9': lines(
      { status: 'start', id: hex, from: 'nginx', time: 1 },
      { status: 'die', id: hex, from: 'nginx', time: 2 },
    ),
    'docker/a-json.log': `\uFEFF${lines(record('a\n'), record('b\n'))}\n`,
    'docker/b-json.log': `${JSON.stringify(record('c\n')).replaceAll(':"', ': "')}\n`,
    'docker/b-json.log.1.gz': gzipSync(`${lines(record('b\n'))}\n`),
  })
  t.deepEqual(reports, {
    'docker/a-json.log':
      'passed: 1 line, 1 event, 1 unknown, not understood: a-json.log at byte 0: not a json-file record',
    'docker/b-json.log': 'passed: 2 lines, 2 events, 2 unknown',
    'docker/b-json.log.1.gz': 'passed: read with b-json.log',
    'docker/events': 'passed: 1 event',
    'docker/events-1.9': 'passed: 2 events',
    'docker/inspect': 'passed: 2 containers, 0 changes, service db-1',
    'docker/list': 'passed: 2 containers, 1 that runs',
    'docker/stats': 'passed: 2 samples',
    'docker/stats-shown': 'passed: 2 samples',
    'marathon/events': 'passed: 2 events, 1 that tells something',
    'marathon/how.txt': 'unread: no collector reads this yet',
    'marathon/tasks.txt': 'unread: no collector reads this yet',
    'mesos/blank': 'passed: an answer without content',
    'mesos/bom': 'passed: 1 agent',
    'mesos/continue': 'passed: 0 agents',
    'mesos/curl-v.txt': 'unread: no collector reads this yet',
    'mesos/deflate': 'passed: 0 agents',
    'mesos/events': 'passed: 2 events, 0 changes, 0 identities',
    'mesos/failed': 'passed: 1 container, 0 samples',
    'mesos/h2': 'passed: 1 agent',
    'mesos/metrics': 'passed: 2 metrics, 1 sample',
    'mesos/sandbox/stderr': 'passed: 1 line, 1 event, 1 info',
    'mesos/sandbox/stdout': 'passed: 1 line, 1 event, 1 unknown',
  })
})

test('what is of a kind that is read and is not understood fails, and says why', async (t) => {
  const reports = await reportsOf(t, {
    'mesos/broken.json': '{"tasks":[',
    'mesos/nothing.json': '{"tasks":[{"name":"x"}]}',
    'mesos/some.json': '{"tasks":[{"name":"x"},{"id":"t"}]}',
    'mesos/stream.raw': body('5\r\nhello\r\n0\r\n\r\n', '200 OK\r\nTransfer-Encoding: chunked'),
    'docker/list.json': '[{"Id":"0123456789ab","Names":[]},{"Id":"no","Names":[]}]',
    'logs/bad.log': '{"log":"a\\n","stream":"stdout","time":"2026-11-22T18:00:00Z"}\nno record\n',
  })
  t.deepEqual(reports, {
    'docker/list.json': 'failed: 1 were dropped, 0 of them named: 1 container, 0 that run',
    'logs/bad.log':
      'passed: 1 line, 1 event, 1 unknown, not understood: bad.log at byte 62: not a json-file record',
    'mesos/broken.json': 'failed: Error: JSON that breaks off or is damaged',
    'mesos/nothing.json':
      'failed: nothing was understood: 0 tasks, 0 statuses, not understood: $.tasks[0]: a task without an id',
    'mesos/some.json':
      'passed: 1 task, 0 statuses, not understood: $.tasks[0]: a task without an id',
    'mesos/stream.raw': 'passed: a refusal: hello',
  })
})

const script = fileURLToPath(new URL('run.ts', import.meta.url))

async function run(...args: string[]) {
  const options = { env: { ...process.env, NO_COLOR: '1' } }
  return promisify(execFile)(process.execPath, [script, ...args], options).then(
    ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      stdout,
      stderr,
    }),
  )
}

test('npm run fixtures: a line a file, the count last, and how it went as exit code', async (t) => {
  const root = await make(t, {
    'mesos/tasks.json': '{"tasks":[{"id":"t"}]}',
    'mesos/README.md': '# x',
  })
  t.deepEqual(await run(root), {
    code: 0,
    stdout:
      'mesos/tasks.json: 1 task, 0 statuses\n  task=t\nnot read yet (1): mesos/README.md\n1 passed, 0 failed\n',
    stderr: '',
  })
  const reports = JSON.parse((await run(root, '--json')).stdout) as Report[]
  t.deepEqual(reports.at(-1), {
    path: 'mesos/tasks.json',
    outcome: 'passed',
    says: '1 task, 0 statuses',
    identities: [{ task: 't' }],
  })
  writeFileSync(join(root, 'mesos', 'x.json'), '[{')
  const failed = await run(root)
  t.is(failed.code, 1)
  t.true(failed.stdout.endsWith('\n1 passed, 1 failed\n'))
  t.regex(failed.stdout, /^FAILED mesos\/x\.json: Error: JSON that breaks off/m)
  t.is((await run(join(root, 'nowhere'))).code, 2)
})
