import { once } from 'node:events'
import http from 'node:http'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openCollectors } from '../../collectors/index.ts'
import { openMesosMaster } from '../../collectors/mesos.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openMesosAgent as openAgentFace } from '../../playground/mesos/agent-api.ts'
import { openMesosMaster as openMasterFace } from '../../playground/mesos/master.ts'
import { json, openHttpServer, type Handler } from '../helpers/http-server.ts'
import { tempDir, until } from '../helpers/pipeline.ts'
import { makeCluster } from '../playground/mesos/made-cluster.ts'
import { openCollectedSink } from './collected-sink.ts'

const u = (n: number) => `25212c0c-e6a2-11f1-bdef-02fc0000000${n}`
const connection = { token_scheme: 'bearer' } as const

/** Settings that collect nothing. */
const nothing = {
  docker: [],
  files: [],
  consul: [],
  syslog: [],
  checks: [],
  prometheus: [],
  marathon: [],
  mesos_master: [],
  mesos_agent: [],
  mesos_sandbox: [],
  metrics_interval: 1000,
  max_event_bytes: 1024,
  multiline: false,
  redact: { enabled: false, patterns: [] },
}

/** Shared by all collectors of a test. */
function base(sink = openCollectedSink()) {
  const metrics = openMetrics()
  return { cluster: 'test', sink, clock: wallClock, metrics, log: silentLog }
}

/** The playground's master and two agents, over a cluster that a test moves. */
async function openPlayground(t: ExecutionContext) {
  const cluster = makeCluster(t)
  for (const agent of cluster.agents()) {
    const face = await openAgentFace({ cluster, agent, clock: wallClock })
    t.teardown(() => face.close())
    agent.port = Number(new URL(face.url).port)
  }
  const master = await openMasterFace({
    cluster,
    port: 0,
    isLeader: () => true,
    leaderAddress: () => new URL(master.url).host,
    clock: wallClock,
  })
  t.teardown(() => master.close())
  return { cluster, master }
}

test("the playground's master with its agents: tasks, samples, states", async (t) => {
  const { cluster, master } = await openPlayground(t)
  const web = cluster.add({ id: `shop_web.instance-${u(1)}._app.1` })
  const pod = { executorId: `instance-shop_pod.${u(2)}` }
  const nested = ['web', 'sidecar'].map((name) =>
    cluster.add(
      { id: `shop_pod.instance-${u(2)}.${name}.1`, name, ...pod },
      {
        agent: 1,
        parentContainerId: 'd6269bf5-6286-409b-b0fc-4574df9dc9cb',
      },
    ),
  )
  for (const task of [web, ...nested]) cluster.update(task, 'TASK_RUNNING', { at: wallClock.now() })
  const shared = base()
  const { sink } = shared
  const collector = await openMesosMaster({
    ...shared,
    ...connection,
    name: 'mesos-master',
    intervalMs: 600,
    urls: [master.url],
    agents: true,
    ownAgents: new Set<string>(),
    measured: new Set<string>(),
  })
  t.teardown(() => collector.close())
  const running = () => sink.changes.filter((change) => change['event.action'] === 'TASK_RUNNING')
  await until('three run', () => running().length === 3)
  t.like(
    running().find((change) => change['mesos.task.id'] === web.spec.id),
    { 'service.name': '/shop/web', 'host.name': 'agent-1.playground' },
  )
  const of = (service: string) =>
    sink.samples.filter(
      (sample) => sample['service.name'] === service && 'container.memory.usage' in sample.metrics,
    )
  await until('both are measured', () => of('/shop/web').length > 0 && of('/shop/pod').length > 0)
  t.like(of('/shop/web')[0], { 'mesos.task.id': web.spec.id, 'host.name': 'agent-1.playground' })
  t.is(of('/shop/pod')[0]?.['mesos.task.id'], undefined, 'of the pod as a whole')
  await until('master and agents themselves', () =>
    ['mesos.master.elected', 'mesos.slave.uptime_secs'].every((name) =>
      sink.samples.some(({ metrics }) => name in metrics),
    ),
  )
  cluster.update(web, 'TASK_FAILED', {
    at: wallClock.now() + 1000,
    message: 'Command exited with status 3',
  })
  await until('its end', () => sink.changes.some((change) => change['process.exit_code'] === 3))
  t.is(collector.trouble(), undefined)
  const misunderstood = await shared.metrics.misunderstood_total.get()
  t.deepEqual(misunderstood.values, [])
})

