import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { openFilesCollector } from '../../collectors/files.ts'
import type { Collector, Sink } from '../../collectors/sink.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { lines, text } from './numbered-lines.ts'
import { openRecording, openRecordingSink, until, type Recording } from './recording-sink.ts'

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'mesoscope-files-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function open(paths: string[], sink: Sink, more: object = {}) {
  const collector = await openFilesCollector({
    name: 'files',
    paths,
    service: 'host',
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

const messages = (recording: Recording) => recording.lines.map(({ message }) => message)
const gaps = (recording: Recording) =>
  [...recording.changes.values()].filter((change) => change['event.kind'] === 'gap')

function checkIds(t: ExecutionContext, recording: Recording) {
  const ids = recording.lines.map((line) => line['event.id'])
  t.is(new Set(ids).size, ids.length)
}

test('lines carry service, file, machine, written time and an id by offset', async (t) => {
  const path = join(folder(t), 'app.log')
  const recording = openRecording()
  writeFileSync(path, '2026-11-22T18:25:51Z one\n2026-11-22T18:25:52Z zwei ä "q"\n')
  const collector = await open([path], openRecordingSink(recording))
  await until('two lines', () => recording.lines.length === 2)
  await collector.close()
  const [one, two] = recording.lines
  t.like(one, {
    'service.name': 'host',
    'mesos.task.id': 'app.log',
    '@timestamp': '2026-11-22T18:25:51.000000000Z',
    'log.iostream': 'stdout',
  })
  t.is(two?.message, '2026-11-22T18:25:52Z zwei ä "q"')
  t.regex(one?.['event.id'] ?? '', /^file:[0-9a-f]{16}:0:0$/)
  t.is(two?.['event.id'], `${one?.source}:0:25`)
})

test('stopped and started again, reading goes on behind the last line', async (t) => {
  const path = join(folder(t), 'app.log')
  const recording = openRecording()
  for (let n = 0; n < 5; n++) {
    appendFileSync(path, text(n * 10, n * 10 + 10))
    const collector = await open([path], openRecordingSink(recording))
    await until('ten more', () => recording.lines.length === n * 10 + 10)
    await collector.close()
  }
  t.deepEqual(messages(recording), lines(0, 50))
  t.is(new Set(recording.lines.map(({ source }) => source)).size, 1)
  checkIds(t, recording)
})

test('logrotate by renaming: what is written to the old file before the switch is read', async (t) => {
  const path = join(folder(t), 'app.log')
  const recording = openRecording()
  writeFileSync(path, text(0, 3))
  const collector = await open([path], openRecordingSink(recording))
  await until('three', () => recording.lines.length === 3)
  renameSync(path, `${path}.1`)
  writeFileSync(path, '')
  appendFileSync(`${path}.1`, text(3, 6))
  appendFileSync(path, text(6, 9))
  await until('nine', () => recording.lines.length === 9)
  // A writer that noticed much later.
  appendFileSync(`${path}.1`, 'late\n')
  await until('ten', () => recording.lines.length === 10)
  appendFileSync(path, 'after\n')
  await until('eleven', () => recording.lines.length === 11)
  await collector.close()
  t.deepEqual(messages(recording), [...lines(0, 9), 'late', 'after'])
  checkIds(t, recording)
  t.deepEqual(gaps(recording), [])
  const again = await open([path], openRecordingSink(recording))
  appendFileSync(path, 'more\n')
  await until('twelve', () => recording.lines.length === 12)
  await again.close()
  t.is(messages(recording).at(-1), 'more')
})

test('what stands in the new file is not passed over while the one before is waited for', async (t) => {
  const path = join(folder(t), 'app.log')
  const recording = openRecording()
  writeFileSync(path, text(0, 3))
  const collector = await open([path], openRecordingSink(recording))
  await until('three', () => recording.lines.length === 3)
  appendFileSync(path, text(3, 4))
  renameSync(path, `${path}.1`)
  writeFileSync(path, text(4, 6))
  const writtenMs = Date.now()
  await until('six', () => {
    const through = collector.through()
    const isAll = recording.lines.length === 6
    if (!isAll) t.true(through <= writtenMs, `${through - writtenMs} ms beyond`)
    return isAll
  })
  await until('it goes on', () => collector.through() > writtenMs)
  await collector.close()
})

test('logrotate by copying and truncating: the copy is read to its end', async (t) => {
  const path = join(folder(t), 'app.log')
  const recording = openRecording()
  writeFileSync(path, text(0, 3))
  const collector = await open([path], openRecordingSink(recording))
  await until('three', () => recording.lines.length === 3)
  appendFileSync(path, text(3, 6))
  copyFileSync(path, `${path}.1`)
  truncateSync(path, 0)
  appendFileSync(path, 'new\n')
  await until('seven', () => recording.lines.length === 7)
  await collector.close()
  t.deepEqual(messages(recording), [...lines(0, 6), 'new'])
  checkIds(t, recording)
  t.deepEqual(gaps(recording), [])
})

test('truncated without a copy: a gap, and the new lines', async (t) => {
  const path = join(folder(t), 'app.log')
  const recording = openRecording()
  writeFileSync(path, text(0, 3))
  const collector = await open([path], openRecordingSink(recording))
  await until('three', () => recording.lines.length === 3)
  writeFileSync(path, 'new\n')
  await until('four', () => recording.lines.length === 4)
  await collector.close()
  t.deepEqual(messages(recording), [...lines(0, 3), 'new'])
  checkIds(t, recording)
  t.is(gaps(recording)[0]?.['event.action'], 'truncated')
})

test('emptied and written anew, longer than before, is noticed by its beginning', async (t) => {
  const path = join(folder(t), 'app.log')
  const recording = openRecording()
  writeFileSync(path, text(0, 3))
  const collector = await open([path], openRecordingSink(recording))
  await until('three', () => recording.lines.length === 3)
  writeFileSync(path, text(100, 120))
  await until('23', () => recording.lines.length === 23)
  await collector.close()
  t.deepEqual(messages(recording), [...lines(0, 3), ...lines(100, 120)])
  checkIds(t, recording)
})

test('rotated and compressed while nobody was here', async (t) => {
  const path = join(folder(t), 'app.log')
  const recording = openRecording()
  writeFileSync(path, text(0, 3))
  const first = await open([path], openRecordingSink(recording))
  await until('three', () => recording.lines.length === 3)
  await first.close()
  appendFileSync(path, text(3, 6))
  writeFileSync(`${path}.2.gz`, gzipSync(readFileSync(path)))
  rmSync(path)
  writeFileSync(`${path}.1`, text(6, 9))
  writeFileSync(path, text(9, 12))
  const second = await open([path], openRecordingSink(recording))
  await until('twelve', () => recording.lines.length === 12)
  await second.close()
  t.deepEqual(messages(recording), lines(0, 12))
  checkIds(t, recording)
  t.deepEqual(gaps(recording), [])
})

test('files with the same beginning are told apart', async (t) => {
  const path = join(folder(t), 'app.log')
  const recording = openRecording()
  writeFileSync(path, 'Starting\na\n')
  const first = await open([path], openRecordingSink(recording))
  await until('two', () => recording.lines.length === 2)
  await first.close()
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'Starting\na\nb\n')
  const second = await open([path], openRecordingSink(recording))
  await until('five', () => recording.lines.length === 5)
  await second.close()
  t.deepEqual(messages(recording), ['Starting', 'a', 'Starting', 'a', 'b'])
  checkIds(t, recording)
})

test('new files are found; rotated ones and second names are not read twice', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  const collector = await open([join(root, '*')], openRecordingSink(recording))
  await until('trouble', () => collector.trouble() !== undefined)
  t.regex(collector.trouble() ?? '', /^no file matches .*: it is looked for every second$/)
  writeFileSync(join(root, 'a.log.1'), 'a0\n')
  writeFileSync(join(root, 'a.log'), 'a1\n')
  symlinkSync('a.log', join(root, 'link.log'))
  writeFileSync(join(root, 'b.log'), 'b\n')
  await until('b', () => messages(recording).includes('b'))
  renameSync(join(root, 'b.log'), join(root, 'c.log'))
  appendFileSync(join(root, 'c.log'), 'c\n')
  await until('four lines', () => recording.lines.length >= 4)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await collector.close()
  const ids = recording.lines.map(
    (line) => `${line.message} ${line['event.id']} ${line['mesos.task.id'] as string}`,
  )
  t.deepEqual(messages(recording).toSorted(), ['a0', 'a1', 'b', 'c'], ids.join('\n'))
})

