import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { openDockerCollector } from '../../collectors/docker.ts'
import type { Collector, Sink } from '../../collectors/sink.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import type { Posture } from '../../pipeline/posture.ts'
import {
  messagesOf,
  openRecording,
  openRecordingSink,
  until,
  type Recording,
} from '../collectors/recording-sink.ts'

/*
 * Against a real Docker daemon: the one of MESOSCOPE_TEST_DOCKER_SOCKET (which needs the image mesoscope/busybox), or
 * a private one that is started here, as root.
 */
const given = process.env['MESOSCOPE_TEST_DOCKER_SOCKET']
const script = fileURLToPath(new URL('../servers/docker.sh', import.meta.url))
const home = given === undefined ? mkdtempSync(join(tmpdir(), 'mesoscope-dockerd-')) : ''
const socket = given ?? join(home, 'docker.sock')
const run = promisify(execFile)

const daemon = (verb: 'start' | 'stop') => execFileSync('sh', [script, verb, socket])

test.before('the daemon is up', (t) => {
  if (given !== undefined) return
  try {
    daemon('start')
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer }
    t.fail(
      `${stderr?.toString().trim() ?? String(error)}\nInstall it with \`sudo sh test/servers/docker.sh install\` and run as root, or give the socket of a daemon in MESOSCOPE_TEST_DOCKER_SOCKET.`,
    )
  }
})

test.after.always('the daemon is down', () => {
  if (given !== undefined) return
  daemon('stop')
  rmSync(home, { recursive: true, force: true })
})

async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', ['-H', `unix://${socket}`, ...args])
  return stdout.trim()
}

/** Starts a container; its full id. */
function start(options: string[], command: string): Promise<string> {
  return docker('run', '-d', '--network=none', ...options, 'mesoscope/busybox', 'sh', '-c', command)
}

const shared = {
  cluster: 'test',
  clock: wallClock,
  log: silentLog,
  redactor: { scan: () => [], redact: (text: string) => text },
  maxEventBytes: 256 * 1024,
  multiline: false,
}

async function open(sink: Sink, more: { files?: boolean } = {}) {
  const collector = await openDockerCollector({
    ...shared,
    ...more,
    metrics: openMetrics(),
    name: 'docker',
    socket,
    sink,
  })
  opened.push(collector)
  return collector
}

// Also after a failure, or the test process would not end.
const opened: Collector[] = []
test.after.always(() => Promise.all(opened.map((collector) => collector.close())))

const linesOf = (recording: Recording, id: string) =>
  recording.lines.filter(({ source }) => source.startsWith(id))

/** What a container printed, as the sorted list of ids with messages: the same whichever way it was read. */
const inIdOrder = (recording: Recording, id: string) =>
  linesOf(recording, id)
    .map((line) => `${line['event.id']} ${line.message}`)
    .toSorted()

const odd = `
  i=0; while [ $i -lt 300 ]; do echo "out $i"; [ $((i % 3)) = 0 ] && echo "err $i ä <&>" >&2; i=$((i + 1)); done
  head -c 40000 /dev/zero | tr '\\0' x; echo
  head -c 16384 /dev/zero | tr '\\0' y; echo
  printf 'bad \\377 utf-8\\n'; printf 'a\\ttab \\033[31mred\\n\\n'; printf 'no newline at the end'`

const ways: [string, string[], number][] = [
  ['stdout and stderr, long lines, odd bytes', [], 406],
  ['a terminal', ['-t'], 406],
]

for (const [title, options, count] of ways) {
  test.serial(`${title}: files and API give the same ids and messages`, async (t) => {
    const id = await start(options, odd)
    t.teardown(() => docker('rm', '-f', id))
    const [byFiles, byApi] = [openRecording(), openRecording()]
    const collectors = [
      await open(openRecordingSink(byFiles)),
      await open(openRecordingSink(byApi), { files: false }),
    ]
    for (const recording of [byFiles, byApi]) {
      await until(`${count} lines`, () => linesOf(recording, id).length >= count)
    }
    await Promise.all(collectors.map((collector) => collector.close()))
    t.is(linesOf(byFiles, id).length, count)
    t.deepEqual(inIdOrder(byApi, id), inIdOrder(byFiles, id))
    const long = linesOf(byApi, id).find(({ message }) => message.startsWith('xx'))
    t.is(long?.message.length, 40000)
    t.true(messagesOf(byApi, `${id}:o`).includes('no newline at the end'))
  })
}

