import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import * as fc from 'fast-check'
import { toLatin1 } from '../../collectors/bytes.ts'
import { openDockerStreams } from '../../collectors/docker-streams.ts'
import { frameRuns, type RunHandlers } from '../../collectors/frame-runs.ts'
import { frameJsonFile } from '../../collectors/frame.ts'
import { kernelOfThread, rowFlags, type Kernel } from '../../collectors/kernel.ts'
import { levelOf } from '../../collectors/level.ts'
import { openRedactor } from '../../collectors/redact.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { decodeBody } from '../../pipeline/record.ts'
import { compileKernel } from '../kernel/compile.ts'
import { levelLines } from './level-lines.ts'

/*
 * The kernel is held to the way that lines go without it: `frameJsonFile`, `levelOf`, the redactor's scan, one push a line.
 */

const kernel = kernelOfThread() as Kernel
const redactor = openRedactor({ enabled: true, patterns: [] })

test('the kernel runs here, and is what its source compiles to', (t) => {
  t.truthy(kernel)
  const committed = new URL('../../collectors/kernel-bytes.ts', import.meta.url)
  t.is(compileKernel(), readFileSync(committed, 'utf8'), 'npm run kernel')
})

interface Said {
  text: string
  stream?: string
  time?: string
  newline?: boolean
}

const record = ({
  text,
  stream = 'stdout',
  time = '2026-11-22T18:00:00.5Z',
  newline = true,
}: Said) =>
  `{"log":${JSON.stringify(newline ? `${text}\n` : text)},"stream":"${stream}","time":"${time}"}\n`

function frameOne(text: string) {
  const rows = kernel.frame(Buffer.from(record({ text })), 0, Buffer.byteLength(record({ text })))
  return { rows, flags: kernel.flags(0), level: kernel.level(0), text: kernel.text(0) }
}

/** Texts made of these words; sometimes of any characters. */
function texts(words: readonly string[]) {
  const word = fc.constantFrom(
    ...words,
    ' ',
    '  ',
    ':',
    '=',
    '"',
    '[',
    ']',
    '\\',
    '/',
    '1',
    '-',
    '_',
  )
  const many = fc.array(word, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''))
  const any = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.toWellFormed())
  return fc.oneof(
    { weight: 4, arbitrary: many },
    any,
    fc.tuple(many, any).map((two) => two.join('')),
  )
}

const words = (text: string) => text.trim().split(/\s+/)

const levelWords = [
  ...words(`
    ERROR error Error WARN Warning info INFO log LOG fine ALERT statement panic dpanic
    informational emergency critical TRACE dbg DEBUG2 level lvl severity log.level LEVEL
    {"level":" "severity":" x.y java.io.IOException Exception TypeError ' ( ) < > | , ; * HTTP/1.1
    HTTP/2 10.1.2.3 <3> é € 😀 { }
  `),
  'fatal ',
  '\u001b[31m',
  '\u001b[0m',
  '\t',
  '\n',
  ' 200 ',
  ' 502 ',
  '] "" ',
  '1795371951.633 ',
  'E1122 15:04:22',
  'Traceback (',
  'thread ',
  'http: panic serving',
  ' haproxy[',
]

test('levels are those of levelOf, or left to it', (t) => {
  const tables = Object.values(levelLines).flat()
  let told = 0
  for (const [, text] of tables) {
    const { level, text: escaped } = frameOne(text)
    if (level !== undefined) told++
    t.is(level ?? levelOf(escaped), levelOf(escaped), text)
  }
  t.true(told > tables.length / 3, `${told} of ${tables.length}`)
  const check = (text: string) => {
    const { rows, level, text: escaped } = frameOne(text)
    return rows === 1 && (level === undefined || level === levelOf(escaped))
  }
  t.notThrows(() => fc.assert(fc.property(texts(levelWords), check), { numRuns: 20_000 }))
})

test('a long line tells its level as far as it is looked at', (t) => {
  for (const length of [
    0, 1, 200, 240, 248, 249, 250, 251, 255, 256, 257, 1000, 1016, 1020, 1023, 1024,
  ]) {
    for (const word of ['ERROR x', 'level=warn', '"GET / HTTP/1.1" 502 1', '{"level":"info"}']) {
      const { level, text } = frameOne(`${'x '.repeat(length / 2)}${length % 2 ? ' ' : ''}${word}`)
      t.is(level ?? levelOf(text), levelOf(text), `${word} at ${length}`)
    }
  }
})

const secretWords = [
  ...words(`
    password PASSWD passphrase pwd PWD --pass _pass _PASS pass secret SECRET token TOKEN api API
    access auth private key KEY authorization AUTHORIZATION AKIA ASIA ghp_ gho_ ghu_ ghs_ ghr_
    github_pat_ glpat- xoxb- xoxe- sk_live_ eyJ @ :// user:pw
  `),
  'bearer ',
  'BEARER ',
  'basic ',
  'Basic ',
  'PRIVATE KEY',
  ':\\/\\/',
]

