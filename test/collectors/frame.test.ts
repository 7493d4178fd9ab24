import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import test from 'ava'
import { fromLatin1 } from '../../collectors/bytes.ts'
import { frameJsonFile, framePlain, maxPlainPiece } from '../../collectors/frame.ts'
import { openNanoseconds } from '../../collectors/nanoseconds.ts'
import { isoToNs } from '../../pipeline/event.ts'

const fixture = (name: string) =>
  readFileSync(new URL(`../fixtures/docker-engine/${name}`, import.meta.url))

interface Framed {
  lines: {
    stream: string
    time: string
    text: string
    complete: boolean
    suspect: boolean
    range: [number, number]
  }[]
  bad: { range: [number, number]; reason: string }[]
  consumed: number
}

const unescape = (escaped: string) => JSON.parse(`"${fromLatin1(escaped)}"`) as string

function frame(input: string | Buffer, { marks = [] as number[], maxBytes = 1 << 20 } = {}) {
  const framed: Framed = { lines: [], bad: [], consumed: 0 }
  framed.consumed = frameJsonFile(
    Buffer.from(input),
    {
      scan: () => marks,
      line(stream, time, escaped, complete, suspect, begin, end) {
        const text = unescape(escaped)
        framed.lines.push({ stream, time, text, complete, suspect, range: [begin, end] })
      },
      bad: (begin, end, reason) => framed.bad.push({ range: [begin, end], reason }),
    },
    maxBytes,
  )
  return framed
}

const good = (text: string, time = '2026-11-22T18:00:00.123456789Z', stream = 'stdout') =>
  `${JSON.stringify({ log: text, stream, time })}\n`

const accepted: Record<string, { input: string; text: string; time?: string; complete?: false }> = {
  'a line': { input: good('hello\n'), text: 'hello' },
  'an empty line': { input: good('\n'), text: '' },
  'a part of a line': { input: good('half'), text: 'half', complete: false },
  CRLF: { input: good('dos\r\n'), text: 'dos' },
  'a return that is only text': { input: good('dos\\r\n'), text: 'dos\\r' },
  'a backslash and an n at the end, which is no newline': {
    input: good('path C:\\n'),
    text: 'path C:\\n',
    complete: false,
  },
  'quotes, tabs and characters of several bytes': {
    input: good('say "hü€😀"\t\\\n'),
    text: 'say "hü€😀"\t\\',
  },
  'a time with trimmed zeros': {
    input: good('x\n', '2026-11-22T18:00:00.1234Z'),
    text: 'x',
    time: '2026-11-22T18:00:00.123400000Z',
  },
  'a time without a fraction': {
    input: good('x\n', '2026-11-22T18:00:00Z'),
    text: 'x',
    time: '2026-11-22T18:00:00.000000000Z',
  },
  'another key order': {
    input: '{"time":"2026-11-22T18:00:00.5Z","stream":"stdout","log":"x\\n"}\n',
    text: 'x',
    time: '2026-11-22T18:00:00.500000000Z',
  },
  'white space and a time zone': {
    input: '{ "log": "x\\n", "stream": "stdout", "time": "2026-11-22T19:00:00.5+01:00" }\n',
    text: 'x',
    time: '2026-11-22T18:00:00.500000000Z',
  },
  'no stream': {
    input: '{"log":"x\\n","time":"2026-11-22T18:00:00.123456789Z"}\n',
    text: 'x',
  },
  'a record of another key order whose text looks like a record': {
    input: `{"stream":"stdout","log":${JSON.stringify(good('in'))},"time":"2026-11-22T18:00:00.123456789Z"}\n`,
    text: good('in').slice(0, -1),
  },
  'attributes, one of which is named stream': {
    input:
      '{"log":"x\\n","stream":"stdout","attrs":{"a":"},\\"time\\":\\"","stream":"stderr"},"time":"2026-11-22T18:00:00.123456789Z"}\n',
    text: 'x',
  },
}

