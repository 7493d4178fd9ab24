import test from 'ava'
import { openTail } from '../../dashboards/routes/tail.ts'
import type { Tail } from '../../dashboards/api.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { LogDoc } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { decodeDocs } from '../../pipeline/record.ts'
import { open, openTails, until } from './open.ts'
import { openInstance } from './shop.ts'

const web = openInstance('/shop/web', 'web.1', 'a'.repeat(64))
const docs = (count: number, text = 'line') =>
  decodeDocs(
    web.write(
      0,
      Array.from({ length: count }, (_, at) => ['info', `${text} ${at}`]),
    ),
  )

function linesOf(text: string) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Partial<LogDoc> & Record<string, unknown>)
}

test('new lines of the service come as NDJSON until the reader leaves', async (t) => {
  const { url, tails, store } = await open(t)
  await store.appendLogs([web.write(0, [['info', 'known']])])
  const left = new AbortController()
  const response = await fetch(`${url}/api/tail?service=web&query=cart`, { signal: left.signal })
  t.is(response.headers.get('content-type'), 'application/x-ndjson; charset=utf-8')
  t.truthy(response.headers.get('content-security-policy'))
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  t.is((await reader?.read())?.value, '\n')
  const [cart, other] = [docs(1, 'cart'), docs(1, 'other')]
  tails.emit([...cart, ...other, { ...(cart[0] as LogDoc), 'service.name': '/shop/other' }])
  t.deepEqual(linesOf((await reader?.read())?.value ?? ''), cart)
  left.abort()
  await until('the tail to end', () => tails.count() === 0)
})

test('closing the server ends live tails', async (t) => {
  const { url, tails, close } = await open(t)
  const response = await fetch(`${url}/api/tail`)
  await until('the tail to open', () => tails.count() === 1)
  await close()
  await t.throwsAsync(response.text())
  t.is(tails.count(), 0)
})

test('a quiet tail says that it lives', async (t) => {
  const { url } = await open(t, { heartbeatMs: 5 })
  const response = await fetch(`${url}/api/tail`)
  const reader = response.body?.getReader()
  let bytes = 0
  while (bytes < 3) bytes += (await reader?.read())?.value?.length ?? 0
  t.pass('three empty lines came without a line of a log')
  await reader?.cancel()
})

test('a slow reader loses lines and is told how many, where they were', async (t) => {
  const tails = openTails()
  const stream = openTail({
    tail: tails.tail,
    filter: {},
    heartbeatMs: 60_000,
    log: silentLog,
    maxWaiting: 100_000,
  })
  t.teardown(() => stream.destroy())
  for (let at = 0; at < 100; at++) tails.emit(docs(50))
  let text = ''
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await until('the dropped line', () => text.includes('dropped'))
  tails.emit(docs(2, 'after'))
  await until('the lines after it', () => text.includes('after 1'))
  const lines = linesOf(text)
  const at = lines.findIndex((line) => 'dropped' in line)
  const before = lines.slice(0, at)
  t.true(before.length > 50 && text.length < 300_000)
  t.true(before.every((line, index) => line.message === `line ${index % 50}`))
  t.is(before.length + (lines[at]?.['dropped'] as number), 5000)
  t.deepEqual(
    lines.slice(at + 1).map(({ message }) => message),
    ['after 0', 'after 1'],
  )
})

test('a tail that fails says why and ends', async (t) => {
  const tail: Tail = async () => {
    throw new Trouble('the bus is closed', { remedy: 'start it' })
  }
  const { url } = await open(t, { tail })
  const text = await (await fetch(`${url}/api/tail`)).text()
  t.deepEqual(linesOf(text), [{ error: 'the bus is closed', remedy: 'start it' }])
})

test('there are not more live tails than the server can feed', async (t) => {
  const { url, tails } = await open(t)
  const readers = await Promise.all(Array.from({ length: 50 }, () => fetch(`${url}/api/tail`)))
  const refused = await fetch(`${url}/api/tail`)
  t.is(refused.status, 503)
  t.regex(await refused.text(), /close one and try again/)
  await readers[0]?.body?.cancel()
  await until('a place', () => tails.count() === 49)
  const again = await fetch(`${url}/api/tail`)
  t.is(again.status, 200)
  await again.body?.cancel()
})
