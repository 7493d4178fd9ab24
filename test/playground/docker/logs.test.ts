import { appendFileSync } from 'node:fs'
import { connect } from 'node:net'
import test from 'ava'
import { addressOf, chunksOf, rawHttp } from '../../helpers/raw-http.ts'
import { fixture, openEngine, withFixtures } from './open-engine.ts'

interface Frame {
  stream: number
  text: string
}

/** Throws where the framing is not right. */
function frames(body: Buffer): Frame[] {
  const found: Frame[] = []
  for (let at = 0; at < body.length;) {
    const length = body.readUInt32BE(at + 4)
    if (body.readUIntBE(at + 1, 3) !== 0) throw new Error(`no frame at ${at}`)
    const stream = body[at] as number
    found.push({ stream, text: body.toString('utf8', at + 8, at + 8 + length) })
    at += 8 + length
  }
  return found
}

const logs = (url: string, name: string, query = 'stdout=1&stderr=1') =>
  rawHttp(url, `/v1.41/containers/${name}/logs?${query}`)

const texts = (body: Buffer) => frames(body).map(({ text }) => text)

/** 2026-11-22T18:25:55.483453057Z */
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /

test('the log of an ended container, a frame a record, a chunk a frame', async (t) => {
  const { url, run } = await openEngine(t)
  await run('web', 'echo one; sleep 0.1; echo two >&2; sleep 0.1; printf three').exited
  const answer = await logs(url, 'web')
  t.deepEqual(frames(answer.body), [
    { stream: 1, text: 'one\n' },
    { stream: 2, text: 'two\n' },
    { stream: 1, text: 'three' },
  ])
  t.is(chunksOf(answer.raw).length, 3)
  t.deepEqual(texts((await logs(url, 'web', 'stderr=1')).body), ['two\n'])
  const stamped = texts((await logs(url, 'web', 'stdout=1&stderr=true&timestamps=1')).body)
  for (const text of stamped) t.regex(text, time)
  const detailed = texts((await logs(url, 'web', 'stdout=1&details=1')).body)
  t.deepEqual(detailed, [' one\n', ' three'])
})

withFixtures('its head is that of a real one, without a type', async (t) => {
  const { url, run } = await openEngine(t)
  await run('web', 'echo one').exited
  const [head = ''] = fixture('logs-follow-raw-http.bin').toString().split('\r\n\r\n')
  const { statusLine, headerLines } = await logs(url, 'web')
  const withoutDate = (lines: string[]) => lines.filter((line) => !line.startsWith('Date: '))
  t.deepEqual(withoutDate([statusLine, ...headerLines]), withoutDate(head.split('\r\n')))
})

test('the last records, and those from a time on: that very time is in it, a nanosecond later not', async (t) => {
  const { url, run } = await openEngine(t)
  await run('web', 'for n in 1 2 3 4; do echo $n; sleep 0.02; done').exited
  const stamped = texts((await logs(url, 'web', 'stdout=1&timestamps=1')).body)
  const third = stamped[2]?.slice(0, 30) ?? ''
  const seconds = Math.trunc(Date.parse(third) / 1000)
  const at = (ns: number) => `stdout=1&since=${seconds}.${String(ns).padStart(9, '0')}`
  const ns = Number(third.slice(20, 29))
  t.deepEqual(texts((await logs(url, 'web', at(ns))).body), ['3\n', '4\n'])
  t.deepEqual(texts((await logs(url, 'web', at(ns + 1))).body), ['4\n'])
  const until = at(ns).replace('since', 'until')
  t.deepEqual(texts((await logs(url, 'web', until)).body), ['1\n', '2\n', '3\n'])
  t.deepEqual(texts((await logs(url, 'web', 'stdout=1&tail=2')).body), ['3\n', '4\n'])
  t.deepEqual(texts((await logs(url, 'web', 'stdout=1&tail=0')).body), [])
  t.is(texts((await logs(url, 'web', 'stdout=1&tail=all')).body).length, 4)
})

