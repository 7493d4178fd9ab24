import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openDockerApi } from '../../collectors/docker-api.ts'
import { openDockerStats, type RunningContainer } from '../../collectors/docker-stats.ts'
import { limitsOf, readStats } from '../../collectors/docker-stats-shape.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { until } from '../helpers/pipeline.ts'
import { openCollectedSink } from './collected-sink.ts'

const fixture = (name: string): Record<string, unknown> =>
  JSON.parse(
    readFileSync(new URL(`../fixtures/docker-engine/stats-${name}.json`, import.meta.url), 'utf8'),
  ) as Record<string, unknown>

const oneShot = {
  timeNs: 1795371962080584082n,
  cpuSeconds: 0.090522595,
  periods: 0,
  throttledPeriods: 0,
  memory: 2654208 - 348160,
  memoryLimit: 33554432,
  received: undefined,
  sent: undefined,
  processes: 2,
}

test('one-shot, cgroups v1', (t) => {
  t.deepEqual(readStats(fixture('oneshot.cgroupv1')), { reading: oneShot, problems: [] })
})

test('with networks', (t) => {
  const { reading } = readStats(fixture('bridge-network.cgroupv1'))
  t.like(reading, { received: 1182, sent: 140, processes: 3, memoryLimit: 25276510208 })
  const two = {
    ...fixture('oneshot.cgroupv1'),
    networks: { a: { rx_bytes: 2 }, b: { rx_bytes: 6 } },
  }
  t.like(readStats(two).reading, { received: 8, sent: undefined })
  const old = { ...fixture('oneshot.cgroupv1'), network: { rx_bytes: 5, tx_bytes: 6 } }
  t.like(readStats(old).reading, { received: 5, sent: 6 })
})

test('a stopped container, and one on Windows, say nothing', (t) => {
  t.deepEqual(readStats(fixture('stopped')), { nothing: 'it does not run', problems: [] })
  const windows = {
    read: '2017-01-11T08:32:46.2413794Z',
    num_procs: 64,
    cpu_stats: { cpu_usage: { total_usage: 536718750 } },
    memory_stats: { commitbytes: 77160448, privateworkingset: 59961344 },
  }
  t.regex(readStats(windows).nothing ?? '', /Windows/)
})

test('controllers that are missing are no zeros', (t) => {
  const { reading, problems } = readStats(fixture('stream0.cgroupv2-nocontrollers'))
  t.deepEqual(problems, [])
  t.like(reading, { cpuSeconds: undefined, memory: undefined, processes: undefined })
})

test('cgroups v2: memory without its file cache', (t) => {
  const memory_stats = { usage: 1000, limit: 5000, stats: { inactive_file: 300, anon: 400 } }
  t.is(readStats({ read: '2026-11-22T18:26:02Z', memory_stats }).reading?.memory, 700)
  const all = { usage: 100, stats: { inactive_file: 300 } }
  t.is(readStats({ read: '2026-11-22T18:26:02Z', memory_stats: all }).reading?.memory, 100)
})

test('times with an offset', (t) => {
  const at = (read: string) => readStats({ read }).reading?.timeNs
  t.is(at('2016-02-24T11:42:27.472459608-05:00'), 1456332147472459608n)
  t.is(at('2026-04-27T15:49:54+02:00'), BigInt(Date.UTC(2026, 3, 27, 13, 49, 54)) * 1_000_000n)
  for (const read of ['soon', '2026-11-22', '', 7, undefined]) {
    t.is(readStats({ read }).problems.length, read === 7 ? 2 : 1, String(read))
  }
})

const limits: [string, unknown, unknown][] = [
  ['NanoCpus', { NanoCpus: 1.5e9, CpuShares: 102, Memory: 5 }, { cpu: 1.5 }],
  ['a quota', { CpuQuota: 25_000, CpuPeriod: 50_000, Memory: 5 }, { cpu: 0.5 }],
  ['a quota of the usual period', { CpuQuota: 25_000, Memory: 5 }, { cpu: 0.25 }],
  ["Mesos' shares", { CpuShares: 512, Memory: 5 }, { cpu: 0.5 }],
  ['no limits', { CpuShares: 0, Memory: 0 }, { memory: 'none' }],
  ['not known', undefined, {}],
]

for (const [title, hostConfig, expected] of limits) {
  test(`limits: ${title}`, (t) => {
    t.deepEqual(limitsOf(hostConfig), expected as never)
  })
}

const [id, gone] = ['a'.repeat(64), 'b'.repeat(64)]
const mesosId = 'ede58961-8932-479b-8055-a2d4adae3535'

