import {
  appendFileSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { openCollectedContainers } from '../../collectors/collected-containers.ts'
import type { SandboxCollectorOptions } from '../../collectors/sandbox.ts'
import type { Collector, Sink } from '../../collectors/sink.ts'
import { pause } from '../../pipeline/clock.ts'
import { sharedDir } from '../helpers/shared.ts'
import { lines, text } from './numbered-lines.ts'
import {
  messagesOf,
  openRecording,
  openRecordingSink,
  until,
  type Recording,
} from './recording-sink.ts'
import { openCollector, openPlace, type Place, type Sandbox } from './sandbox-place.ts'

const u = (n: number) => `25212c0c-e6a2-11f1-bdef-02fc0000${String(n).padStart(4, '0')}`
const web = `shop_web.instance-${u(1)}._app.1`

// Also after a failure, or the test process would not end.
const opened: Collector[] = []
test.after.always(() => Promise.all(opened.map((collector) => collector.close())))

async function open(place: Place, sink: Sink, more?: Partial<SandboxCollectorOptions>) {
  const collector = await openCollector(place.workDir, sink, more)
  opened.push(collector)
  return collector
}

const write = ({ dir }: Sandbox, content: string, name = 'stdout') =>
  appendFileSync(join(dir, name), content)
const out = (recording: Recording, { container }: Sandbox) =>
  messagesOf(recording, `${container}:o`)
const err = (recording: Recording, { container }: Sandbox) =>
  messagesOf(recording, `${container}:e`)
const changes = (recording: Recording, kind: string) =>
  [...recording.changes.values()].filter((change) => change['event.kind'] === kind)

function rotate({ dir }: Sandbox, from: string[], to: string[]): void {
  for (const [n, name] of from.entries()) renameSync(join(dir, name), join(dir, to[n] as string))
}

/** As if nothing had happened in it for so long. */
function age({ dir }: Sandbox, seconds: number): void {
  const then = Date.now() / 1000 - seconds
  const paths = [...['stdout', 'stderr'].map((name) => join(dir, name)), dir, join(dir, '..')]
  for (const path of paths) if (existsSync(path)) utimesSync(path, then, then)
}

test('both streams, with who writes them, as far as the path and the agent’s notes tell', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  place.agent('agent-1.example')
  const task = place.run(web)
  write(task, '2026-11-22T18:25:51Z one\nzwei ä "q"\n')
  write(task, 'I20261122 18:25:52.646862 10859 exec.cpp:164] Version: 1.11.0\n', 'stderr')
  write(task, 'of no stream', 'other.log')
  const collector = await open(place, openRecordingSink(recording))
  await until('three lines', () => recording.lines.length === 3)
  await collector.close()
  t.deepEqual(out(recording, task), ['2026-11-22T18:25:51Z one', 'zwei ä "q"'])
  const [line] = recording.lines.filter(({ source }) => source === `${task.container}:o`)
  t.like(line, {
    '@timestamp': '2026-11-22T18:25:51.000000000Z',
    'log.iostream': 'stdout',
    'orchestrator.cluster.name': 'test',
    'service.name': '/shop/web',
    'mesos.task.id': web,
    'container.id': task.container,
    'host.name': 'agent-1.example',
    'mesos.framework.id': 'f-0001',
  })
  const [noise] = recording.lines.filter(({ source }) => source === `${task.container}:e`)
  t.like(noise, { 'log.iostream': 'stderr', 'log.level': 'info' })
  const ids = new RegExp(`^${task.container}:o:[0-9a-f]{16}\\.0:(0|25)$`)
  for (const { source, ['event.id']: id } of recording.lines) {
    if (source === line?.source) t.regex(id, ids)
  }
  t.is(collector.trouble(), undefined)
})

