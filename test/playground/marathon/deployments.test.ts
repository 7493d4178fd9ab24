import test from 'ava'
import { createApp, deleteApp, scaleApp } from '../../../playground/marathon/apps.ts'
import { makePlan } from '../../../playground/marathon/plan.ts'
import { Refusal } from '../../../playground/marathon/refusal.ts'
import { openScene, web, worker, type Scene } from './scene.ts'

function deploymentIds({ core }: Scene): string[] {
  return [...core.state.deployments.keys()]
}

test('an app is started in two steps and told of in order', async (t) => {
  const scene = openScene()
  const plan = createApp(scene.core.state, web, false)
  await scene.until('healthy', () => deploymentIds(scene).length === 0)
  t.is(scene.running('/shop/web').length, 2)
  t.deepEqual(
    plan.steps.map((step) => step.map(({ name }) => name)),
    [['StartApplication'], ['ScaleApplication']],
  )
  const told = scene.eventTypes().filter((type) => /deployment|group/.test(type))
  t.deepEqual(told, [
    'group_change_success',
    'deployment_info',
    'deployment_step_success',
    'deployment_info',
    'deployment_step_success',
    'deployment_success',
  ])
  const ofOne = scene.events
    .filter(({ eventType }) => eventType === 'instance_changed_event')
    .filter(({ instanceId }) => instanceId === scene.instances('/shop/web')[0]?.id)
  t.deepEqual(
    ofOne.map(({ condition }) => condition),
    ['Scheduled', 'Provisioned', 'Starting', 'Running'],
  )
  t.deepEqual([ofOne[0]?.['agentId'], ofOne[0]?.['host']], [null, null])
})

test('task ids, environment and labels are those of Marathon', async (t) => {
  const scene = openScene()
  await scene.deployed({
    ...web,
    labels: { OWNER: 'team-shop', 'note-1': 'x', long: 'y'.repeat(600) },
  })
  const [task] = scene.running('/shop/web')
  const spec = task?.spec
  t.regex(spec?.id ?? '', /^shop_web\.instance-[0-9a-f-]{36}\._app\.1$/)
  t.is(spec?.name, 'web.shop')
  t.is(spec?.program, 'web')
  t.deepEqual(spec?.container, {
    type: 'DOCKER',
    image: 'shop/web:2.4.1',
    labels: { MESOS_TASK_ID: spec?.id ?? '' },
  })
  t.like(spec?.env, {
    MESOS_TASK_ID: spec?.id ?? '',
    MARATHON_APP_ID: '/shop/web',
    MARATHON_APP_VERSION: scene.core.state.root.version,
    MARATHON_APP_DOCKER_IMAGE: 'shop/web:2.4.1',
    MARATHON_APP_RESOURCE_CPUS: '0.25',
    MARATHON_APP_RESOURCE_MEM: '128.0',
    MARATHON_APP_LABELS: 'OWNER NOTE_1',
    MARATHON_APP_LABEL_OWNER: 'team-shop',
    MARATHON_APP_LABEL_NOTE_1: 'x',
  })
  t.false('MARATHON_APP_LABEL_LONG' in (spec?.env ?? {}))
})

test('scaling up keeps what runs, scaling down kills the youngest first', async (t) => {
  const scene = openScene()
  await scene.deployed(web)
  const first = scene.running('/shop/web').map(({ spec }) => spec.id)
  await scene.pass(5000)
  scaleApp(scene.core.state, '/shop/web', 4)
  await scene.until('four', () => deploymentIds(scene).length === 0)
  t.is(scene.running('/shop/web').length, 4)
  scaleApp(scene.core.state, '/shop/web', 2)
  await scene.until('two', () => deploymentIds(scene).length === 0)
  t.deepEqual(
    scene.running('/shop/web').map(({ spec }) => spec.id),
    first,
  )
})

test('OLDEST_FIRST kills the oldest', async (t) => {
  const scene = openScene()
  await scene.deployed({ ...worker, killSelection: 'OLDEST_FIRST' })
  const [oldest] = scene.running('/shop/worker').map(({ spec }) => spec.id)
  await scene.pass(5000)
  scaleApp(scene.core.state, '/shop/worker', 2)
  await scene.until('two', () => deploymentIds(scene).length === 0)
  scaleApp(scene.core.state, '/shop/worker', 1)
  await scene.until('one', () => deploymentIds(scene).length === 0)
  t.not(scene.running('/shop/worker')[0]?.spec.id, oldest)
})

test('staging ones are killed before running ones', async (t) => {
  const scene = openScene({ startMs: 20_000 })
  await scene.deployed(worker)
  const [running] = scene.running('/shop/worker').map(({ spec }) => spec.id)
  scaleApp(scene.core.state, '/shop/worker', 2)
  await scene.pass(2000)
  scaleApp(scene.core.state, '/shop/worker', 1, true)
  await scene.until('one', () => deploymentIds(scene).length === 0)
  t.deepEqual(
    scene.running('/shop/worker').map(({ spec }) => spec.id),
    [running],
  )
})