for (const [title, { input, text, time, complete = true }] of Object.entries(accepted)) {
  test(`json-file: ${title}`, (t) => {
    const before = good('before\n')
    const { lines, bad, consumed } = frame(before + input + good('behind\n'))
    t.deepEqual(bad, [])
    t.is(lines.length, 3)
    t.like(lines[1], {
      text,
      complete,
      stream: 'stdout',
      time: time ?? '2026-11-22T18:00:00.123456789Z',
      range: [before.length, before.length + Buffer.byteLength(input)],
    })
    t.is(consumed, Buffer.byteLength(before + input + good('behind\n')))
  })
}

const refused: Record<string, { input: string; reason: string; recovered?: string[] }> = {
  text: { input: 'hello\n', reason: 'not a json-file record' },
  'an empty line': { input: '\n', reason: 'an empty line' },
  'a record without its first byte': {
    input: good('x\n').slice(1),
    reason: 'not a json-file record',
  },
  'a record without a time': { input: '{"log":"x"}\n', reason: 'a damaged record' },
  'a time that is none': {
    input: good('x\n', '2026-13-45T99:00:00.000000000Z'),
    reason: 'a damaged record',
  },
  'a raw control byte': {
    input: good('a?b\n').replace('?', '\x01'),
    reason: 'raw control bytes in a record',
  },
  'a quote that is not escaped': {
    input: good('a?b\n').replace('?', '"'),
    reason: 'a damaged record',
  },
  'an escape that does not exist': {
    input: good('a?b\n').replace('?', '\\x'),
    reason: 'a damaged record',
  },
  'a damaged \\u escape': {
    input: good('a?b\n').replace('?', '\\u00g0'),
    reason: 'a damaged record',
  },
  'a torn record glued to a good one': {
    input: `{"log":"abc${good('good\n')}`,
    reason: 'a torn record',
    recovered: ['good'],
  },
  'a record torn in its attributes, glued to a good one': {
    input: `{"log":"abc\\n","stream":"stdout","attrs":{"MARA${good('good\n')}`,
    reason: 'a torn record',
    recovered: ['good'],
  },
  'NULs before a good record': {
    input: `${'\0'.repeat(50)}${good('good\n')}`,
    reason: 'NUL bytes',
    recovered: ['good'],
  },
  'NULs in a record': { input: good('a?b\n').replace('?', '\0'), reason: 'NUL bytes in a record' },
  'a record of JSON that is not an object': { input: 'null\n', reason: 'not a json-file record' },
}

for (const [title, { input, reason, recovered = [] }] of Object.entries(refused)) {
  test(`json-file, bad: ${title}`, (t) => {
    const before = good('before\n')
    const { lines, bad } = frame(before + input + good('behind\n'))
    t.deepEqual(
      lines.map((line) => line.text),
      ['before', ...recovered, 'behind'],
    )
    t.deepEqual(
      bad.map((each) => each.reason),
      [reason],
    )
    const lost = input.length - recovered.map((text) => good(`${text}\n`)).join('').length
    t.deepEqual(bad[0]?.range, [before.length, before.length + lost])
  })
}

test('json-file: bad lines of one kind that stand together are told once', (t) => {
  const { bad, lines } = frame(`junk\n`.repeat(1000) + good('x\n') + 'junk\n')
  t.deepEqual(
    bad.map(({ range }) => range),
    [
      [0, 5000],
      [5000 + good('x\n').length, 5005 + good('x\n').length],
    ],
  )
  t.is(lines.length, 1)
})

test('json-file: an unterminated record stays, and is given up when it is endless', (t) => {
  const record = good('x\n')
  t.is(frame(`${record}{"log":"y`).consumed, record.length)
  t.is(frame('{"log":"y').consumed, 0)
  const endless = frame('{"log":"'.padEnd(64, 'y'), { maxBytes: 64 })
  t.is(endless.consumed, 64)
  t.deepEqual(endless.bad, [{ range: [0, 64], reason: 'no newline within 64 bytes' }])
})

test('json-file: a record that begins at the end of what is given up is given again', (t) => {
  for (let at = 1; at <= 8; at++) {
    const nuls = '\0'.repeat(64 - at)
    const { consumed, bad } = frame(`${nuls}${good('x\n')}`.slice(0, 64), { maxBytes: 64 })
    t.is(consumed, 64 - at)
    t.deepEqual(bad, [{ range: [0, 64 - at], reason: 'NUL bytes' }])
  }
})

