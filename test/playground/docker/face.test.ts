import test from 'ava'
import { rawHttp } from '../../helpers/raw-http.ts'
import { manualClock } from '../../../pipeline/clock.ts'
import { humanDuration } from '../../../playground/docker/list.ts'
import { openEngine } from './open-engine.ts'

interface Listed {
  Id: string
  Names: string[]
  State: string
  Status: string
}

const filtered = (filters: object, more = '') =>
  `/containers/json?filters=${encodeURIComponent(JSON.stringify(filters))}${more}`

test('containers are listed by state, label, name and id, the newest first', async (t) => {
  const { url, run } = await openEngine(t)
  const ended = run('mesos-1', 'exit 3')
  await ended.exited
  const web = run('mesos-2', 'exec sleep 60', { labels: { team: 'shop' } })
  const api = run('mesos-3', 'exec sleep 60', { labels: { team: 'data' } })
  const ids = async (target: string) =>
    (JSON.parse((await rawHttp(url, target)).text) as Listed[]).map(({ Id }) => Id)
  t.deepEqual(await ids('/containers/json'), [api.id, web.id])
  t.deepEqual(await ids('/containers/json?all=1'), [api.id, web.id, ended.id])
  t.deepEqual(await ids('/containers/json?limit=1'), [api.id])
  t.deepEqual(await ids(filtered({ label: ['team=shop'] })), [web.id])
  t.deepEqual(await ids(filtered({ label: ['team'] })), [api.id, web.id])
  t.deepEqual(await ids(filtered({ label: { 'team=data': true } })), [api.id])
  t.deepEqual(await ids(filtered({ status: ['exited'] })), [ended.id])
  t.deepEqual(await ids(filtered({ exited: ['3'] })), [ended.id])
  t.deepEqual(await ids(filtered({ exited: ['0'] })), [])
  t.deepEqual(await ids(filtered({ name: ['mesos-2'] })), [web.id])
  t.deepEqual(await ids(filtered({ id: [api.id.slice(0, 12)] })), [api.id])
})

test('a container is found by id, a beginning of it, and name', async (t) => {
  const { url, run } = await openEngine(t)
  const { id, exited } = run('mesos-1', 'exit 137')
  await exited
  for (const name of [id, id.slice(0, 12), 'mesos-1', '%2Fmesos-1']) {
    const answer = await rawHttp(url, `/v1.24/containers/${name}/json`)
    t.like(JSON.parse(answer.text), {
      Id: id,
      Name: '/mesos-1',
      State: { Status: 'exited', ExitCode: 137, OOMKilled: false, Pid: 0 },
      Config: { Labels: { team: 'shop' }, Tty: false },
      HostConfig: { CpuShares: 102, CpuQuota: 10_000, Memory: 33_554_432, NetworkMode: 'host' },
    })
  }
})

test('what is not there, or not understood, is refused as by Docker', async (t) => {
  const { url } = await openEngine(t)
  const refusals: [string, number, string][] = [
    ['/containers/nosuch/json', 404, 'No such container: nosuch'],
    ['/containers/nosuch/stats', 404, 'No such container: nosuch'],
    ['/nosuch', 404, 'page not found'],
    [filtered({ colour: ['red'] }), 400, "Invalid filter 'colour'"],
    ['/containers/json?filters=[', 400, 'invalid filter: ['],
    ['/v1.42/info', 400, 'client version 1.42 is too new. Maximum supported API version is 1.41'],
    [
      '/v1.11/info',
      400,
      'client version 1.11 is too old. Minimum supported API version is 1.12, please upgrade your client to a newer version',
    ],
    ['/events?since=yesterday', 500, 'strconv.ParseInt: parsing "yesterday": invalid syntax'],
  ]
  for (const [target, status, message] of refusals) {
    const answer = await rawHttp(url, target)
    t.is(answer.status, status, target)
    t.is(answer.text, `${JSON.stringify({ message })}\n`)
  }
  const post = await rawHttp(url, '/containers/json', { method: 'POST' })
  t.is(post.status, 404)
})

interface Told {
  Action: string
  id: string
  time: number
  Actor: { Attributes: Record<string, string> }
}

test('events are replayed from a time on and then told as they come', async (t) => {
  const { url, run, engine } = await openEngine(t)
  const first = run('mesos-1', 'exit 3')
  await first.exited
  const count = (bytes: Buffer) => bytes.toString().split('"timeNano"').length - 1
  const answer = rawHttp(url, '/events?since=1', { until: (bytes) => count(bytes) >= 6 })
  await engine.remove(first.id)
  const second = run('mesos-2', 'exec sleep 60')
  const { text } = await answer
  const events = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told)
  t.deepEqual(
    events.map(({ Action, id }) => [Action, id]),
    [
      ['create', first.id],
      ['start', first.id],
      ['die', first.id],
      ['destroy', first.id],
      ['create', second.id],
      ['start', second.id],
    ],
  )
  t.is(events[2]?.Actor.Attributes['exitCode'], '3')
  const [, ns = ''] = /"timeNano":(\d+)}/.exec(text) ?? []
  t.is(ns.length, 19)
  t.deepEqual(BigInt(ns), engine.events()[0]?.timeNs ?? 0n)
})