test('without the agent’s notes: this machine’s name, and no task but Marathon’s', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const storm = place.run('task.nimbus.1427905222900')
  const ours = place.run('ct:1429012800000:0:job:')
  ours.checkpoint({ command: true })
  const older = place.run('older.1')
  older.checkpoint({
    command: false,
    name: 'Command Executor (Task: older.1) (Command: sh -c ...)',
  })
  rmSync(join(place.workDir, 'meta', 'x'), { force: true })
  for (const run of [storm, ours, older]) write(run, 'a\n')
  await open(place, openRecordingSink(recording))
  await until('three lines', () => recording.lines.length === 3)
  const of = ({ container }: Sandbox) =>
    recording.lines.find((line) => line['container.id'] === container)
  t.like(of(storm), {
    'host.name': hostname(),
    'service.name': undefined,
    'mesos.task.id': undefined,
  })
  t.like(of(ours), { 'service.name': undefined, 'mesos.task.id': 'ct:1429012800000:0:job:' })
  // Its marker says that it is none; only where there is no marker the name tells.
  t.is(of(older)?.['mesos.task.id'], undefined)
})

const shared = sharedDir()
const captured = shared ? test : test.skip
captured('what a real executor and its task wrote: times and levels of its lines', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const run = place.run(web)
  const head = (stream: string) =>
    readFileSync(join(shared ?? '', `fixtures/mesos-1.11/sandbox_${stream}_head.txt`), 'utf8')
  for (const stream of ['stdout', 'stderr']) write(run, head(stream), stream)
  await open(place, openRecordingSink(recording))
  const all = [...head('stdout').split('\n'), ...head('stderr').split('\n')].filter(Boolean)
  await until('all lines', () => recording.lines.length === all.length)
  t.deepEqual([...out(recording, run), ...err(recording, run)], all)
  const noise = recording.lines.filter(({ message }) => message.startsWith('I2026'))
  t.true(noise.length > 10)
  for (const line of noise) {
    t.is(line['log.level'], 'info')
    const [, month, day, time] = /^I2026(\d\d)(\d\d) (\S+)/.exec(line.message) ?? []
    const local = new Date(`2026-${month}-${day}T${time?.slice(0, 12)}`).toISOString()
    t.is(line['@timestamp'].slice(0, 23), local.slice(0, 23))
  }
  // What the task itself prints between them tells no time: it has that of the line before.
  const at = recording.lines.findIndex(({ message }) => message === 'warn slow 5')
  t.is(recording.lines[at]?.['@timestamp'], recording.lines[at - 1]?.['@timestamp'])
})

test('a run of 200 ms whose sandbox is removed at once is read to its end', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  place.run('before')
  const collector = await open(place, openRecordingSink(recording), { forgetMs: 100 })
  await until('the first look', () => collector.through() > 0)
  const runs: Sandbox[] = []
  for (let n = 0; n < 5; n++) {
    const run = place.run(`shop_batch.${u(n)}`)
    runs.push(run)
    for (let part = 0; part < 4; part++) {
      write(run, text(part * 5, part * 5 + 5))
      write(run, `oh ${part}\n`, 'stderr')
      await pause(50)
    }
    rmSync(join(run.dir, '..', '..'), { recursive: true })
  }
  await until('all lines', () => recording.lines.length === 5 * 24)
  for (const run of runs) {
    t.deepEqual(out(recording, run), lines(0, 20))
    t.deepEqual(err(recording, run), ['oh 0', 'oh 1', 'oh 2', 'oh 3'])
  }
  t.deepEqual(changes(recording, 'gap'), [])
  await until('their positions are forgotten', () => recording.positions.size === 0, 45_000)
})

test('rotated by the container logger, also compressed, also before anybody was here', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const run = place.run(web)
  writeFileSync(join(run.dir, 'stdout.2.gz'), gzipSync(text(0, 10)))
  writeFileSync(join(run.dir, 'stdout.1'), text(10, 20))
  writeFileSync(join(run.dir, 'stdout.logrotate.conf'), '"stdout" { size 10 }\n')
  write(run, text(20, 30))
  const collector = await open(place, openRecordingSink(recording))
  await until('thirty', () => recording.lines.length === 30)
  rotate(run, ['stdout.2.gz', 'stdout.1', 'stdout'], ['stdout.3.gz', 'stdout.2', 'stdout.1'])
  write(run, text(30, 40))
  await until('forty', () => recording.lines.length === 40)
  await collector.close()
  // While nobody is here it is rotated twice, and compressed.
  write(run, text(40, 45))
  rotate(run, ['stdout.3.gz', 'stdout.2', 'stdout.1'], ['stdout.5.gz', 'stdout.4', 'stdout.3'])
  writeFileSync(join(run.dir, 'stdout.2.gz'), gzipSync(readFileSync(join(run.dir, 'stdout'))))
  rmSync(join(run.dir, 'stdout'))
  writeFileSync(join(run.dir, 'stdout.1'), text(45, 50))
  write(run, text(50, 60))
  await open(place, openRecordingSink(recording))
  await until('sixty', () => recording.lines.length === 60)
  t.deepEqual(out(recording, run), lines(0, 60))
  t.deepEqual(changes(recording, 'gap'), [])
})

