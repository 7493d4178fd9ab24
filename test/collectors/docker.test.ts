import {
  mkdtempSync,
  rmSync,
  truncateSync,
  writeFileSync,
  appendFileSync,
  mkdirSync,
  renameSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { array, assert, asyncProperty, boolean, integer } from 'fast-check'
import { openDockerCollector, type DockerCollectorOptions } from '../../collectors/docker.ts'
import type { Collector } from '../../collectors/sink.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { idOf, messageAt, openJsonFileWriter, timeAt, writeInThread } from './json-file-writer.ts'
import {
  messagesOf,
  openRecording,
  openRecordingSink,
  until,
  type Recording,
} from './recording-sink.ts'

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'mesoscope-docker-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function open(root: string, sink: DockerCollectorOptions['sink'], more: object = {}) {
  const collector = await openDockerCollector({
    name: 'docker',
    root,
    cluster: 'test',
    sink,
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
    redactor: { scan: () => [], redact: (text) => text },
    maxEventBytes: 256 * 1024,
    multiline: false,
    ...more,
  })
  opened.push(collector)
  return collector
}

// Also after a failure, or the test process would not end.
const opened: Collector[] = []
test.after.always(() => Promise.all(opened.map((collector) => collector.close())))

const numbers = (count: number) => Array.from({ length: count }, (_, n) => messageAt(n))
const config = (more: object = {}) => ({
  Name: '/web-1',
  Config: { Image: 'web:1', Env: ['MARATHON_APP_ID=/shop/web'] },
  ...more,
})

function changesOf(recording: Recording, kind: string) {
  return [...recording.changes.values()].filter((change) => change['event.kind'] === kind)
}

test.serial(
  'lines carry the identity, ids by Docker time and ordinal, and a dense sequence',
  async (t) => {
    const root = folder(t)
    const recording = openRecording()
    const writer = openJsonFileWriter({ root, id: idOf(1) })
    writer.config(config())
    writer.write('a\n', '2026-11-22T18:00:00.5Z')
    writer.write('b\n', '2026-11-22T18:00:00.5Z')
    writer.write('oh\n', '2026-11-22T18:00:00.6Z', 'stderr')
    const collector = await open(root, openRecordingSink(recording))
    await until('three lines', () => recording.lines.length === 3)
    await collector.close()
    const id = idOf(1)
    const out = recording.lines.filter((line) => line.source === `${id}:o`)
    t.deepEqual(
      out.map((line) => [line.message, line['event.id'], line['@timestamp']]),
      [
        ['a', `${id}:o:1795370400500000000:0`, '2026-11-22T18:00:00.500000000Z'],
        ['b', `${id}:o:1795370400500000000:1`, '2026-11-22T18:00:00.500000000Z'],
      ],
    )
    t.like(out[0], {
      'service.name': '/shop/web',
      'container.id': id,
      'orchestrator.cluster.name': 'test',
    })
    t.deepEqual(messagesOf(recording, `${id}:e`), ['oh'])
    t.like(recording.identities[0], { service: '/shop/web', container: id })
  },
)

for (const compress of [false, true]) {
  test.serial(
    `rotation at speed loses, doubles and reorders nothing${compress ? ' (compressed)' : ''}`,
    async (t) => {
      const root = folder(t)
      const recording = openRecording()
      const collector = await open(root, openRecordingSink(recording))
      const count = 20_000
      const ids = [idOf(1), idOf(2)]
      await Promise.all(
        ids.map((id) =>
          writeInThread({
            root,
            id,
            from: 0,
            count,
            maxBytes: 100_000,
            maxFiles: 50,
            compress,
            partialEvery: 7,
            burst: 100,
          }),
        ),
      )
      await until('all lines', () => recording.lines.length >= 2 * count)
      await collector.close()
      for (const id of ids) t.deepEqual(messagesOf(recording, `${id}:o`), numbers(count))
      t.deepEqual(changesOf(recording, 'gap'), [])
      t.is(recording.dead.size, 0)
    },
  )
}

