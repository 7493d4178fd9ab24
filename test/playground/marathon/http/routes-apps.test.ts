import anyTest, { type TestFn } from 'ava'
import { ask, settled } from './ask.ts'
import { openServedScene, web, worker, type ServedScene } from '../scene.ts'

const test = anyTest as TestFn<{ scene: ServedScene }>

test.beforeEach(async (t) => {
  t.context.scene = await openServedScene()
})

test.afterEach.always((t) => t.context.scene.close())

test('an app is created, shown with its tasks, and refused a second time', async (t) => {
  const { scene } = t.context
  const created = await ask(scene, 'POST /v2/apps', web)
  t.is(created.status, 201)
  t.is(created.headers.get('location'), '/shop/web')
  t.deepEqual(created.body.deployments, [{ id: created.headers.get('marathon-deployment-id') }])
  t.like(created.body, { id: '/shop/web', instances: 2, tasksRunning: 0, backoffFactor: 1.15 })
  t.false('versionInfo' in created.body)
  await settled(scene)
  const { body } = await ask(scene, 'GET /v2/apps//shop/web')
  t.like(body.app, { id: '/shop/web', tasksRunning: 2, tasksHealthy: 2, deployments: [] })
  t.is(body.app.version, created.body.version)
  t.is(body.app.portDefinitions[0].port, 10_000)
  t.like(body.app.tasks[0], {
    appId: '/shop/web',
    state: 'TASK_RUNNING',
    version: body.app.version,
  })
  t.like(body.app.tasks[0].healthCheckResults[0], { alive: true, consecutiveFailures: 0 })
  const again = await ask(scene, 'POST /v2/apps', web)
  t.is(again.status, 409)
  t.deepEqual(again.body, { message: 'An app with id [/shop/web] already exists.' })
  t.deepEqual(
    scene.events.filter(({ eventType }) => eventType === 'api_post_event').map(({ uri }) => uri),
    ['/v2/apps'],
  )
})

test('the list is filtered by id, command and labels, and embeds what is asked for', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  await scene.deployed({ ...worker, labels: { tier: 'back end', owner: 'x' } })
  const ids = async (query: string) => {
    const { body } = await ask(scene, `GET /v2/apps?${query}`)
    return body.apps.map(({ id }: { id: string }) => id)
  }
  t.deepEqual(await ids(''), ['/shop/web', '/shop/worker'])
  t.deepEqual(await ids('id=WORK'), ['/shop/worker'])
  t.deepEqual(await ids('cmd=web'), ['/shop/web'])
  const labels: [string, string[]][] = [
    ['OWNER', ['/shop/web']],
    ['OWNER==team-shop', ['/shop/web']],
    ['OWNER!=team-shop', []],
    ['OWNER in (a, team-shop)', ['/shop/web']],
    ['OWNER notin (a, b), OWNER', ['/shop/web']],
    ['tier==back\\ end,owner', ['/shop/worker']],
  ]
  for (const [selector, expected] of labels) {
    t.deepEqual(await ids(`label=${encodeURIComponent(selector)}`), expected, selector)
  }
  t.is((await ask(scene, `GET /v2/apps?label=${encodeURIComponent('a=(')}`)).status, 422)
  const plain = (await ask(scene, 'GET /v2/apps')).body.apps[0]
  t.deepEqual(
    ['tasks' in plain, 'tasksRunning' in plain, 'deployments' in plain],
    [false, true, true],
  )
  const full = (await ask(scene, 'GET /v2/apps?embed=apps.tasks&embed=apps.taskStats')).body.apps[0]
  t.is(full.tasks.length, 2)
  t.is(full.tasksStats.totalSummary.stats.counts.healthy, 2)
  t.true(full.tasksStats.withLatestConfig.stats.lifeTime.averageSeconds > 0)
})

test('a group of apps is asked for with a star', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  await scene.deployed(worker)
  await scene.deployed({ ...worker, id: '/other' })
  const { body } = await ask(scene, 'GET /v2/apps/shop/*')
  t.deepEqual(
    body['*'].map(({ id }: { id: string }) => id),
    ['/shop/web', '/shop/worker'],
  )
  t.is((await ask(scene, 'GET /v2/apps/*')).body['*'].length, 3)
  t.is((await ask(scene, 'GET /v2/apps/nowhere/*')).status, 404)
})

