import test from 'ava'
import { restartApp, scaleApp, updateApp } from '../../../playground/marathon/apps.ts'
import { isReady } from '../../../playground/marathon/model.ts'
import { openScene, web, worker, type Scene } from './scene.ts'

const partial = { force: false, partial: true, create: false }

function deploymentIds({ core }: Scene): string[] {
  return [...core.state.deployments.keys()]
}

const strategies: [string, { minimumHealthCapacity: number; maximumOverCapacity: number }][] = [
  [
    'all stay healthy, twice as many for a while',
    { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
  ],
  [
    'all stay healthy, no room above: one more is allowed',
    { minimumHealthCapacity: 1, maximumOverCapacity: 0 },
  ],
  ['half at a time, no room above', { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 }],
  [
    'a quarter above, three quarters healthy',
    { minimumHealthCapacity: 0.75, maximumOverCapacity: 0.25 },
  ],
]

for (const [name, upgradeStrategy] of strategies) {
  test(`a rolling restart keeps its bounds at every moment: ${name}`, async (t) => {
    const scene = openScene({ warmUpMs: 3000 })
    const count = 4
    await scene.deployed({ ...web, instances: count, upgradeStrategy })
    const before = scene.running('/shop/web').map(({ spec }) => spec.id)
    const { minimumHealthCapacity, maximumOverCapacity } = upgradeStrategy
    const least = Math.ceil(count * minimumHealthCapacity)
    const most = Math.floor(count * (1 + maximumOverCapacity))
    const bound = least === most ? most + 1 : most
    let [fewest, largest] = [count, 0]
    updateApp(scene.core.state, '/shop/web', { env: { GREETING: 'hello' } }, partial)
    await scene.until(
      'replaced',
      () => deploymentIds(scene).length === 0,
      () => {
        fewest = Math.min(fewest, scene.instances('/shop/web').filter(isReady).length)
        largest = Math.max(largest, scene.instances('/shop/web').length)
      },
    )
    t.true(fewest >= least, `${fewest} were healthy, ${least} have to be`)
    t.true(largest <= bound, `${largest} were there, ${bound} may be`)
    const after = scene.running('/shop/web')
    t.is(after.length, count)
    t.false(after.some(({ spec }) => before.includes(spec.id)))
    t.true(after.every(({ spec }) => spec.env['GREETING'] === 'hello'))
  })
}

test('a restart without a change replaces all, under a new version and the same config', async (t) => {
  const scene = openScene()
  await scene.deployed(worker)
  const before = scene.core.state.root.specs.get('/shop/worker')
  const plan = restartApp(scene.core.state, '/shop/worker', false)
  t.deepEqual(
    plan.steps.map(([action]) => action?.name),
    ['RestartApplication'],
  )
  await scene.until('restarted', () => deploymentIds(scene).length === 0)
  const after = scene.core.state.root.specs.get('/shop/worker')
  t.not(after?.version, before?.version)
  t.deepEqual(after?.versionInfo, before?.versionInfo)
  t.is(scene.running('/shop/worker').length, 1)
})

test('a resident app keeps the volume of each instance; one scaled away is stopped and used again', async (t) => {
  const scene = openScene()
  const volumes = [{ containerPath: 'data', mode: 'RW', persistent: { size: 64 } }]
  await scene.deployed({
    ...worker,
    id: '/shop/db',
    instances: 2,
    container: { type: 'MESOS', volumes },
  })
  const before = scene.instances('/shop/db')
  const places = new Map(before.map((one) => [one.id, [one.agent?.id, one.volumes[0]?.uuid]]))
  t.is(new Set([...places.values()].map(([, uuid]) => uuid)).size, 2)
  scaleApp(scene.core.state, '/shop/db', 1)
  await scene.until('one', () => deploymentIds(scene).length === 0)
  const stopped = scene.instances('/shop/db').find(({ goal }) => goal === 'Stopped')
  t.is(stopped?.condition, 'Killed')
  scaleApp(scene.core.state, '/shop/db', 2)
  await scene.until('two', () => deploymentIds(scene).length === 0)
  const again = scene.instances('/shop/db').find(({ id }) => id === stopped?.id)
  t.regex(again?.tasks[0]?.id ?? '', /\._app\.2$/)
  t.deepEqual([again?.agent?.id, again?.volumes[0]?.uuid], places.get(again?.id ?? ''))
  restartApp(scene.core.state, '/shop/db', false)
  await scene.until('restarted', () => deploymentIds(scene).length === 0)
  const after = scene.instances('/shop/db')
  t.deepEqual(new Map(after.map((one) => [one.id, [one.agent?.id, one.volumes[0]?.uuid]])), places)
})
