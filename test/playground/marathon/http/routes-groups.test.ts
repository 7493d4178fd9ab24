import anyTest, { type TestFn } from 'ava'
import { ask, settled } from './ask.ts'
import { openServedScene, web, worker, type ServedScene } from '../scene.ts'

const test = anyTest as TestFn<{ scene: ServedScene }>

test.beforeEach(async (t) => {
  t.context.scene = await openServedScene()
})

test.afterEach.always((t) => t.context.scene.close())

test('groups are where their apps are', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  await scene.deployed({ ...worker, id: '/shop/deep/er/worker' })
  const root = (await ask(scene, 'GET /v2/groups')).body
  t.deepEqual([root.id, root.apps, root.groups[0].id], ['/', [], '/shop'])
  t.is(root.groups[0].apps[0].id, '/shop/web')
  t.is(root.groups[0].groups[0].groups[0].apps[0].id, '/shop/deep/er/worker')
  const few = (await ask(scene, 'GET /v2/groups/shop?embed=group.apps&embed=group.apps.counts'))
    .body
  t.deepEqual(['groups' in few, few.apps[0].tasksRunning], [false, 2])
  t.is((await ask(scene, 'GET /v2/groups/nope')).status, 404)
  t.is((await ask(scene, 'GET /v2/groups/shop/versions')).body.length, 2)
  t.is((await ask(scene, 'DELETE /v2/groups/shop')).status, 200)
  await settled(scene)
  t.deepEqual((await ask(scene, 'GET /v2/apps')).body, { apps: [] })
})
