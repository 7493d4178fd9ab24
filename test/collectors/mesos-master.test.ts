import test, { type ExecutionContext } from 'ava'
import type { KnownAgent } from '../../collectors/mesos-agent-book.ts'
import { openMesosMasterCollector, type MesosMasterOptions } from '../../collectors/mesos-master.ts'
import type { ServerResponse } from 'node:http'
import { wallClock } from '../../pipeline/clock.ts'
import { openHttp } from '../../pipeline/http.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openHttpServer, unusedUrl } from '../helpers/http-server.ts'
import { until } from '../helpers/pipeline.ts'
import { openCollectedSink, type CollectedSink } from './collected-sink.ts'
import { openMasterServer, taskOfV1 } from './mesos-master-server.ts'

const uuid = '25212c0c-e6a2-11f1-bdef-02fc00000001'
const web = `shop_web.instance-${uuid}._app.1`

interface Opened extends Partial<MesosMasterOptions> {
  sink?: CollectedSink
  urls?: string[]
}

async function open(t: ExecutionContext, url: string, { urls = [url], ...more }: Opened = {}) {
  const sink = more.sink ?? openCollectedSink()
  const metrics = openMetrics()
  const collector = await openMesosMasterCollector({
    name: 'mesos-master',
    client: openHttp({ urls, name: 'the Mesos master', timeoutMs: 1000 }),
    intervalMs: 50,
    listMs: 100,
    cluster: 'test',
    clock: wallClock,
    log: silentLog,
    metrics,
    ...more,
    sink,
  })
  t.teardown(() => collector.close())
  return { collector, sink, metrics }
}

const nowSeconds = () => wallClock.now() / 1000

const agent = (n: number) => ({
  id: `S${n}`,
  hostname: `agent-${n}`,
  pid: `slave(1)@10.0.0.${n}:5051`,
  active: true,
  registered_time: nowSeconds() - 7200,
})

const framework = { id: 'F', name: 'marathon', registered_time: nowSeconds() - 7200 }

function task(id: string, steps: [string, number, string?][], more: Record<string, unknown> = {}) {
  return {
    id,
    name: 'web.shop',
    framework_id: 'F',
    executor_id: '',
    slave_id: 'S1',
    state: steps.at(-1)?.[0] ?? 'TASK_STAGING',
    statuses: steps.map(([state, timestamp, container]) => ({
      state,
      timestamp,
      ...(container ? { container_status: { container_id: { value: container } } } : {}),
    })),
    ...more,
  }
}

const updated = (
  id: string,
  state: string,
  timestamp: number,
  more: Record<string, unknown> = {},
) => ({
  type: 'TASK_UPDATED',
  task_updated: {
    framework_id: { value: 'F' },
    status: { task_id: { value: id }, state, timestamp, agent_id: { value: 'S1' }, ...more },
    state,
  },
})

const told = (sink: CollectedSink) =>
  sink.changes.map((change) => `${change['event.kind']} ${change['event.action']}`)
const has = (sink: CollectedSink, change: string) => told(sink).includes(change)

test('tasks by events: who they are and what becomes of them', async (t) => {
  const server = await openMasterServer(t, { slaves: [agent(1)], frameworks: [framework] })
  const { sink, collector } = await open(t, server.url, { listMs: 60_000 })
  await until('it is subscribed', () => server.streams.size > 0)
  const added = { type: 'TASK_ADDED', task_added: { task: taskOfV1(task(web, [])) } }
  const now = nowSeconds()
  server.emit(added, updated(web, 'TASK_RUNNING', now))
  const why = {
    message: 'Container exited with status 137',
    reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
  }
  server.emit(updated(web, 'TASK_FAILED', now + 3, why), { type: 'HEARTBEAT' })
  await until('its end', () => has(sink, 'status TASK_FAILED'))
  t.deepEqual(told(sink), ['status TASK_RUNNING', 'status TASK_FAILED'])
  t.like(sink.changes[1], {
    'event.provider': 'mesos',
    'service.name': '/shop/web',
    'mesos.task.id': web,
    'host.name': 'agent-1',
    'task.reason': 'REASON_CONTAINER_LIMITATION_MEMORY',
    'process.exit_code': 137,
  })
  t.true(Math.abs(Number(sink.changes[1]?.['task.uptime_seconds']) - 3) < 1e-3)
  t.like(sink.tasks.at(-1), { service: '/shop/web', task: web, agent: 'agent-1', framework: 'F' })
  t.is(collector.trouble(), undefined)
  await until('it has looked everywhere', () => collector.through() > 0)
})