test('what the redactor looks at is never taken for harmless', (t) => {
  const check = (text: string) => {
    const { flags, text: escaped } = frameOne(text)
    return (flags & rowFlags.suspect) !== 0 || redactor.scan(escaped).length === 0
  }
  t.notThrows(() => fc.assert(fc.property(texts(secretWords), check), { numRuns: 20_000 }))
  for (let at = 0; at < 40; at++) {
    for (const word of secretWords.filter((one) => redactor.scan(one + '"').length > 0)) {
      t.true(check(`${'.'.repeat(at)}${word}"`), word)
    }
  }
  const { flags } = frameOne(
    '10.1.2.3 - u1 "GET /api/v1/x HTTP/1.1" 200 payment authorised by ops@example.org',
  )
  t.is(flags & rowFlags.suspect, 0)
})

const identity: Identity = { service: '/shop/zoë', container: 'c1', labels: { team: 'zoë' } }

/** All that an input makes of a file that is read in these pieces. */
function read(
  file: Buffer,
  sizes: readonly number[],
  way: typeof frameRuns,
  { labels = {}, maxEventBytes = 2000, nowMs = Date.parse('2026-11-22T18:30:00Z') } = {},
) {
  const streams = openDockerStreams<number>({
    container: 'c1',
    identity: { ...identity, labels: { ...identity.labels, ...labels } },
    states: {},
    originOf: (place) => `byte ${place}`,
    maxEventBytes,
    multiline: true,
    redactor,
  })
  const told: unknown[] = []
  let base = 0
  let runs = 0
  const handlers: RunHandlers = {
    scan: redactor.scan,
    line(stream, time, escaped, complete, suspect, begin, end) {
      const place = { begin: base + begin, end: base + end }
      streams.of(stream).push({ time, escaped, complete, suspect, ...place }, nowMs)
    },
    run(run) {
      const taken = streams.of(run.stream).pushRun(run, (row) => base + run.kernel.next(row), nowMs)
      runs += taken
      return taken
    },
    bad: (begin, end, reason) => void told.push({ begin: base + begin, end: base + end, reason }),
  }
  const take = (force: boolean) => {
    const { records, dead } = streams.take(nowMs, force)
    for (const { head, body, leftOut } of records) {
      told.push({ ...head, lineage: '', leftOut, text: decodeBody({ body }).toString('latin1') })
    }
    told.push(...dead)
    for (const [stream, { lineage: _, ...state }] of Object.entries(streams.states())) {
      told.push({ stream, ...state })
    }
  }
  for (let n = 0; base < file.length; n++) {
    const chunk = file.subarray(base, base + (sizes[n % sizes.length] as number))
    const more = base + chunk.length < file.length
    const used = way(chunk, handlers, maxEventBytes, 1 << 20)
    base += used
    if (used === 0 && !more) break
    if (used === 0)
      return read(
        file,
        sizes.map((size) => size * 2),
        way,
        { labels, maxEventBytes, nowMs },
      )
    take(false)
  }
  take(true)
  return { told, runs }
}

const lineByLine: typeof frameRuns = (chunk, handlers, _, maxBytes) =>
  frameJsonFile(chunk, handlers, maxBytes)

const lineTexts = [
  'ready',
  '2026-11-22 18:00:00 INFO [main] started',
  '{"level":"info","msg":"a \\"b\\""}',
  '{"a":1}',
  '',
  'ERROR failed',
  '\tat com.shop.Order.place(Order.java:1)',
  'java.lang.IllegalStateException: x',
  '  indented',
  'Traceback (most recent call last):',
  '  File "x.py", line 1',
  'ValueError: x',
  'panic: x',
  'goroutine 1 [running]:',
  'Caused by: x',
  'level=warn msg=x',
  'password=hunter2',
  'GET https://bob:hunter2@example.org/x',
  'a@b',
  'crlf\r',
  '-----BEGIN RSA PRIVATE KEY-----',
  'MIIEow',
  '-----END RSA PRIVATE KEY-----',
  'é€😀',
  '\u0000\u001b[31mx',
  '\\',
  '\\\\n',
  'x'.repeat(1999),
  'y'.repeat(2001),
  'com.shop.Thing happened',
  'gone',
  'thread main',
  '}',
  '[warn] x',
  '- item',
]
const times = [
  '2026-11-22T18:00:00.123456789Z',
  '2026-11-22T18:00:00.123456789Z',
  '2026-11-22T18:00:00.12345678Z',
  '2026-11-22T18:00:01.5Z',
  '2026-11-22T18:00:01.500000001Z',
  '2026-11-22T18:00:02Z',
  '2026-12-31T23:59:59.999999999Z',
  '1985-01-01T00:00:00.5Z',
  '2024-02-29T12:00:00.25Z',
  '2023-02-29T12:00:00.25Z',
  '2026-11-22T24:00:00.5Z',
  '2026-11-22T19:28:30.5Z',
  '2026-11-22T19:31:00.5Z',
  '2001-09-09T01:46:39.5Z',
  '2026-11-22T18:00:00.1234567890Z',
]
const ordinary = fc
  .record({
    text: fc.constantFrom(...lineTexts),
    stream: fc.constantFrom('stdout', 'stdout', 'stdout', 'stderr'),
    time: fc.constantFrom(...times.slice(0, 5)),
    newline: fc.constant(true),
  })
  .map(record)
