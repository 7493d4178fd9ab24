import { connect, type Socket } from 'node:net'
import anyTest, { type TestFn } from 'ava'
import { frame, mostOutstanding } from '../../../../playground/marathon/http/sse.ts'
import type { MarathonEvent } from '../../../../playground/marathon/events.ts'
import { openServedScene, startMs, web, type ServedScene } from '../scene.ts'

const test = anyTest as TestFn<{ scene: ServedScene; streams: Stream[] }>

test.beforeEach(async (t) => {
  t.context.scene = await openServedScene({ keepAliveMs: 300 })
  t.context.streams = []
})

test.afterEach.always((t) => {
  for (const { socket } of t.context.streams) socket.destroy()
  return t.context.scene.close()
})

interface Stream {
  socket: Socket
  /** What came so far, chunk by chunk. */
  chunks: Buffer[]
  text(): string
  ended: Promise<void>
}

const accept = 'Accept: text/event-stream'

/** As it is on the wire. */
function listen(
  scene: ServedScene,
  streams: Stream[],
  path = '/v2/events',
  header = accept,
): Stream {
  const port = Number(scene.urls[0]?.split(':').at(-1))
  const chunks: Buffer[] = []
  const socket = connect(port, '127.0.0.1')
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
  socket.on('error', () => {})
  const ended = new Promise<void>((resolve) => void socket.on('close', () => resolve()))
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`)
  const stream = { socket, chunks, ended, text: () => Buffer.concat(chunks).toString('utf8') }
  streams.push(stream)
  return stream
}

/** Real time, for bytes on their way. */
async function came(what: string, condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > 10_000) throw new Error(`it did not come to ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

function bodyOf({ text }: Stream): string {
  return text().split('\r\n\r\n').slice(1).join('\r\n\r\n')
}

function types(stream: Stream): string[] {
  return [...bodyOf(stream).matchAll(/^event: (.+)\r$/gm)].map(([, type]) => type ?? '')
}

test('the bytes of a stream: head, the event of its own attachment, keep-alives in two halves', async (t) => {
  const { scene, streams } = t.context
  const stream = listen(scene, streams)
  await came('a keep-alive', () => bodyOf(stream).endsWith('\r\n\r\n\r\n'))
  const [head = ''] = stream.text().split('\r\n\r\n')
  t.regex(head, /^HTTP\/1\.1 200 OK\r\n/)
  t.regex(head, /\r\ncontent-type: text\/event-stream;charset=utf-8\r\n/i)
  t.regex(head, /\r\nconnection: close(\r\n|$)/i)
  t.notRegex(head, /transfer-encoding|content-encoding|content-length/i)
  const at = new Date(startMs).toISOString()
  t.is(
    bodyOf(stream),
    `event: event_stream_attached\r\ndata: {"remoteAddress":"127.0.0.1","eventType":"event_stream_attached","timestamp":"${at}"}\r\n\r\n\r\n`,
  )
  await came('a half', () => {
    const pieces = stream.chunks.map((chunk) => chunk.toString())
    return pieces.includes('\r') && pieces.includes('\n')
  })
  t.notRegex(bodyOf(stream), /^id:/m)
})

test('anything but exactly text/event-stream gets a page with 405', async (t) => {
  const { scene, streams } = t.context
  for (const header of [
    'Accept: text/event-stream, */*',
    'Accept: text/event-stream;charset=utf-8',
    'Accept: */*',
    'X-None: 1',
  ]) {
    const stream = listen(scene, streams, '/v2/events', header)
    await came('an answer', () => stream.text().includes('</html>'))
    t.regex(stream.text(), /^HTTP\/1\.1 405 /, header)
    t.regex(stream.text(), /HTTP method GET is not supported by this URL/)
  }
  t.is(scene.eventTypes().includes('event_stream_attached'), false)
})

test('a deployment is told of step by step; event_type chooses', async (t) => {
  const { scene, streams } = t.context
  const all = listen(scene, streams)
  const some = listen(
    scene,
    streams,
    '/v2/events?event_type=deployment_success&event_type=deployment_info',
  )
  await came(
    'both',
    () => scene.eventTypes().filter((type) => type.endsWith('attached')).length === 2,
  )
  await scene.deployed(web)
  await came('the end', () => types(some).includes('deployment_success'))
  t.deepEqual(types(some), ['deployment_info', 'deployment_info', 'deployment_success'])
  await came('all', () => types(all).includes('deployment_success'))
  t.is(types(all)[0], 'event_stream_attached')
  t.deepEqual(new Set(types(all)), new Set(scene.eventTypes()))
  const info = /data: (\{.*"eventType":"deployment_info".*\})\r/.exec(bodyOf(some))?.[1] ?? '{}'
  const { plan, currentStep } = JSON.parse(info) as Record<string, Record<string, unknown>>
  t.deepEqual(Object.keys(plan ?? {}), ['id', 'steps', 'version'])
  t.deepEqual(currentStep, { actions: [{ action: 'StartApplication', app: '/shop/web' }] })
})

test('who goes away is told to be detached, and costs nothing more', async (t) => {
  const { scene, streams } = t.context
  const one = listen(scene, streams)
  await came('it', () => types(one).length === 1)
  one.socket.destroy()
  await came('its end', () => scene.eventTypes().includes('event_stream_detached'))
  t.is(
    ((await (await fetch(`${scene.urls[0]}/metrics`)).json()) as any).gauges[
      'marathon.http.event-streams.active.gauge'
    ].value,
    0,
  )
})

test('a consumer that does not read is cut off when too much waits for it; others are not', async (t) => {
  const { scene, streams } = t.context
  const quick = listen(scene, streams)
  const slow = listen(scene, streams)
  await came('both', () => types(quick).length >= 2 && types(slow).length >= 1)
  slow.socket.pause()
  const big: MarathonEvent = { eventType: 'big_event', timestamp: 'now', text: 'x'.repeat(20_000) }
  let published = 0
  let bytes = 0
  await came('a cut', () => {
    for (let n = 0; n < 20; n++) {
      const event = { ...big, n: published++ }
      bytes += frame(event).length
      scene.core.state.events.publish(event)
    }
    return scene.eventTypes().includes('event_stream_detached')
  })
  t.true(published > mostOutstanding)
  const arrived = () => quick.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  await came('the rest', () => arrived() > bytes)
  t.is(quick.text().split('event: big_event').length - 1, published)
})

test('a burst does not cut off who reads', async (t) => {
  const { scene, streams } = t.context
  const stream = listen(scene, streams)
  await came('it', () => types(stream).length === 1)
  for (let n = 0; n < mostOutstanding; n++) {
    scene.core.state.events.publish({ eventType: 'small_event', timestamp: 'now', n })
  }
  await came(
    'all',
    () =>
      stream.text().includes(`"n":${mostOutstanding - 1}}`) ||
      stream.text().includes(`"n":${mostOutstanding - 1},`),
  )
  t.false(scene.eventTypes().includes('event_stream_detached'))
})

const faults: [string, 'drop' | 'double' | 'reorder', (numbers: number[]) => boolean][] = [
  ['some are dropped', 'drop', (numbers) => numbers.length < 400 && numbers.length > 100],
  ['some come twice', 'double', (numbers) => numbers.length > 400 && new Set(numbers).size === 400],
  [
    'some come late, none is lost',
    'reorder',
    (numbers) =>
      new Set(numbers).size === 400 && numbers.some((n, index) => n < (numbers[index - 1] ?? -1)),
  ],
]

for (const [name, fault, holds] of faults) {
  test(`events that go astray: ${name}`, (t) => {
    const { scene } = t.context
    const numbers: number[] = []
    scene.core.state.events.subscribe(({ n }) => void (typeof n === 'number' && numbers.push(n)))
    scene.marathon.disturbEvents(fault)
    for (let n = 0; n < 400; n++) {
      scene.core.state.events.publish({ eventType: 'numbered', timestamp: 'now', n })
    }
    scene.marathon.disturbEvents(undefined)
    t.true(holds(numbers), `${numbers.length} of 400`)
    numbers.length = 0
    for (let n = 0; n < 50; n++) {
      scene.core.state.events.publish({ eventType: 'numbered', timestamp: 'now', n })
    }
    t.deepEqual(
      numbers,
      Array.from({ length: 50 }, (_, n) => n),
    )
  })
}

test('an event is framed with CRLF, whatever is in it', (t) => {
  const event = { eventType: 'x', timestamp: 't', message: 'two\nlines\r\nand ünïcode' }
  t.is(
    frame(event),
    'event: x\r\ndata: {"eventType":"x","timestamp":"t","message":"two\\nlines\\r\\nand ünïcode"}\r\n\r\n',
  )
})