test.serial(
  'overrun by rotation: what is lost is told, what is left is in order, once',
  async (t) => {
    const root = folder(t)
    const recording = openRecording()
    const collector = await open(root, openRecordingSink(recording))
    const files = { maxBytes: 5_000, maxFiles: 2 }
    await writeInThread({ root, id: idOf(1), from: 0, count: 20_000, ...files, burst: 1000 })
    await until('the last line', () => recording.lines.at(-1)?.message === messageAt(19_999))
    await collector.close()
    const read = messagesOf(recording, `${idOf(1)}:o`).map((line) => Number(line.split(' ')[1]))
    t.deepEqual(
      read,
      [...new Set(read)].toSorted((a, b) => a - b),
    )
    // What was gone before the container was seen at all nobody can know.
    const holes = read.filter((n, at) => at > 0 && n !== (read[at - 1] as number) + 1).length
    const gaps = changesOf(recording, 'gap').length
    t.true(gaps >= holes, `${holes} holes, ${gaps} told`)
  },
)

test.serial(
  'killed at any moment and started again, every line is there exactly once',
  async (t) => {
    const kills = array(integer({ min: 0, max: 6 }), { minLength: 3, maxLength: 6 })
    await assert(
      asyncProperty(kills, boolean(), async (lives, multiline) => {
        const root = mkdtempSync(join(tmpdir(), 'mesoscope-kill-'))
        try {
          const recording = openRecording()
          const count = 3000
          const writing = writeInThread({
            root,
            id: idOf(1),
            from: 0,
            count,
            maxBytes: 20_000,
            maxFiles: 100,
            partialEvery: 5,
            stderrEvery: 3,
            burst: 20,
          })
          for (const killAfter of lives) {
            const sink = openRecordingSink(recording, killAfter)
            const collector = await open(root, sink, { multiline })
            await until(
              'the kill, or all lines',
              () => sink.killed() || recording.lines.length >= count,
            )
            sink.kill()
            await collector.close()
          }
          await writing
          const last = await open(root, openRecordingSink(recording), { multiline })
          await until('all lines', () => recording.lines.length >= count, 10_000)
          await last.close()
          const stderr = numbers(count).filter((_, n) => n % 3 === 0)
          const stdout = numbers(count).filter((_, n) => n % 3 !== 0)
          return (
            same(messagesOf(recording, `${idOf(1)}:o`), stdout) &&
            same(messagesOf(recording, `${idOf(1)}:e`), stderr) &&
            changesOf(recording, 'gap').length === 0
          )
        } finally {
          rmSync(root, { recursive: true, force: true })
        }
      }),
      { numRuns: Number(process.env['MESOSCOPE_TEST_RUNS'] ?? 8), endOnFailure: true },
    )
    t.pass()
  },
)

const same = (a: string[], b: string[]) => JSON.stringify(a) === JSON.stringify(b)

test.serial('files rotated while nobody was here are read, the oldest first', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const writer = openJsonFileWriter({ root, id: idOf(1), maxFiles: 4 })
  const write = (from: number, to: number) => {
    for (let n = from; n < to; n++) writer.write(`${messageAt(n)}\n`, timeAt(n * 1e6))
  }
  write(0, 10)
  const first = await open(root, openRecordingSink(recording))
  await until('ten lines', () => recording.lines.length === 10)
  await first.close()
  write(10, 15)
  writer.rotate()
  write(15, 20)
  writer.rotate()
  write(20, 25)
  const second = await open(root, openRecordingSink(recording))
  await until('25 lines', () => recording.lines.length === 25)
  await second.close()
  t.deepEqual(messagesOf(recording, `${idOf(1)}:o`), numbers(25))
  t.deepEqual(changesOf(recording, 'gap'), [])
})

test.serial('what was rotated away unread is a gap that names container and times', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const writer = openJsonFileWriter({ root, id: idOf(1), maxFiles: 2 })
  writer.config(config())
  writer.write('first\n', timeAt(0))
  const before = await open(root, openRecordingSink(recording))
  await until('a line', () => recording.lines.length === 1)
  await before.close()
  for (let n = 1; n < 5; n++) {
    writer.rotate()
    writer.write(`${messageAt(n)}\n`, timeAt(n * 1e9))
  }
  const after = await open(root, openRecordingSink(recording))
  await until('three lines', () => recording.lines.length === 3)
  await after.close()
  t.deepEqual(messagesOf(recording, `${idOf(1)}:o`), ['first', messageAt(3), messageAt(4)])
  const [gap, ...others] = changesOf(recording, 'gap')
  t.deepEqual(others, [])
  t.like(gap, {
    'event.action': 'rotated',
    'gap.last_read': '2026-11-22T18:00:00.000000000Z',
    'gap.first_available': '2026-11-22T18:00:03.000000000Z',
    'container.name': 'web-1',
  })
  t.regex(gap?.message ?? '', /^container web-1 was rotated away/)
})

