import { appendFileSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openAgentSandboxes } from '../../collectors/agent-sandboxes.ts'
import { openCollectedContainers } from '../../collectors/collected-containers.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { openHttp } from '../../pipeline/http.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openMesosAgent } from '../../playground/mesos/agent-api.ts'
import type { Task } from '../../playground/mesos/model.ts'
import { openSandbox } from '../../playground/mesos/sandbox.ts'
import { makeCluster } from '../playground/mesos/made-cluster.ts'
import { lines, text } from './numbered-lines.ts'
import {
  messagesOf,
  openRecording,
  openRecordingSink,
  until,
  type Recording,
} from './recording-sink.ts'
import { openCollector } from './sandbox-place.ts'

type Sink = ReturnType<typeof openRecordingSink>

/** An agent of the playground over real sandboxes, which nobody but the test writes to. */
async function openAgent(t: ExecutionContext) {
  const cluster = makeCluster(t)
  const [agent] = cluster.agents()
  if (!agent) throw new Error('no agent')
  const face = await openMesosAgent({ cluster, agent, clock: wallClock })
  t.teardown(() => face.close())

  function run(
    id: string,
    more: Parameters<typeof cluster.add>[1] = {},
    spec: Partial<Task['spec']> = {},
  ): Task {
    const task = cluster.add({ id, ...spec }, more)
    mkdirSync(task.sandbox, { recursive: true })
    for (const stream of ['stdout', 'stderr']) writeFileSync(join(task.sandbox, stream), '')
    cluster.update(task, 'TASK_RUNNING', { at: wallClock.now() })
    return task
  }

  async function open(sink: Sink, more: { docker?: boolean; url?: string } = {}) {
    const { url = face.url } = more
    const collector = await openAgentSandboxes({
      name: 'mesos-agent-sandboxes',
      place: new URL(url).host,
      client: openHttp({ urls: [url], name: 'the Mesos agent', timeoutMs: 2_000 }),
      cluster: 'test',
      docker: more.docker ? openCollectedContainers() : undefined,
      sink,
      clock: wallClock,
      metrics: openMetrics(),
      log: silentLog,
      redactor: { scan: () => [], redact: (escaped) => escaped },
      maxEventBytes: 256 * 1024,
      multiline: false,
    })
    t.teardown(() => collector.close())
    return collector
  }

  return { cluster, agent, face, run, open }
}

const write = ({ sandbox }: Task, content: string | Buffer, name = 'stdout') =>
  appendFileSync(join(sandbox, name), content)
const out = (recording: Recording, { containerId }: Task) =>
  messagesOf(recording, `${containerId}:o`)
const gaps = (recording: Recording) =>
  [...recording.changes.values()].filter((change) => change['event.kind'] === 'gap')
const ids = (recording: Recording) => recording.lines.map((line) => line['event.id']).toSorted()
const rename = ({ sandbox }: Task, from: string, to: string) =>
  renameSync(join(sandbox, from), join(sandbox, to))

/** What reading the agent's disk gives. */
async function fromDisk(t: ExecutionContext, workDir: string, count: number): Promise<Recording> {
  const recording = openRecording()
  const collector = await openCollector(workDir, openRecordingSink(recording))
  t.teardown(() => collector.close())
  await until('the disk is read', () => recording.lines.length === count)
  await collector.close()
  return recording
}

test('both streams grow, whatever bytes: the same ids as from the disk', async (t) => {
  const { agent, run, open } = await openAgent(t)
  const task = run('shop_web.instance-25212c0c-e6a2-11f1-bdef-02fc00000001._app.1')
  const recording = openRecording()
  write(task, 'zwei ä "q" \u001b[31mred\n')
  const collector = await open(openRecordingSink(recording))
  await until('the first', () => recording.lines.length === 1)
  // A character is cut in two, and what follows comes later; then something that is none.
  const euro = Buffer.from('€\n')
  write(task, euro.subarray(0, 1))
  await until('it was looked at', () => collector.through() > 0)
  write(task, euro.subarray(1))
  write(task, Buffer.from([0x61, 0xff, 0x00, 0x7f, 0x0a]))
  write(task, text(0, 30_000), 'stderr')
  await until('all', () => recording.lines.length === 30_003)
  const disk = await fromDisk(t, agent.workDir, 30_003)
  t.deepEqual(ids(recording), ids(disk))
  t.deepEqual(out(recording, task), out(disk, task))
  t.is(out(recording, task)[1], '€')
  t.like(recording.lines[0], {
    'service.name': '/shop/web',
    'mesos.task.id': task.spec.id,
    'host.name': 'agent-1.playground',
    'log.iostream': 'stdout',
  })
  t.deepEqual(gaps(recording), [])
  t.is(collector.trouble(), undefined)
})

