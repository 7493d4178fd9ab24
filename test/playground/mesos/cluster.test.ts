import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import test from 'ava'
import type { Task, TaskStatus } from '../../../playground/mesos/model.ts'
import { containerLines, processesWith, readConfig, until } from '../container-logs.ts'
import { ended, reached, smallAgent, smallCluster } from '../small-cluster.ts'

const both = ['DOCKER', 'MESOS'] as const

function states(task: Task): string[] {
  return task.statuses.map(({ state }) => state)
}

function last(task: Task): TaskStatus | undefined {
  return task.statuses.at(-1)
}

const stderr = (task: Task) => readFileSync(join(task.sandbox, 'stderr'), 'utf8')
const stdout = (task: Task) => readFileSync(join(task.sandbox, 'stdout'), 'utf8')

for (const type of both) {
  test(`a ${type} task is staging, then starting, then running, until it has finished`, async (t) => {
    const { cluster, run } = await smallCluster(t)
    const told: string[] = []
    cluster.onEvent((event) => {
      if ('task' in event) told.push(`${event.type} ${event.task.state}`)
    })
    const task = run('ok', type)
    t.is(task.state, 'TASK_STAGING')
    t.deepEqual(task.statuses, [])
    await ended(task)
    t.deepEqual(states(task), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'])
    t.deepEqual(told, [
      'TASK_ADDED TASK_STAGING',
      'TASK_UPDATED TASK_STARTING',
      'TASK_UPDATED TASK_RUNNING',
      'TASK_UPDATED TASK_FINISHED',
    ])
    t.deepEqual(
      task.statuses.map(({ at }) => at),
      task.statuses.map(({ at }) => at).toSorted((one, other) => one - other),
    )
    t.true(task.statuses.every(({ source }) => source === 'SOURCE_EXECUTOR'))
    t.deepEqual(cluster.task(task.spec.id), task)
  })
}

const endings: [string, (typeof both)[number], Partial<TaskStatus>, Task['exit']][] = [
  [
    'ok',
    'DOCKER',
    { state: 'TASK_FINISHED', message: 'Container exited with status 0' },
    { code: 0, oomKilled: false },
  ],
  [
    'one',
    'DOCKER',
    { state: 'TASK_FAILED', message: 'Container exited with status 1' },
    { code: 1, oomKilled: false },
  ],
  [
    'suicide',
    'DOCKER',
    { state: 'TASK_FAILED', message: 'Container exited with status 137' },
    { code: 137, oomKilled: false },
  ],
  [
    'ok',
    'MESOS',
    { state: 'TASK_FINISHED', message: 'Command exited with status 0' },
    { code: 0, oomKilled: false },
  ],
  [
    'one',
    'MESOS',
    { state: 'TASK_FAILED', message: 'Command exited with status 1' },
    { code: 1, oomKilled: false },
  ],
  [
    'three',
    'MESOS',
    { state: 'TASK_FAILED', message: 'Command exited with status 3' },
    { code: 3, oomKilled: false },
  ],
  [
    'suicide',
    'MESOS',
    { state: 'TASK_FAILED', message: 'Command terminated with signal Killed' },
    { code: 137, signal: 'SIGKILL', oomKilled: false },
  ],
]
for (const [script, type, status, exit] of endings) {
  test(`the end of "${script}" as a ${type} task is ${status.state}: ${status.message}`, async (t) => {
    const { run } = await smallCluster(t)
    const task = await ended(run(script, type))
    t.like(last(task), { ...status, source: 'SOURCE_EXECUTOR' })
    t.is(last(task)?.reason, undefined)
    t.deepEqual(task.exit, exit)
  })
}

test('killing asks with SIGTERM first', async (t) => {
  const { cluster, run } = await smallCluster(t)
  const tasks = both.map((type) => run('idle', type))
  for (const task of tasks) {
    await reached(task, 'TASK_RUNNING')
    cluster.kill(task.spec.id)
    t.is(task.state, 'TASK_KILLING')
    await ended(task)
    t.deepEqual(states(task).slice(-2), ['TASK_KILLING', 'TASK_KILLED'])
  }
  t.deepEqual(
    tasks.map((task) => last(task)?.message),
    ['Container exited with status 143', 'Command terminated with signal Terminated'],
  )
})

test('who does not obey is killed after the grace', async (t) => {
  const { cluster, run } = await smallCluster(t)
  for (const type of both) {
    const task = run('stubborn', type)
    await until('it to be up', () => existsSync(task.sandbox) && stdout(task).includes('up'))
    cluster.kill(task.spec.id, 300)
    await ended(task)
    const [killing, killed] = task.statuses.slice(-2)
    t.true((killed?.at ?? 0) - (killing?.at ?? 0) >= 290)
    t.is(task.exit?.code, 137)
    t.is(killed?.state, 'TASK_KILLED')
    t.true(stdout(task).includes('no'))
  }
})

test('a task that is killed while it is staging never runs', async (t) => {
  const { cluster, run } = await smallCluster(t, { stagingMs: [60_000, 60_000] })
  const task = run('ok', 'DOCKER')
  cluster.kill(task.spec.id)
  await ended(task)
  t.deepEqual(states(task), ['TASK_KILLED'])
  t.is(last(task)?.reason, 'REASON_TASK_KILLED_DURING_LAUNCH')
  t.is(task.pid, undefined)
})

test('a framework that is told of a start can kill at once, and no process stays', async (t) => {
  for (const state of ['TASK_STARTING', 'TASK_RUNNING']) {
    const { cluster, run } = await smallCluster(t)
    cluster.onEvent((event) => {
      if ('task' in event && event.task.state === state) cluster.kill(event.task.spec.id)
    })
    const task = await ended(run('idle', 'DOCKER'))
    t.is(task.state, 'TASK_KILLED')
    t.true(state === 'TASK_STARTING' ? task.pid === undefined : task.exit?.code === 143)
  }
})

test('a listener that fails keeps nobody from hearing', async (t) => {
  const { cluster, run } = await smallCluster(t)
  const heard: string[] = []
  cluster.onEvent(() => {
    throw new Error('my mistake')
  })
  cluster.onEvent(({ type }) => heard.push(type))
  await ended(run('ok', 'MESOS'))
  t.deepEqual(heard, ['TASK_ADDED', 'TASK_UPDATED', 'TASK_UPDATED', 'TASK_UPDATED'])
})

test('a Docker task that uses too much memory is killed as by the kernel', async (t) => {
  const { cluster, run } = await smallCluster(t)
  const model = cluster.docker(cluster.agents()[0]?.id ?? '')
  const task = await ended(run('eater', 'DOCKER', { resources: { cpus: 0.1, mem: 80, disk: 0 } }))
  t.like(last(task), { state: 'TASK_FAILED', message: 'Container exited with status 137' })
  t.deepEqual(task.exit, { code: 137, oomKilled: true })
  t.is(task.usage?.rss, 80 * 1024 * 1024)
  const config = model.container(task.docker?.id ?? '')?.config
  t.like(config?.State, { OOMKilled: true, ExitCode: 137, Running: false })
  t.deepEqual(
    model.events().map(({ action }) => action),
    ['create', 'start', 'oom', 'die'],
  )
})

test("a Mesos task that uses too much memory has Mesos' reason and message", async (t) => {
  const { run } = await smallCluster(t)
  const task = await ended(run('eater', 'MESOS', { resources: { cpus: 0.1, mem: 64, disk: 0 } }))
  t.like(last(task), {
    state: 'TASK_FAILED',
    source: 'SOURCE_AGENT',
    reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
  })
  // The executor's 32 MB belong to the limit.
  t.regex(
    last(task)?.message ?? '',
    /^Memory limit exceeded: Requested: 96MB Maximum Used: 96MB\n\nMEMORY STATISTICS: \n/,
  )
  t.deepEqual(task.exit, { code: 137, signal: 'SIGKILL', oomKilled: true })
})

test('a crash is not asked for by a framework', async (t) => {
  const { cluster, run } = await smallCluster(t)
  const task = await reached(run('idle', 'DOCKER'), 'TASK_RUNNING')
  cluster.crash(task.spec.id)
  await ended(task)
  t.like(last(task), { state: 'TASK_FAILED', message: 'Container exited with status 137' })
  const events = cluster.docker(task.agent.id).events()
  t.false(events.some(({ action }) => action === 'kill' || action === 'oom'))
})

test('an image or a command that does not exist cannot be launched', async (t) => {
  const { run } = await smallCluster(t)
  for (const type of both) {
    const task = await ended(run('no-such-program', type))
    t.like(last(task), {
      state: 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
    })
    t.regex(last(task)?.message ?? '', /^Failed to launch container: Failed to /)
  }
})

test('where the disk refuses the task fails and says why, and the next one can run', async (t) => {
  const { dir, cluster, run } = await smallCluster(t)
  const [agent] = cluster.agents()
  writeFileSync(join(dir, 'agent-1', 'mesos'), 'in the way')
  const containers = join(agent?.dockerRoot ?? '', 'containers')
  rmSync(containers, { recursive: true })
  writeFileSync(containers, 'in the way')
  for (const type of both) {
    const task = await ended(run('ok', type))
    t.like(last(task), { state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED' })
    t.regex(last(task)?.message ?? '', /^Failed to launch container: .*(ENOTDIR|EEXIST)/)
  }
  t.deepEqual(cluster.offers()[0]?.cpus, agent?.total.cpus)
})

test("a task's sandbox is where Mesos has it, its executor's lines between its own", async (t) => {
  const { run, framework, cluster } = await smallCluster(t)
  const task = run('idle', 'MESOS')
  await until('its lines', () => existsSync(task.sandbox) && stderr(task).includes('careful'))
  const { agent, containerId } = task
  const path = `slaves/${agent.id}/frameworks/${framework.id}/executors/${task.spec.id}/runs/${containerId}`
  t.is(task.sandbox, join(agent.workDir, path))
  t.is(stdout(task), 'up\n')
  cluster.kill(task.spec.id)
  await ended(task)
  const glog = /^I\d{8} \d\d:\d\d:\d\d\.\d{6} \d+ \w+\.cpp:\d+\] \S/
  const lines = stderr(task).trimEnd().split('\n')
  t.deepEqual(
    lines.filter((line) => !glog.test(line)),
    ['careful'],
  )
  t.true(lines.some((line) => line.endsWith(`Forked command at ${task.pid}`)))
  t.true(lines.at(-1)?.endsWith(`Command terminated with signal Terminated (pid: ${task.pid})`))
})

test("a Docker task's output is in Docker's log and in its sandbox", async (t) => {
  const { cluster, run } = await smallCluster(t)
  const task = await ended(run('ok', 'DOCKER'))
  const dir = join(task.agent.dockerRoot, 'containers', task.docker?.id ?? '')
  t.deepEqual(containerLines(dir), ['done'])
  t.is(stdout(task), 'done\n')
  const config = readConfig(dir)
  t.is(config.Name, `/mesos-${task.containerId}`)
  t.deepEqual(config.Config.Labels, { team: 'tests' })
  const host = JSON.parse(readFileSync(join(dir, 'hostconfig.json'), 'utf8')) as object
  t.like(host, {
    CpuShares: 102,
    Memory: 128 * 1024 * 1024,
    Binds: [`${task.sandbox}:/mnt/mesos/sandbox`],
  })
  const shown = cluster.docker(task.agent.id).container(`mesos-${task.containerId}`)
  t.like(shown, { id: task.docker?.id, image: 'test/image:1', status: 'exited' })
})

test('a task gets the environment of Mesos and of its framework, and nothing of ours', async (t) => {
  const { run } = await smallCluster(t)
  for (const type of both) {
    const task = await ended(run('env', type, { ports: 2 }))
    const [json = '', cwd] = stdout(task).split('\n')
    const env = JSON.parse(json) as Record<string, string>
    const [first, second] = task.ports.map(String)
    t.like(env, {
      MARATHON_APP_ID: '/env',
      MESOS_TASK_ID: task.spec.id,
      HOST: 'agent-1.test',
      PORT: first,
      PORT0: first,
      PORT1: second,
      PORTS: `${first},${second}`,
    })
    t.is(env['HOME'], undefined)
    t.is(cwd, task.sandbox)
    if (type === 'DOCKER') {
      t.is(env['MESOS_SANDBOX'], '/mnt/mesos/sandbox')
      t.is(env['MESOS_CONTAINER_NAME'], `mesos-${task.containerId}`)
    } else {
      t.is(env['MESOS_SANDBOX'], task.sandbox)
      t.is(env['MESOS_EXECUTOR_ID'], task.spec.id)
    }
  }
})

test('the tasks of a pod have one executor and nested containers, and one that fails takes the others with it', async (t) => {
  const { cluster, spec } = await smallCluster(t)
  const [offer] = cluster.offers()
  const pod = { executorId: 'instance-shop_search.1' }
  const specs = [spec('idle', 'MESOS', pod), spec('ok', 'MESOS', pod)]
  const [idle, ok] = cluster.launch(offer!, specs) as [Task, Task]
  t.is(idle.parentContainerId, ok.parentContainerId)
  t.not(idle.containerId, ok.containerId)
  await ended(ok)
  t.is(ok.state, 'TASK_FINISHED')
  t.is(idle.state, 'TASK_RUNNING')
  const parent = join(idle.sandbox, '..', '..')
  t.regex(parent, new RegExp(`/executors/instance-shop_search.1/runs/${idle.parentContainerId}$`))
  t.is(stderr(idle), 'careful\n')
  t.true(
    readFileSync(join(parent, 'stderr'), 'utf8').includes(
      `Child container ${ok.parentContainerId}.${ok.containerId} of task '${ok.spec.id}' exited with status 0`,
    ),
  )

  const next = [spec('idle', 'MESOS', pod), spec('one', 'MESOS', pod)]
  const [survivor, failing] = cluster.launch(cluster.offers()[0]!, next) as [Task, Task]
  await ended(survivor)
  t.is(failing.state, 'TASK_FAILED')
  t.is(survivor.state, 'TASK_KILLED')
})

test('a volume outlives its tasks', async (t) => {
  const { run } = await smallCluster(t)
  const instance = 'shop_db.instance-1._app'
  const outputs: string[] = []
  for (const id of [`${instance}.1`, `${instance}.2`]) {
    outputs.push(stdout(await ended(run('counter', 'MESOS', { id, resident: true }))))
  }
  t.deepEqual(outputs, ['visits 1\n', 'visits 2\n'])
})

test('an agent never gives away more than it has, and gets back what its tasks had', async (t) => {
  const { cluster, run } = await smallCluster(t)
  const half = { resources: { cpus: 0.5, mem: 64, disk: 10 }, ports: 2 }
  const tasks: Task[] = []
  const refusal = t.throws(() => {
    for (;;) tasks.push(run('ok', 'MESOS', half))
  })
  t.like(refusal, { message: 'agent-1.test has not got enough cpus left', retryable: true })
  t.is(tasks.length, 8)
  t.like(cluster.offers()[0], { cpus: 0, mem: 512, disk: 920, ports: 84 })
  const ports = tasks.flatMap((task) => task.ports)
  t.is(new Set(ports).size, 16)
  t.true(ports.every((port) => port >= 30_000 && port <= 30_099))
  await Promise.all(tasks.map(ended))
  t.like(cluster.offers()[0], { cpus: 4, mem: 1024, disk: 1000, ports: 100 })
})

test('a port on which another program listens is not given to a task', async (t) => {
  if (!existsSync('/proc/net/tcp')) return t.pass('only Linux tells of it in files')
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const agents = [{ ...smallAgent, ports: [port, port] as [number, number] }]
  const { run } = await smallCluster(t, { agents })
  t.throws(() => run('ok', 'MESOS', { ports: 1 }), { message: /has not got enough ports left/ })
  server.close()
  await once(server, 'close')
  t.deepEqual(run('ok', 'MESOS', { ports: 1 }).ports, [port])
})

test('nothing is offered while offers are scarce, nobody leads, or the agent is away', async (t) => {
  const { cluster } = await smallCluster(t)
  const [agent] = cluster.agents()
  const offered = () => cluster.offers().length
  t.is(offered(), 1)
  cluster.setScarce(true)
  t.deepEqual([offered(), cluster.scarce()], [0, true])
  cluster.setScarce(false)
  cluster.elect(undefined)
  t.deepEqual([offered(), cluster.scarce()], [0, false])
  const before = cluster.electedAt
  cluster.elect('another-master')
  t.deepEqual([offered(), cluster.masterId], [1, 'another-master'])
  t.true(cluster.electedAt >= before)
  const [offer] = cluster.offers()
  cluster.setReachable(agent?.id ?? '', false)
  t.is(offered(), 0)
  t.throws(() => cluster.launch(offer!, []), { message: 'agent-1.test is unreachable' })
})

test('what happens on an agent that is away is told when it is back', async (t) => {
  const { cluster, run } = await smallCluster(t)
  const [agent] = cluster.agents()
  const idle = await reached(run('idle', 'DOCKER'), 'TASK_RUNNING')
  const dying = await reached(run('idle', 'DOCKER'), 'TASK_RUNNING')
  cluster.setReachable(agent?.id ?? '', false)
  t.like(last(idle), {
    state: 'TASK_UNREACHABLE',
    source: 'SOURCE_MASTER',
    reason: 'REASON_AGENT_REMOVED',
    message: 'Agent agent-1.test is unreachable: health check timed out',
  })
  cluster.crash(dying.spec.id)
  await until('its end', () => dying.exit)
  t.is(dying.state, 'TASK_UNREACHABLE')
  cluster.setReachable(agent?.id ?? '', true)
  t.deepEqual(states(idle).slice(-2), ['TASK_UNREACHABLE', 'TASK_RUNNING'])
  t.is(last(idle)?.reason, 'REASON_AGENT_REREGISTERED')
  t.deepEqual(states(dying).slice(-3), ['TASK_UNREACHABLE', 'TASK_RUNNING', 'TASK_FAILED'])
  t.true((agent?.reregisteredAt ?? 0) >= (agent?.registeredAt ?? 0))
})

test('CPU and memory are what the process itself says, within 30 %', async (t) => {
  const { run } = await smallCluster(t)
  const task = run('burner', 'MESOS')
  const told = () => (existsSync(task.sandbox) ? stdout(task).trim().split('\n') : [])
  await until('three seconds of work', () => told().length >= 12)
  const [cpu = 0, rss = 0] = (told().at(-1) ?? '').split(' ').map(Number)
  const before = task.usage?.at
  await until('a measurement', () => task.usage && task.usage.at !== before)
  const usage = task.usage!
  const measured = usage.userSeconds + usage.systemSeconds
  t.true(measured > cpu * 0.7 && measured < cpu * 1.3 + 0.3, `${measured} of ${cpu}`)
  t.true(usage.rss > rss * 0.7 && usage.rss < rss * 1.3, `${usage.rss} of ${rss}`)
  t.true(cpu > 0.2)
})

test('what an ended task left is there for a while, then it is removed', async (t) => {
  const { cluster, run } = await smallCluster(t, { keepEndedMs: 1500 })
  const model = cluster.docker(cluster.agents()[0]?.id ?? '')
  const [docker, mesos] = [run('ok', 'DOCKER'), run('ok', 'MESOS')]
  await Promise.all([ended(docker), ended(mesos)])
  t.true(existsSync(docker.sandbox) && existsSync(mesos.sandbox))
  t.is(model.containers().length, 1)
  await until('the removal', () => !existsSync(docker.sandbox) && !existsSync(mesos.sandbox))
  await until('the removal of the container', () => model.containers().length === 0)
  t.deepEqual(
    model.events().map(({ action, attributes }) => [action, attributes['exitCode']]),
    [
      ['create', undefined],
      ['start', undefined],
      ['die', '0'],
      ['destroy', undefined],
    ],
  )
  await until('its folder to go', () => readdirSync(join(model.root, 'containers')).length === 0)
  // Mesos still knows of it.
  t.is(cluster.task(docker.spec.id), docker)
})

test('closing ends everything, and says of each container how it ended', async (t) => {
  const seed = randomUUID()
  const { cluster, run } = await smallCluster(t, { seed })
  const tasks = [run('idle', 'DOCKER'), run('stubborn', 'MESOS'), run('idle', 'MESOS')]
  await Promise.all(tasks.map((task) => reached(task, 'TASK_RUNNING')))
  const linux = existsSync('/proc/self/environ')
  if (linux) t.is((await processesWith(seed)).length, 3)
  await cluster.close()
  if (linux) t.deepEqual(await processesWith(seed), [])
  const model = cluster.docker(cluster.agents()[0]?.id ?? '')
  t.deepEqual(
    model.containers().map(({ config }) => config.State.Running),
    [false],
  )
  t.throws(() => cluster.launch({ agent: cluster.agents()[0]! } as never, []), {
    message: 'the cluster is closing',
  })
})

for (const id of ['a/b', '..', '', 'nul\0']) {
  test(`${JSON.stringify(id)} is refused as the id of a task`, async (t) => {
    const { run } = await smallCluster(t)
    t.throws(() => run('ok', 'MESOS', { id }), { message: /cannot be the id of a task/ })
  })
}
