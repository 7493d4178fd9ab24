import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { killAndScale } from '../../../playground/marathon/apps.ts'
import { busyScene, fixture, fixtures, maps, pod, post, shared } from './busy-scene.ts'
import { web } from './scene.ts'
import { commonFields, lacks } from './shape.ts'

const test = (shared === undefined ? anyTest.skip : anyTest) as TestFn

/** What the documents show and Marathon's code does otherwise. */
const eventExceptions: Record<string, string[]> = {
  // Since 1.5 they say `remoteAddress`.
  event_stream_attached: ['missing /clientIp', 'missing /callbackUrl'],
  event_stream_detached: ['missing /clientIp', 'missing /callbackUrl'],
  // The name of the action is `action` since 1.1.2, and steps are lists of actions.
  deployment_info: [
    'missing /plan/steps/[]/action',
    'missing /plan/steps/[]/app',
    'missing /currentStep/actions/[]/type',
    // Of pods it is `pod`.
    'missing /currentStep/actions/[]/app',
  ],
  deployment_step_success: [
    'missing /plan/steps/[]/action',
    'missing /plan/steps/[]/app',
    'missing /currentStep/actions/[]/type',
    // Of pods it is `pod`.
    'missing /currentStep/actions/[]/app',
  ],
  deployment_step_failure: [
    'missing /plan/steps/[]/action',
    'missing /plan/steps/[]/app',
    'missing /currentStep/actions/[]/type',
  ],
  // It has only ever named the app.
  remove_health_check_event: ['missing /healthCheck'],
  // What is about a scheduled instance has neither yet.
  instance_changed_event: ['type /agentId', 'type /host'],
}

/** Documented, and sent by older Marathons or to what they no longer have. */
const notSent = [
  'framework_message_event',
  'subscribe_event',
  'unsubscribe_event',
  'unhealthy_task_kill_event',
]

test('shape: every documented event', async (t) => {
  const scene = await busyScene(t)
  const { state } = scene.core
  const stream = await fetch(`${scene.urls[0]}/v2/events`, {
    headers: { accept: 'text/event-stream' },
  })
  await stream.body?.cancel()
  await post(
    scene,
    '/v2/pods/shop/search',
    { ...pod, scaling: { kind: 'fixed', instances: 2 } },
    'PUT',
  )
  await scene.until('calm', () => state.deployments.size === 1)
  await fetch(`${scene.urls[0]}/v2/pods/shop/search`, { method: 'DELETE' })
  await fetch(`${scene.urls[0]}/v2/apps/shop/web`, { method: 'DELETE' })
  await post(scene, '/v2/apps', web)
  const [lost] = scene.running('/shop/bridged')
  scene.cluster.setReachable(lost?.agent.id ?? '', false)
  await scene.pass(30_000)
  scene.cluster.setReachable(lost?.agent.id ?? '', true)
  await scene.pass(5000)
  scene.core.state.checker.add = () => {
    throw new Error('a step that fails')
  }
  killAndScale(state, scene.instances('/shop/bridged'), false)
  await scene.until('detached', () => scene.eventTypes().includes('event_stream_detached'))
  await scene.pass(1000)

  const documented = fixture('docs-events.json') as { eventType: string }[]
  const sent = new Set(scene.eventTypes())
  t.deepEqual(
    documented.map(({ eventType }) => eventType).filter((type) => !sent.has(type)),
    notSent,
  )
  for (const real of documented.filter(({ eventType }) => sent.has(eventType))) {
    const ours = scene.events.filter(({ eventType }) => eventType === real.eventType)
    const wanted = commonFields([real], maps)
    const faults = new Set(ours.flatMap((event) => lacks(event, wanted)))
    for (const exception of eventExceptions[real.eventType] ?? []) faults.delete(exception)
    t.deepEqual([...faults], [], real.eventType)
  }
})

test('shape: events of other collections', async (t) => {
  const scene = await busyScene(t)
  const others = [
    ...fixture('go-marathon-events.json'),
    fixture('changelog-instance_health_changed_event-1.4.json'),
    ...sse('docs-events-2015.sse.txt'),
  ] as { eventType: string }[]
  const except = [
    // It named the task before 1.4.
    'missing /taskId',
    // Plans are light since 1.7, and name their actions `action`.
    'missing /plan/original',
    'missing /plan/target',
    'missing /plan/steps/[]/actions/[]/type',
    'missing /currentStep/actions/[]/type',
    // Of pods it is `pod`.
    'missing /plan/steps/[]/actions/[]/app',
    'missing /currentStep/actions/[]/app',
  ]
  for (const real of others) {
    const ours = scene.events.filter(({ eventType }) => eventType === real.eventType)
    if (real.eventType !== 'event_stream_attached') t.true(ours.length > 0, real.eventType)
    const faults = ours.flatMap((event) => lacks(event, commonFields([real], maps)))
    t.deepEqual(
      faults.filter((fault) => !except.includes(fault)),
      [],
      real.eventType,
    )
  }
})

function sse(name: string): unknown[] {
  const data = readFileSync(join(fixtures, name), 'utf8').matchAll(/^data: (.*)$/gm)
  return [...data].map(([, json]) => JSON.parse(json ?? ''))
}