test('rotated files are part of the log', async (t) => {
  const { url, run } = await openEngine(t, { maxSize: 2000 })
  const { id, exited } = run('web', 'n=0; while [ $n -lt 40 ]; do echo line $n; n=$((n+1)); done')
  await exited
  const lines = texts((await logs(url, id)).body)
  t.true(lines.length > 20 && lines.length <= 40, `${lines.length}`)
  const first = 40 - lines.length
  t.deepEqual(
    lines,
    Array.from(lines, (_, n) => `line ${first + n}\n`),
  )
})

test('a log that is followed ends with its container, and nothing is missing or twice', async (t) => {
  const { url, run } = await openEngine(t)
  const script = 'n=0; while [ $n -lt 3000 ]; do echo line $n; n=$((n+1)); done'
  const { id } = run('web', script)
  const followers = [0, 1, 2].map(async () => {
    const { body } = await logs(url, id, 'stdout=1&follow=1')
    return texts(body)
  })
  for (const lines of await Promise.all(followers)) {
    t.deepEqual(
      lines,
      Array.from({ length: 3000 }, (_, n) => `line ${n}\n`),
    )
  }
})

test('a slow follower gets everything too', async (t) => {
  const { url, run } = await openEngine(t, { maxSize: 10_000_000 })
  const { id } = run('web', 'n=0; while [ $n -lt 200 ]; do printf "%05000d\n" $n; n=$((n+1)); done')
  const socket = connect(addressOf(url))
  socket.write(`GET /containers/${id}/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: t\r\n\r\n`)
  const chunks: Buffer[] = []
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer)
    if ((chunk as Buffer).subarray(-5).toString() === '0\r\n\r\n') break
    socket.pause()
    setTimeout(() => socket.resume(), 1)
  }
  const received = Buffer.concat(chunks)
  const body = Buffer.concat(chunksOf(received.subarray(received.indexOf('\r\n\r\n') + 4)))
  const lines = texts(body)
  t.deepEqual(
    lines.map(Number),
    Array.from({ length: 200 }, (_, n) => n),
  )
})

test('bytes that are no text are replaced, in files and while following', async (t) => {
  const { url, run } = await openEngine(t)
  const { id } = run('web', "sleep 0.3; printf 'caf\\303\\251 \\377\\n'")
  t.deepEqual(texts((await logs(url, id, 'stdout=1&follow=1')).body), ['café \ufffd\n'])
  t.deepEqual(texts((await logs(url, id)).body), ['café \ufffd\n'])
})

test('a damaged record ends the answer in silence', async (t) => {
  const { url, run, engine } = await openEngine(t)
  const { id, exited } = run('web', 'echo one')
  await exited
  const [path = ''] = engine.container(id)?.logFiles() ?? []
  appendFileSync(path, '\0\0\0\n{"log":"two\\n","stream":"stdout","time":"2026-11-22T18:00:00Z"}\n')
  const answer = await logs(url, id)
  t.is(answer.status, 200)
  t.deepEqual(texts(answer.body), ['one\n'])
})

withFixtures('refusals are those of a real daemon, to the byte', async (t) => {
  const { url, run } = await openEngine(t)
  await run('web', 'echo one').exited
  const same = async (query: string, name: string, container = 'web') => {
    const answer = await logs(url, container, query)
    const meta = fixture(`${name}.meta.txt`).toString()
    t.is(answer.status, Number(/^status: (\d+)$/m.exec(meta)?.[1]))
    t.deepEqual(answer.body, fixture(name))
    t.is(answer.headers['content-type'], 'application/json')
  }
  await same('follow=0', 'logs-nostream-400.json')
  await same('stdout=0&stderr=false', 'logs-nostream-400.json')
  await same('stdout=1', 'logs-nosuch-404.json', 'nosuch')
  await same('stdout=1&since=2026-11-22T18:44:14Z', 'logs-since-rfc3339-500.json')
})
