import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { manualClock } from '../../../pipeline/clock.ts'
import { openMesosAgent, type AgentOptions } from '../../../playground/mesos/agent-api.ts'
import type { Agent, Task } from '../../../playground/mesos/model.ts'
import { rawHttp } from '../../helpers/raw-http.ts'
import { fill, makeCluster, startedAt, type MadeCluster } from './made-cluster.ts'

interface Open {
  url: string
  cluster: MadeCluster
  agent: Agent
}

async function open(
  t: ExecutionContext,
  index: number,
  more: Partial<AgentOptions> = {},
): Promise<Open> {
  const cluster = makeCluster(t)
  fill(cluster)
  const agent = cluster.agents()[index] as Agent
  const clock = manualClock(startedAt + 60_000)
  const face = await openMesosAgent({ cluster, agent, clock, ...more })
  t.teardown(() => face.close())
  return { url: face.url, cluster, agent }
}

interface Container {
  container_id: string
  executor_id: string
  framework_id: string
  statistics?: Record<string, unknown>
}

async function containers(url: string, query = ''): Promise<Container[]> {
  return JSON.parse((await rawHttp(url, `/containers${query}`)).text) as Container[]
}

const call = (url: string, body: unknown) =>
  rawHttp(url, '/api/v1', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })

test('of Docker only CPU, resident memory and limits are measured; those are the task’s own', async (t) => {
  const { url } = await open(t, 1)
  const found = (await containers(url)).find((one) => one.executor_id.startsWith('shop_api'))
  t.deepEqual(found?.statistics, {
    cpus_limit: 0.5,
    cpus_nr_periods: 6,
    cpus_nr_throttled: 0,
    cpus_soft_limit: 0.5,
    cpus_system_time_secs: 0.21,
    cpus_throttled_time_secs: 0,
    cpus_user_time_secs: 0.35,
    mem_limit_bytes: 128 * 1024 * 1024,
    mem_rss_bytes: 19_902_464,
    timestamp: found?.statistics?.['timestamp'],
  })
  t.is(Math.trunc(Number(found?.statistics?.['timestamp']) * 1000), startedAt + 9000)
})

test('without hard limits no container has a limit for CPU', async (t) => {
  const { url } = await open(t, 1, { cfs: false })
  for (const { statistics } of await containers(url)) {
    t.false('cpus_limit' in (statistics ?? {}))
    t.false('cpus_nr_periods' in (statistics ?? {}))
    t.true('cpus_soft_limit' in (statistics ?? {}))
  }
})

test('limits of Mesos’ own containers include what the executor gets; a pod is one container', async (t) => {
  const own = (await containers((await open(t, 0)).url)).find(
    (one) => one.executor_id === 'shop_web.instance-1._app.1',
  )
  t.like(own?.statistics, { cpus_limit: 0.6, mem_limit_bytes: (128 + 32) * 1024 * 1024 })
  const { url } = await open(t, 1)
  const pods = (await containers(url)).filter((one) => one.executor_id === 'instance-pod.1')
  t.is(pods.length, 1)
  const [pod] = pods
  t.is(pod?.container_id, 'd6269bf5-6286-409b-b0fc-4574df9dc9cb')
  // Two tasks of 0.1 and their executor.
  t.like(pod?.statistics, { cpus_limit: 0.3, cpus_user_time_secs: 0.7 })
})

test('containers in those of pods are told only by the operator API, with limits and no usage', async (t) => {
  const { url } = await open(t, 1)
  const asked = { type: 'GET_CONTAINERS', get_containers: { show_nested: true } }
  const { get_containers: answer } = JSON.parse((await call(url, asked)).text) as {
    get_containers: {
      containers: {
        container_status: { container_id: { parent?: { value: string } } }
        resource_statistics?: object
      }[]
    }
  }
  const nested = answer.containers.filter((one) => one.container_status.container_id.parent)
  t.is(nested.length, 2)
  for (const { resource_statistics } of nested) {
    const names = ['timestamp', 'cpus_soft_limit', 'mem_limit_bytes', 'mem_soft_limit_bytes']
    t.deepEqual(Object.keys(resource_statistics ?? {}), names)
  }
  t.is((await containers(url, '?show_nested=true')).length, answer.containers.length - 2)
})

test('what cannot be measured is left out of /containers, and not in /monitor/statistics', async (t) => {
  const { url } = await open(t, 0)
  const staging = (await containers(url)).find((one) => one.executor_id === 'staging.1')
  t.truthy(staging)
  t.false('statistics' in (staging as object))
  const { text } = await rawHttp(url, '/monitor/statistics')
  const executors = (JSON.parse(text) as Container[]).map((one) => one.executor_id)
  t.deepEqual(executors, ['shop_web.instance-1._app.1', 'report.3'])
  t.false(text.includes('container_id'))
})

test('/containers is filtered by a container, a framework, or an executor of it', async (t) => {
  const { url, cluster } = await open(t, 0)
  const all = await containers(url)
  const [first] = all
  t.deepEqual(await containers(url, `?container_id=${first?.container_id}`), [first])
  const ofBatch = await containers(url, `?framework_id=${cluster.batch.id}`)
  t.deepEqual(
    ofBatch.map((one) => one.executor_id),
    ['report.3', 'staging.1'],
  )
  const one = `?framework_id=${cluster.batch.id}&executor_id=staging.1`
  t.is((await containers(url, one)).length, 1)
  const bad = await rawHttp(url, '/containers?executor_id=staging.1')
  t.is(bad.status, 400)
  t.regex(bad.text, /^Supported query parameters are container_id only, /)
})

