import type { ExecutionContext } from 'ava'
import { rawHttp, type RawAnswer } from '../../helpers/raw-http.ts'
import {
  differences,
  shapeOf,
  unexplained,
  type Exceptions,
  type ShapeOptions,
} from '../../helpers/shape.ts'
import { fixture, openEngine, realHeaders, withFixtures, type OpenEngine } from './open-engine.ts'

/** Names of labels and networks are data. */
const dockerKeys: ShapeOptions = {
  key(path, key) {
    const isData = ['.Labels', '.Networks', '.Attributes', '.LogConfig.Config', '.Runtimes']
    return isData.some((name) => path.endsWith(name)) ? '*' : key
  },
}

function sameShape(
  t: ExecutionContext,
  fixtures: readonly string[],
  ours: readonly string[],
  exceptions: Exceptions = {},
): void {
  const lines = (text: string) => text.split('\n').filter((line) => line !== '')
  const real = shapeOf(
    fixtures.flatMap((name) => lines(fixture(name).toString())),
    dockerKeys,
  )
  const found = differences(real, shapeOf(ours.flatMap(lines), dockerKeys))
  t.deepEqual(unexplained(found, exceptions), { lines: [], unused: [] })
}

/** One that runs and one that has ended. */
async function openTwo(t: ExecutionContext): Promise<OpenEngine & { ids: string[] }> {
  const open = await openEngine(t, { statsMs: 20 })
  const ended = open.run('mesos-11111111-1111-4111-8111-111111111111', 'exit 3')
  await ended.exited
  const running = open.run('mesos-22222222-2222-4222-8222-222222222222', 'echo up; exec sleep 60')
  const usage = { at: 0, userSeconds: 0.02, systemSeconds: 0.07, rss: 114_688, threads: 2 }
  open.engine.measured(running.id, usage)
  return { ...open, ids: [running.id, ended.id] }
}

/** The head, without what is of the moment. */
function headers({ headerLines }: RawAnswer): string[] {
  return masked(headerLines)
}

function masked(lines: string[]): string[] {
  return lines.map((line) => line.replace(/^(Date|Content-Length): .*/, '$1'))
}

withFixtures('lists have the shape and head of real ones', async (t) => {
  const { url, run } = await openTwo(t)
  await Promise.all(['one', 'two'].map((name) => run(name, 'exit 0').exited))
  const all = await rawHttp(url, '/v1.41/containers/json?all=1')
  t.is(all.statusLine, 'HTTP/1.1 200 OK')
  // Long ones come in chunks, short ones with their length.
  t.deepEqual(headers(all), masked(realHeaders('containers-list.json')))
  const names = ['containers-list.json', 'containers-list-exited.json']
  sameShape(t, names, [all.text])
  const filters = encodeURIComponent('{"status": ["exited"], "name": ["1111-1111"]}')
  const exited = await rawHttp(url, `/v1.41/containers/json?all=1&filters=${filters}`)
  t.deepEqual(headers(exited), masked(realHeaders('containers-list-exited.json')))
  t.true(exited.text.endsWith('\n'))
})

withFixtures('what is told of a container has the shape and head of a real one', async (t) => {
  const { url, ids } = await openTwo(t)
  const answers = await Promise.all(ids.map((id) => rawHttp(url, `/v1.41/containers/${id}/json`)))
  for (const answer of answers) {
    t.deepEqual(headers(answer), masked(realHeaders('inspect-mesos-running.json')))
  }
  sameShape(
    t,
    ['inspect-mesos-running.json', 'inspect-mesos-exited.json'],
    answers.map(({ text }) => text),
    { '.Config.Entrypoint is null, not array': 'ours has only a command, as inspect-tty.json' },
  )
})

withFixtures('info, version and ping are those of a real daemon', async (t) => {
  const { url } = await openTwo(t)
  const info = await rawHttp(url, '/v1.41/info')
  t.deepEqual(headers(info), masked(realHeaders('info.json')))
  sameShape(t, ['info.json'], [info.text], {
    '.Warnings is null, not array': 'there is nothing to warn of',
  })
  const version = await rawHttp(url, '/version')
  t.deepEqual(headers(version), masked(realHeaders('version.json')))
  sameShape(t, ['version.json'], [version.text])
  const ping = await rawHttp(url, '/_ping')
  t.deepEqual(headers(ping), masked(realHeaders('ping.txt')))
  t.is(ping.text, fixture('ping.txt').toString())
})

withFixtures('events have the shape and head of real ones', async (t) => {
  const { url, engine } = await openTwo(t)
  const [first] = engine.events()
  const since = String(Number((first?.timeNs ?? 0n) / 1_000_000n) / 1000)
  const answer = await rawHttp(url, `/v1.41/events?since=${since}&until=${since}`)
  t.deepEqual(headers(answer), masked(realHeaders('events-replay-filtered.ndjson')))
  const past = await rawHttp(url, `/v1.41/events?since=0.1&until=${Date.parse('2020') / 1000}`)
  t.is(past.text, '')
  const live = rawHttp(url, '/events?since=1', { until: (bytes) => bytes.includes('destroy') })
  const ended = engine.containers().find(({ status }) => status === 'exited')
  await engine.remove(ended?.id ?? '')
  sameShape(t, ['events-sequence.ndjson'], [(await live).text])
})

withFixtures('statistics have the shape and head of real ones', async (t) => {
  const { url, ids } = await openTwo(t)
  const [running, ended] = ids
  const stats = (id: string | undefined, query: string) =>
    rawHttp(url, `/v1.41/containers/${id}/stats?${query}`)
  const two = await stats(running, 'stream=0')
  t.deepEqual(headers(two), masked(realHeaders('stats-stream0.cgroupv1.json')))
  sameShape(t, ['stats-stream0.cgroupv1.json'], [two.text])
  sameShape(
    t,
    ['stats-oneshot.cgroupv1.json'],
    [(await stats(running, 'stream=0&one-shot=1')).text],
  )
  const stopped = await stats(ended, 'stream=0')
  t.deepEqual(headers(stopped), masked(realHeaders('stats-stopped.json')))
  sameShape(t, ['stats-stopped.json'], [stopped.text])
  t.is(stopped.body.length, fixture('stats-stopped.json').length)
})

withFixtures('a stream of statistics is cut as a real one', async (t) => {
  const { url, ids } = await openTwo(t)
  const count = (bytes: Buffer) => bytes.toString().split('"read"').length - 1
  const ours = await rawHttp(url, `/v1.41/containers/${ids[0]}/stats?stream=1`, {
    until: (bytes) => count(bytes) >= 3 && bytes.toString().endsWith('\n\r\n'),
  })
  const real = fixture('stats-stream1-raw-http.cgroupv1.bin').toString()
  const [head = ''] = real.split('\r\n\r\n')
  t.deepEqual(headers(ours), masked(head.split('\r\n').slice(1)))
  const framing = (text: string) =>
    text
      .slice(text.indexOf('\r\n\r\n') + 4)
      .replaceAll(/^[0-9a-f]+\r$/gm, 'N\r')
      .replaceAll(/\{.*\}/g, '{}')
  t.is(framing(`\r\n\r\n${ours.raw.toString()}`).slice(0, 20), framing(real).slice(0, 20))
  const [first = '', second = ''] = ours.text.split('\n')
  t.like(JSON.parse(first), { preread: '0001-01-01T00:00:00Z' })
  t.is(
    (JSON.parse(second) as { preread: string }).preread,
    (JSON.parse(first) as { read: string }).read,
  )
})
