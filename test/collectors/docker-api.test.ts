import { mkdtempSync, rmSync } from 'node:fs'
import http, { type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openDockerCollector } from '../../collectors/docker.ts'
import { openDockerApi } from '../../collectors/docker-api.ts'
import type { Sink } from '../../collectors/sink.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { isoToNs, type Stream } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { idOf, openJsonFileWriter } from './json-file-writer.ts'
import { messagesOf, openRecording, openRecordingSink, until } from './recording-sink.ts'

interface FakeContainer {
  id: string
  running: boolean
  tty?: boolean
  pieces: [stream: Stream, time: string, text: string][]
  /** A follow ends after so many pieces, as Docker's does when a container exits meanwhile. */
  followOnly?: number
  /** After this piece a follow sends the ones before again, as Docker's does at a rotation. */
  repeatAfter?: number
  /** It sends this piece twice in a row. */
  twice?: number
  refuse?: { status: number; body: string }
}

/** Speaks the parts of Docker's API that are used, over a real socket. */
function fakeDaemon(t: ExecutionContext) {
  const home = mkdtempSync(join(tmpdir(), 'mesoscope-api-'))
  const socket = join(home, 'docker.sock')
  const containers = new Map<string, FakeContainer>()
  const listeners = new Set<ServerResponse>()
  const asked: string[] = []

  function logs(
    { tty, pieces, refuse, ...container }: FakeContainer,
    url: URL,
    response: ServerResponse,
  ) {
    if (refuse) return response.writeHead(refuse.status).end(refuse.body)
    response.writeHead(200)
    const [seconds = '0', fraction = ''] = (url.searchParams.get('since') ?? '0').split('.')
    const since = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'))
    const follow = url.searchParams.has('follow')
    const wanted = pieces.filter(([, time]) => (isoToNs(time) as bigint) >= since)
    const sent = follow ? wanted.slice(0, container.followOnly) : wanted
    const repeat = follow ? (container.repeatAfter ?? 0) : 0
    const twice = follow && container.twice !== undefined ? sent.slice(container.twice) : []
    const once = twice.length > 0 ? sent.slice(0, (container.twice ?? 0) + 1) : sent
    const all = [...sent.slice(0, repeat), ...once, ...twice]
    for (const piece of all) response.write(frame(piece, tty))
    if (!follow || container.followOnly !== undefined || !container.running) response.end()
  }

  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://docker')
    asked.push(request.url ?? '')
    const json = (body: unknown) => response.end(JSON.stringify(body))
    if (url.pathname === '/info') return json({ DockerRootDir: home })
    if (url.pathname === '/events') {
      response.writeHead(200)
      response.flushHeaders()
      return listeners.add(response)
    }
    if (url.pathname === '/containers/json') {
      return json(
        [...containers.values()].map(({ id, running }) => ({
          Id: id,
          State: running ? 'running' : 'exited',
        })),
      )
    }
    const [, , id = '', what] = url.pathname.split('/')
    const container = containers.get(id)
    if (!container) return response.writeHead(404).end('{"message":"No such container"}')
    if (what === 'logs') return logs(container, url, response)
    const { running, tty = false } = container
    return json({
      Id: id,
      Name: `/fake-${Number.parseInt(id.slice(-1), 16)}`,
      Config: { Tty: tty },
      HostConfig: { LogConfig: { Type: 'local' } },
      State: {
        Running: running,
        StartedAt: '2026-11-22T18:00:00Z',
        FinishedAt: '0001-01-01T00:00:00Z',
      },
    })
  })

  async function listen() {
    await new Promise<void>((resolve) => server.listen(socket, resolve))
  }

  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    rmSync(home, { recursive: true, force: true })
  })
  return {
    socket,
    containers,
    asked,
    listen,
    add: (container: FakeContainer) => containers.set(container.id, container),
    event: (event: unknown) => listeners.forEach((one) => one.write(`${JSON.stringify(event)}\n`)),
  }
}