/** A daemon that answers with the next second of a container's life each time. */
function openDaemon(t: ExecutionContext) {
  const home = mkdtempSync(join(tmpdir(), 'mesoscope-stats-'))
  const socket = join(home, 'docker.sock')
  const daemon = {
    socket,
    answers: 0,
    cpuPerSecond: 0.25,
    body: undefined as string | undefined,
    broken: new Set<string>(),
  }
  const server = http.createServer(({ url = '' }, response) => {
    if ([...daemon.broken].some((one) => url.includes(one))) {
      return response.writeHead(500).end('{"message":"cgroup is gone"}')
    }
    if (!url.startsWith(`/containers/${id}/stats?stream=false&one-shot=true`)) {
      return response.writeHead(404).end('{"message":"No such container"}')
    }
    const second = daemon.answers++
    if (daemon.body !== undefined) return response.end(daemon.body)
    const stats = fixture('bridge-network.cgroupv1')
    const read = new Date(Date.UTC(2026, 10, 22, 18, 0, second)).toISOString()
    const cpu_usage = { total_usage: 1e9 + second * daemon.cpuPerSecond * 1e9 }
    const networks = { eth0: { rx_bytes: second * 100, tx_bytes: 7 } }
    return response.end(JSON.stringify({ ...stats, read, cpu_stats: { cpu_usage }, networks }))
  })
  server.listen(socket)
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    rmSync(home, { recursive: true })
  })
  return daemon
}

function open(t: ExecutionContext, socket: string) {
  const sink = openCollectedSink()
  const measured = new Set<string>()
  const metrics = openMetrics()
  const identity = { service: '/shop/api', container: id, containerName: `mesos-${mesosId}` }
  const containers: RunningContainer[] = [
    { id, identity, hostConfig: { CpuShares: 512, Memory: 0 } },
    { id: gone, identity: {} },
  ]
  const stats = openDockerStats({
    name: 'docker',
    api: openDockerApi(socket),
    intervalMs: 20,
    running: () => containers,
    measured,
    sink,
    clock: wallClock,
    metrics,
    log: silentLog,
  })
  t.teardown(() => stats.close())
  return { stats, sink, measured, metrics, containers }
}

test('containers are measured with their identity; rates come from two readings', async (t) => {
  const daemon = openDaemon(t)
  const { stats, sink, measured, containers } = open(t, daemon.socket)
  await until('two samples', () => sink.samples.length > 1)
  const [first, second] = sink.samples
  t.like(first, {
    '@timestamp': '2026-11-22T18:00:00.000000000Z',
    'service.name': '/shop/api',
    'container.id': id,
    metrics: {
      'container.cpu.limit': 0.5,
      'container.memory.usage': 614400,
      'container.processes': 3,
    },
  })
  t.is(first?.metrics['container.memory.limit'], undefined, "the machine's memory is no limit")
  t.like(second?.metrics, {
    'container.cpu.usage': 0.25,
    'container.cpu.utilization': 0.5,
    'container.network.receive': 100,
    'container.network.transmit': 0,
  })
  t.true(measured.has(mesosId))
  t.is(stats.trouble(), undefined, 'one that is gone is no trouble')
  containers.length = 0
  await until('it is not measured any more', () => !measured.has(mesosId))
})

test('a container that was started again has no rate at first', async (t) => {
  const daemon = openDaemon(t)
  const { sink } = open(t, daemon.socket)
  await until('samples', () => sink.samples.length > 1)
  daemon.cpuPerSecond = 0.001
  const seen = sink.samples.length
  await until('more samples', () => sink.samples.length > seen + 2)
  const without = sink.samples.filter(({ metrics }) => metrics['container.cpu.usage'] === undefined)
  t.is(without.length, 2, 'the first of all, and the first after the start')
  t.true(sink.samples.every(({ metrics }) => (metrics['container.cpu.usage'] ?? 0) >= 0))
})

test('answers that are no stats are told, the daemon is asked again', async (t) => {
  const daemon = openDaemon(t)
  const { stats, sink, metrics } = open(t, daemon.socket)
  await until('samples', () => sink.samples.length > 0)
  daemon.body = '<html>'
  await until('trouble', () => /did not answer with JSON/.test(stats.trouble() ?? ''))
  daemon.body = '[1]'
  await until('named', () => sink.changes.length > 0)
  t.regex(sink.changes[0]?.message ?? '', /docker: stats at \$: expected an object, got a list/)
  const { values } = await metrics.misunderstood_total.get()
  t.true((values[0]?.value ?? 0) > 0)
  daemon.body = undefined
  const seen = sink.samples.length
  await until('samples again', () => sink.samples.length > seen)
  t.is(stats.trouble(), undefined)
})

test('containers that the daemon cannot measure cost the others nothing, and are told', async (t) => {
  const daemon = openDaemon(t)
  const { stats, sink, containers } = open(t, daemon.socket)
  const broken = Array.from({ length: 60 }, (_, i) => String(i).padStart(64, 'e'))
  for (const one of broken) daemon.broken.add(one)
  containers.unshift(...broken.map((one) => ({ id: one, identity: {} })))
  const before = sink.samples.length
  await until('measured', () => sink.samples.length > before + 3)
  await until('told', () => /answered 500 .*cgroup is gone/.test(stats.trouble() ?? ''))
  t.regex(stats.trouble() ?? '', /\(and 59 more containers\)$/)
  containers.splice(0, broken.length)
  await until('forgotten', () => stats.trouble() === undefined)
})
