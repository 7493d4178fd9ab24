import { readFileSync } from 'node:fs'
import test from 'ava'
import { openDeframer } from '../../collectors/docker-frames.ts'

interface Pieces {
  pieces: [stream: string, time: string, content: string][]
  bad: [string, number][]
}

/** Deframes the bytes given in chunks of `size`. */
function deframe(bytes: Buffer, tty: boolean, size = bytes.length): Pieces {
  const found: Pieces = { pieces: [], bad: [] }
  const deframer = openDeframer({
    tty,
    onPiece: (stream, time, content) => found.pieces.push([stream, time, content.toString()]),
    onBad: (rest, reason) => found.bad.push([reason, rest.length]),
  })
  for (let at = 0; at < bytes.length; at += size) deframer.push(bytes.subarray(at, at + size))
  deframer.end()
  return found
}

const fixture = (name: string) =>
  readFileSync(new URL(`../fixtures/docker-engine/${name}`, import.meta.url))
const time = '2026-11-22T18:25:51.633858316Z'

function frame(kind: number, payload: string): Buffer {
  const header = Buffer.alloc(8)
  header[0] = kind
  header.writeUInt32BE(Buffer.byteLength(payload), 4)
  return Buffer.concat([header, Buffer.from(payload)])
}

test('captured: a multiplexed log, cut anywhere', (t) => {
  const bytes = fixture('logs-nofollow-ts.bin')
  const whole = deframe(bytes, false)
  t.deepEqual(whole.bad, [])
  t.deepEqual(whole.pieces[0], ['stdout', time, 'api line 0\n'])
  t.deepEqual(whole.pieces[3], ['stderr', '2026-11-22T18:25:52.045915741Z', 'api warn 2\n'])
  for (const size of [1, 7, 8, 9, 100]) t.deepEqual(deframe(bytes, false, size), whole)
})

test("captured: a terminal's log, cut anywhere", (t) => {
  const bytes = fixture('logs-tty-ts.bin')
  const whole = deframe(bytes, true)
  t.deepEqual(whole.bad, [])
  t.deepEqual(whole.pieces[0], ['stdout', '2026-11-22T18:25:51.681932849Z', 'tty-out\r\n'])
  for (const size of [1, 7, 31, 100]) t.deepEqual(deframe(bytes, true, size), whole)
})

test('long lines of a terminal come as the pieces that Docker made', (t) => {
  const piece = 'x'.repeat(16384)
  const bytes = Buffer.from(`${time} ${piece}${time} ${piece}${time} end\r\n${time} next`)
  const expected = [piece, piece, 'end\r\n', 'next'].map((content) => ['stdout', time, content])
  t.deepEqual(deframe(bytes, true).pieces, expected as never)
  t.deepEqual(deframe(bytes, true, 1000).pieces, expected as never)
})

test('a line of a terminal that never ends is handed on piece by piece', (t) => {
  const piece = `${time} ${'x'.repeat(16384)}`
  let handed = 0
  const deframer = openDeframer({ tty: true, onPiece: () => handed++, onBad: () => t.fail() })
  for (let n = 0; n < 200; n++) deframer.push(Buffer.from(piece))
  t.true(handed > 100)
  deframer.end()
  t.is(handed, 200)
})

test('times of another zone or with fewer digits become fixed-width UTC', (t) => {
  const zoned = frame(1, '2026-11-22T20:25:51.633858316+02:00 a\n')
  const short = frame(1, '2026-11-22T18:25:51.5Z b\n')
  t.deepEqual(deframe(Buffer.concat([zoned, short]), false).pieces, [
    ['stdout', time, 'a\n'],
    ['stdout', '2026-11-22T18:25:51.500000000Z', 'b\n'],
  ])
})

const damaged: [string, Buffer, boolean, string][] = [
  ['no header', Buffer.from('<html>502 Bad Gateway</html>'), false, 'not a multiplexed log stream'],
  [
    'a length of 3 GB',
    Buffer.from([1, 0, 0, 0, 200, 0, 0, 0, 65]),
    false,
    'not a multiplexed log stream',
  ],
  ['no time', frame(1, 'hello\n'), false, 'a log line without a time'],
  ['a broken time', frame(1, '2026-99-22T18:25:51.5Z b\n'), false, 'a log line without a time'],
  ['an error of the daemon', frame(3, 'oops'), false, 'an error of the Docker daemon'],
  [
    'an unfinished frame',
    frame(1, `${time} a\n`).subarray(0, 20),
    false,
    'a frame that was never finished',
  ],
  ['a terminal without times', Buffer.from('hello\n'), true, 'a log line without a time'],
]

for (const [title, bytes, tty, reason] of damaged) {
  test(`damage is told: ${title}`, (t) => {
    const { pieces, bad } = deframe(bytes, tty)
    t.deepEqual(pieces, [])
    t.is(bad[0]?.[0], reason)
  })
}