function frame([stream, time, text]: FakeContainer['pieces'][number], tty = false): Buffer {
  const payload = Buffer.from(`${time} ${text}`)
  if (tty) return payload
  const header = Buffer.from([stream === 'stdout' ? 1 : 2, 0, 0, 0, 0, 0, 0, 0])
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}

async function open(t: ExecutionContext, socket: string, sink: Sink, more: object = {}) {
  const collector = await openDockerCollector({
    name: 'docker',
    socket,
    files: false,
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
  t.teardown(() => collector.close())
  return collector
}

const timeOf = (n: number) => `2026-11-22T18:00:${String(n % 60).padStart(2, '0')}.000000007Z`
/** Two lines share each nanosecond. */
const pieces = (count: number): FakeContainer['pieces'] =>
  Array.from({ length: count }, (_, n) => ['stdout', timeOf(Math.floor(n / 2)), `line ${n}\n`])
const texts = (count: number) => Array.from({ length: count }, (_, n) => `line ${n}`)

test('what the end of a follow drops is read again; ids are those of the file', async (t) => {
  const daemon = fakeDaemon(t)
  await daemon.listen()
  const [byApi, byFile] = [openRecording(), openRecording()]
  const id = idOf(1)
  const all: FakeContainer['pieces'] = [
    ...pieces(20),
    ['stderr', timeOf(10), 'oh "no" <&>\n'],
    ['stdout', timeOf(11), 'in two '],
    ['stdout', timeOf(11), 'pieces\n'],
    ['stdout', timeOf(12), 'no newline'],
  ]
  daemon.add({ id, running: false, pieces: all, followOnly: 7 })
  await open(t, daemon.socket, openRecordingSink(byApi))
  const root = mkdtempSync(join(tmpdir(), 'mesoscope-same-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  const writer = openJsonFileWriter({ root, id })
  for (const [stream, time, text] of all) writer.write(text, time, stream)
  await open(t, daemon.socket, openRecordingSink(byFile), { root, socket: undefined, files: true })
  for (const recording of [byApi, byFile]) {
    await until('23 lines', () => recording.lines.length === 23)
  }
  const of = (recording: typeof byApi) =>
    recording.lines.map((line) => `${line['event.id']} ${line.message}`).toSorted()
  t.deepEqual(of(byApi), of(byFile))
  t.deepEqual(messagesOf(byApi, `${id}:o`).slice(0, 21), [...texts(20), 'in two pieces'])
})

test('what is sent twice at a rotation is taken once', async (t) => {
  const daemon = fakeDaemon(t)
  await daemon.listen()
  const recording = openRecording()
  daemon.add({ id: idOf(1), running: false, pieces: pieces(30), repeatAfter: 17, twice: 20 })
  await open(t, daemon.socket, openRecordingSink(recording))
  await until('30 lines', () => recording.lines.length >= 30)
  t.deepEqual(messagesOf(recording, `${idOf(1)}:o`), texts(30))
})

test("a terminal's log is framed by what inspect says", async (t) => {
  const daemon = fakeDaemon(t)
  await daemon.listen()
  const recording = openRecording()
  const all = pieces(10).map(([of, time, text]) => [of, time, text.replace('\n', '\r\n')])
  daemon.add({ id: idOf(1), running: false, tty: true, pieces: all as FakeContainer['pieces'] })
  await open(t, daemon.socket, openRecordingSink(recording))
  await until('10 lines', () => recording.lines.length === 10)
  t.deepEqual(messagesOf(recording, `${idOf(1)}:o`), texts(10))
})

test('killed between appends, also within one nanosecond, every line comes exactly once', async (t) => {
  const daemon = fakeDaemon(t)
  await daemon.listen()
  const recording = openRecording()
  const container: FakeContainer = { id: idOf(1), running: true, pieces: [], followOnly: 5 }
  daemon.add(container)
  for (let count = 1; count <= 40; count += 3) {
    container.pieces = pieces(count)
    const sink = openRecordingSink(recording, (count % 4) + 1)
    const collector = await open(t, daemon.socket, sink)
    await until('the kill or all', () => sink.killed() || recording.lines.length >= count)
    sink.kill()
    await collector.close()
  }
  await open(t, daemon.socket, openRecordingSink(recording))
  await until('40 lines', () => recording.lines.length >= 40)
  t.deepEqual(messagesOf(recording, `${idOf(1)}:o`), texts(40))
})

test('a driver that cannot be read is named with the remedy, once', async (t) => {
  const daemon = fakeDaemon(t)
  await daemon.listen()
  const recording = openRecording()
  const body = '{"message":"configured logging driver does not support reading"}'
  daemon.add({ id: idOf(7), running: true, pieces: [], refuse: { status: 501, body } })
  const collector = await open(t, daemon.socket, openRecordingSink(recording))
  await until('trouble', () => collector.trouble() !== undefined)
  t.is(
    collector.trouble(),
    'container fake-7: its log cannot be read (configured logging driver does not support reading): use the log driver json-file or local for it',
  )
  await until('the change', () => recording.changes.has(`change:collector:${idOf(7)}:unreadable`))
  await until('the watermark', () => collector.through() > 0)
  t.is(daemon.asked.filter((path) => path.includes('/logs')).length, 1)
})

test('a daemon that is away is told with a remedy, and read once it is there', async (t) => {
  const daemon = fakeDaemon(t)
  const recording = openRecording()
  daemon.add({ id: idOf(1), running: false, pieces: pieces(3) })
  const collector = await open(t, daemon.socket, openRecordingSink(recording))
  await until('trouble', () => collector.trouble() !== undefined)
  t.regex(
    collector.trouble() ?? '',
    /^Docker does not answer on .*docker\.sock \(ENOENT\): is Docker installed and running\?/,
  )
  t.is(collector.through(), 0)
  await daemon.listen()
  await until('3 lines', () => recording.lines.length === 3)
  await until('no trouble', () => collector.trouble() === undefined)
})

test('an error of the daemon is told and tried again', async (t) => {
  const daemon = fakeDaemon(t)
  await daemon.listen()
  const recording = openRecording()
  const container: FakeContainer = { id: idOf(7), running: true, pieces: pieces(3) }
  container.refuse = { status: 500, body: '<html>no</html>' }
  daemon.add(container)
  const collector = await open(t, daemon.socket, openRecordingSink(recording))
  await until('trouble', () => collector.trouble() !== undefined)
  t.regex(collector.trouble() ?? '', /container fake-7: Docker on .* answered 500 to .*<html>no/)
  delete container.refuse
  await until('3 lines', () => recording.lines.length === 3)
})

test('a container that came and went unseen is a gap', async (t) => {
  const daemon = fakeDaemon(t)
  await daemon.listen()
  const recording = openRecording()
  await open(t, daemon.socket, openRecordingSink(recording))
  await until('listening', () => daemon.asked.some((path) => path.startsWith('/events')))
  const id = idOf(9)
  const Actor = { ID: id, Attributes: { name: 'blink', exitCode: '0' } }
  await until('the gap', () => {
    daemon.event({ Type: 'container', Action: 'die', Actor, time: 1795370400 })
    daemon.event({ Type: 'container', Action: 'destroy', Actor, time: 1795370400 })
    return recording.changes.has(`change:gap:docker:log:${id}:0`)
  })
  t.regex(
    recording.changes.get(`change:gap:docker:log:${id}:0`)?.message ?? '',
    /^container blink /,
  )
})

test('the list takes only what can be an id', async (t) => {
  const daemon = fakeDaemon(t)
  await daemon.listen()
  daemon.add({ id: idOf(1), running: true, pieces: [] })
  daemon.add({ id: '../../etc/passwd', running: true, pieces: [] })
  t.deepEqual(await openDockerApi(daemon.socket).list(), [{ id: idOf(1), running: true }])
})
