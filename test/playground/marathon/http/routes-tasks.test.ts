import anyTest, { type TestFn } from 'ava'
import { ask, settled } from './ask.ts'
import { openServedScene, web, worker, type ServedScene } from '../scene.ts'

const test = anyTest as TestFn<{ scene: ServedScene }>

test.beforeEach(async (t) => {
  t.context.scene = await openServedScene()
})

test.afterEach.always((t) => t.context.scene.close())

test('tasks are listed by state, in JSON alone', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  scene.cluster.setScarce(true)
  const count = async (query: string) =>
    (await ask(scene, `GET /v2/tasks${query}`)).body.tasks.length
  t.is(await count(''), 2)
  t.is(await count('?status=running'), 2)
  t.is(await count('?status=staging'), 0)
  t.is(await count('?status[]=staging&status[]=running'), 2)
  const [task] = (await ask(scene, 'GET /v2/tasks')).body.tasks
  t.deepEqual(task.servicePorts, [10_000])
  t.is((await ask(scene, 'GET /v2/tasks', undefined, { accept: 'text/plain' })).status, 406)
  const ofApp = (await ask(scene, 'GET /v2/apps/shop/web/tasks')).body.tasks
  t.deepEqual(
    ofApp.map(({ id }: { id: string }) => id),
    scene.running('/shop/web').map(({ spec }) => spec.id),
  )
  t.is((await ask(scene, 'GET /v2/apps/shop/*/tasks')).body.tasks.length, 2)
  t.is((await ask(scene, 'GET /v2/apps/nope/tasks')).status, 404)
})

test('a task is killed and replaced, or the app gets one fewer', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  const [first, second] = scene.running('/shop/web').map(({ spec }) => spec.id)
  const killed = await ask(scene, `DELETE /v2/apps/shop/web/tasks/${first}`)
  t.is(killed.body.task.id, first)
  await scene.until('killed', () => scene.running('/shop/web').length === 1)
  await scene.until('replaced', () => scene.running('/shop/web').length === 2)
  const scaled = await ask(scene, `DELETE /v2/apps/shop/web/tasks/${second}?scale=true`)
  t.is(scaled.headers.get('marathon-deployment-id'), scaled.body.deploymentId)
  await settled(scene)
  t.deepEqual(
    scene.running('/shop/web').map(({ spec }) => spec.id),
    [first?.replace(/1$/, '2')],
  )
  t.is(scene.core.state.root.specs.get('/shop/web')?.instances, 1)
  const both = await ask(scene, `DELETE /v2/apps/shop/web/tasks?scale=true&wipe=true`)
  t.deepEqual(
    [both.status, both.body.message],
    [400, 'You cannot use scale and wipe at the same time.'],
  )
  const unknown = await ask(scene, 'DELETE /v2/apps/shop/web/tasks/nope')
  t.deepEqual([unknown.status, unknown.body.message], [404, "Task 'nope' does not exist"])
  const invalid = await ask(scene, 'POST /v2/tasks/delete', { ids: ['nope'] })
  t.is(invalid.status, 400)
  const [last] = scene.running('/shop/web').map(({ spec }) => spec.id)
  t.is((await ask(scene, 'POST /v2/tasks/delete?scale=true', { ids: [last] })).status, 200)
  await settled(scene)
  t.is(scene.core.state.root.specs.get('/shop/web')?.instances, 0)
})

test('wiping takes the volume of a resident task; its replacement gets another', async (t) => {
  const { scene } = t.context
  const volumes = [{ containerPath: 'data', mode: 'RW', persistent: { size: 64 } }]
  await scene.deployed({ ...worker, id: '/shop/db', container: { type: 'MESOS', volumes } })
  const { app } = (await ask(scene, 'GET /v2/apps/shop/db')).body
  t.deepEqual(app.residency, {
    relaunchEscalationTimeoutSeconds: 3600,
    taskLostBehavior: 'WAIT_FOREVER',
  })
  t.deepEqual(app.upgradeStrategy, { maximumOverCapacity: 0, minimumHealthCapacity: 0.5 })
  const [before] = app.tasks[0].localVolumes
  t.regex(before.persistenceId, /^shop_db#data#[0-9a-f-]{36}$/)
  await ask(scene, `DELETE /v2/apps/shop/db/tasks/${app.tasks[0].id}?wipe=true`)
  await scene.until('gone', () => scene.running('/shop/db').length === 0)
  await scene.until('replaced', () => scene.running('/shop/db').length === 1)
  const after = (await ask(scene, 'GET /v2/apps/shop/db')).body.app.tasks
  t.is(after.length, 1)
  t.not(after[0].localVolumes[0].uuid, before.uuid)
})