test('json-file: bytes that are not UTF-8 become U+FFFD, in their line only', (t) => {
  const bytes = Buffer.from(good('a?b\n') + good('ü\n'))
  bytes[bytes.indexOf('?')] = 0xff
  const { lines, bad } = frame(bytes)
  t.deepEqual(
    lines.map(({ text }) => text),
    ['a\ufffdb', 'ü'],
  )
  t.deepEqual(bad, [])
})

test('json-file: only lines in which a mark stands are suspect', (t) => {
  const size = good('x\n').length
  const { lines } = frame(good('x\n').repeat(4), { marks: [size + 3, size + 9, 3 * size] })
  t.deepEqual(
    lines.map(({ suspect }) => suspect),
    [false, true, false, true],
  )
})

/** What json-file records hold, by the slow and sure way. */
function parsed(bytes: Buffer) {
  const records = bytes.toString().split('\n').slice(0, -1)
  return records.map(
    (record) => JSON.parse(record) as { log: string; stream: string; time: string },
  )
}

for (const name of [
  'json-file-small.log',
  'json-file-with-attrs.log',
  'json-file-halfline.log',
  'json-file-escapes.log',
  'json-file-long-lines.log.gz',
  'rotation-keep3-json.log',
]) {
  test(`json-file: ${name}, as a real engine wrote it, equals JSON.parse`, (t) => {
    const bytes = name.endsWith('.gz') ? gunzipSync(fixture(name)) : fixture(name)
    const { lines, bad, consumed } = frame(bytes)
    t.deepEqual(bad, [])
    t.is(consumed, bytes.lastIndexOf('\n') + 1)
    t.deepEqual(
      lines.map(({ text, stream, time, complete }) => ({
        text,
        stream,
        ns: isoToNs(time),
        complete,
      })),
      parsed(bytes).map(({ log, stream, time }) => {
        const text = log.replace(/\r?\n$/, '')
        return { text, stream, ns: isoToNs(time), complete: log.endsWith('\n') }
      }),
    )
    t.true(lines.every(({ time }) => time.length === 30))
  })
}

function plain(input: string | Buffer, all = false) {
  const lines: { text: string; complete: boolean; range: [number, number] }[] = []
  const consumed = framePlain(
    Buffer.from(input),
    {
      scan: () => [],
      line: (escaped, complete, _suspect, begin, end) =>
        lines.push({ text: unescape(escaped), complete, range: [begin, end] }),
    },
    all,
  )
  return { lines, consumed }
}

test('plain: lines, CRLF, quotes, controls, NULs and bytes that are not UTF-8', (t) => {
  const bytes = Buffer.concat([
    Buffer.from('one\r\n"two"\\r\nt\0b\x1b[31m\té\n\n'),
    Buffer.from([0x61, 0xff, 0x0a]),
  ])
  const { lines, consumed } = plain(bytes)
  t.deepEqual(
    lines.map(({ text }) => text),
    ['one', '"two"\\r', 't\0b\x1b[31m\té', '', 'a\ufffd'],
  )
  t.is(consumed, bytes.length)
  t.deepEqual(lines.map(({ range }) => range[1]).at(-1), bytes.length)
})

test('plain: an unfinished line stays, unless all is wanted', (t) => {
  t.is(plain('one\ntwo').consumed, 4)
  const { lines, consumed } = plain('one\ntwo', true)
  t.is(consumed, 7)
  t.deepEqual(lines[1], { text: 'two', complete: false, range: [4, 7] })
})

test('plain: a long unfinished line is handed on in parts, never inside a character', (t) => {
  const bytes = Buffer.from(`a${'ü'.repeat(maxPlainPiece / 2)}`).subarray(0, -1)
  const { lines, consumed } = plain(bytes)
  t.is(consumed, bytes.length - 1)
  t.false(lines[0]?.complete)
  t.false(lines[0]?.text.includes('\ufffd'))
})

test('nanoseconds of fixed-width times', (t) => {
  const nanoseconds = openNanoseconds()
  for (const time of [
    '2026-11-22T18:25:51.633858316Z',
    '2026-11-22T18:25:51.000000001Z',
    '2027-01-01T00:00:00.000000000Z',
  ]) {
    t.is(nanoseconds(time), String(isoToNs(time)))
  }
})