test('rotated while it is read, before and while nobody is here: once, in order, as from the disk', async (t) => {
  const { agent, run, open } = await openAgent(t)
  const task = run('rotating.1')
  const recording = openRecording()
  write(task, text(0, 100))
  rename(task, 'stdout', 'stdout.1')
  write(task, text(100, 200))
  let sink = openRecordingSink(recording)
  let collector = await open(sink)
  await until('200', () => recording.lines.length === 200)
  write(task, text(200, 300))
  rename(task, 'stdout.1', 'stdout.2')
  rename(task, 'stdout', 'stdout.1')
  write(task, text(300, 310))
  await until('310', () => recording.lines.length === 310)
  sink.kill()
  await collector.close()
  write(task, text(310, 400))
  rename(task, 'stdout.2', 'stdout.3')
  rename(task, 'stdout.1', 'stdout.2')
  rename(task, 'stdout', 'stdout.1')
  write(task, text(400, 500))
  sink = openRecordingSink(recording)
  collector = await open(sink)
  await until('500', () => recording.lines.length === 500)
  t.deepEqual(out(recording, task), lines(0, 500))
  t.deepEqual(gaps(recording), [])
  t.deepEqual(ids(recording), ids(await fromDisk(t, agent.workDir, 500)))
})

test('rotated by the container logger at full speed, killed again and again: once', async (t) => {
  const { run, open } = await openAgent(t)
  const task = run('busy.1')
  const recording = openRecording()
  const { sandbox: dir } = task
  const sandbox = openSandbox({ dir, maxSize: 20_000, maxFile: 40, clock: wallClock })
  t.teardown(() => sandbox.close())
  let written = 0
  const more = (count: number) => {
    sandbox.write('stdout', Buffer.from(text(written, written + count)))
    written += count
  }
  for (let life = 0; life < 4; life++) {
    for (let n = 0; n < 10; n++) more(150)
    const sink = openRecordingSink(recording, life < 3 ? 2 + life : Infinity)
    const collector = await open(sink)
    for (let n = 0; n < 10; n++) more(150)
    const isDone = () => sink.killed() || recording.lines.length >= written
    await until('this life', isDone)
    if (life < 3) await collector.close()
  }
  // While it reads: each time several files are turned.
  for (let n = 0; n < 5; n++) {
    const before = recording.appends
    for (let file = 0; file < 20; file++) more(150)
    await until('something more', () => recording.appends > before)
  }
  await until('all', () => recording.lines.length >= written)
  t.deepEqual(out(recording, task), lines(0, written))
  t.deepEqual(gaps(recording), [])
})

test('emptied, and rotated away unread: gaps', async (t) => {
  const { run, open } = await openAgent(t)
  const [emptied, lost] = [run('emptied.1'), run('lost.1')]
  const recording = openRecording()
  for (const task of [emptied, lost]) write(task, text(0, 10))
  const collector = await open(openRecordingSink(recording))
  await until('20', () => recording.lines.length === 20)
  truncateSync(join(emptied.sandbox, 'stdout'))
  write(emptied, text(20, 22))
  await until('22', () => recording.lines.length === 22)
  t.deepEqual(out(recording, emptied), [...lines(0, 10), ...lines(20, 22)])
  await collector.close()
  rmSync(join(lost.sandbox, 'stdout'))
  writeFileSync(join(lost.sandbox, 'stdout'), text(30, 50))
  await open(openRecordingSink(recording))
  await until('42', () => recording.lines.length === 42)
  t.deepEqual(out(recording, lost), [...lines(0, 10), ...lines(30, 50)])
  const told = gaps(recording).map((gap) => gap['event.action'])
  t.deepEqual(told.toSorted(), ['rotated', 'truncated'])
})

test('an agent that is away, or answers with a page, is trouble, and nothing is lost', async (t) => {
  const { face, run, open } = await openAgent(t)
  const task = run('steady.1')
  const recording = openRecording()
  write(task, text(0, 5))
  const collector = await open(openRecordingSink(recording))
  await until('5', () => recording.lines.length === 5)
  face.misbehave('away')
  write(task, text(5, 10))
  await until('trouble', () => /is it running/.test(collector.trouble() ?? ''))
  face.misbehave('html')
  await until('a page', () => /login page/.test(collector.trouble() ?? ''))
  face.misbehave(undefined)
  await until('10', () => recording.lines.length === 10)
  await until('no trouble', () => collector.trouble() === undefined)
  t.deepEqual(out(recording, task), lines(0, 10))
  t.deepEqual(gaps(recording), [])
})