test('a file that cannot be read is named with a remedy; the others are read', async (t) => {
  const root = folder(t)
  const recording = openRecording()
  symlinkSync('loop.log', join(root, 'loop.log'))
  writeFileSync(join(root, 'a.log'), 'a\n')
  const collector = await open([join(root, '*.log')], openRecordingSink(recording))
  await until('a line', () => recording.lines.length === 1)
  t.regex(collector.trouble() ?? '', /loop\.log cannot be read \(ELOOP\): mend it or leave it out/)
  await collector.close()
})

test('12 MB in one line, not UTF-8, NULs, and no newline at the end', async (t) => {
  const path = join(folder(t), 'odd.log')
  const recording = openRecording()
  writeFileSync(
    path,
    Buffer.concat([Buffer.alloc(12e6, 'z'), Buffer.from('\n\0a\xff\xfe\nend', 'latin1')]),
  )
  const collector = await open([path], openRecordingSink(recording))
  await until('the last line', () => messages(recording).includes('end'), 40_000)
  await collector.close()
  const all = messages(recording)
  t.is(
    all.filter((line) => line.startsWith('zzz')).reduce((sum, line) => sum + line.length, 0),
    12e6,
  )
  t.true(all.includes('\0a��'))
})

test('deleted while a line is pending: it is read, and the position forgotten', async (t) => {
  const path = join(folder(t), 'app.log')
  const recording = openRecording()
  writeFileSync(path, text(0, 3))
  const collector = await open([path], openRecordingSink(recording), { forgetMs: 200 })
  await until('three', () => recording.lines.length === 3)
  appendFileSync(path, 'last')
  rmSync(path)
  await until('four', () => recording.lines.length === 4)
  await collector.close()
  t.deepEqual(messages(recording), [...lines(0, 3), 'last'])
  const next = await open([path], openRecordingSink(recording), { forgetMs: 200 })
  await until('forgotten', () => recording.positions.size === 0)
  await next.close()
  t.is(gaps(recording).length, 1)
})

test('nobody loses or doubles a line when killed between appends', async (t) => {
  const path = join(folder(t), 'app.log')
  const recording = openRecording()
  let written = 0
  for (let life = 0; life < 12; life++) {
    const sink = openRecordingSink(recording, life % 4)
    const collector = await open([path], sink, { multiline: life % 2 === 0 })
    appendFileSync(path, text(written, (written += 500)))
    if (life % 3 === 2) {
      renameSync(path, `${path}.${100 - life}`)
      writeFileSync(path, text(written, (written += 5)))
    }
    await until('the kill or all', () => sink.killed() || recording.lines.length >= written)
    sink.kill()
    await collector.close()
  }
  const last = await open([path], openRecordingSink(recording))
  await until('all', () => recording.lines.length >= written)
  await last.close()
  t.deepEqual(messages(recording), lines(0, written))
  checkIds(t, recording)
})