test.serial('a truncated file is read from its beginning and told', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const writer = openJsonFileWriter({ root, id: idOf(1) })
  writer.write('a long first line\n', timeAt(0))
  const collector = await open(root, openRecordingSink(recording))
  await until('a line', () => recording.lines.length === 1)
  truncateSync(writer.path, 0)
  for (let n = 1; n < 9; n++) writer.write(`${messageAt(n)}\n`, timeAt(n * 1e9))
  await until('all lines', () => recording.lines.length === 9)
  await collector.close()
  t.is(messagesOf(recording, `${idOf(1)}:o`).length, 9)
  t.is(changesOf(recording, 'gap')[0]?.['event.action'], 'truncated')
})

test.serial('short-lived containers are read to their end, then forgotten', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const collector = await open(root, openRecordingSink(recording))
  const count = 15
  const lives = Array.from({ length: count }, async (_, n) => {
    await new Promise((resolve) => setTimeout(resolve, n * 60))
    const writer = openJsonFileWriter({ root, id: idOf(n) })
    for (let line = 0; line < 20; line++) writer.write(`${messageAt(line)}\n`, timeAt(line * 1e6))
    await new Promise((resolve) => setTimeout(resolve, 200))
    writer.remove()
  })
  await Promise.all(lives)
  await until('all lines', () => recording.lines.length === count * 20)
  await until('forgotten', () => recording.positions.size === 0)
  await collector.close()
  for (let n = 0; n < count; n++) t.deepEqual(messagesOf(recording, `${idOf(n)}:o`), numbers(20))
})

test.serial('an identity that comes late is told, and later lines carry it', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const writer = openJsonFileWriter({ root, id: idOf(1) })
  writeFileSync(join(writer.folder, 'config.v2.json'), '{"ID":"torn')
  writer.write('early\n', timeAt(0))
  const collector = await open(root, openRecordingSink(recording))
  await until('a line', () => recording.lines.length === 1)
  t.is(recording.lines[0]?.['service.name'], undefined)
  t.is(recording.lines[0]?.['container.id'], idOf(1))
  writer.config(config())
  await until('the identity', () => recording.identities.length === 1)
  writer.write('late\n', timeAt(1e9))
  await until('two lines', () => recording.lines.length === 2)
  await collector.close()
  t.is(recording.lines[1]?.['service.name'], '/shop/web')
})

test.serial(
  'starts and deaths are changes with exit code and the same id when told again',
  async (t) => {
    const root = folder(t)
    const recording = openRecording()
    const writer = openJsonFileWriter({ root, id: idOf(1) })
    const StartedAt = '2026-11-22T18:00:00.1Z'
    writer.config(
      config({ State: { Running: true, StartedAt, FinishedAt: '0001-01-01T00:00:00Z' } }),
    )
    const collector = await open(root, openRecordingSink(recording))
    await until('started', () => recording.changes.size === 1)
    const FinishedAt = '2026-11-22T18:00:09.25Z'
    const State = { Running: false, StartedAt, FinishedAt, ExitCode: 137, OOMKilled: true }
    writer.config(config({ State }))
    await until('died', () => recording.changes.size === 2)
    await collector.close()
    t.like(recording.changes.get(`change:container:${idOf(1)}:started:1795370400100000000`), {
      'event.action': 'started',
      'service.name': '/shop/web',
    })
    t.like(recording.changes.get(`change:container:${idOf(1)}:died:1795370409250000000`), {
      'event.action': 'died',
      message: 'container web-1 died, exit code 137 (signal 9), out of memory',
      'process.exit_code': 137,
    })
    recording.positions.clear()
    const again = await open(root, openRecordingSink(recording))
    await until('told again', () => recording.positions.size > 0)
    await again.close()
    t.is(recording.changes.size, 2)
  },
)

