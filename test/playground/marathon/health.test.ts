import test from 'ava'
import { countTasks } from '../../../playground/marathon/answer-counts.ts'
import { createApp } from '../../../playground/marathon/apps.ts'
import type { Endpoint } from '../../../playground/marathon/endpoints.ts'
import { openScene, web, worker, type Scene } from './scene.ts'

function counts(scene: Scene, app: string) {
  return countTasks(scene.core.state, scene.instances(app))
}

function about(scene: Scene, type: string) {
  return scene.events.filter(({ eventType }) => eventType === type)
}

test('a task counts as healthy after its first good answer, not before', async (t) => {
  const scene = openScene({ warmUpMs: 3000 })
  createApp(scene.core.state, { ...web, instances: 1 }, false)
  await scene.until('running', () => scene.running('/shop/web').length === 1)
  t.deepEqual(counts(scene, '/shop/web'), { staged: 0, running: 1, healthy: 0, unhealthy: 0 })
  await scene.until('healthy', () => counts(scene, '/shop/web').healthy === 1)
  t.like(about(scene, 'instance_health_changed_event').at(-1), { healthy: true })
  t.like(about(scene, 'health_status_changed_event').at(-1), { alive: true, appId: '/shop/web' })
  t.is(about(scene, 'failed_health_check_event').length, 0)
  t.is(about(scene, 'add_health_check_event').length, 1)
})

test('one without health checks is neither healthy nor unhealthy', async (t) => {
  const scene = openScene()
  await scene.deployed(worker)
  await scene.pass(10_000)
  t.deepEqual(counts(scene, '/shop/worker'), { staged: 0, running: 1, healthy: 0, unhealthy: 0 })
})

test('a sick task is killed after more failures than are allowed, and replaced', async (t) => {
  const scene = openScene()
  await scene.deployed(web)
  const [sick] = scene.running('/shop/web').map(({ spec }) => spec.id)
  scene.sick.add(sick ?? '')
  await scene.until('seen', () => counts(scene, '/shop/web').unhealthy === 1)
  t.is(counts(scene, '/shop/web').healthy, 1)
  await scene.until(
    'killed',
    () => !scene.running('/shop/web').some(({ spec }) => spec.id === sick),
  )
  const failures = about(scene, 'failed_health_check_event')
  t.is(failures.length, 4)
  const instance = (sick ?? '').replace(/\._app\.1$/, '')
  t.true(failures.every(({ taskId }) => taskId === instance))
  t.like(about(scene, 'unhealthy_instance_kill_event')[0], {
    taskId: sick,
    instanceId: instance,
    reason: '500 Internal Server Error',
  })
  t.like(scene.core.state.failures.get('/shop/web'), {
    taskId: sick,
    state: 'TASK_KILLED',
    message: 'Task was killed since health check failed. Reason: 500 Internal Server Error',
  })
  await scene.until('replaced', () => counts(scene, '/shop/web').healthy === 2)
  t.true(scene.running('/shop/web').some(({ spec }) => spec.id === `${instance}._app.2`))
})

test('what Mesos checks is as its statuses say, and unknown when it ends', async (t) => {
  const scene = openScene()
  const healthChecks = [{ protocol: 'COMMAND', command: { value: 'true' } }]
  const plan = createApp(scene.core.state, { ...web, instances: 1, healthChecks }, false)
  await scene.until('running', () => scene.running('/shop/web').length === 1)
  const id = scene.running('/shop/web')[0]?.spec.id ?? ''
  await scene.pass(5000)
  t.true(scene.core.state.deployments.has(plan.id))
  scene.cluster.say(id, 'TASK_RUNNING', { healthy: true })
  await scene.until('deployed', () => !scene.core.state.deployments.has(plan.id))
  scene.cluster.say(id, 'TASK_RUNNING', { healthy: false })
  await scene.pass(1000)
  scene.cluster.say(id, 'TASK_FAILED')
  await scene.pass(100)
  const told = about(scene, 'instance_health_changed_event').map(({ healthy }) => healthy)
  t.deepEqual(told, [true, false, null])
})

test('failures in the grace period do not count; after it they kill', async (t) => {
  const scene = openScene({ warmUpMs: 1_000_000 })
  createApp(scene.core.state, { ...web, instances: 1 }, false)
  await scene.until('running', () => scene.running('/shop/web').length === 1)
  await scene.pass(9500)
  t.is(about(scene, 'failed_health_check_event').length, 0)
  await scene.until('killed', () => about(scene, 'unhealthy_instance_kill_event').length === 1)
  t.is(about(scene, 'failed_health_check_event').length, 4)
})

test('a deployment waits for health, and not for ever-healthy siblings', async (t) => {
  const scene = openScene({ warmUpMs: 20_000 })
  const plan = createApp(
    scene.core.state,
    { ...web, healthChecks: [{ ...web.healthChecks[0], gracePeriodSeconds: 60 }] },
    false,
  )
  await scene.pass(15_000)
  t.is(scene.running('/shop/web').length, 2)
  t.true(scene.core.state.deployments.has(plan.id))
  await scene.until('deployed', () => !scene.core.state.deployments.has(plan.id))
  t.is(counts(scene, '/shop/web').healthy, 2)
})

test('the load balancer is told of healthy ports alone, at once and at each change', async (t) => {
  const scene = openScene({ warmUpMs: 1000 })
  const told: Endpoint[][] = []
  const stop = scene.core.onEndpoints('/shop/web', (endpoints) => void told.push(endpoints))
  t.deepEqual(told, [[]])
  await scene.deployed(web)
  const ports = scene.running('/shop/web').map((task) => task.ports[0])
  t.deepEqual(
    told.at(-1)?.map(({ port }) => port),
    ports,
  )
  const [sick] = scene.running('/shop/web')
  scene.sick.add(sick?.spec.id ?? '')
  await scene.until('one', () => told.at(-1)?.length === 1)
  t.not(told.at(-1)?.[0]?.task, sick?.spec.id)
  stop()
  const before = told.length
  await scene.until('replaced', () => counts(scene, '/shop/web').healthy === 2)
  t.is(told.length, before)
})

test('another leader finds health anew, and the load balancer keeps what it has', async (t) => {
  const scene = openScene()
  await scene.deployed(web)
  const told: Endpoint[][] = []
  scene.core.onEndpoints('/shop/web', (endpoints) => void told.push(endpoints))
  scene.core.pause()
  scene.core.resume()
  t.is(counts(scene, '/shop/web').healthy, 0)
  await scene.until('healthy', () => counts(scene, '/shop/web').healthy === 2)
  t.is(told.length, 1)
})