test.serial(
  'a container that is removed at once (--rm) is read whole, with its death',
  async (t) => {
    const recording = openRecording()
    const collector = await open(openRecordingSink(recording))
    await until('the watermark', () => collector.through() > 0)
    const names = Array.from({ length: 6 }, (_, n) => `short-${n}-${process.pid}`)
    for (const name of names) {
      await docker(
        'run',
        '--rm',
        '--network=none',
        '--name',
        name,
        'mesoscope/busybox',
        'sh',
        '-c',
        'seq 50; exit 0',
      )
    }
    const of = (name: string) => recording.lines.filter((line) => line['container.name'] === name)
    for (const name of names) await until(`50 lines of ${name}`, () => of(name).length === 50)
    const died = () =>
      [...recording.changes.values()].filter((change) => change['event.action'] === 'died')
    await until('six deaths', () => died().length >= 6)
    await collector.close()
    t.true(died().every((change) => change['process.exit_code'] === 0))
  },
)

test.serial('the driver local is read over the API; none is named', async (t) => {
  const recording = openRecording()
  const collector = await open(openRecordingSink(recording))
  const local = await start(['--log-driver', 'local'], odd)
  const none = await start(
    ['--log-driver', 'none', '--name', `none-${process.pid}`],
    'seq 3; sleep 60',
  )
  t.teardown(() => docker('rm', '-f', local, none))
  // Also where the daemon's follow stalls (moby#39235): then the collector reads anew after a silence of 15 s.
  await until('all lines of local', () => linesOf(recording, local).length >= 406, 60_000)
  await until('trouble', () => collector.trouble() !== undefined)
  t.regex(
    collector.trouble() ?? '',
    /container none-\d+: its log cannot be read .*use the log driver/,
  )
  await until('the change', () => recording.changes.has(`change:collector:${none}:unreadable`))
  await collector.close()
  t.is(linesOf(recording, local).length, 406)
})

test.serial('killed and started again over the API: every line exactly once', async (t) => {
  const recording = openRecording()
  const print = 'i=0; while [ $i -lt 5000 ]; do echo "n $i"; echo "e $i" >&2; i=$((i + 1)); done'
  const id = await start([], print)
  t.teardown(() => docker('rm', '-f', id))
  for (const killAfter of [1, 0, 2, 1, 3]) {
    const sink = openRecordingSink(recording, killAfter)
    const collector = await open(sink, { files: false })
    await until('the kill or all', () => sink.killed() || linesOf(recording, id).length >= 10_000)
    sink.kill()
    await collector.close()
  }
  const last = await open(openRecordingSink(recording), { files: false })
  await until('all lines', () => linesOf(recording, id).length >= 10_000)
  await last.close()
  const expected = (letter: string) => Array.from({ length: 5000 }, (_, n) => `${letter} ${n}`)
  t.deepEqual(messagesOf(recording, `${id}:o`), expected('n'))
  t.deepEqual(messagesOf(recording, `${id}:e`), expected('e'))
})

for (const files of [true, false]) {
  test.serial(
    files ? 'rotation at full speed, files' : 'rotation at 5,000 lines/s, API',
    async (t) => {
      const recording = openRecording()
      const collector = await open(openRecordingSink(recording), { files })
      // A follower that is slower than the rotation loses lines in the daemon itself; a file reader does not.
      const rest = files ? '' : '[ $((i % 500)) = 0 ] && sleep 0.1; '
      const print = `i=0; while [ $i -lt 20000 ]; do echo "n $i"; ${rest}i=$((i + 1)); done`
      const id = await start(['--log-opt', 'max-size=100k', '--log-opt', 'max-file=50'], print)
      t.teardown(() => docker('rm', '-f', id))
      await until('all lines', () => linesOf(recording, id).length >= 20_000, 60_000)
      await collector.close()
      t.deepEqual(
        messagesOf(recording, `${id}:o`),
        Array.from({ length: 20_000 }, (_, n) => `n ${n}`),
      )
    },
  )
}

