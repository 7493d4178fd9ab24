import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { openDockerCollector } from '../../collectors/docker.ts'
import { pause, wallClock } from '../../pipeline/clock.ts'
import type { SampleDoc } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openCollectedSink } from '../collectors/collected-sink.ts'
import { until } from '../helpers/pipeline.ts'

/*
 * What the daemon says of containers that really run, and what it costs it to say it. The daemon is that of
 * MESOSCOPE_TEST_DOCKER_SOCKET (which needs the image mesoscope/busybox), or a private one that is started here, as root.
 */
const given = process.env['MESOSCOPE_TEST_DOCKER_SOCKET']
const script = fileURLToPath(new URL('../servers/docker.sh', import.meta.url))
const home = given === undefined ? mkdtempSync(join(tmpdir(), 'mesoscope-dockerd-')) : ''
const socket = given ?? join(home, 'docker.sock')
const run = promisify(execFile)

const daemon = (verb: 'start' | 'stop') => execFileSync('sh', [script, verb, socket])

test.before('the daemon is up', () => {
  if (given === undefined) daemon('start')
})

test.after.always('the daemon is down', () => {
  if (given !== undefined) return
  daemon('stop')
  rmSync(home, { recursive: true, force: true })
})

async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', ['-H', `unix://${socket}`, ...args])
  return stdout.trim()
}

function start(options: string[], command: string): Promise<string> {
  return docker('run', '-d', '--network=none', ...options, 'mesoscope/busybox', 'sh', '-c', command)
}

const mesosId = 'ede58961-8932-479b-8055-a2d4adae3535'
const spin = 'while true; do :; done'

async function open(intervalMs: number) {
  const sink = openCollectedSink()
  const measured = new Set<string>()
  const collector = await openDockerCollector({
    cluster: 'test',
    name: 'docker',
    socket,
    stats: true,
    intervalMs,
    measured,
    redactor: { scan: () => [], redact: (text: string) => text },
    maxEventBytes: 256 * 1024,
    multiline: false,
    sink,
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
  })
  opened.push(collector)
  const of = (id: string) => sink.samples.filter((sample) => sample['container.id'] === id)
  return { collector, sink, measured, of }
}

// Also after a failure, or the test process would not end.
const opened: { close(): Promise<void> }[] = []
test.after.always(() => Promise.all(opened.map((collector) => collector.close())))

const value = (sample: SampleDoc | undefined, name: string) => sample?.metrics[name] ?? Number.NaN
const rated = (samples: readonly SampleDoc[]) =>
  samples.filter(({ metrics }) => metrics['container.cpu.usage'] !== undefined)

test.serial('CPU, limits, memory and processes of containers', async (t) => {
  const quota = await start(['--cpus=0.2', '--memory=32m', '--name', `mesos-${mesosId}`], spin)
  const shares = await start(['--cpu-shares=102'], 'sleep 600')
  const free = await start([], 'sleep 600 & sleep 600')
  t.teardown(() => docker('rm', '-f', quota, shares, free))
  const { collector, measured, of } = await open(1000)
  await until('three rates', () => rated(of(quota)).length >= 3 && rated(of(free)).length >= 1)
  const usage = value(rated(of(quota)).at(-1), 'container.cpu.usage')
  t.true(usage > 0.1 && usage < 0.3, `${usage} of 0.2 cores`)
  const utilization = value(rated(of(quota)).at(-1), 'container.cpu.utilization')
  t.true(Math.abs(utilization - usage / 0.2) < 1e-9)
  t.true(value(rated(of(quota)).at(-1), 'container.cpu.throttled') > 0.3)
  t.is(value(of(quota)[0], 'container.memory.limit'), 32 * 2 ** 20)
  const memory = value(of(quota)[0], 'container.memory.usage')
  t.true(memory > 0 && memory < 8 * 2 ** 20, `${memory} bytes`)
  const limit = value(of(shares)[0], 'container.cpu.limit')
  t.true(Math.abs(limit - 0.1) < 0.001, 'as Mesos asks for 0.1 cores')
  t.is(of(free)[0]?.metrics['container.cpu.limit'], undefined)
  t.is(of(free)[0]?.metrics['container.memory.limit'], undefined)
  t.is(value(of(free)[0], 'container.processes'), 2)
  t.true(measured.has(mesosId))
  t.is(collector.trouble(), undefined)
  await collector.close()
})

test.serial('across a restart of the container no rate is wrong', async (t) => {
  const id = await start(['--cpus=0.2'], spin)
  t.teardown(() => docker('rm', '-f', id))
  const { collector, of } = await open(1000)
  await until('rates', () => rated(of(id)).length >= 2)
  await docker('restart', '-t', '0', id)
  const before = of(id).length
  await until('rates again', () => rated(of(id).slice(before)).length >= 2)
  const rates = rated(of(id)).map((sample) => value(sample, 'container.cpu.usage'))
  t.true(
    rates.every((rate) => rate >= 0 && rate < 0.5),
    rates.join(', '),
  )
  await collector.close()
})

/** CPU seconds that a process has used. */
function cpuSeconds(pid: string): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const ownDaemon = given === undefined ? test.serial : test.serial.skip
ownDaemon('30 containers every 5 s cost the daemon little', async (t) => {
  const ids = await Promise.all(
    Array.from({ length: 30 }, () => start(['--memory=16m'], 'while true; do sleep 0.5; done')),
  )
  t.teardown(() => docker('rm', '-f', ...ids))
  const pid = readFileSync(join(home, 'pid'), 'utf8').trim()
  const { collector, of } = await open(5000)
  await until('all are measured', () => ids.every((id) => of(id).length > 0))
  const from = cpuSeconds(pid)
  await pause(20_000)
  const cost = (cpuSeconds(pid) - from) / 20
  const samples = ids.map((id) => of(id).length)
  await collector.close()
  t.log(`${(cost * 100).toFixed(1)} % of a core, ${Math.min(...samples)} samples of each`)
  t.true(cost < 0.03, `${cost} of a core`)
  t.true(Math.min(...samples) >= 4)
})
