import test from 'ava'
import { openServedScene, web, worker } from '../playground/marathon/scene.ts'
import { openCollector, openTold, toldOf } from './fake-marathon.ts'
import { until } from './recording-sink.ts'

/** The playground's Marathon, which others wrote: two instances, on simulated time. */
test('a life with the Marathon of the playground: deployed, rolled, scaled, ill, its leader lost', async (t) => {
  const scene = await openServedScene()
  t.teardown(() => scene.close())
  const told = openTold()
  const { trouble, metrics } = await openCollector(t, told, {
    urls: scene.urls.toReversed(),
    clock: scene.clock,
    intervalMs: 20,
  })
  const state = () => told.services.get('/shop/web')
  const passUntil = async (what: string, condition: () => boolean) =>
    until(what, () => {
      void scene.pass(100)
      return condition()
    })
  await scene.deployed(web)
  await scene.deployed(worker)
  await passUntil('two healthy', () => state()?.healthy === 2 && told.services.size === 2)
  t.like(state(), {
    instances: 2,
    running: 2,
    hasChecks: true,
    owner: 'team-shop',
    image: 'shop/web:2.4.1',
  })
  const started = new Set(
    told.tasks.filter(({ service }) => service === '/shop/web').map(({ task }) => task),
  )
  t.is(started.size, 2)
  t.true(told.tasks.every(({ agent, framework }) => agent !== undefined && framework !== undefined))

  const { deploymentId } = scene.marathon.deploy('/shop/web')
  await passUntil('the rolling deployment is over', () => {
    const ends = told.changes.filter((doc) => doc['event.action'] === 'succeeded')
    return ends.some((doc) => doc['marathon.deployment.id'] === deploymentId)
  })
  await passUntil('two new ones', () => state()?.healthy === 2 && state()?.tasks.length === 2)
  const now = state()?.tasks.map(({ id }) => id) ?? []
  t.false(now.some((id) => started.has(id)))
  for (const id of now) {
    t.is(told.tasks.findLast(({ task }) => task === id)?.deployment, deploymentId, id)
  }

  const [sick = ''] = now
  scene.sick.add(sick)
  await passUntil('unhealthy', () => toldOf(told).includes('health unhealthy /shop/web'))
  await passUntil(
    'replaced',
    () => state()?.healthy === 2 && !state()?.tasks.some(({ id }) => id === sick),
  )

  const lost = scene.marathon.loseLeader(3000)
  await passUntil('lost and elected', () => toldOf(told).includes('cluster leader-elected'))
  await passUntil('well again', () => trouble() === undefined)
  await lost

  const ids = told.changes.map((doc) => doc['event.id'])
  t.deepEqual(ids, [...new Set(ids)], 'each change once')
  const understood = (await metrics.misunderstood_total.get()).values
  t.deepEqual(
    understood,
    [],
    JSON.stringify(told.changes.filter((doc) => doc['event.kind'] === 'collector')),
  )
})