test.serial(
  'a root that is missing is told with a remedy, and read once it is there',
  async (t) => {
    const root = join(folder(t), 'containers')
    const recording = openRecording()
    const collector = await open(root, openRecordingSink(recording))
    await until('trouble', () => collector.trouble() !== undefined)
    t.regex(collector.trouble() ?? '', /containers cannot be listed \(ENOENT\): is this the/)
    t.is(collector.through(), 0)
    mkdirSync(root)
    openJsonFileWriter({ root, id: idOf(1) }).write('x\n', timeAt(0))
    await until('a line', () => recording.lines.length === 1)
    await until('no trouble', () => collector.trouble() === undefined)
    await collector.close()
  },
)

test.serial('damaged bytes become dead letters, the records around them lines', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const writer = openJsonFileWriter({ root, id: idOf(1) })
  writer.write('a\n', timeAt(0))
  appendFileSync(writer.path, 'not json, password=hunter2\n')
  appendFileSync(writer.path, Buffer.alloc(3 * 1024 * 1024))
  writer.write('b\n', timeAt(1e9))
  const redactor = {
    scan: () => [],
    redact: (text: string) => text.replace('hunter2', '***'),
  }
  const collector = await open(root, openRecordingSink(recording), { redactor })
  await until('two lines', () => recording.lines.length === 2)
  await collector.close()
  t.deepEqual(messagesOf(recording, `${idOf(1)}:o`), ['a', 'b'])
  const dead = [...recording.dead.values()]
  t.is(dead[0]?.sample, 'not json, password=***\n')
  t.is(
    dead.reduce((sum, { bytes }) => sum + bytes, 0),
    27 + 3 * 1024 * 1024,
  )
  t.regex(dead[0]?.origin ?? '', /-json\.log at byte \d+$/)
})

test.serial('through() passes the time of writing only when the line was appended', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const writer = openJsonFileWriter({ root, id: idOf(1) })
  const collector = await open(root, openRecordingSink(recording))
  for (let n = 0; n < 4; n++) {
    writer.write(`${n}\n`, timeAt(n))
    const writtenMs = wallClock.now()
    await until('the watermark', () => collector.through() > writtenMs)
    t.true(recording.lines.length > n)
  }
  await collector.close()
})

test.serial('one busy container does not hold up the others', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const line = `${JSON.stringify({ log: `${'y'.repeat(200)}\n`, stream: 'stdout', time: timeAt(0) })}\n`
  const busy = openJsonFileWriter({ root, id: idOf(1) })
  writeFileSync(busy.path, line.repeat(100_000))
  openJsonFileWriter({ root, id: idOf(2) }).write('quiet\n', timeAt(0))
  const collector = await open(root, openRecordingSink(recording))
  await until('the quiet line', () => recording.lines.some(({ message }) => message === 'quiet'))
  t.true(recording.lines.length < 100_001)
  await until('all', () => recording.lines.length === 100_001)
  await collector.close()
})

test.serial('a log driver without a file is named, once, with the remedy', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const writer = openJsonFileWriter({ root, id: idOf(1) })
  writer.config(config(), { LogConfig: { Type: 'local' } })
  const collector = await open(root, openRecordingSink(recording))
  await until('trouble', () => collector.trouble() !== undefined)
  t.regex(
    collector.trouble() ?? '',
    /container web-1 logs through the driver local.*give the socket/,
  )
  await until('the change', () => changesOf(recording, 'collector').length === 1)
  await collector.close()
})

const mesosId = (n: number) => `ede58961-8932-479b-8055-a2d4adae353${n}`

test.serial('labels opt in and out; what is left out reaches nobody else', async (t) => {
  for (const [optIn, labels, isRead] of [
    [false, {}, true],
    [false, { 'mesoscope.logs': 'false' }, false],
    [true, {}, false],
    [true, { 'mesoscope.logs': 'true' }, true],
  ] as const) {
    const root = folder(t)
    const recording = openRecording()
    for (const n of [1, 2]) {
      const writer = openJsonFileWriter({ root, id: idOf(n) })
      const Labels = n === 1 ? labels : { 'mesoscope.logs': 'true' }
      writer.config({ Name: `/mesos-${mesosId(n)}`, Config: { Image: 'web:1', Labels } })
      writer.write(`from ${n}\n`, timeAt(n))
    }
    const told = new Set<string>()
    const collector = await open(root, openRecordingSink(recording), { optIn, collected: told })
    await until('the other', () => recording.lines.some(({ message }) => message === 'from 2'))
    await collector.close()
    const messages = recording.lines.map(({ message }) => message).toSorted()
    t.deepEqual(messages, isRead ? ['from 1', 'from 2'] : ['from 2'])
    t.deepEqual([...told].toSorted(), [mesosId(1), mesosId(2)], 'no sandbox shall be read instead')
  }
})

