import anyTest, { type TestFn } from 'ava'
import { openServedScene, web, type ServedScene } from '../scene.ts'

const test = anyTest as TestFn<{ scene: ServedScene }>

test.beforeEach(async (t) => {
  t.context.scene = await openServedScene({ leaderWaitMs: 100 })
})

test.afterEach.always((t) => t.context.scene.close())

function addressOf(url: string | undefined): string {
  return (url ?? '').replace('http://', '')
}

test('the standby hands requests on to the leader and says so', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  const [leader, standby] = scene.urls
  const response = await fetch(`${standby}/v2/apps/shop/web`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instances: 3 }),
  })
  t.is(response.status, 200)
  t.is(response.headers.get('x-marathon-leader'), leader ?? '')
  t.is(response.headers.get('x-marathon-via'), `1.1 ${addressOf(standby)}`)
  const { deploymentId } = (await response.json()) as { deploymentId: string }
  t.is(response.headers.get('marathon-deployment-id'), deploymentId)
  t.true(scene.core.state.deployments.has(deploymentId))
  const direct = await fetch(`${leader}/v2/info`)
  t.is(direct.headers.get('x-marathon-via'), null)
  t.is(
    ((await (await fetch(`${standby}/v2/info`)).json()) as { leader: string }).leader,
    addressOf(leader),
  )
})

test('the standby sends who wants events to the leader', async (t) => {
  const { scene } = t.context
  const [leader, standby] = scene.urls
  const response = await fetch(`${standby}/v2/events?event_type=x`, {
    redirect: 'manual',
    headers: { accept: 'text/event-stream' },
  })
  t.is(response.status, 302)
  t.is(response.headers.get('location'), `${leader}/v2/events?event_type=x`)
})

test('a request that has gone round once is not handed on again', async (t) => {
  const { scene } = t.context
  const [, standby] = scene.urls
  const headers = { 'x-marathon-via': `1.1 ${addressOf(standby)}` }
  const response = await fetch(`${standby}/v2/apps`, { headers })
  t.is(response.status, 502)
  t.regex(await response.text(), /proxying loop/)
})

test('while nobody leads both answer 502 with a page, streams are cut, and nothing is done', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  const stream = await fetch(`${scene.urls[0]}/v2/events`, {
    headers: { accept: 'text/event-stream' },
  })
  const lost = scene.marathon.loseLeader(10_000)
  t.regex(await stream.text(), /^event: event_stream_attached/)
  t.is(scene.marathon.leader(), undefined)
  for (const url of scene.urls) {
    for (const path of ['/v2/apps', '/v2/events', '/v2/leader', '/ping']) {
      const response = await fetch(`${url}${path}`)
      t.is(response.status, 502)
      t.regex(response.headers.get('content-type') ?? '', /^text\/html/)
      t.regex(await response.text(), /Could not determine the current leader/)
    }
  }
  scene.cluster.say(scene.running('/shop/web')[0]?.spec.id ?? '', 'TASK_FAILED')
  await scene.pass(9000)
  t.is(scene.running('/shop/web').length, 1)
  await scene.pass(1500)
  await lost
  t.is(scene.marathon.leader(), addressOf(scene.urls[1]))
  await scene.until('replaced', () => scene.running('/shop/web').length === 2)
})

test('the other one leads with all that was known, and takes up the deployment', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  const patch = await fetch(`${scene.urls[0]}/v2/apps/shop/web`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ env: { A: 'b' } }),
  })
  const { deploymentId } = (await patch.json()) as { deploymentId: string }
  await scene.pass(1500)
  void scene.marathon.loseLeader(2000)
  await scene.pass(3000)
  const [old, leader] = scene.urls
  const info = (await (await fetch(`${old}/v2/info`)).json()) as { leader: string }
  t.is(info.leader, addressOf(leader))
  const deployments = (await (await fetch(`${old}/v2/deployments`)).json()) as { id: string }[]
  t.deepEqual(
    deployments.map(({ id }) => id),
    [deploymentId],
  )
  await scene.until('deployed', () => scene.core.state.deployments.size === 0)
  await scene.pass(2000)
  t.is(scene.running('/shop/web').length, 2)
  t.true(scene.running('/shop/web').every(({ spec }) => spec.env['A'] === 'b'))
  t.true(scene.eventTypes().includes('scheduler_reregistered_event'))
  void scene.marathon.loseLeader(1000)
  await scene.pass(2000)
  t.is(scene.marathon.leader(), addressOf(old))
})

test('a request that comes just before there is a leader waits for it', async (t) => {
  const scene = await openServedScene({ leaderWaitMs: 5000 })
  void scene.marathon.loseLeader(1000)
  const asked = fetch(`${scene.urls[0]}/v2/leader`)
  await scene.pass(1500)
  const response = await asked
  t.deepEqual([response.status, await response.json()], [200, { leader: addressOf(scene.urls[1]) }])
  await scene.close()
})

test('who is asked to abdicate does', async (t) => {
  const { scene } = t.context
  const response = await fetch(`${scene.urls[1]}/v2/leader`, { method: 'DELETE' })
  t.deepEqual(await response.json(), { message: 'Leadership abdicated' })
  for (let waited = 0; scene.marathon.leader() !== undefined; waited += 10) {
    if (waited > 5000) t.fail('it did not abdicate')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await scene.pass(6000)
  t.is(scene.marathon.leader(), addressOf(scene.urls[1]))
})

test('a leader that is away is answered for by nobody; one that misbehaves is handed on as it is', async (t) => {
  const { scene } = t.context
  const [first] = scene.marathon.faces
  first?.misbehave('html')
  const page = await fetch(`${scene.urls[1]}/v2/apps`)
  t.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html'])
  first?.misbehave('503')
  t.is((await fetch(`${scene.urls[1]}/v2/apps`)).status, 503)
  first?.misbehave('away')
  await t.throwsAsync(fetch(`${scene.urls[0]}/v2/apps`))
  const refused = await fetch(`${scene.urls[1]}/v2/apps`)
  t.is(refused.status, 502)
  t.regex(await refused.text(), /Connection to leader refused/)
  first?.misbehave(undefined)
  for (;;) {
    const response = await fetch(`${scene.urls[1]}/v2/apps`)
    if (response.status === 200) break
  }
  t.pass()
})

test('a port that is taken is told, and the other instance closed again', async (t) => {
  const { scene } = t.context
  const taken = Number(scene.urls[0]?.split(':').at(-1))
  await t.throwsAsync(openServedScene({ ports: [0, taken] }), { code: 'EADDRINUSE' })
})

test('a definition that is not valid is told, and nothing is left open', async (t) => {
  const error = await t.throwsAsync(openServedScene({ apps: [{ id: '/x' }] }))
  t.is(error?.message, 'Object is not valid')
})