test('emptied: with a copy all is read, without one a gap is told', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const [copied, emptied] = [place.run('a'), place.run('b')]
  for (const run of [copied, emptied]) write(run, text(0, 3))
  await open(place, openRecordingSink(recording))
  await until('six', () => recording.lines.length === 6)
  const path = join(copied.dir, 'stdout')
  write(copied, text(3, 6))
  copyFileSync(path, `${path}.1`)
  truncateSync(path, 0)
  write(copied, 'new\n')
  writeFileSync(join(emptied.dir, 'stdout'), 'new\n')
  await until('eleven', () => recording.lines.length === 11)
  t.deepEqual(out(recording, copied), [...lines(0, 6), 'new'])
  t.deepEqual(out(recording, emptied), [...lines(0, 3), 'new'])
  t.like(changes(recording, 'gap'), [
    { 'event.action': 'truncated', 'container.id': emptied.container },
  ])
})

test('removed by the agent’s garbage collection while a line is pending', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const run = place.run(web)
  write(run, text(0, 3))
  await open(place, openRecordingSink(recording), { forgetMs: 100 })
  await until('three', () => recording.lines.length === 3)
  write(run, 'last words')
  rmSync(run.dir, { recursive: true })
  await until('four', () => recording.lines.length === 4)
  t.deepEqual(out(recording, run), [...lines(0, 3), 'last words'])
  await until('its position is forgotten', () => recording.positions.size === 0, 45_000)
  t.deepEqual(changes(recording, 'gap'), [])
})

test('removed while nobody was here: what may be missing is told, what was complete is not', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const [open1, over] = [place.run('a'), place.run('b')]
  for (const run of [open1, over]) write(run, text(0, 3))
  over.end()
  age(over, 10)
  const collector = await open(place, openRecordingSink(recording))
  await until('one is over', () => overKeys(recording).length === 2)
  await until('six', () => recording.lines.length === 6)
  await collector.close()
  for (const run of [open1, over]) rmSync(run.dir, { recursive: true })
  await open(place, openRecordingSink(recording), { forgetMs: 100 })
  await until('forgotten', () => recording.positions.size === 0)
  t.is(changes(recording, 'gap').length, 1)
  t.regex(
    changes(recording, 'gap')[0]?.message ?? '',
    /executors\/a\/runs.* was rotated away or removed/,
  )
})

const overKeys = ({ positions }: Recording) =>
  [...positions].filter(([, position]) => (position as { over?: true }).over).map(([key]) => key)

test('stopped and started again and again, killed at any append: every line once', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const run = place.run(web)
  const child = run.nested()
  let written = 0
  for (let life = 0; life < 10; life++) {
    const sink = openRecordingSink(recording, life % 4)
    const collector = await open(place, sink, { multiline: life % 2 === 0 })
    for (const sandbox of [run, child]) write(sandbox, text(written, written + 300))
    written += 300
    if (life % 3 === 2) renameSync(join(run.dir, 'stdout'), join(run.dir, `stdout.${100 - life}`))
    await until('the kill or all', () => sink.killed() || recording.lines.length >= 2 * written)
    sink.kill()
    await collector.close()
  }
  for (const sandbox of [run, child]) write(sandbox, 'end\n')
  await open(place, openRecordingSink(recording))
  await until('all', () => recording.lines.length >= 2 * written + 2)
  t.deepEqual(out(recording, run), [...lines(0, written), 'end'])
  t.deepEqual(out(recording, child), [...lines(0, written), 'end'])
  t.is(new Set(recording.lines.map(({ lineage }) => lineage)).size, 2)
})