test('a restart goes on: nothing twice, nothing missing', async (t) => {
  const now = nowSeconds()
  const server = await openMasterServer(t, {
    slaves: [agent(1)],
    frameworks: [framework],
    tasks: [task(web, [['TASK_RUNNING', now, 'c1']])],
  })
  const first = await open(t, server.url)
  await until('told', () => has(first.sink, 'status TASK_RUNNING'))
  await until('listed', () => server.count('/tasks') > 2)
  await first.collector.close()
  const steps: [string, number, string][] = [
    ['TASK_RUNNING', now, 'c1'],
    ['TASK_KILLED', now + 5, 'c1'],
  ]
  server.model.tasks = [task(web, steps)]
  server.model.slaves = [agent(1), { ...agent(2), registered_time: now + 1 }]
  const second = await open(t, server.url, { sink: openCollectedSink(first.sink.stored) })
  await until('told', () => told(second.sink).length > 1)
  await until('listed', () => server.count('/tasks') > 5)
  t.deepEqual(told(first.sink), ['status TASK_RUNNING'])
  t.deepEqual(told(second.sink).toSorted(), ['cluster agent-added', 'status TASK_KILLED'])
})

test('the leading master is measured, one that does not lead is not', async (t) => {
  const server = await openMasterServer(t, {
    metrics: { 'master/elected': 1, 'master/tasks_running': 0, 'master/cpus_percent': 0.5 },
  })
  const { sink, collector } = await open(t, server.url)
  await until('a sample', () => sink.samples.length > 0)
  t.like(sink.samples.at(-1), {
    'orchestrator.cluster.name': 'test',
    metrics: { 'mesos.master.elected': 1, 'mesos.master.cpus_percent': 0.5 },
  })
  await until('its name', () => sink.samples.at(-1)?.['host.name'] === 'master-1')
  server.model.metrics = { 'master/elected': 0, 'master/cpus_percent': 0 }
  const asked = server.count('/metrics')
  await until('asked again', () => server.count('/metrics') > asked + 2)
  t.true(sink.samples.every(({ metrics }) => metrics['mesos.master.elected'] === 1))
  await until('told', () => collector.trouble() !== undefined)
  t.regex(collector.trouble() ?? '', /not among urls/)
})

/** Collectors of agents that only say that they are there. */
function openPool() {
  const opened: KnownAgent[] = []
  const closed: string[] = []
  const openAgent = (one: KnownAgent) => {
    opened.push(one)
    const close = () => Promise.resolve(void closed.push(one.address ?? ''))
    return Promise.resolve({ name: '', through: () => 0, trouble: () => undefined, close })
  }
  return { opened, closed, openAgent }
}

test('agents are opened by their address, and closed when they are lost', async (t) => {
  const ipv6 = { ...agent(3), pid: 'slave(1)@[fd01::3]:5051' }
  const server = await openMasterServer(t, { slaves: [agent(1), agent(2), ipv6] })
  const { opened, closed, openAgent } = openPool()
  const { sink, collector } = await open(t, server.url, { openAgent })
  await until('all are open', () => opened.length === 3)
  t.deepEqual(
    opened.map(({ address, hostname }) => [address, hostname]),
    [
      ['10.0.0.1:5051', 'agent-1'],
      ['10.0.0.2:5051', 'agent-2'],
      ['[fd01::3]:5051', 'agent-3'],
    ],
  )
  await until('agents that have seen nothing yet hold back nobody', () => collector.through() > 0)
  server.model.slaves = [agent(1), ipv6]
  await until('it is lost', () => has(sink, 'cluster agent-lost'))
  await until('it is closed', () => closed.length > 0)
  server.model.slaves = [agent(1), agent(2), ipv6]
  await until('it is back', () => has(sink, 'cluster agent-returned'))
  await until('it is open again', () => opened.length === 4)
  t.deepEqual(closed, ['10.0.0.2:5051'])
  await collector.close()
  t.is(closed.length, 4)
})