test.serial('a label that is not understood is told, and the log read', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const writer = openJsonFileWriter({ root, id: idOf(1) })
  writer.config({ Name: '/web-1', Config: { Labels: { 'mesoscope.sample': 'some' } } })
  writer.write('a\n', timeAt(0))
  const collector = await open(root, openRecordingSink(recording))
  await until('its line', () => recording.lines.length === 1)
  t.regex(
    collector.trouble() ?? '',
    /^container web-1: its label mesoscope\.sample is not understood/,
  )
})

test.serial('files in mounted folders are read for the container that names them', async (t) => {
  const root = folder(t)
  const host = folder(t)
  const outside = folder(t)
  writeFileSync(join(outside, 'secret.log'), 'secret\n')
  writeFileSync(join(host, 'app.log'), 'one\ntwo\n')
  writeFileSync(join(host, 'app.log.1'), 'zero\n')
  symlinkSync(join(outside, 'secret.log'), join(host, 'link.log'))
  symlinkSync(outside, join(host, 'folder'))
  const recording = openRecording()
  const writer = openJsonFileWriter({ root, id: idOf(1) })
  const files =
    '/var/log/app/*.log*, /var/log/app/folder/secret.log, /var/log/app/../../../etc/passwd, /etc/passwd'
  writer.config({
    ...config(),
    Config: { ...config().Config, Labels: { 'mesoscope.files': files, 'mesoscope.level': 'warn' } },
    MountPoints: { '/var/log/app': { Source: host, Destination: '/var/log/app', Type: 'bind' } },
  })
  writer.write('printed\n', timeAt(0))
  const sink = openRecordingSink(recording)
  const collector = await open(root, sink)
  await until('four lines', () => recording.lines.length === 4)
  renameSync(join(host, 'app.log.1'), join(host, 'app.log.2'))
  renameSync(join(host, 'app.log'), join(host, 'app.log.1'))
  writeFileSync(join(host, 'app.log'), 'three\n')
  await until('five lines', () => recording.lines.length === 5)
  t.deepEqual(recording.lines.map(({ message }) => message).toSorted(), [
    'one',
    'printed',
    'three',
    'two',
    'zero',
  ])
  for (const line of recording.lines) {
    t.like(line, { 'service.name': '/shop/web', 'container.id': idOf(1), 'log.level': 'warn' })
  }
  await until(
    'the links',
    () => collector.trouble()?.endsWith('is a link to elsewhere: it is not read') === true,
  )
  await collector.close()

  // Another container with the same folder goes on where this one was.
  appendFileSync(join(host, 'app.log'), 'four\n')
  const again = await open(root, openRecordingSink(recording))
  await until('six lines', () => recording.lines.length === 6)
  t.is(recording.lines.at(-1)?.message, 'four')
  rmSync(join(root, idOf(1)), { recursive: true })
  appendFileSync(join(host, 'app.log'), 'five\n')
  await until('what it wrote last', () => recording.lines.at(-1)?.message === 'five')
  await again.close()
})

test.serial('how a running container is run is told once, and that it runs no more', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const writer = openJsonFileWriter({ root, id: idOf(1) })
  const running = { Running: true, StartedAt: timeAt(0) }
  writer.config(config({ State: running, MountPoints: {} }))
  const hostConfig = join(root, idOf(1), 'hostconfig.json')
  writeFileSync(hostConfig, JSON.stringify({ Privileged: true, Memory: 1 }))
  const first = await open(root, openRecordingSink(recording))
  await until('it is told', () => recording.postures.length > 0)
  await first.close()
  t.like(recording.postures[0], {
    of: 'container',
    id: idOf(1),
    identity: { service: '/shop/web', image: 'web:1' },
    findings: { privileged: { found: true }, 'no-memory-limit': { found: false } },
  })
  const second = await open(root, openRecordingSink(recording))
  writer.config(config({ State: { ...running, Running: false, FinishedAt: timeAt(1) } }))
  await until('it is gone', () => recording.postures.length > 1)
  await second.close()
  t.deepEqual(recording.postures.slice(1), [{ of: 'container', id: idOf(1), gone: true }])
})