test('/monitor/statistics lets two pass in a second and others wait; /containers lets all pass', async (t) => {
  const { url } = await open(t, 0)
  const began = performance.now()
  await Promise.all([1, 2, 3].map(() => rawHttp(url, '/monitor/statistics')))
  t.true(performance.now() - began >= 980)
  const before = performance.now()
  // With the limit the last of them would wait 5.5 s.
  await Promise.all(Array.from({ length: 12 }, () => rawHttp(url, '/slave(1)/containers')))
  t.true(performance.now() - before < 5000)
})

test('a command task has an executor with its id here, and keeps none at the task', async (t) => {
  const { url } = await open(t, 0)
  const { frameworks } = JSON.parse((await rawHttp(url, '/state')).text) as {
    frameworks: { executors: { id: string; container: string; tasks: object[] }[] }[]
  }
  const executor = frameworks[0]?.executors[0]
  t.is(executor?.id, 'shop_web.instance-1._app.1')
  t.like(executor?.tasks[0], { id: 'shop_web.instance-1._app.1', executor_id: '' })
})

test('while it recovers its state is not told, but its containers are', async (t) => {
  const { url } = await open(t, 0, { recovering: () => true })
  for (const target of ['/state', '/api/v1']) {
    const answer = await rawHttp(url, target)
    t.is(answer.status, 503)
    t.is(answer.text, 'Agent has not finished recovery')
  }
  t.is((await containers(url)).length, 3)
})

test('an agent that was taken away answers nobody, and does again when it is back', async (t) => {
  const { url, agent } = await open(t, 0)
  agent.active = false
  await t.throwsAsync(rawHttp(url, '/health'))
  agent.active = true
  t.is((await rawHttp(url, '/health')).status, 200)
})

const file = (t: Task, name: string) => encodeURIComponent(join(t.sandbox, name))

test('sandboxes are listed and read under three paths, byte for byte', async (t) => {
  const { url, cluster } = await open(t, 0)
  const task = cluster.task('shop_web.instance-1._app.1') as Task
  writeFileSync(join(task.sandbox, 'odd'), Buffer.from([0x61, 0xc3, 0xff, 0x0a, 0x22]))
  const virtual = `/frameworks/${cluster.marathon.id}/executors/${task.executorId}/runs/latest`
  const latest = join(task.sandbox, '../latest')
  for (const path of [task.sandbox, virtual, latest]) {
    const { text } = await rawHttp(url, `/files/browse?path=${encodeURIComponent(path)}`)
    const listed = JSON.parse(text) as { path: string; size: number; mode: string }[]
    t.deepEqual(
      listed.map((one) => one.path),
      [join(path, 'odd'), join(path, 'stdout')],
    )
    t.regex(listed[0]?.mode ?? '', /^-rw-/)
  }
  const odd = await rawHttp(url, `/files/read?path=${file(task, 'odd')}&offset=0`)
  t.deepEqual(odd.body, Buffer.from('{"data":"aÃÿ\\n\\"","offset":0}', 'latin1'))
  const text = async (query: string) =>
    (await rawHttp(url, `/files/read?path=${file(task, 'stdout')}${query}`)).text
  t.is(await text(''), '{"data":"","offset":220}')
  t.is(await text('&offset=-1'), '{"data":"","offset":220}')
  t.is(await text('&offset=215&length=3'), '{"data":"tic","offset":215}')
  t.is(await text('&offset=500'), '{"data":"","offset":500}')
})

test('a read is of 64 KiB at most, a download of all', async (t) => {
  const { url, cluster } = await open(t, 0)
  const task = cluster.task('shop_web.instance-1._app.1') as Task
  writeFileSync(join(task.sandbox, 'big'), 'x'.repeat(100_000))
  const read = await rawHttp(url, `/files/read?path=${file(task, 'big')}&offset=10`)
  t.is((JSON.parse(read.text) as { data: string }).data.length, 65_536)
  const download = await rawHttp(url, `/files/download?path=${file(task, 'big')}`)
  t.is(download.body.length, 100_000)
  t.is(download.headers['content-disposition'], 'attachment; filename=big')
  const folder = await rawHttp(url, `/files/download?path=${encodeURIComponent(task.sandbox)}`)
  t.is(folder.text, 'Cannot download a directory.\n')
})

test('files outside of sandboxes are not there, whichever way', async (t) => {
  const { url, cluster, agent } = await open(t, 0)
  const task = cluster.task('shop_web.instance-1._app.1') as Task
  mkdirSync(agent.workDir, { recursive: true })
  writeFileSync(join(agent.workDir, 'secret'), 'secret')
  symlinkSync(join(agent.workDir, 'secret'), join(task.sandbox, 'link'))
  const statuses: [string, number][] = [
    ['/files/read', 400],
    ['/files/read?path=%2Fetc%2Fpasswd&offset=0', 404],
    [`/files/read?path=${file(task, '../../../../../secret')}&offset=0`, 404],
    [`/files/read?path=${file(task, 'link')}&offset=0`, 400],
    [`/files/read?path=${file(task, 'nothing')}&offset=0`, 404],
    [`/files/read?path=${encodeURIComponent(task.sandbox)}&offset=0`, 400],
    [`/files/read?path=${file(task, 'stdout')}&offset=x`, 400],
    [`/files/read?path=${file(task, 'stdout')}&offset=0&length=-2`, 400],
    ['/files/browse?path=%2F', 404],
    ['/files/..%2Fbrowse', 404],
  ]
  for (const [target, status] of statuses) {
    const answer = await rawHttp(url, target)
    t.is(answer.status, status, `${target}: ${answer.text}`)
    t.false(answer.text.includes('secret"'))
  }
})