test('containers within containers: service of the pod, their own id, no task', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const pod = place.run(`instance-shop_pod.${u(2)}`)
  const [first, second] = [pod.nested(), pod.nested()]
  const check = first.nested(`check-${u(3)}`)
  write(pod, 'executor\n', 'stderr')
  for (const [n, run] of [first, second, check].entries()) write(run, `${n}\n`)
  const collector = await open(place, openRecordingSink(recording))
  await until('four', () => recording.lines.length === 4)
  // One that comes later, and goes at once.
  const late = pod.nested()
  write(late, 'late\n')
  await pause(200)
  rmSync(late.dir, { recursive: true })
  await until('five', () => recording.lines.length === 5)
  for (const [n, run] of [first, second, check].entries())
    t.deepEqual(out(recording, run), [`${n}`])
  t.deepEqual(out(recording, late), ['late'])
  for (const line of recording.lines) {
    t.like(line, { 'service.name': '/shop/pod', 'mesos.task.id': undefined })
  }
  t.is(collector.trouble(), undefined)
})

test('ids are taken as they are: encoded ones, odd ones, and such as would break what they are put in', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const encoded = place.run('team%2Fjob%20one')
  encoded.checkpoint({})
  const dots = place.run('..%2f..%2fetc')
  const newline = place.run('a\nb"\\\u202e', { container: `bad"\\:\n${'ä'.repeat(20)}` })
  newline.checkpoint({})
  const all = [encoded, dots, newline]
  for (const run of all) write(run, 'x\n')
  // No run but a link.
  t.true(existsSync(join(encoded.dir, '..', 'latest')))
  const collector = await open(place, openRecordingSink(recording))
  await until('three', () => recording.lines.length === 3)
  const of = (container: string) =>
    recording.lines.find((line) => line['container.id'] === container)
  t.is(of(encoded.container)?.['mesos.task.id'], 'team%2Fjob%20one')
  t.deepEqual(out(recording, encoded), ['x'])
  t.is(of(dots.container)?.['mesos.task.id'], undefined)
  const odd = encodeURIComponent(newline.container)
  t.is(of(odd)?.['mesos.task.id'], 'ab"\\\u202e')
  t.is(of(odd)?.source, `${odd}:o`)
  t.regex(of(odd)?.['event.id'] ?? '', /^bad%22%5C%3A%0A(%C3%A4)+:o:[0-9a-f]{16}\.0:0$/)
  t.is(collector.trouble(), undefined)
})

test('what a task puts in the place of its files is not followed', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const secret = join(place.workDir, 'secret')
  writeFileSync(secret, 'secret\n')
  mkdirSync(join(place.workDir, 'elsewhere', 'x'), { recursive: true })
  writeFileSync(join(place.workDir, 'elsewhere', 'x', 'stdout'), 'secret\n')
  const run = place.run(web)
  symlinkSync(secret, join(run.dir, 'stdout'))
  symlinkSync(join(place.workDir, 'elsewhere'), join(run.dir, 'containers'))
  write(run, 'fine\n', 'stderr')
  const swapped = place.run('swapped')
  write(swapped, 'before\n')
  const collector = await open(place, openRecordingSink(recording))
  await until('two', () => recording.lines.length === 2)
  rmSync(join(swapped.dir, 'stdout'))
  symlinkSync(secret, join(swapped.dir, 'stdout'))
  symlinkSync(secret, join(swapped.dir, 'stdout.1'))
  await until('told', () => changes(recording, 'collector').length > 0)
  // A file that was replaced is left after two seconds of silence.
  await pause(4000)
  await collector.close()
  t.deepEqual(recording.lines.map(({ message }) => message).toSorted(), ['before', 'fine'])
  t.regex(changes(recording, 'collector')[0]?.message ?? '', /stdout is no regular file/)
})

test('what does not tell its time is as old as the file at most', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const run = place.run(web)
  write(run, 'long ago\n')
  age(run, 86_400)
  await open(place, openRecordingSink(recording))
  await until('a line', () => recording.lines.length === 1)
  const ms = Date.parse(recording.lines[0]?.['@timestamp'] ?? '')
  t.true(Math.abs(ms - (Date.now() - 86_400_000)) < 60_000, new Date(ms).toISOString())
})

