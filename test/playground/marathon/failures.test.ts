import test from 'ava'
import { Trouble } from '../../../pipeline/errors.ts'
import { createApp, scaleApp, updateApp } from '../../../playground/marathon/apps.ts'
import { createPod } from '../../../playground/marathon/pods.ts'
import { openScene, web, worker } from './scene.ts'

const patient = { inactiveAfterSeconds: 30, expungeAfterSeconds: 120 }

test('a task that fails is launched again under the next number; the app remembers it', async (t) => {
  const scene = openScene()
  await scene.deployed(worker)
  const [first] = scene.running('/shop/worker')
  scene.cluster.say(first?.spec.id ?? '', 'TASK_FAILED', { message: 'exited with status 7' })
  await scene.until('again', () => scene.running('/shop/worker').length === 1)
  const instance = first?.spec.id.replace(/\._app\.1$/, '')
  t.is(scene.running('/shop/worker')[0]?.spec.id, `${instance}._app.2`)
  t.like(scene.core.state.failures.get('/shop/worker'), {
    taskId: first?.spec.id ?? '',
    state: 'TASK_FAILED',
    message: 'exited with status 7',
    host: first?.agent.hostname ?? '',
  })
  const told = scene.events.filter(
    ({ eventType, taskStatus }) =>
      eventType === 'status_update_event' && taskStatus === 'TASK_FAILED',
  )
  t.like(told[0], { message: 'exited with status 7', appId: '/shop/worker' })
})

test('an unreachable task is replaced when it counts no longer; what comes back is one too many and is killed', async (t) => {
  const scene = openScene({ flags: { reconcileEveryMs: 10_000 } })
  await scene.deployed({ ...worker, unreachableStrategy: patient })
  const [lost] = scene.running('/shop/worker')
  scene.cluster.setReachable(lost?.agent.id ?? '', false)
  await scene.pass(25_000)
  t.is(scene.instances('/shop/worker')[0]?.condition, 'Unreachable')
  t.is(scene.running('/shop/worker').length, 0)
  await scene.until('replaced', () => scene.running('/shop/worker').length === 1)
  t.is(scene.instances('/shop/worker').length, 2)
  scene.cluster.setReachable(lost?.agent.id ?? '', true)
  t.is(scene.running('/shop/worker').length, 2)
  await scene.until('one', () => scene.instances('/shop/worker').length === 1)
  await scene.pass(1000)
  t.is(scene.running('/shop/worker').length, 1)
})

test('one that is given up altogether is killed when it comes back', async (t) => {
  const scene = openScene({ flags: { reconcileEveryMs: 10_000 } })
  await scene.deployed(worker)
  const [lost] = scene.running('/shop/worker')
  scene.cluster.setReachable(lost?.agent.id ?? '', false)
  await scene.until('replaced', () => scene.running('/shop/worker').length === 1)
  t.is(scene.instances('/shop/worker').length, 1)
  scene.cluster.setReachable(lost?.agent.id ?? '', true)
  await scene.pass(2000)
  t.is(scene.cluster.task(lost?.spec.id ?? '')?.state, 'TASK_KILLED')
  t.true(scene.eventTypes().includes('unknown_instance_terminated_event'))
})

test('with the strategy disabled it is waited for', async (t) => {
  const scene = openScene({ flags: { reconcileEveryMs: 10_000 } })
  await scene.deployed({ ...worker, unreachableStrategy: 'disabled' })
  const [lost] = scene.running('/shop/worker')
  scene.cluster.setReachable(lost?.agent.id ?? '', false)
  await scene.pass(200_000)
  t.is(scene.cluster.tasks().length, 1)
  scene.cluster.setReachable(lost?.agent.id ?? '', true)
  await scene.pass(1000)
  t.is(scene.running('/shop/worker').length, 1)
})

test('one that never runs is killed and launched again', async (t) => {
  const scene = openScene({ startMs: 1_000_000, flags: { launchTimeoutMs: 20_000 } })
  createApp(scene.core.state, worker, false)
  await scene.pass(25_000)
  t.deepEqual(
    scene.cluster.tasks().map(({ state }) => state),
    ['TASK_KILLED', 'TASK_STAGING'],
  )
})

