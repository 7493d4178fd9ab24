import anyTest, { type TestFn } from 'ava'
import { ask, settled } from './ask.ts'
import { openServedScene, web, worker, type ServedScene } from '../scene.ts'

const test = anyTest as TestFn<{ scene: ServedScene }>

test.beforeEach(async (t) => {
  t.context.scene = await openServedScene()
})

test.afterEach.always((t) => t.context.scene.close())

test('a deployment is reverted by another one, or with force just ended', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  const { body } = await ask(scene, 'PATCH /v2/apps/shop/web', { instances: 5 })
  const reverted = await ask(scene, `DELETE /v2/deployments/${body.deploymentId}`)
  t.is(reverted.status, 200)
  t.not(reverted.body.deploymentId, body.deploymentId)
  await settled(scene)
  t.is(scene.running('/shop/web').length, 2)
  const next = await ask(scene, 'PATCH /v2/apps/shop/web', { instances: 5 })
  const ended = await ask(scene, `DELETE /v2/deployments/${next.body.deploymentId}?force=true`)
  t.deepEqual([ended.status, ended.body], [202, ''])
  t.is(scene.core.state.root.specs.get('/shop/web')?.instances, 5)
  const gone = await ask(scene, 'DELETE /v2/deployments/nope')
  t.deepEqual([gone.status, gone.body.message], [404, 'DeploymentPlan nope does not exist'])
})

test('the delay of what failed is seen in the queue and can be ended', async (t) => {
  const { scene } = t.context
  await scene.deployed({ ...worker, backoffSeconds: 100 })
  t.deepEqual((await ask(scene, 'GET /v2/queue')).body, { queue: [] })
  t.is((await ask(scene, 'DELETE /v2/queue//shop/worker/delay')).status, 404)
  scene.cluster.say(scene.running('/shop/worker')[0]?.spec.id ?? '', 'TASK_FAILED', {
    message: 'oops',
  })
  await scene.pass(5000)
  const [entry] = (await ask(scene, 'GET /v2/queue')).body.queue
  t.like(entry, {
    count: 1,
    delay: { timeLeftSeconds: 95, overdue: false },
    app: { id: '/shop/worker' },
  })
  const { app } = (await ask(scene, 'GET /v2/apps/shop/worker')).body
  t.like(app.lastTaskFailure, { state: 'TASK_FAILED', message: 'oops', appId: '/shop/worker' })
  t.deepEqual([app.tasksRunning, app.tasks[0].state, app.tasks[0].ports], [0, 'TASK_FAILED', []])
  t.is((await ask(scene, 'DELETE /v2/queue//shop/worker/delay')).status, 204)
  await scene.pass(2000)
  t.is(scene.running('/shop/worker').length, 1)
})

test('what it says of itself', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  const info = (await ask(scene, 'GET /v2/info')).body
  const address = scene.urls[0]?.replace('http://', '')
  t.like(info, { name: 'marathon', version: '1.10.0', elected: true, leader: address ?? '' })
  t.is(info.frameworkId, scene.cluster.frameworks()[0]?.id)
  t.deepEqual((await ask(scene, 'GET /v2/leader')).body, { leader: address })
  const pong = await ask(scene, 'GET /ping', undefined, { accept: '*/*' })
  t.deepEqual(
    [pong.status, pong.body, pong.headers.get('content-type')],
    [200, 'pong', 'text/plain'],
  )
  t.is((await ask(scene, 'GET /ping')).body, 'pong')
  const { gauges, counters } = (await ask(scene, 'GET /metrics')).body
  t.deepEqual(gauges['marathon.apps.active.gauge'], { value: 1 })
  t.deepEqual(gauges['marathon.instances.running.gauge'], { value: 2 })
  t.deepEqual(counters['marathon.tasks.launched.counter'], { count: 2 })
})