test('what Docker’s collector reads is left out, and stays so when Docker has forgotten it', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const docker = openCollectedContainers()
  const [before, described, plain, failed] = ['a', 'b', 'c', 'd'].map((id) => place.run(id)) as [
    Sandbox,
    Sandbox,
    Sandbox,
    Sandbox,
  ]
  docker.add(before.container)
  described.checkpoint({ docker: true })
  plain.checkpoint({ docker: false })
  failed.checkpoint({ docker: true })
  for (const run of [before, described, plain, failed]) write(run, 'x\n')
  const collector = await open(place, openRecordingSink(recording), { docker })
  await until('the one that is not Docker’s', () => recording.lines.length === 1)
  t.deepEqual(out(recording, plain), ['x'])
  await until('what waits for Docker holds nobody', () => collector.through() > 0)
  // Docker comes; and one ends without ever having got a container: its sandbox tells why.
  docker.add(described.container)
  failed.end()
  await until('two', () => recording.lines.length === 2)
  t.deepEqual(out(recording, failed), ['x'])
  await until('two are left out', () => leftKeys(recording).length === 2)
  await collector.close()
  const again = await open(place, openRecordingSink(recording), {
    docker: openCollectedContainers(),
  })
  write(plain, 'y\n')
  await until('three', () => recording.lines.length === 3)
  await pause(500)
  await again.close()
  t.deepEqual(
    recording.lines.map(({ message }) => message),
    ['x', 'x', 'y'],
  )
  for (const run of [before, described]) rmSync(run.dir, { recursive: true })
  await open(place, openRecordingSink(recording), { forgetMs: 100 })
  await until('the notes on them are forgotten', () => leftKeys(recording).length === 0)
})

const leftKeys = ({ positions }: Recording) =>
  [...positions.keys()].filter((key) => key.includes(':left:'))

test('of what nobody described Docker’s collector is waited for, and the watermark with it', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const docker = openCollectedContainers()
  const [ours, theirs] = [place.run('a'), place.run('b')]
  for (const run of [ours, theirs]) write(run, 'x\n')
  const foundMs = Date.now()
  const collector = await open(place, openRecordingSink(recording), { docker })
  await pause(1000)
  t.is(recording.lines.length, 0)
  t.true(collector.through() < foundMs)
  docker.add(theirs.container)
  await until('the other one', () => recording.lines.length === 1)
  await until('the watermark', () => collector.through() > foundMs)
  t.deepEqual(out(recording, ours), ['x'])
  // It turns out that it was Docker's after all.
  docker.add(ours.container)
  await until('both are left out', () => leftKeys(recording).length === 2)
  write(ours, 'y\n')
  await pause(1500)
  t.is(recording.lines.length, 1)
})

test('what is removed while Docker’s collector is waited for is not lost', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const docker = openCollectedContainers()
  const collector = await open(place, openRecordingSink(recording), { docker })
  await until('the first look', () => collector.through() > 0)
  const run = place.run('a')
  write(run, text(0, 5))
  await pause(200)
  rmSync(run.dir, { recursive: true })
  await until('five', () => recording.lines.length === 5)
  t.deepEqual(out(recording, run), lines(0, 5))
})

test('over and silent runs are closed, and read on when something comes', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const [silent, over] = [place.run('a'), place.run('b')]
  for (const run of [silent, over]) {
    write(run, text(0, 3))
    write(run, '', 'stderr')
    age(run, 100)
  }
  over.end()
  const collector = await open(place, openRecordingSink(recording))
  await until('six', () => recording.lines.length === 6)
  const rests = () => [...recording.positions.values()].filter((one) => 'rest' in (one as object))
  await until(
    'one is over, the other rests',
    () => overKeys(recording).length === 2 && rests().length === 2,
  )
  write(silent, text(3, 6))
  await until('nine', () => recording.lines.length === 9)
  age(silent, 100)
  await until('it rests again', () => rests().length === 2)
  await collector.close()
  const lives = recording.appends
  const again = await open(place, openRecordingSink(recording))
  await until('a look', () => again.through() > 0)
  t.is(recording.appends, lives, 'nothing had to be read')
  write(silent, text(6, 9))
  write(silent, 'oh\n', 'stderr')
  await until('thirteen', () => recording.lines.length === 13)
  t.deepEqual(out(recording, silent), lines(0, 9))
  t.deepEqual(err(recording, silent), ['oh'])
  t.deepEqual(out(recording, over), lines(0, 3))
})