test('opened by the settings: an agent of its own is not asked by the master too', async (t) => {
  const { cluster, master } = await openPlayground(t)
  const task = cluster.add({ id: `shop_web.${u(1)}` })
  cluster.update(task, 'TASK_RUNNING')
  const shared = base()
  const [first, second] = cluster.agents()
  const collectors = await openCollectors(
    {
      ...nothing,
      mesos_master: [{ ...connection, urls: [master.url], agents: true }],
      mesos_agent: [{ ...connection, url: `http://127.0.0.1:${first?.port}` }],
      metrics_interval: 1000,
    },
    shared,
  )
  t.teardown(() => Promise.all(collectors.map((collector) => collector.close())))
  t.deepEqual(
    collectors.map(({ name }) => name),
    ['mesos-master', 'mesos-agent'],
  )
  const ids = () => shared.sink.samples.map((sample) => sample['event.id'].split(':')[1])
  await until('both measure', () => new Set(ids()).size === 2)
  const places = () => shared.sink.stored.keys().filter((key) => key.includes(':samples:'))
  await until('all places', () => [...places()].length === 3)
  t.deepEqual([...places()].toSorted(), [
    `mesos-agent:samples:127.0.0.1:${first?.port}`,
    `mesos-master:samples:127.0.0.1:${second?.port}`,
    'mesos-master:samples:leader',
  ])
})

test('an agent of its own is known by its host name as well', async (t) => {
  const { cluster, master } = await openPlayground(t)
  const shared = base()
  const [first, second] = cluster.agents()
  // Nobody listens there: what matters is that the master's collector leaves it out.
  const collectors = await openCollectors(
    {
      ...nothing,
      mesos_master: [{ ...connection, urls: [master.url], agents: true }],
      mesos_agent: [{ ...connection, url: `http://${first?.hostname}:${first?.port}` }],
      metrics_interval: 1000,
    },
    shared,
  )
  t.teardown(() => Promise.all(collectors.map((collector) => collector.close())))
  const places = () => shared.sink.stored.keys().filter((key) => key.includes(':samples:'))
  const ofSecond = `mesos-master:samples:127.0.0.1:${second?.port}`
  await until('the other agent is measured', () => [...places()].includes(ofSecond))
  await until('measured twice', () => shared.sink.samples.length > 4)
  t.false([...places()].includes(`mesos-master:samples:127.0.0.1:${first?.port}`))
})

/** A Docker daemon with one running container, made by Mesos. */
async function openDaemon(t: ExecutionContext, container: string): Promise<string> {
  const home = await tempDir(t)
  const id = 'a'.repeat(64)
  const answers: Record<string, unknown> = {
    '/info': { DockerRootDir: home },
    '/containers/json': [{ Id: id, State: 'running' }],
    [`/containers/${id}/json`]: { Id: id, Name: `/mesos-${container}`, Config: {}, HostConfig: {} },
    [`/containers/${id}/stats`]: {
      read: '2026-11-22T18:00:00Z',
      memory_stats: { usage: 1000, stats: {} },
    },
  }
  const server = http.createServer(({ url = '' }, response) => {
    const path = url.split('?')[0] as string
    // A stream in which nothing comes.
    if (path === '/events' || path.endsWith('/logs')) return response.flushHeaders()
    const answer = answers[path]
    return answer ? json(response, answer) : response.writeHead(404).end('{"message":"no"}')
  })
  const socket = join(home, 'docker.sock')
  server.listen(socket)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return socket
}

test('what Docker measures in the same process, Mesos does not', async (t) => {
  const { cluster } = await openPlayground(t)
  const docker = cluster.add({
    id: `shop_api.${u(1)}`,
    container: { type: 'DOCKER', image: 'shop/api', labels: {} },
  })
  const other = cluster.add({ id: `shop_web.${u(2)}` })
  for (const task of [docker, other]) cluster.update(task, 'TASK_RUNNING')
  const measure = setInterval(() => {
    for (const { usage } of [docker, other]) if (usage) usage.at = wallClock.now()
  }, 100)
  t.teardown(() => clearInterval(measure))
  const socket = await openDaemon(t, docker.containerId)
  const shared = base()
  const collectors = await openCollectors(
    {
      ...nothing,
      docker: [{ socket, stats: true }],
      mesos_agent: [{ ...connection, url: `http://127.0.0.1:${cluster.agents()[0]?.port}` }],
      metrics_interval: 600,
    },
    shared,
  )
  t.teardown(() => Promise.all(collectors.map((collector) => collector.close())))
  const of = (collector: string) =>
    shared.sink.samples.filter(
      (sample) =>
        sample['event.id'].startsWith(`sample:${collector}:`) &&
        'container.memory.usage' in sample.metrics,
    )
  await until('Docker measures', () => of('docker').length > 0)
  t.is(of('docker')[0]?.['container.name'], `mesos-${docker.containerId}`)
  // One poll may have begun before.
  const before = of('mesos-agent').length
  await until('Mesos has polled thrice', () => of('mesos-agent').length > before + 3)
  const tasks = of('mesos-agent').map((sample) => sample['mesos.task.id'])
  t.deepEqual(tasks.slice(before + 2), Array(tasks.length - before - 2).fill(other.spec.id))
})