const plain = fc
  .array(fc.constantFrom(...lineTexts.slice(0, 5)), { minLength: 3, maxLength: 12 })
  .map((many) => many.map((text) => record({ text, time: times[0] })).join(''))
const unusual = fc
  .record({
    text: fc.oneof(fc.constantFrom(...lineTexts), fc.string({ unit: 'binary' })),
    stream: fc.constantFrom('stdout', 'stderr', 'stdlog'),
    time: fc.constantFrom(...times),
    newline: fc.boolean(),
  })
  .map(record)
const odd = fc.constantFrom(
  '\n',
  'garbage\n',
  '{"log":"x"}\n',
  '{"log":"x\\n","stream":"stdout","time":"2026-\n',
  '{"log":"a\\qb\\n","stream":"stdout","time":"2026-11-22T18:00:00.5Z"}\n',
  '{"log":"a\\u00zzb\\n","stream":"stdout","time":"2026-11-22T18:00:00.5Z"}\n',
  '{"log":"x\\n","stream":"stdout","attrs":{"tag":"a"},"time":"2026-11-22T18:00:00.5Z"}\n',
  '{"stream":"stdout","log":"x\\n","time":"2026-11-22T18:00:00.5Z"}\n',
  '{"log":"torn{"log":"x\\n","stream":"stdout","time":"2026-11-22T18:00:00.5Z"}\n',
)
const files = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: ordinary },
      { weight: 3, arbitrary: unusual },
      { weight: 3, arbitrary: plain },
      odd,
    ),
    {
      minLength: 1,
      maxLength: 40,
    },
  )
  .map((parts) => Buffer.from(parts.join('')))
const sizes = fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 1, maxLength: 5 })
const labels = fc.constantFrom<Record<string, string>[]>(
  {},
  {},
  {},
  { 'mesoscope.level': 'warn' },
  { 'mesoscope.sample': '0.5' },
  { 'mesoscope.multiline': 'false' },
  { 'mesoscope.multiline': '^\\d' },
)

test('a file makes the same records, states and dead letters as line by line', (t) => {
  let runs = 0
  const check = (file: Buffer, cuts: number[], own: Record<string, string>) => {
    const quick = read(file, cuts, frameRuns, { labels: own })
    runs += quick.runs
    t.deepEqual(quick.told, read(file, cuts, lineByLine, { labels: own }).told)
  }
  t.notThrows(() => fc.assert(fc.property(files, sizes, labels, check), { numRuns: 1500 }))
  t.true(runs > 1000, `${runs} lines in runs`)
})

test('bytes that are no UTF-8 go the longer way', (t) => {
  const broken = Buffer.from(record({ text: 'a?b' }).repeat(3))
  broken[broken.indexOf('?')] = 0xff
  const quick = read(broken, [10_000], frameRuns)
  t.is(quick.runs, 0)
  t.deepEqual(quick.told, read(broken, [10_000], lineByLine).told)
})

test('more records than there are rows, more text than a record holds', (t) => {
  const short = Buffer.from(record({ text: '1' }).repeat(16_000))
  const long = Buffer.from(record({ text: '{"a":"' + 'x'.repeat(1900) + '"}' }).repeat(500))
  for (const file of [short, long]) {
    const quick = read(file, [1 << 20], frameRuns)
    t.true(quick.runs > 490)
    t.deepEqual(quick.told, read(file, [1 << 20], lineByLine).told)
  }
})

test('an identity with more labels than the kernel has room for', (t) => {
  const many = Object.fromEntries(
    Array.from({ length: 300 }, (_, n) => [`l${n}`, 'x'.repeat(1000)]),
  )
  const file = Buffer.from(record({ text: '1' }).repeat(5))
  const quick = read(file, [10_000], frameRuns, { labels: many })
  t.is(quick.runs, 0)
  t.deepEqual(quick.told, read(file, [10_000], lineByLine, { labels: many }).told)
})

const logs = join(process.env['MESOSCOPE_SHARED'] ?? '../shared', 'fixtures/logs')
if (existsSync(logs)) {
  test(`the lines in ${logs}`, (t) => {
    const names = readdirSync(logs, { recursive: true, withFileTypes: true })
    for (const entry of names.filter((one) => one.isFile())) {
      const bytes = readFileSync(join(entry.parentPath, entry.name))
      const lines = bytes.toString('utf8').split('\n').slice(0, 2000)
      const file = Buffer.from(lines.map((text) => record({ text })).join(''))
      const options = { maxEventBytes: 256 * 1024 }
      const quick = read(file, [1 << 20], frameRuns, options)
      t.deepEqual(quick.told, read(file, [1 << 20], lineByLine, options).told, entry.name)
      for (const text of lines)
        t.is(toLatin1(text) === '' ? 0 : frameOne(text).rows, text === '' ? 0 : 1)
    }
  })
} else test.skip(`the lines in ${logs} (set MESOSCOPE_SHARED)`, () => {})
