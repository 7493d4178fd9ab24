import anyTest, { type TestFn } from 'ava'
import { ask, settled } from './ask.ts'
import { openServedScene, web, type ServedScene } from '../scene.ts'

const test = anyTest as TestFn<{ scene: ServedScene }>

test.beforeEach(async (t) => {
  t.context.scene = await openServedScene()
})

test.afterEach.always((t) => t.context.scene.close())

const refusals: [string, string, unknown, number, unknown][] = [
  ['text that is no JSON', 'POST /v2/apps', '{"id": ', 400, { message: 'Invalid JSON' }],
  ['no body', 'POST /v2/apps', '', 400, { message: 'Please specify data in JSON format' }],
  [
    'a field of another type',
    'POST /v2/apps',
    { id: 7 },
    422,
    { message: 'Invalid JSON', details: [{ path: '/id', errors: ['error.expected.jsstring'] }] },
  ],
  [
    'no id',
    'POST /v2/apps',
    { cmd: 'web' },
    422,
    { message: 'Invalid JSON', details: [{ path: '/id', errors: ['error.path.missing'] }] },
  ],
  [
    'less than nothing',
    'PATCH /v2/apps/shop/web',
    { instances: -1 },
    422,
    { details: [{ path: '/instances', errors: ['error.min'] }] },
  ],
  [
    'half of one',
    'PATCH /v2/apps/shop/web',
    { instances: 1.5 },
    422,
    { details: [{ path: '/instances', errors: ['error.expected.int'] }] },
  ],
  [
    'a number as text',
    'PATCH /v2/apps/shop/web',
    { instances: '3' },
    422,
    { details: [{ path: '/instances', errors: ['error.expected.jsnumber'] }] },
  ],
  [
    'something deep within',
    'PATCH /v2/apps/shop/web',
    { healthChecks: [{ protocol: 'FTP' }] },
    422,
    { details: [{ path: '/healthChecks(0)/protocol', errors: ['error.unknown.enum.literal'] }] },
  ],
  [
    'too much health',
    'PATCH /v2/apps/shop/web',
    { upgradeStrategy: { minimumHealthCapacity: 2, maximumOverCapacity: 0 } },
    422,
    {
      message: 'Object is not valid',
      details: [{ path: '/upgradeStrategy/minimumHealthCapacity', errors: ['is greater than 1'] }],
    },
  ],
  [
    'nothing to run',
    'POST /v2/apps',
    { id: '/nothing' },
    422,
    {
      message: 'Object is not valid',
      details: [
        {
          path: '/',
          errors: [
            "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.",
          ],
        },
      ],
    },
  ],
  [
    'an id that is none',
    'POST /v2/apps',
    { id: '/Shop', cmd: 'web' },
    422,
    { details: [{ path: '/id' }] },
  ],
  ['a path it has not', 'GET /v2/nothing', undefined, 500, { message: 'URI not found' }],
  ['a method it has not', 'POST /v2/queue', {}, 405, { message: 'Method Not Allowed' }],
]

for (const [name, call, body, status, expected] of refusals) {
  test(`it refuses ${name}: ${call}`, async (t) => {
    const { scene } = t.context
    await scene.deployed(web)
    const answer = await ask(scene, call, body)
    t.is(answer.status, status)
    t.like(answer.body, expected as Record<string, unknown>)
    t.is(scene.core.state.deployments.size, 0)
  })
}

test('a field that Marathon does not know is ignored, as Marathon ignores it', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  const { status, body } = await ask(scene, 'PATCH /v2/apps/shop/web', { instnces: 9 })
  t.is(status, 200)
  await settled(scene)
  t.is(scene.core.state.root.specs.get('/shop/web')?.instances, 2)
  t.like(scene.events.at(-1), { eventType: 'deployment_success', id: body.deploymentId })
  t.false(scene.eventTypes().slice(-4).includes('deployment_info'))
  t.is(scene.cluster.tasks().length, 2)
})

test('a body that is not said to be JSON is refused', async (t) => {
  const answer = await ask(t.context.scene, 'POST /v2/apps', 'x=1', {
    'content-type': 'application/x-www-form-urlencoded',
  })
  t.deepEqual([answer.status, answer.body], [415, { message: 'Unsupported Media Type' }])
})
