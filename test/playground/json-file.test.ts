import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import test from 'ava'
import { manualClock, wallClock } from '../../pipeline/clock.ts'
import { isoToNs, type Stream } from '../../pipeline/event.ts'
import { jsonFileRecord, trimmedTime } from '../../playground/json-record.ts'
import { openJsonFileLog, type JsonFileLog } from '../../playground/json-file.ts'

interface Entry {
  log: string
  stream: Stream
  time: string
}

const id = 'f'.repeat(64)

function fixture(name: string): Buffer {
  const bytes = readFileSync(new URL(`../fixtures/docker-engine/${name}`, import.meta.url))
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

function entries(text: string): Entry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry)
}

/** The times are another machine's; all else must be the same byte for byte. */
function withoutTimes(text: string): string {
  return text.replaceAll(/"time":"[^"]*"/g, '"time":"…"')
}

/** Writes into a directory of its own and gives the files' texts by name, newest first. */
function written(
  act: (log: JsonFileLog) => void,
  { maxSize = 10_000_000, maxFile = 1, clock = wallClock } = {},
): Map<string, string> {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-json-file-'))
  try {
    const log = openJsonFileLog({ dir, id, maxSize, maxFile, clock })
    act(log)
    log.close()
    const names = readdirSync(join(dir, id)).toSorted()
    return new Map(names.map((name) => [name, readFileSync(join(dir, id, name), 'utf8')]))
  } finally {
    rmSync(dir, { recursive: true })
  }
}

const current = `${id}-json.log`

for (const name of ['json-file-small.log', 'json-file-halfline.log', 'rotation-keep3-json.log']) {
  test(`records read from ${name} are written again byte for byte, time included`, (t) => {
    const captured = fixture(name).toString('utf8')
    const text = captured.slice(0, captured.lastIndexOf('\n') + 1)
    const again = entries(text).map(({ log, stream, time }) => {
      const ended = log.endsWith('\n')
      const bytes = Buffer.from(ended ? log.slice(0, -1) : log)
      return jsonFileRecord({ stream, bytes, ended, timeNs: isoToNs(time) as bigint })
    })
    t.is(again.join(''), text)
  })
}

for (const chunk of [1, 7, 2048, 16_384, 65_536, 1_000_000]) {
  for (const name of ['json-file-escapes', 'json-file-long-lines']) {
    test(`${name}, handed over in chunks of ${chunk} bytes, becomes what Docker wrote of it`, (t) => {
      const packed = name === 'json-file-long-lines' ? '.gz' : ''
      const input = fixture(`${name}.in${packed}`)
      const files = written((log) => {
        for (let at = 0; at < input.length; at += chunk) {
          log.write('stdout', input.subarray(at, at + chunk))
        }
        log.end('stdout')
      })
      const docker = fixture(`${name}.log${packed}`).toString('utf8')
      t.is(withoutTimes(files.get(current) ?? ''), withoutTimes(docker))
    })
  }
}

test('a line in three chunks is one record, and the rest at the end has no newline', (t) => {
  const files = written((log) => {
    log.write('stdout', Buffer.from('ha'))
    log.write('stdout', Buffer.from('lf'))
    log.write('stdout', Buffer.from(' line\nno newline at end'))
    log.end('stdout')
  })
  t.is(
    withoutTimes(files.get(current) ?? ''),
    withoutTimes(fixture('json-file-halfline.log').toString('utf8')),
  )
})

test('all parts of a cut line carry one time, also when other lines come between them', (t) => {
  const clock = manualClock(1_795_371_950_000)
  const files = written(
    (log) => {
      log.write('stdout', Buffer.alloc(20_000, 'x'))
      clock.set(1_795_371_950_500)
      log.write('stderr', Buffer.from('between\n'))
      clock.set(1_795_371_951_000)
      log.write('stdout', Buffer.from('tail\nnext\n'))
    },
    { clock },
  )
  const seen = entries(files.get(current) ?? '')
  t.deepEqual(
    seen.map(({ log, stream }) => `${stream} ${log.length} ${log.endsWith('\n')}`),
    ['stdout 16384 false', 'stderr 8 true', 'stdout 3621 true', 'stdout 5 true'],
  )
  t.is(seen[0]?.time, seen[2]?.time)
  t.true(seen[1]?.time.startsWith('2026-11-22T18:25:50.5'))
  t.true(seen[3]?.time.startsWith('2026-11-22T18:25:51'))
})