test('PATCH changes what is given, PUT creates what is missing', async (t) => {
  const { scene } = t.context
  const missing = await ask(scene, 'PATCH /v2/apps/shop/web', { instances: 4 })
  t.is(missing.status, 404)
  t.deepEqual(missing.body, { message: "App '/shop/web' does not exist" })
  const created = await ask(scene, 'PUT /v2/apps/shop/web', { ...web, id: '/ignored' })
  t.is(created.status, 201)
  t.deepEqual(Object.keys(created.body), ['version', 'deploymentId'])
  await settled(scene)
  const scaled = await ask(scene, 'PATCH /v2/apps/shop/web', { instances: 4 })
  t.is(scaled.status, 200)
  t.is(scaled.headers.get('marathon-deployment-id'), scaled.body.deploymentId)
  const [deployment] = (await ask(scene, 'GET /v2/deployments')).body
  t.like(deployment, { id: scaled.body.deploymentId, affectedApps: ['/shop/web'], totalSteps: 1 })
  t.deepEqual(deployment.currentActions, [
    { action: 'ScaleApplication', app: '/shop/web', readinessCheckResults: [] },
  ])
  await settled(scene)
  t.is(scene.running('/shop/web').length, 4)
  const { app } = (await ask(scene, 'GET /v2/apps/shop/web')).body
  t.is(app.instances, 4)
  t.deepEqual(app.labels, web.labels)
})

test('a locked app answers 409 with the deployment, and is changed once it is free', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  const first = await ask(scene, 'PATCH /v2/apps/shop/web', { instances: 3 })
  const second = await ask(scene, 'PATCH /v2/apps/shop/web', { instances: 5 })
  t.is(second.status, 409)
  t.deepEqual(second.body, {
    message:
      "App is locked by one or more deployments. Override with the option '?force=true'. View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
    deployments: [{ id: first.body.deploymentId }],
  })
  await settled(scene)
  t.is((await ask(scene, 'PATCH /v2/apps/shop/web', { instances: 5 })).status, 200)
  await settled(scene)
  t.is(scene.running('/shop/web').length, 5)
  t.is(scene.marathon.forcedDeployments(), 0)
  await ask(scene, 'PATCH /v2/apps/shop/web', { instances: 6 })
  t.is((await ask(scene, 'PATCH /v2/apps/shop/web?force=true', { instances: 1 })).status, 200)
  t.is(scene.marathon.forcedDeployments(), 1)
})

test('several apps are changed in one deployment, or none of them', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  await scene.deployed(worker)
  const both = [
    { id: '/shop/web', instances: 1 },
    { id: 'shop/worker', instances: 3 },
  ]
  const { body } = await ask(scene, 'PATCH /v2/apps', both)
  t.is((await ask(scene, 'GET /v2/deployments')).body[0].id, body.deploymentId)
  await settled(scene)
  t.deepEqual([scene.running('/shop/web').length, scene.running('/shop/worker').length], [1, 3])
  const refused = await ask(scene, 'PATCH /v2/apps', [
    { id: '/shop/web', instances: 2 },
    { id: '/no' },
  ])
  t.is(refused.status, 404)
  t.is(scene.core.state.root.specs.get('/shop/web')?.instances, 1)
})

test('a version alone rolls back; with anything else it is refused', async (t) => {
  const { scene } = t.context
  await scene.deployed(worker)
  const first = scene.core.state.root.version
  await ask(scene, 'PATCH /v2/apps/shop/worker', { env: { A: 'b' }, instances: 2 })
  await settled(scene)
  const mixed = await ask(scene, 'PATCH /v2/apps/shop/worker', { version: first, instances: 1 })
  t.is(mixed.status, 422)
  t.deepEqual(mixed.body, {
    message: 'Object is not valid',
    details: [
      { path: '/', errors: ["The 'version' field may only be combined with the 'id' field."] },
    ],
  })
  t.is((await ask(scene, 'PUT /v2/apps/shop/worker', { version: first })).status, 200)
  await settled(scene)
  const { app } = (await ask(scene, 'GET /v2/apps/shop/worker')).body
  t.deepEqual([app.instances, app.env], [1, undefined])
  const { versions } = (await ask(scene, 'GET /v2/apps/shop/worker/versions')).body
  t.deepEqual([versions.length, versions[0], versions[2]], [3, app.version, first])
  const old = await ask(scene, `GET /v2/apps/shop/worker/versions/${versions[1]}`)
  t.deepEqual(old.body.env, { A: 'b' })
  t.is(
    (await ask(scene, 'PUT /v2/apps/shop/worker', { version: '2011-01-01T00:00:00Z' })).status,
    404,
  )
})

test('restarting replaces the tasks; deleting ends them', async (t) => {
  const { scene } = t.context
  await scene.deployed(worker)
  const [before] = scene.running('/shop/worker')
  t.is((await ask(scene, 'POST /v2/apps/shop/worker/restart')).status, 200)
  await settled(scene)
  t.not(scene.running('/shop/worker')[0]?.spec.id, before?.spec.id)
  t.is((await ask(scene, 'DELETE /v2/apps/shop/worker')).status, 200)
  await settled(scene)
  t.is((await ask(scene, 'GET /v2/apps/shop/worker')).status, 404)
  t.is((await ask(scene, 'DELETE /v2/apps/shop/worker')).status, 404)
  t.is(scene.marathon.forcedDeployments(), 0)
})
