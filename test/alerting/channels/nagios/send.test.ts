import test from 'ava'
import { sendResults } from '../../../../alerting/channels/nagios/send.ts'
import { Trouble } from '../../../../pipeline/errors.ts'
import { hello, openDaemon, openServer } from './daemon.ts'

const never = new AbortController().signal
const options = { timeoutMs: 5000, signal: never }
const result = { host: 'mesoscope', service: 'A', code: 2, output: 'bad' }
const to = (port: number) =>
  ({ host: '127.0.0.1', port, encryption: 0, password: '', outputBytes: 4096 }) as const

test("several results in one connection, in order, with the daemon's time", async (t) => {
  const { port, connections } = await openDaemon(t)
  await sendResults(to(port), [result, { host: 'h', code: 0, output: 'up' }], options)
  const timestamp = 0x6553f100
  t.deepEqual(connections, [
    [
      { ...result, timestamp },
      { host: 'h', service: '', code: 0, output: 'up', timestamp },
    ],
  ])
})

test('a daemon that speaks slowly', async (t) => {
  let received = 0
  const port = await openServer(t, (socket) => {
    socket.write(hello.subarray(0, 100))
    setTimeout(() => socket.write(hello.subarray(100)), 30)
    socket.on('data', (chunk: Buffer) => (received += chunk.length))
    socket.on('end', () => socket.end())
  })
  await sendResults(to(port), [result], options)
  // The packet, and the byte that makes a hang-up before the end be seen.
  t.is(received, 4304 + 1)
})

test('packets of the old length have nothing after them', async (t) => {
  let received = 0
  const port = await openServer(t, (socket) => {
    socket.write(hello)
    socket.on('data', (chunk: Buffer) => (received += chunk.length))
    socket.on('end', () => socket.end())
  })
  await sendResults({ ...to(port), outputBytes: 512 }, [result], options)
  t.is(received, 720)
})

test('it hangs up at once', async (t) => {
  const port = await openServer(t, (socket) => socket.end())
  const error = await t.throwsAsync(sendResults(to(port), [result], options), {
    instanceOf: Trouble,
    message: /hung up at once/,
  })
  t.true(error.retryable)
})

test('it breaks off without having read all: the remedy names password and encryption', async (t) => {
  const port = await openServer(t, (socket) => {
    socket.write(hello)
    socket.once('data', () => socket.resetAndDestroy())
  })
  const error = await t.throwsAsync(sendResults(to(port), [result], options), {
    instanceOf: Trouble,
    message: /broke off without reading all \(ECONNRESET\)/,
  })
  t.regex(error.remedy ?? '', /password and encryption/)
})

const silences: [string, Buffer][] = [
  ['it says nothing', Buffer.alloc(0)],
  ['it says half of what it should', hello.subarray(0, 60)],
  ['it takes the result and does not hang up', hello],
]

for (const [sentence, says] of silences) {
  test(`within the time that was set: ${sentence}`, async (t) => {
    const port = await openServer(t, (socket) => {
      socket.write(says)
      socket.resume()
    })
    await t.throwsAsync(sendResults(to(port), [result], { ...options, timeoutMs: 100 }), {
      message: /no answer within 100 ms/,
    })
  })
}

test('broken off when we close, also before it began', async (t) => {
  const port = await openServer(t, (socket) => socket.resume())
  const closing = new AbortController()
  const sending = sendResults(to(port), [result], { ...options, signal: closing.signal })
  closing.abort()
  await t.throwsAsync(sending, { message: /broken off/ })
  await t.throwsAsync(sendResults(to(port), [result], { ...options, signal: closing.signal }), {
    message: /broken off/,
  })
})

test('nobody listens', async (t) => {
  const port = await openServer(t, () => undefined)
  await t.throwsAsync(sendResults({ ...to(port), host: '127.0.0.2' }, [result], options), {
    message: /NSCA 127\.0\.0\.2:\d+: .*ECONNREFUSED/,
  })
})
