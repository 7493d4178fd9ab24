import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { taskKey, type Identity } from '../../pipeline/identity.ts'
import { openIdentities, readIdentity } from '../../processors/identities.ts'

const container = 'c1'
const task = 'shop_web.1'
const marathon: Identity = {
  task,
  service: '/shop/web',
  version: 'v1',
  deployment: 'd1',
  labels: { team: 'shop', tier: 'web' },
}
const mesos: Identity = { task, framework: 'f1', agent: 'agent-1', labels: { rack: 'r1' } }

const cases: [string, { of?: Identity; container?: Identity; task?: Identity; is: Identity }][] = [
  ['nothing is known: nothing is added', { of: { container, task }, is: { container, task } }],
  [
    'what the task lacks is filled in, what was stamped stays',
    {
      of: { service: '/mine', task, labels: { team: 'other' } },
      task: marathon,
      is: {
        service: '/mine',
        task,
        version: 'v1',
        deployment: 'd1',
        labels: { team: 'other', tier: 'web' },
      },
    },
  ],
  [
    'container and task together',
    {
      of: { container },
      container: { container, service: '/shop/web', task, agent: 'one' },
      task: { ...mesos, deployment: 'd1' },
      is: {
        container,
        service: '/shop/web',
        task,
        agent: 'one',
        deployment: 'd1',
        framework: 'f1',
        labels: { rack: 'r1' },
      },
    },
  ],
  [
    'the description of a container counts more than what was guessed before there was one',
    {
      of: { container, agent: 'localhost' },
      container: { container, service: '/shop/web', agent: 'agent-1' },
      is: { container, service: '/shop/web', agent: 'agent-1' },
    },
  ],
  [
    'a task that only Mesos knows has its service from there',
    { of: { task }, task: { task, service: '/batch' }, is: { task, service: '/batch' } },
  ],
]

for (const [sentence, { of = {}, container: described, task: told, is }] of cases) {
  test(sentence, (t) => {
    const known = openIdentities()
    if (described) known.learn(container, described)
    if (told) known.learn(taskKey(task), told)
    t.deepEqual(known.complete(of), is)
    const complete = known.complete(of)
    t.is(known.complete(complete), complete, 'complete: the same object')
  })
}

test('what Mesos and Marathon tell of a task is put together, the newest of each part holds', (t) => {
  const known = openIdentities()
  t.false(known.hasTasks())
  known.learn(taskKey(task), mesos)
  known.learn(taskKey(task), marathon)
  known.learn(taskKey(task), { ...mesos, agent: 'agent-2' })
  t.true(known.hasTasks())
  const all = { ...marathon, ...mesos, agent: 'agent-2' }
  t.deepEqual(known.getTask(task), { ...all, labels: { team: 'shop', tier: 'web', rack: 'r1' } })

  // What was merged a while ago comes back after newer news.
  known.learn(taskKey(task), { ...all, agent: 'agent-1', image: 'i' }, { merged: true })
  t.like(known.getTask(task), { agent: 'agent-2', image: 'i' })

  known.learn(taskKey(task), { task, container: 'x1' })
  t.like(known.getTask(task), { deployment: 'd1', container: 'x1' })
  known.learn(taskKey(task), { task, container: 'x2' })
  t.deepEqual(known.getTask(task), { task, container: 'x2' }, 'another life of a task id')
  known.learn(taskKey(task), undefined)
  t.is(known.getTask(task), undefined)
})

test('tasks of the same id are not mixed up: of another framework, or of an earlier life', (t) => {
  const [one, two] = [1, 2].map((n) => `mesos-25212c0c-e6a2-11f1-bdef-02fc0000000${n}`)
  const known = openIdentities()
  const first = { task, framework: 'f1', containerName: one as string, owner: 'a', image: 'a:1' }
  const later = { task, framework: 'f1', containerName: two as string, image: 'a:2' }
  known.learn(taskKey(task), first)
  known.learn(taskKey(task), later)
  t.deepEqual(known.getTask(task), later)
  known.learn(taskKey(task), first, { merged: true })
  t.deepEqual(known.getTask(task), later, 'what was merged of the first life comes back too late')

  const late = { container: 'd'.repeat(64), task, containerName: `${one}`.replace('-', '-S0.') }
  t.like(known.complete(late), { owner: 'a', image: 'a:1' }, 'a late line of the first')
  t.is(known.complete({ ...late, containerName: two }).image, 'a:2')
  t.is(known.complete({ task, framework: 'f2' }).image, undefined, 'of another framework')
  known.learn(taskKey(task), { task, framework: 'f2' })
  t.deepEqual(known.getTask(task), { task, framework: 'f2' })
})