test('without a time only what comes is told, of the kinds and labels that were asked for', async (t) => {
  const { url, run } = await openEngine(t)
  await run('mesos-1', 'exit 3').exited
  const filters = { type: ['container'], event: ['die', 'kill'], label: ['team=data'] }
  const target = `/events?filters=${encodeURIComponent(JSON.stringify(filters))}`
  const listening = rawHttp(url, target, { until: (bytes) => bytes.includes('"die"') })
  const info = async () =>
    (JSON.parse((await rawHttp(url, '/info')).text) as { NEventsListener: number }).NEventsListener
  while ((await info()) === 0) await new Promise(setImmediate)
  await run('mesos-2', 'exit 0').exited
  const third = run('mesos-3', 'exec sleep 60', { labels: { team: 'data' } })
  third.stop('SIGTERM')
  const lines = (await listening).text.trim().split('\n')
  t.deepEqual(
    lines.map((line) => {
      const { Action, id, Actor } = JSON.parse(line) as Told
      return [Action, id, Actor.Attributes['signal'] ?? Actor.Attributes['exitCode']]
    }),
    [
      ['kill', third.id, '15'],
      ['die', third.id, '143'],
    ],
  )
  while ((await info()) > 0) await new Promise(setImmediate)
  t.pass()
})

test('one answer of statistics takes two measurements, one-shot takes one', async (t) => {
  const { url, run, engine } = await openEngine(t, { statsMs: 100 })
  const { id } = run('mesos-1', 'exec sleep 60')
  engine.measured(id, { at: 0, userSeconds: 1.5, systemSeconds: 0.5, rss: 4096, threads: 3 })
  const timed = async (query: string) => {
    const began = performance.now()
    const { text } = await rawHttp(url, `/containers/${id}/stats?${query}`)
    return { took: performance.now() - began, stats: JSON.parse(text) as Stats }
  }
  const two = await timed('stream=false')
  t.true(two.took >= 195)
  t.like(two.stats.cpu_stats, { cpu_usage: { total_usage: 2e9, usage_in_usermode: 15e8 } })
  t.true(two.stats.precpu_stats.system_cpu_usage > 0)
  t.true(two.stats.cpu_stats.system_cpu_usage >= two.stats.precpu_stats.system_cpu_usage)
  const usages = two.stats.cpu_stats.cpu_usage.percpu_usage
  t.is(
    usages.reduce((so, one) => so + one, 0),
    2e9,
  )
  t.like(two.stats, {
    memory_stats: { usage: 4096, limit: 33_554_432 },
    pids_stats: { current: 3 },
  })
  const one = await timed('stream=0&one-shot=1')
  t.true(one.took >= 95)
  t.false('system_cpu_usage' in one.stats.precpu_stats)
})

interface Stats {
  cpu_stats: {
    cpu_usage: { percpu_usage: number[] }
    system_cpu_usage: number
  }
  precpu_stats: { system_cpu_usage: number }
}

test('a stream of statistics goes on with zeros after the end, and ends with the removal', async (t) => {
  const { url, run, engine } = await openEngine(t, { statsMs: 20 })
  const container = run('mesos-1', 'exec sleep 60')
  let removed = false
  const { text } = await rawHttp(url, `/containers/${container.id}/stats`, {
    until(bytes) {
      if (bytes.includes('"preread"')) container.killFromOutside()
      if (bytes.includes('"read":"0001') && !removed) {
        removed = true
        void engine.remove(container.id)
      }
      return bytes.subarray(-5).toString() === '0\r\n\r\n'
    },
  })
  const [first = '', ...others] = text.trim().split('\n')
  t.notRegex(first, /"read":"0001/)
  t.regex(others.at(-1) ?? '', /"read":"0001/)
})

test('times are rounded for people as Docker does', async (t) => {
  const spans: [number, string][] = [
    [0.4, 'Less than a second'],
    [1, '1 second'],
    [59, '59 seconds'],
    [60, 'About a minute'],
    [150, '2 minutes'],
    [3500, '58 minutes'],
    [3600, 'About an hour'],
    [5400, '2 hours'],
    [172_800, '2 days'],
    [1_300_000, '2 weeks'],
    [6_000_000, '2 months'],
    [70_000_000, '2 years'],
  ]
  for (const [seconds, text] of spans) t.is(humanDuration(seconds), text)
  const clock = manualClock(Date.parse('2026-11-22T18:00:00Z'))
  const { url, run } = await openEngine(t, { clock })
  await run('mesos-1', 'exit 137').exited
  run('mesos-2', 'exec sleep 60')
  clock.set(Date.parse('2026-11-22T18:00:42Z'))
  const { text } = await rawHttp(url, '/containers/json?all=1')
  t.deepEqual(
    (JSON.parse(text) as Listed[]).map(({ Status }) => Status),
    ['Up 42 seconds', 'Exited (137) 42 seconds ago'],
  )
})