test('agents by events; a task that is unreachable makes it look at once', async (t) => {
  const server = await openMasterServer(t, {
    slaves: [agent(1), agent(2)],
    frameworks: [framework],
  })
  const { sink } = await open(t, server.url, { listMs: 60_000 })
  await until('it is subscribed', () => server.streams.size > 0)
  server.emit({ type: 'AGENT_REMOVED', agent_removed: { agent_id: { value: 'S2' } } })
  await until('lost', () => has(sink, 'cluster agent-lost'))
  const back = {
    agent: { agent_info: { id: { value: 'S2' }, hostname: 'agent-2' }, pid: agent(2).pid },
  }
  server.emit({ type: 'AGENT_ADDED', agent_added: back })
  await until('back', () => has(sink, 'cluster agent-returned'))
  await until('listed', () => server.count('/slaves') > 0)
  server.model.slaves = [agent(2)]
  server.emit(updated(web, 'TASK_UNREACHABLE', nowSeconds()))
  await until(
    'the other is lost',
    () => told(sink).filter((one) => one.endsWith('lost')).length > 1,
  )
  t.regex(sink.changes.at(-1)?.message ?? '', /agent-1/)
})

test('a framework that registers and goes', async (t) => {
  const server = await openMasterServer(t)
  const { sink } = await open(t, server.url)
  await until('it is subscribed', () => server.streams.size > 0)
  const info = { framework_info: { id: { value: 'F9' }, name: 'spark' } }
  server.emit({ type: 'FRAMEWORK_ADDED', framework_added: { framework: info } })
  server.emit({ type: 'FRAMEWORK_REMOVED', framework_removed: info })
  await until('both', () => told(sink).length > 1)
  t.deepEqual(told(sink), ['cluster framework-added', 'cluster framework-removed'])
})

test('empty lists because of missing rights make nothing vanish', async (t) => {
  const server = await openMasterServer(t, {
    slaves: [agent(1)],
    frameworks: [framework],
    tasks: [task(web, [['TASK_RUNNING', nowSeconds()]])],
    metrics: { 'master/elected': 1, 'master/slaves_active': 1, 'master/tasks_running': 1 },
  })
  const { opened, closed, openAgent } = openPool()
  const { sink, collector } = await open(t, server.url, { openAgent })
  await until('the agent is open', () => opened.length > 0)
  await until('measured', () => sink.samples.length > 0)
  Object.assign(server.model, { slaves: [], tasks: [], frameworks: [] })
  server.streams.forEach((stream) => stream.destroy())
  await until('trouble', () => /rights/.test(collector.trouble() ?? ''))
  await until('subscribed again', () => server.streams.size > 0)
  t.false(has(sink, 'cluster agent-lost'))
  t.is(closed.length, 0)
  server.model.metrics = {
    'master/elected': 1,
    'master/slaves_active': 0,
    'master/tasks_running': 0,
  }
  await until('it is true', () => has(sink, 'cluster agent-lost'))
  await until('no trouble', () => collector.trouble() === undefined)
})

test('an answer without a list of agents makes none vanish', async (t) => {
  const server = await openMasterServer(t, { slaves: [agent(1)] })
  server.model.instead['/metrics/snapshot'] = (response) => response.writeHead(403).end('may not')
  const { sink } = await open(t, server.url)
  await until('listed', () => server.count('/slaves') > 1)
  server.model.instead['/slaves'] = (response) => response.end('{"message":"not now"}')
  const before = server.count('/slaves')
  await until('asked often', () => server.count('/slaves') >= before + 5)
  t.false(has(sink, 'cluster agent-lost'))
})

test('without metrics an empty list is believed when it stays', async (t) => {
  const server = await openMasterServer(t, { slaves: [agent(1)] })
  server.model.instead['/metrics/snapshot'] = (response) => response.writeHead(403).end('may not')
  const { sink } = await open(t, server.url)
  await until('listed', () => server.count('/slaves') > 1)
  server.model.slaves = []
  const before = server.count('/slaves')
  await until('lost', () => has(sink, 'cluster agent-lost'))
  t.true(server.count('/slaves') >= before + 3, `${before}, ${server.count('/slaves')}`)
})