test('an event that names only a task is of the life that its time tells', (t) => {
  const known = openIdentities()
  const since = (day: number) => `2026-11-${day}T00:00:00.000000000Z`
  const uuid = (n: number) => `25212c0c-e6a2-11f1-bdef-02fc0000000${n}`
  const life = (n: number, agent: string): Identity => ({
    task,
    framework: 'f1',
    container: uuid(n),
    agent,
  })
  // Not in their order.
  known.learn(taskKey(task), life(2, 'b'), { since: since(12) })
  known.learn(taskKey(task), life(3, 'c'), { since: since(13) })
  known.learn(taskKey(task), life(1, 'a'), { since: since(11) })
  const agentAt = (time: string) => known.complete({ task }, time).agent
  t.is(agentAt(since(10)), 'a', 'before all: the first')
  t.is(agentAt(since(11)), 'a')
  t.is(agentAt('2026-11-12T23:59:59.999999999Z'), 'b')
  t.is(agentAt(since(20)), 'c')
  t.is(known.complete({ task }).agent, 'c', 'without a time: the newest')
  t.is(
    known.complete({ task, container: uuid(1) }, since(20)).agent,
    'a',
    'its container counts more',
  )
  t.is(known.getTask(task)?.agent, 'c')
  // What is told of a life once more, or by another, is put to that life.
  known.learn(taskKey(task), { task, container: uuid(2), owner: 'shop' })
  t.deepEqual(known.complete({ task }, since(12)), { ...life(2, 'b'), owner: 'shop' })
  t.is(known.complete({ task }, since(20)).owner, undefined)
  for (let n = 4; n < 10; n++) known.learn(taskKey(task), life(n, `${n}`), { since: since(10 + n) })
  t.is(known.lives(taskKey(task)).length, 8, 'the oldest are forgotten')
  t.is(agentAt(since(11)), 'b')
})

test('a Docker container that does not tell its task is known by Mesos’ id in its name', (t) => {
  const [id, executor, unknown] = [1, 2, 3].map((n) => `25212c0c-e6a2-11f1-bdef-02fc0000000${n}`)
  const docker = (name: string) => ({ container: 'd'.repeat(64), containerName: name })
  const told = { task: 'ct:1:0:job:', service: '/chronos/job', framework: 'f1' }
  const known = openIdentities({ maxKnown: 2 })
  known.learn(taskKey(told.task), { ...told, containerName: `mesos-${id}` })
  const whole = { ...told, ...docker(`mesos-${id}`) }
  t.deepEqual(known.complete(docker(`mesos-${id}`)), whole)
  t.deepEqual(known.complete({ ...docker(`mesos-S0.${id}`), framework: 'f1' }), {
    ...whole,
    containerName: `mesos-S0.${id}`,
  })
  const others = { ...docker(`mesos-${id}`), framework: 'f2' }
  t.is(known.complete(others), others, 'another framework has the same id')
  const nobody = docker(`mesos-${unknown}`)
  t.is(known.complete(nobody), nobody)

  // A custom executor in Docker, with tasks in it: Mesos tells of the executor’s container.
  known.learn(executor as string, { container: executor as string, service: '/storm' })
  t.is(known.complete(docker(`mesos-${executor}`)).service, '/storm')
  t.is(known.complete(docker(`mesos-${executor}`)).container, 'd'.repeat(64))

  known.learn(taskKey(told.task), { ...told, containerName: `mesos-${unknown}` })
  t.is(known.complete(docker(`mesos-${id}`)).task, told.task, 'an earlier life of the id')
  t.is(known.complete(nobody).task, told.task)
  known.learn(taskKey('a'), { task: 'a' })
  known.learn(taskKey('b'), { task: 'b' })
  t.is(known.complete(nobody), nobody, 'the task is forgotten')
  t.is(known.complete(docker(`mesos-${id}`)).task, undefined)
})