test('a file is rotated by the record after the one that filled it, as in the real set', (t) => {
  const set = ['rotation-keep3-json.log', 'rotation-keep3-json.log.1', 'rotation-keep3-json.log.2']
  const real = set.map((name) => fixture(name).toString('utf8'))
  const lines = real.toReversed().flatMap(entries)
  const logs = (texts: Iterable<string>) =>
    [...texts].map((text) => entries(text).map((entry) => entry.log))
  const again = () =>
    written(
      (log) => {
        for (const { log: line, stream } of lines) log.write(stream, Buffer.from(line))
      },
      { maxSize: 1024, maxFile: 3, clock: wallClock },
    )
  // A time that ends with a zero is shorter by it, as Docker's is, and may move the boundary by a record.
  const tries = Array.from({ length: 8 }, () => JSON.stringify(logs(again().values())))
  t.true(tries.includes(JSON.stringify(logs(real))), tries[0])
})

const kept: [number, string[]][] = [
  [1, ['', '.1']],
  [2, ['', '.1']],
  [3, ['', '.1', '.2']],
  [5, ['', '.1', '.2', '.3', '.4']],
]
for (const [maxFile, endings] of kept) {
  test(`with max-file ${maxFile} ${endings.length} files remain, and only the oldest lines go`, (t) => {
    const files = written(
      (log) => {
        for (let n = 0; n < 200; n++)
          log.write('stdout', Buffer.from(`line ${n} ${'x'.repeat(60)}\n`))
      },
      { maxSize: 1024, maxFile },
    )
    t.deepEqual(
      [...files.keys()],
      endings.map((ending) => current + ending),
    )
    const numbers = [...files.values()]
      .toReversed()
      .flatMap(entries)
      .map(({ log }) => Number(log.split(' ')[1]))
    const first = numbers[0] as number
    t.deepEqual(
      numbers,
      Array.from({ length: 200 - first }, (_, n) => first + n),
    )
  })
}

test('one big chunk is spread over the rotated files just as single lines are', (t) => {
  const lines = Array.from({ length: 100 }, (_, n) => `line ${n} ${'x'.repeat(60)}\n`)
  const rotation = { maxSize: 1024, maxFile: 9, clock: manualClock(1_795_371_950_000) }
  const single = written(
    (log) => lines.forEach((line) => log.write('stdout', Buffer.from(line))),
    rotation,
  )
  const whole = written((log) => log.write('stdout', Buffer.from(lines.join(''))), rotation)
  const names = (files: Map<string, string>) =>
    [...files].map(([name, text]) => [name, entries(text).map((entry) => entry.log)])
  t.deepEqual(names(whole), names(single))
})

const times: [bigint, string][] = [
  [1_795_371_950_000_000_000n, '2026-11-22T18:25:50Z'],
  [1_795_371_950_100_000_000n, '2026-11-22T18:25:50.1Z'],
  [1_795_371_950_058_514_350n, '2026-11-22T18:25:50.05851435Z'],
  [1_795_371_950_000_000_001n, '2026-11-22T18:25:50.000000001Z'],
]
for (const [ns, text] of times) {
  test(`${ns} ns is written as ${text}`, (t) => t.is(trimmedTime(ns), text))
}

test('times never go back, and have digits below the millisecond', (t) => {
  const files = written((log) => {
    for (let n = 0; n < 5000; n++) log.write('stdout', Buffer.from(`${n}\n`))
  })
  const ns = entries(files.get(current) ?? '').map((entry) => isoToNs(entry.time) as bigint)
  t.is(ns.length, 5000)
  t.true(ns.every((time, n) => n === 0 || time >= (ns[n - 1] as bigint)))
  t.true(new Set(ns.map((time) => time % 1_000_000n)).size > 1000)
})