for (const files of [true, false]) {
  test.serial(`labels say what is read, by ${files ? 'files' : 'the API'}`, async (t) => {
    const recording = openRecording()
    const collector = await open(openRecordingSink(recording), { files })
    const label = (...labels: string[]) => labels.flatMap((one) => ['--label', `mesoscope.${one}`])
    const left = await start(label('logs=false', 'service=left'), 'echo never; sleep 60')
    t.teardown(() => docker('rm', '-f', left))
    const volume = `logs-${files}`
    const write =
      'echo one > /var/log/app/a.log; echo printed; sleep 1; echo two >> /var/log/app/a.log; sleep 60'
    const id = await start(
      [
        '-v',
        `${volume}:/var/log/app`,
        ...label('files=/var/log/app/*.log', 'service=app', 'level=warn'),
      ],
      write,
    )
    t.teardown(async () => {
      await docker('rm', '-f', id)
      await docker('volume', 'rm', volume)
    })
    await until('three lines', () => recording.lines.length >= 3)
    await collector.close()
    t.deepEqual(linesOf(recording, left), [])
    t.deepEqual(recording.lines.map(({ message }) => message).toSorted(), ['one', 'printed', 'two'])
    for (const line of recording.lines) {
      t.like(line, { 'service.name': 'app', 'container.id': id, 'log.level': 'warn' })
    }
  })
}

test.serial('a start, a death by signal and a restart are told with their times', async (t) => {
  const recording = openRecording()
  const collector = await open(openRecordingSink(recording))
  const id = await start(['--label', 'mesoscope.service=life'], 'echo up; sleep 60')
  t.teardown(() => docker('rm', '-f', id))
  const of = (action: string) =>
    [...recording.changes.values()].filter(
      (change) => change['container.id'] === id && change['event.action'] === action,
    )
  await until('started', () => of('started').length === 1)
  await docker('kill', id)
  await until('died', () => of('died').length === 1)
  t.like(of('died')[0], { 'process.exit_code': 137, 'service.name': 'life' })
  await docker('start', id)
  await until('started again', () => of('started').length === 2)
  await until('two lines', () => linesOf(recording, id).length === 2)
  await collector.close()
})

const ownDaemon = given === undefined ? test.serial : test.serial.skip
ownDaemon('the daemon restarts: told meanwhile, and nothing lost or doubled', async (t) => {
  const [byFiles, byApi] = [openRecording(), openRecording()]
  const collectors = [
    await open(openRecordingSink(byFiles)),
    await open(openRecordingSink(byApi), { files: false }),
  ]
  const id = await start(
    [],
    'i=0; while [ $i -lt 500 ]; do echo "n $i"; i=$((i + 1)); done; sleep 60',
  )
  for (const recording of [byFiles, byApi]) {
    await until('500 lines', () => linesOf(recording, id).length === 500)
  }
  daemon('stop')
  await until('trouble', () => collectors.every((collector) => collector.trouble() !== undefined))
  t.regex(
    collectors[0]?.trouble() ?? '',
    /Docker does not answer on .*docker\.sock \((ENOENT|ECONNREFUSED)\)/,
  )
  daemon('start')
  await docker('start', id)
  for (const recording of [byFiles, byApi]) {
    await until('1000 lines', () => linesOf(recording, id).length === 1000, 60_000)
  }
  await until('no trouble', () => collectors.every((one) => one.trouble() === undefined))
  await Promise.all(collectors.map((collector) => collector.close()))
  t.deepEqual(inIdOrder(byApi, id), inIdOrder(byFiles, id))
  await docker('rm', '-f', id)
})

for (const files of [true, false]) {
  test.serial(`how a container runs, by ${files ? 'files' : 'the API'}`, async (t) => {
    const bad = ['--pid=host', '--cap-add=SYS_PTRACE', '-v', `${socket}:/var/run/docker.sock`]
    const good = ['-u', '1000', '-m', '64m', '--cpus=0.5', '--health-cmd=true']
    const weak = await start(bad, 'sleep 60')
    const fit = await start(good, 'sleep 60')
    t.teardown(() => docker('rm', '-f', weak, fit))
    const recording = openRecording()
    const collector = await open(openRecordingSink(recording), { files })
    const told = (id: string) =>
      recording.postures.findLast((one): one is Posture => one.id === id && !('gone' in one))
    const isWhole = (id: string) => Object.keys(told(id)?.findings ?? {}).length === 10
    await until('both are told', () => isWhole(weak) && isWhole(fit))
    const found = (id: string) =>
      Object.entries(told(id)?.findings ?? {}).flatMap(([name, verdict]) =>
        verdict.found ? name : [],
      )
    const always = ['mutable-tag']
    t.deepEqual(found(fit), always)
    t.deepEqual(found(weak).toSorted(), [
      'capabilities',
      'docker-socket',
      'host-pid',
      'mutable-tag',
      'no-cpu-limit',
      'no-health-check',
      'no-memory-limit',
      'root',
    ])
    await docker('kill', weak)
    await until('it is gone', () => recording.postures.some((one) => 'gone' in one))
    await collector.close()
  })
}