test('how long an event is kept is said at its source, or not at all', (t) => {
  const known = openIdentities()
  known.learn(container, { container, service: '/a', task, retention: 'brief' })
  known.learn(taskKey(task), { task, version: 'v1', retention: 'audit' })
  t.deepEqual(known.get(container)?.retention, 'brief')
  t.deepEqual(known.complete({ container }), { container, service: '/a', task, version: 'v1' })
  const stamped = { container, service: '/a', task, version: 'v1', retention: 'odd' }
  t.is(known.complete(stamped), stamped)
  const { retention: _, ...usual } = stamped
  t.is(known.complete(usual), usual, 'nothing else is to be added')
})

test('a task and a container of the same name are not mixed up', (t) => {
  const known = openIdentities()
  known.learn('x', { service: '/container' })
  known.learn(taskKey('x'), { service: '/task' })
  t.is(known.get('x')?.service, '/container')
  t.is(known.getTask('x')?.service, '/task')
  t.is(known.at(taskKey('x'))?.service, '/task')
})

test('with more than are remembered those told of longest ago are forgotten', (t) => {
  const known = openIdentities({ maxKnown: 2 })
  known.learn(taskKey('a'), { service: '/a' })
  known.learn(taskKey('b'), { service: '/b' })
  known.learn('c', { service: '/c' })
  t.deepEqual(known.learn(taskKey('a'), { service: '/a' }), [])
  t.deepEqual(known.learn(taskKey('c'), { service: '/c' }), [taskKey('b')])
  t.truthy(known.getTask('a'))
  t.is(known.getTask('b'), undefined)
  t.truthy(known.get('c'))
})

test('a hundred thousand tasks take bounded memory', (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heap = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const uuid = (n: number) => `8c1f${String(n).padStart(4, '0')}-aaaa-bbbb-cccc-001122334455`
  const told = (n: number): Identity => ({
    ...marathon,
    service: `/shop/web${n % 300}`,
    task: `shop_web${n % 300}.instance-${uuid(n)}._app.1`,
    containerName: `mesos-${uuid(n)}`,
    agent: `agent-${n % 50}.example.com`,
    deployment: uuid(n % 1000),
    image: 'registry.example.com/shop/web:1.2.3',
    runbook: 'https://runbooks.example.com/shop/web',
    labels: { team: 'shop', tier: 'web', HAPROXY_0_VHOST: 'shop.example.com' },
  })
  const known = openIdentities()
  const before = heap()
  // As they come from the bus: every text a new one.
  const learn = (n: number) => {
    const identity = JSON.parse(JSON.stringify(told(n))) as Identity
    known.learn(taskKey(identity.task as string), identity)
  }
  for (let n = 0; n < 100_000; n++) learn(n)
  const full = heap() - before
  t.true(full < 80e6, `${Math.round(full / 1e6)} MB`)
  for (let n = 100_000; n < 200_000; n++) learn(n)
  const later = heap() - before
  t.true(later < full * 1.3, `${Math.round(later / 1e6)} MB after as many again`)
  t.is(known.getTask(told(99_999).task as string), undefined)
  t.truthy(known.getTask(told(100_000).task as string))
})

test('what is no text does not get into an identity', (t) => {
  const hostile = JSON.parse(
    '{"service":5,"task":"t","agent":"","owner":null,"labels":{"a":"b","n":1,"__proto__":"x"},"evil":"y"}',
  ) as unknown
  const read = readIdentity(hostile)
  t.deepEqual(Object.keys(read), ['task', 'labels'])
  t.deepEqual(Object.entries(read.labels ?? {}), [
    ['a', 'b'],
    ['__proto__', 'x'],
  ])
  t.deepEqual(readIdentity({ labels: [1] }), {})
  for (const none of [null, 'x', 5, []]) t.throws(() => readIdentity(none))
})