test('scaling changes the version and the time of scaling, not that of the config', async (t) => {
  const scene = openScene()
  await scene.deployed(worker)
  const before = scene.core.state.root.specs.get('/shop/worker')
  await scene.pass(1000)
  scaleApp(scene.core.state, '/shop/worker', 2)
  const after = scene.core.state.root.specs.get('/shop/worker')
  t.is(after?.versionInfo.lastConfigChangeAt, before?.version)
  t.is(after?.versionInfo.lastScalingAt, after?.version)
})

test('an app is locked while a deployment is about it, and free afterwards', async (t) => {
  const scene = openScene()
  await scene.deployed(web)
  const plan = scaleApp(scene.core.state, '/shop/web', 3)
  const error = t.throws(() => scaleApp(scene.core.state, '/shop/web', 4), { instanceOf: Refusal })
  t.is(error?.status, 409)
  t.deepEqual(error?.body['deployments'], [{ id: plan.id }])
  t.is(scene.core.state.root.specs.get('/shop/web')?.instances, 3)
  createApp(scene.core.state, worker, false)
  await scene.until('free', () => deploymentIds(scene).length === 0)
  scaleApp(scene.core.state, '/shop/web', 4)
  await scene.until('four', () => deploymentIds(scene).length === 0)
  t.is(scene.running('/shop/web').length, 4)
})

test('force cancels the other deployment, which is told to have failed', async (t) => {
  const scene = openScene()
  await scene.deployed(web)
  const first = scaleApp(scene.core.state, '/shop/web', 6)
  await scene.pass(300)
  scaleApp(scene.core.state, '/shop/web', 1, true)
  await scene.until('one', () => deploymentIds(scene).length === 0)
  t.is(scene.running('/shop/web').length, 1)
  const failed = scene.events.filter(({ eventType }) => eventType === 'deployment_failed')
  t.deepEqual(
    failed.map(({ id }) => id),
    [first.id],
  )
})

test('deployments beyond the limit are dismissed', async (t) => {
  const scene = openScene({ flags: { maxRunningDeployments: 1 } })
  createApp(scene.core.state, web, false)
  const error = t.throws(() => createApp(scene.core.state, worker, false), { instanceOf: Refusal })
  t.is(error?.status, 403)
  t.regex(error?.message ?? '', /^Max number \(1\) of running deployments is achieved/)
  await scene.until('free', () => deploymentIds(scene).length === 0)
  t.notThrows(() => createApp(scene.core.state, worker, false))
})

test('without offers a deployment waits for ever, and goes on when there are some', async (t) => {
  const scene = openScene()
  await scene.deployed(worker)
  scene.cluster.setScarce(true)
  scaleApp(scene.core.state, '/shop/worker', 2)
  await scene.pass(3_600_000 / 10)
  t.is(deploymentIds(scene).length, 1)
  t.is(scene.running('/shop/worker').length, 1)
  scene.cluster.setScarce(false)
  await scene.until('two', () => deploymentIds(scene).length === 0)
  t.is(scene.running('/shop/worker').length, 2)
})

test('an app that is deleted is killed, told to be terminated and forgotten', async (t) => {
  const scene = openScene()
  await scene.deployed(web)
  deleteApp(scene.core.state, '/shop/web', false)
  await scene.until('deleted', () => deploymentIds(scene).length === 0)
  t.deepEqual(scene.instances('/shop/web'), [])
  t.deepEqual(scene.running('/shop/web'), [])
  t.true(scene.eventTypes().includes('app_terminated_event'))
  t.false(scene.core.state.versions.has('/shop/web'))
})

test('what others depend on is deployed first', async (t) => {
  const scene = openScene()
  await scene.deployed({ ...worker, id: '/db' })
  await scene.deployed({ ...worker, id: '/api', dependencies: ['/db'] })
  const { state } = scene.core
  const specs = new Map(
    [...state.root.specs].map(([id, spec]) => [id, { ...spec, version: 'later' }] as const),
  )
  const plan = makePlan(state.root, { version: 'later', specs })
  t.deepEqual(
    plan.steps.map((step) => step.map(({ spec }) => spec.id)),
    [['/db'], ['/api']],
  )
})

test('a step that throws fails the deployment and stops no other', async (t) => {
  const scene = openScene()
  scene.core.state.checker.add = () => {
    scene.core.state.checker.add = () => {}
    throw new Error('out of luck')
  }
  const plan = createApp(scene.core.state, worker, false)
  createApp(scene.core.state, { ...worker, id: '/other' }, false)
  await scene.until('over', () => deploymentIds(scene).length === 0)
  const told = scene.events.filter(({ eventType }) => /fail/.test(eventType))
  t.deepEqual(
    told.map(({ eventType }) => eventType),
    ['deployment_step_failure', 'deployment_failed'],
  )
  t.like(told[1], { id: plan.id, reason: 'out of luck' })
  t.is(scene.running('/other').length, 1)
})