/** 250 agents and 2000 tasks, each with three states and labels: `/tasks` alone is some 2.5 MB. */
function bigCluster(nowSeconds: number) {
  const agents = Array.from({ length: 250 }, (_, n) => ({
    id: `S${n}`,
    hostname: `agent-${n}.example.org`,
    pid: `slave(1)@10.0.${n >> 8}.${n & 255}:5051`,
    active: true,
    registered_time: nowSeconds - 86_400,
    attributes: { rack: `r${n % 20}`, zone: 'eu-1a' },
    resources: { cpus: 32, mem: 131_072, disk: 1_000_000, ports: '[31000-32000]' },
  }))
  const status = (state: string, timestamp: number, value: string) => ({
    state,
    timestamp,
    container_status: {
      container_id: { value },
      network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '10.1.2.3' }] }],
    },
    source: 'SOURCE_EXECUTOR',
  })
  const tasks = Array.from({ length: 2000 }, (_, n) => {
    const digits = String(n).padStart(12, '0')
    const container = `ede58961-8932-479b-8055-${digits}`
    return {
      id: `shop_service-${n % 100}.instance-25212c0c-e6a2-11f1-bdef-${digits}._app.1`,
      name: `service-${n % 100}.shop`,
      framework_id: 'F',
      executor_id: '',
      slave_id: `S${n % 250}`,
      state: 'TASK_RUNNING',
      resources: { cpus: 0.5, mem: 512, disk: 0, ports: `[${31_000 + (n % 1000)}-31999]` },
      statuses: [
        status('TASK_STARTING', nowSeconds - 60, container),
        status('TASK_RUNNING', nowSeconds - 50, container),
      ],
      labels: Array.from({ length: 8 }, (_label, at) => ({
        key: `label.${at}`,
        value: 'x'.repeat(24),
      })),
      discovery: { name: `service-${n % 100}.shop`, visibility: 'FRAMEWORK' },
    }
  })
  return { agents, tasks }
}

test('a state of 2.5 MB, 250 agents and 2000 tasks', async (t) => {
  const { agents, tasks } = bigCluster(wallClock.now() / 1000)
  const size = JSON.stringify({ slaves: agents, tasks }).length
  t.true(size > 2_500_000, `${size} bytes`)
  const handler: Handler = ({ url }, response) => {
    const { pathname, searchParams: query } = new URL(url, 'http://master')
    const [limit, offset] = [Number(query.get('limit')), Number(query.get('offset'))]
    const answers: Record<string, unknown> = {
      '/slaves': { slaves: agents },
      '/state-summary': { slaves: agents, frameworks: [{ id: 'F', name: 'marathon' }] },
      '/tasks': { tasks: tasks.slice(offset, offset + limit) },
      '/metrics/snapshot': { 'master/elected': 1 },
    }
    if (!answers[pathname]) return response.writeHead(404).end()
    return json(response, answers[pathname])
  }
  const server = await openHttpServer(t, handler)
  const shared = base()
  const { sink } = shared
  const collector = await openMesosMaster({
    ...shared,
    ...connection,
    name: 'mesos-master',
    intervalMs: 1000,
    urls: [server.url],
    agents: false,
    ownAgents: new Set<string>(),
    measured: new Set<string>(),
  })
  t.teardown(() => collector.close())
  await until('all tasks', () => sink.tasks.length >= 2000)
  t.is(sink.tasks.length, 2000)
  t.is(new Set(sink.tasks.map(({ service }) => service)).size, 100)
  t.is(new Set(sink.tasks.map(({ agent }) => agent)).size, 250)
  t.is(sink.changes.filter((change) => change['event.action'] === 'TASK_RUNNING').length, 2000)
  t.is(collector.trouble(), undefined)
})