test('an executor that runs again is another run', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const first = place.run('again')
  write(first, 'one\n')
  age(first, 3600)
  await open(place, openRecordingSink(recording))
  await until('one', () => recording.lines.length === 1)
  const second = place.run('again')
  write(second, 'two\n')
  await until('two', () => recording.lines.length === 2)
  t.deepEqual(out(recording, second), ['two'])
})

test('an agent that is not there yet, or may not be read, is trouble and is tried again', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  rmSync(join(place.workDir, 'slaves'), { recursive: true })
  const collector = await open(place, openRecordingSink(recording))
  await until('trouble', () => collector.trouble() !== undefined)
  t.is(
    collector.trouble(),
    `${join(place.workDir, 'slaves')} cannot be listed (ENOENT): is ${place.workDir} the --work_dir of a Mesos agent?`,
  )
  t.is(collector.through(), 0)
  const run = place.run(web)
  write(run, 'x\n')
  await until('a line', () => recording.lines.length === 1)
  t.is(collector.trouble(), undefined)
})

test('an agent’s directory that goes and comes back, as a disk does', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const [run, over] = [place.run(web), place.run('over')]
  write(run, text(0, 2))
  write(over, 'over\n')
  over.end()
  age(over, 100)
  const collector = await open(place, openRecordingSink(recording))
  await until('three', () => recording.lines.length === 3)
  await until('one is over', () => overKeys(recording).length === 2)
  const [there, away] = [join(place.workDir, 'slaves'), join(place.workDir, 'away')]
  renameSync(there, away)
  mkdirSync(there)
  await pause(2500)
  rmSync(there, { recursive: true })
  renameSync(away, there)
  write(run, text(2, 5))
  await until('six', () => recording.lines.length === 6)
  await until('no trouble', () => collector.trouble() === undefined)
  await pause(1500)
  t.deepEqual(out(recording, run), lines(0, 5))
  t.deepEqual(out(recording, over), ['over'])
})

test('what the agent did not make is not taken for containers', async (t) => {
  if (process.getuid?.() !== 0) return t.pass('only root can give files away')
  const place = openPlace(t)
  const recording = openRecording()
  const run = place.run(web)
  write(run, 'x\n')
  const forged = run.nested('11111111-1111-1111-1111-111111111111')
  write(forged, 'forged\n')
  chownSync(join(run.dir, 'containers'), 65_534, 65_534)
  const collector = await open(place, openRecordingSink(recording))
  await until('a look after the line', () => recording.lines.length > 0 && collector.through() > 0)
  t.regex(collector.trouble() ?? '', /containers is not read: it was not made by the agent but by/)
  t.deepEqual(
    recording.lines.map(({ message }) => message),
    ['x'],
  )
})

test('labels of a task stand on its lines and say what is to be read', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const labels = { owner: 'shop', 'mesoscope.retention': 'long', 'mesoscope.level': 'warn' }
  const read = place.run(web)
  read.checkpoint({ labels })
  write(read, 'a\n')
  const left = place.run(`shop_api.instance-${u(2)}._app.1`)
  left.checkpoint({ labels: { 'mesoscope.logs': 'false' } })
  write(left, 'b\n')
  const last = place.run(`shop_db.instance-${u(3)}._app.1`)
  last.checkpoint({})
  const collector = await open(place, openRecordingSink(recording))
  await until('its line', () => out(recording, read).length === 1)
  write(last, 'c\n')
  await until('a later line', () => out(recording, last).length === 1)
  await collector.close()
  t.deepEqual(out(recording, left), [])
  t.like(recording.lines[0], {
    'service.name': '/shop/web',
    'mesoscope.owner': 'shop',
    'mesoscope.retention': 'long',
    'log.level': 'warn',
    labels,
  })
})

test('a file that is removed and made anew with the same beginning is another one', async (t) => {
  const place = openPlace(t)
  const recording = openRecording()
  const run = place.run('again.1')
  write(run, 'a\n')
  const collector = await open(place, openRecordingSink(recording))
  await until('a', () => recording.lines.length === 1)
  rmSync(join(run.dir, 'stdout'))
  const isForgotten = () => [...recording.positions.values()].some((one) => 'made' in Object(one))
  await until('it is given up', isForgotten, 60_000)
  write(run, 'a\n')
  await until('a again', () => recording.lines.length === 2)
  await collector.close()
  t.is(new Set(recording.lines.map((line) => line['event.id'])).size, 2)
})