test('no leader is trouble and told once; so is the next one', async (t) => {
  const server = await openMasterServer(t, { slaves: [agent(1)] })
  const { sink, collector } = await open(t, server.url)
  await until('listed', () => server.count('/slaves') > 0)
  server.model.instead['*'] = (response) => response.writeHead(503).end('No leader elected')
  server.streams.forEach((stream) => stream.destroy())
  await until('trouble', () => /have no leader/.test(collector.trouble() ?? ''))
  const asked = server.count('/slaves')
  await until('asked again', () => server.count('/slaves') > asked + 1)
  t.deepEqual(told(sink), ['cluster leader-lost'])
  delete server.model.instead['*']
  server.model.electedSeconds = nowSeconds()
  await until('a leader', () => has(sink, 'cluster leader-elected'))
  await until('all is well', () => collector.trouble() === undefined)
  // The time without events is told too, before or after.
  const gapless = told(sink).filter((one) => one !== 'collector events-gap')
  t.deepEqual(gapless, ['cluster leader-lost', 'cluster leader-elected'])
  t.regex(
    sink.changes.findLast((one) => one['event.kind'] === 'cluster')?.message ?? '',
    /master-1 leads the Mesos masters/,
  )
})

test('a master that does not lead leads on, also the stream', async (t) => {
  const leader = await openMasterServer(t, { slaves: [agent(1)], frameworks: [framework] })
  const follower = await openHttpServer(t, ({ url }, response) => {
    const location = `//${leader.host}${url}`
    return response.writeHead(307, { location }).end()
  })
  const urls = [follower.url, leader.url]
  const { sink, collector } = await open(t, '', { urls })
  await until('it is subscribed', () => leader.streams.size > 0)
  leader.emit(updated(web, 'TASK_RUNNING', nowSeconds()))
  await until('told', () => has(sink, 'status TASK_RUNNING'))
  await until('measured', () => sink.samples.length > 0)
  t.is(collector.trouble(), undefined)
})

test('a stream that gives no sign of life is opened again', async (t) => {
  const server = await openMasterServer(t, { heartbeatSeconds: 0.05 })
  const { collector } = await open(t, server.url)
  const subscribed = () => server.asked.filter(({ body }) => body.includes('SUBSCRIBE')).length
  await until('it is subscribed', () => server.streams.size > 0)
  const beat = setInterval(() => server.emit({ type: 'HEARTBEAT' }), 50)
  t.teardown(() => clearInterval(beat))
  const [start, stream] = [performance.now(), [...server.streams][0]]
  await until('half a second of heartbeats', () => performance.now() - start > 500)
  t.is([...server.streams][0], stream, 'with signs of life it stays')
  clearInterval(beat)
  await until('it subscribed again', () => subscribed() > 1)
  t.is(collector.trouble(), undefined)
})

test('a stream that breaks off: the next snapshot tells what was missed', async (t) => {
  const server = await openMasterServer(t, { slaves: [agent(1)], frameworks: [framework] })
  const { sink } = await open(t, server.url, { listMs: 600_000 })
  await until('it is subscribed', () => server.streams.size > 0)
  server.model.instead['/tasks'] = (response) => response.writeHead(403).end()
  server.model.tasks = [task(web, [['TASK_RUNNING', nowSeconds()]])]
  server.streams.forEach((stream) => stream.destroy())
  await until('told', () => has(sink, 'status TASK_RUNNING'))
  t.is(told(sink).length, 1)
})

test('what a list shows and no event tells is told by the next list', async (t) => {
  const server = await openMasterServer(t, { slaves: [agent(1)], frameworks: [framework] })
  const { sink } = await open(t, server.url)
  await until('it is subscribed', () => server.streams.size > 0)
  server.model.tasks = [task(web, [['TASK_FAILED', nowSeconds()]])]
  const lists = server.count('/tasks')
  await until('told', () => has(sink, 'status TASK_FAILED'))
  t.true(server.count('/tasks') >= lists + 2)
})