test('an offer that is gone meanwhile is no harm, not even to one with a volume', async (t) => {
  const scene = openScene()
  const { launch } = scene.cluster
  scene.cluster.launch = () => {
    scene.cluster.launch = launch
    throw new Trouble('somebody was faster', { retryable: true })
  }
  const volumes = [{ containerPath: 'data', persistent: { size: 64 } }]
  await scene.deployed({ ...worker, container: { type: 'MESOS', volumes } })
  t.is(scene.running('/shop/worker').length, 1)
  t.is(scene.running('/shop/worker')[0]?.spec.resident, true)
})

test('a task that dies during a deployment of its app is started again by it', async (t) => {
  const scene = openScene({ warmUpMs: 4000 })
  await scene.deployed(web)
  const plan = scaleApp(scene.core.state, '/shop/web', 4)
  await scene.pass(2000)
  const [oldest] = scene.running('/shop/web')
  scene.cluster.say(oldest?.spec.id ?? '', 'TASK_FAILED')
  await scene.until('deployed', () => !scene.core.state.deployments.has(plan.id))
  await scene.until('four', () => scene.running('/shop/web').length === 4)
  t.is(scene.instances('/shop/web').length, 4)
})

test('a restart whose new instances fail leaves enough of the old ones', async (t) => {
  const scene = openScene({ warmUpMs: 3000 })
  const upgradeStrategy = { minimumHealthCapacity: 1, maximumOverCapacity: 0.5 }
  await scene.deployed({ ...web, upgradeStrategy })
  const options = { force: false, partial: true, create: false }
  updateApp(scene.core.state, '/shop/web', { env: { BROKEN: 'yes' } }, options)
  await scene.pass(60_000, () => {
    for (const task of scene.running('/shop/web')) {
      if (task.spec.env['BROKEN']) scene.cluster.say(task.spec.id, 'TASK_FAILED')
    }
  })
  const old = scene.running('/shop/web').filter(({ spec }) => !spec.env['BROKEN'])
  t.is(old.length, 2)
  t.is(scene.core.state.deployments.size, 1)
})

const pod = {
  id: '/shop/search',
  labels: { OWNER: 'team-search' },
  containers: [
    {
      name: 'search',
      exec: { command: { shell: 'search' } },
      resources: { cpus: 0.1, mem: 64 },
      endpoints: [{ name: 'http', hostPort: 0 }],
    },
    {
      name: 'indexer',
      exec: { command: { shell: 'indexer' } },
      resources: { cpus: 0.1, mem: 64 },
      labels: { ROLE: 'index' },
    },
  ],
}

test('a pod is one executor with a task for each container', async (t) => {
  const scene = openScene()
  const plan = createPod(scene.core.state, pod, false)
  await scene.until('deployed', () => !scene.core.state.deployments.has(plan.id))
  const tasks = scene.running('/shop/search')
  t.deepEqual(
    tasks.map(({ spec }) => spec.program),
    ['search', 'indexer'],
  )
  const [first, second] = tasks
  const uuid = /instance-([0-9a-f-]{36})\.search\.1$/.exec(first?.spec.id ?? '')?.[1]
  t.is(first?.spec.id, `shop_search.instance-${uuid}.search.1`)
  t.is(second?.spec.id, `shop_search.instance-${uuid}.indexer.1`)
  t.is(first?.spec.executorId, `instance-shop_search.${uuid}`)
  t.is(second?.spec.executorId, first?.spec.executorId)
  t.is(first?.agent, second?.agent)
  t.like(second?.spec.env, {
    MARATHON_APP_ID: '/shop/search',
    MARATHON_CONTAINER_ID: 'indexer',
    MESOS_EXECUTOR_ID: first?.spec.executorId ?? '',
    MARATHON_APP_LABEL_OWNER: 'team-search',
    MARATHON_APP_LABEL_ROLE: 'index',
  })
  const told = scene.events.filter(({ eventType }) => eventType === 'deployment_info')
  t.deepEqual(told[1]?.['currentStep'], { actions: [{ action: 'ScalePod', pod: '/shop/search' }] })
})

test('a pod with a failed task is killed as a whole and launched again', async (t) => {
  const scene = openScene()
  const plan = createPod(scene.core.state, pod, false)
  await scene.until('deployed', () => !scene.core.state.deployments.has(plan.id))
  scene.cluster.say(scene.running('/shop/search')[1]?.spec.id ?? '', 'TASK_FAILED')
  await scene.until('again', () => scene.running('/shop/search').length === 2)
  t.true(scene.running('/shop/search').every(({ spec }) => spec.id.endsWith('.2')))
  t.is(scene.instances('/shop/search').length, 1)
})
