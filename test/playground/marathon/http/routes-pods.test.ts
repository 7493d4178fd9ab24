import anyTest, { type TestFn } from 'ava'
import { ask, settled } from './ask.ts'
import { openServedScene, type ServedScene } from '../scene.ts'

const test = anyTest as TestFn<{ scene: ServedScene }>

test.beforeEach(async (t) => {
  t.context.scene = await openServedScene()
})

test.afterEach.always((t) => t.context.scene.close())

const pod = {
  id: '/shop/search',
  containers: [
    {
      name: 'search',
      exec: { command: { shell: 'search' } },
      resources: { cpus: 0.1, mem: 32 },
      endpoints: [{ name: 'http', hostPort: 0 }],
    },
  ],
}

test('a pod is created, shown, changed as a whole and deleted', async (t) => {
  const { scene } = t.context
  t.is((await ask(scene, 'HEAD /v2/pods')).status, 200)
  const created = await ask(scene, 'POST /v2/pods', pod)
  t.is(created.status, 201)
  t.like(created.body, { id: '/shop/search', scaling: { kind: 'fixed', instances: 1 } })
  await settled(scene)
  const [status] = (await ask(scene, 'GET /v2/pods/::status')).body
  t.like(status, { id: '/shop/search', status: 'STABLE' })
  t.like(status.instances[0].containers[0], { name: 'search', status: 'TASK_RUNNING' })
  t.is(
    status.instances[0].containers[0].endpoints[0].allocatedHostPort,
    scene.cluster.tasks()[0]?.ports[0],
  )
  t.deepEqual((await ask(scene, 'GET /v2/pods/shop/search::status')).body.id, '/shop/search')
  const changed = { ...pod, scaling: { kind: 'fixed', instances: 2 } }
  t.is((await ask(scene, 'PUT /v2/pods/shop/search', changed)).status, 200)
  await settled(scene)
  t.is(scene.instances('/shop/search').length, 2)
  const versions = (await ask(scene, 'GET /v2/pods/shop/search::versions')).body
  t.is(versions.length, 2)
  const old = await ask(scene, `GET /v2/pods/shop/search::versions/${versions[1]}`)
  t.is(old.body.scaling.instances, 1)
  const other = await ask(scene, 'PUT /v2/pods/bla', pod)
  t.deepEqual(other.body, { message: "'/bla' does not match definition's id ('/shop/search')" })
  t.is((await ask(scene, 'PATCH /v2/pods/shop/search', {})).status, 405)
  t.is((await ask(scene, 'GET /v2/tasks')).body.tasks.length, 0)
  t.is((await ask(scene, 'DELETE /v2/pods/shop/search')).status, 202)
  await settled(scene)
  t.is((await ask(scene, 'GET /v2/pods/shop/search')).status, 404)
  t.deepEqual(
    scene.eventTypes().filter((type) => type.startsWith('pod_')),
    ['pod_created_event', 'pod_updated_event', 'pod_deleted_event'],
  )
})