test('a task that ends at once is read to its end, once for all lives; a sandbox that goes is a gap', async (t) => {
  const { cluster, run, open } = await openAgent(t)
  const recording = openRecording()
  const sink = openRecordingSink(recording)
  const collector = await open(sink)
  const short = run('short.1')
  write(short, 'one\nwithout a newline')
  cluster.update(short, 'TASK_FINISHED', { at: wallClock.now() })
  await until('both lines', () => recording.lines.length === 2)
  t.deepEqual(out(recording, short), ['one', 'without a newline'])
  const overs = () =>
    [...recording.positions.values()].filter((one) => (one as { over?: true }).over)
  await until('it is over', () => overs().length === 2)
  const removed = run('removed.1')
  write(removed, 'a\n')
  await until('a', () => recording.lines.length === 3)
  await collector.close()
  write(removed, 'b\n')
  rmSync(removed.sandbox, { recursive: true })
  const again = await open(openRecordingSink(recording))
  await until('a gap', () => gaps(recording).length === 1)
  await until('all is over', () => overs().length === 4)
  t.is(again.trouble(), undefined)
  t.is(recording.lines.length, 3)
})

test('what Docker’s collector reads is left out; containers of pods are read', async (t) => {
  const { cluster, run, open } = await openAgent(t)
  const recording = openRecording()
  const parent = run('pod', { containerId: 'd6269bf5-6286-409b-b0fc-4574df9dc9cb' })
  const docker = cluster.add({ id: 'docker.1', container: { type: 'DOCKER', image: 'x' } as never })
  const nested = cluster.add(
    { id: 'nested.1', executorId: 'pod-2' },
    { parentContainerId: 'd6269bf5-6286-409b-b0fc-4574df9dc9cc' },
  )
  for (const task of [docker, nested]) {
    mkdirSync(task.sandbox, { recursive: true })
    rmSync(join(task.sandbox, 'stderr'), { force: true })
    writeFileSync(join(task.sandbox, 'stdout'), `${task.spec.id}\n`)
    cluster.update(task, 'TASK_RUNNING', { at: wallClock.now() })
  }
  write(parent, 'pod\n')
  const collector = await open(openRecordingSink(recording), { docker: true })
  await until('two', () => recording.lines.length === 2)
  const throughMs = wallClock.now()
  await until('it was looked after that', () => collector.through() > throughMs)
  t.deepEqual(recording.lines.map(({ message }) => message).toSorted(), ['nested.1', 'pod'])
})

/** Hands on to the agent what it does not refuse. */
async function openGuard(t: ExecutionContext, url: string, refuse: (path: string) => number) {
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    const status = refuse(path)
    if (status !== 200) return void response.writeHead(status).end()
    void fetch(url + path).then(async (answer) => {
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('who may not ask is told so; one sandbox that is refused does not keep others', async (t) => {
  const { face, run, open } = await openAgent(t)
  const [free, closed] = [run('free.1'), run('closed.1')]
  let status = 401
  const isRefused = (path: string) => status === 401 || path.includes('closed.1')
  const url = await openGuard(t, face.url, (path) => (isRefused(path) ? status : 200))
  for (const task of [free, closed]) write(task, 'a\n')
  const recording = openRecording()
  const collector = await open(openRecordingSink(recording), { url })
  await until('401', () => /401.*check user and password/.test(collector.trouble() ?? ''))
  status = 403
  await until('the free one', () => recording.lines.length === 1)
  t.deepEqual(out(recording, free), ['a'])
  await until('403', () => /403.*may not ask/.test(collector.trouble() ?? ''))
  status = 200
  await until('the other', () => recording.lines.length === 2)
  await until('no trouble', () => collector.trouble() === undefined)
})

test('labels of a task stand on its lines and say whether it is read', async (t) => {
  const { run, open } = await openAgent(t)
  const labelled = (id: string, labels: Record<string, string>) =>
    run(id, {}, { labels: Object.entries(labels).map(([key, value]) => ({ key, value })) })
  const recording = openRecording()
  const left = labelled('shop_api.1', { 'mesoscope.logs': 'false' })
  const read = labelled('shop_web.1', { owner: 'shop', 'mesoscope.level': 'warn' })
  write(left, 'b\n')
  write(read, 'a\n')
  await open(openRecordingSink(recording))
  await until('its line', () => recording.lines.length > 0)
  write(read, 'c\n')
  await until('the next', () => out(recording, read).length === 2)
  t.deepEqual(out(recording, left), [])
  t.like(recording.lines[0], { 'mesoscope.owner': 'shop', 'log.level': 'warn' })
})