test('a master before 1.0 is polled, at its old paths', async (t) => {
  const server = await openMasterServer(t, { slaves: [agent(1)], frameworks: [framework] })
  const gone = (response: { writeHead(status: number): { end(): unknown } }) =>
    response.writeHead(404).end()
  Object.assign(server.model.instead, { '/api/v1': gone, '/slaves': gone })
  server.model.instead['/master/slaves'] = (response) =>
    response.end(JSON.stringify({ slaves: server.model.slaves }))
  let ahead = 0
  const clock = { now: () => wallClock.now() + ahead }
  const { sink, collector } = await open(t, server.url, { clock })
  await until('listed', () => server.count('/master/slaves') > 2)
  server.model.tasks = [task(web, [['TASK_RUNNING', nowSeconds()]])]
  await until('told', () => has(sink, 'status TASK_RUNNING'))
  ahead = 120_000
  await until('listed again', () => server.count('/master/slaves') > 5)
  t.is(collector.trouble(), undefined)
})

test('masters that are away, answer HTML or nonsense are told, and found again', async (t) => {
  const server = await openMasterServer(t, { slaves: [agent(1)] })
  const { sink, collector } = await open(t, server.url)
  await until('listed', () => server.count('/slaves') > 0)
  const cases: [(response: ServerResponse) => unknown, RegExp][] = [
    [(response) => response.end('<html><title>Log in</title>'), /HTML, not JSON: Log in/],
    [(response) => response.writeHead(403).end('may not'), /403: may not/],
    [(response) => response.destroy(), /does not answer/],
    [(response) => response.end('{"slaves": ['), /breaks off/],
  ]
  for (const [instead, expected] of cases) {
    server.model.instead['/slaves'] = instead
    await until(String(expected), () => expected.test(collector.trouble() ?? ''))
    delete server.model.instead['/slaves']
    await until('all is well', () => collector.trouble() === undefined)
  }
  t.deepEqual(told(sink), [])
  t.true(collector.through() > 0)
})

test('a stream of something else is given up and tried again', async (t) => {
  const server = await openMasterServer(t, { slaves: [agent(1)] })
  const bodies = ['<html>', '5\nhello3\n[1]', '9999999999999\n', '12\n{"type":"X"}']
  server.model.instead['SUBSCRIBE'] = (response) => response.end(bodies.shift() ?? '')
  const { sink, collector, metrics } = await open(t, server.url)
  await until('all were tried', () => bodies.length === 0, 60_000)
  await until('all are named', () => sink.changes.length === 3)
  t.true(told(sink).every((one) => one === 'collector misunderstood'))
  const { values } = await metrics.misunderstood_total.get()
  t.is(values.find(({ labels }) => labels.what === 'events')?.value, 3)
  t.is(collector.trouble(), undefined, 'polling is enough for a while')
})

test('masters that were never there', async (t) => {
  const { collector } = await open(t, await unusedUrl())
  await until('trouble', () => collector.trouble() !== undefined)
  t.regex(collector.trouble() ?? '', /does not answer/)
  t.true(collector.through() > 0, 'they hold back nobody')
})

test('a state that a list shows again and no event told is told, and that its event was missed', async (t) => {
  const server = await openMasterServer(t, { slaves: [agent(1)], frameworks: [framework] })
  const { sink } = await open(t, server.url)
  await until('it is subscribed', () => server.streams.size > 0)
  server.emit({ type: 'TASK_ADDED', task_added: { task: taskOfV1(task(web, [])) } })
  await until('added', () => sink.tasks.length > 0)
  const ended: [string, number] = ['TASK_FAILED', nowSeconds() + 60]
  server.model.tasks = [task(web, [ended])]
  await until('missed', () => has(sink, 'collector events-missed'))
  t.deepEqual(told(sink), ['status TASK_FAILED', 'collector events-missed'])
  t.regex(
    sink.changes[1]?.message ?? '',
    /^.*: no event of the Mesos master told what a poll has found: .* is TASK_FAILED/,
  )
  server.emit(updated(web, ...ended))
  const before = server.count('/tasks')
  await until('listed', () => server.count('/tasks') > before + 3)
  t.is(told(sink).length, 2, 'an event that comes late tells nothing new')
})
