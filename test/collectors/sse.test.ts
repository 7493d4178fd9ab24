import test from 'ava'
import fc from 'fast-check'
import { openSse } from '../../collectors/sse.ts'

/** CRLF as Jetty writes it, heartbeats between, a character of two bytes, two lines of data. */
const stream = Buffer.from(
  'event: a\r\ndata: {"x":"ä"}\r\n\r\n\r\n\r\n\r\nevent: b\r\ndata: 1\r\ndata: 2\r\n\r\n\r\ndata: 3\n\n: comment\r\n\r\n',
)
const whole = [{ type: 'a', data: '{"x":"ä"}' }, { type: 'b', data: '1\n2' }, { data: '3' }]

test('cut anywhere, also within a line end or a character, it is the same', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
      const sse = openSse({ maxLength: 1000 })
      const places = [0, ...cuts.toSorted((a, b) => a - b), stream.length]
      const messages = places
        .slice(1)
        .flatMap((end, i) => sse.feed(stream.subarray(places[i], end)))
      t.deepEqual(messages, whole)
    }),
  )
})

test('byte by byte it is the same; a heartbeat completes nothing', (t) => {
  const sse = openSse({ maxLength: 1000 })
  t.deepEqual(
    [...stream].flatMap((byte) => sse.feed(Uint8Array.of(byte))),
    whole,
  )
  for (const byte of ['\r', '\n', '\r', '\n']) t.deepEqual(sse.feed(Buffer.from(byte)), [])
})

test('a message without end is given up before it fills the memory', (t) => {
  const sse = openSse({ maxLength: 1000 })
  const feed = () => sse.feed(Buffer.from(`data: ${'x'.repeat(300)}`))
  t.throws(
    () => {
      for (let i = 0; i < 10; i++) feed()
    },
    { message: 'an event is longer than 1000 characters' },
  )
})

test('what is no event, and bytes that are no text, harm nobody', (t) => {
  const sse = openSse({ maxLength: 1000 })
  t.deepEqual(sse.feed(Buffer.from('<html>\r\n\r\nretry: x\n\nid\n\n')), [])
  t.deepEqual(sse.feed(Buffer.from([0xff, 0xfe, 0x0a, 0x0a])), [])
  t.deepEqual(sse.feed(Buffer.from('data: ok\n\n')), [{ data: 'ok' }])
})
