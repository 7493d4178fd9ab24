import test from 'ava'
import { answerQueue } from '../../../playground/marathon/answer-queue.ts'
import { createApp, scaleApp, updateApp } from '../../../playground/marathon/apps.ts'
import { openScene, startMs, worker, type Scene } from './scene.ts'

interface Entry {
  count: number
  delay: { timeLeftSeconds: number; overdue: boolean }
  processedOffersSummary: {
    processedOffersCount: number
    unusedOffersCount: number
    rejectSummaryLastOffers: { reason: string; declined: number; processed: number }[]
  }
  lastUnusedOffers?: { reason: string[] }[]
  app: { id: string }
}

function queue({ core }: Scene, withOffers = false): Entry[] {
  return answerQueue(core.state, withOffers)['queue'] as Entry[]
}

/** When each launch of the app was, s after the first. */
function launches(scene: Scene): number[] {
  const times = scene.cluster.tasks().flatMap(({ statuses }) => statuses[0]?.at ?? [])
  return times.map((at) => (at - (times[0] ?? 0)) / 1000)
}

test('what fails is launched again later and later: 1 s, 15 % more each time', async (t) => {
  const scene = openScene({ startMs: 200 })
  createApp(scene.core.state, worker, false)
  await scene.pass(30_000, () => {
    for (const { spec } of scene.running('/shop/worker')) scene.cluster.say(spec.id, 'TASK_FAILED')
  })
  const times = launches(scene)
  const waits = times.slice(1).map((at, index) => at - (times[index] ?? 0))
  t.true(waits.length > 8)
  for (const [index, wait] of waits.entries()) {
    const expected = 1.15 ** index + 0.2
    t.true(
      Math.abs(wait - expected) <= 0.2,
      `launch ${index + 2} came after ${wait} s, not ${expected}`,
    )
  }
  t.regex(scene.cluster.tasks()[3]?.spec.id ?? '', /\._app\.4$/)
})

test('the delay ends at its maximum, is seen in the queue, and is gone with another config', async (t) => {
  const scene = openScene({ startMs: 200 })
  createApp(scene.core.state, { ...worker, backoffSeconds: 100, maxLaunchDelaySeconds: 110 }, false)
  await scene.until('running', () => scene.running('/shop/worker').length === 1)
  const fail = async () => {
    await scene.until('running', () => scene.running('/shop/worker').length === 1)
    scene.cluster.say(scene.running('/shop/worker')[0]?.spec.id ?? '', 'TASK_FAILED')
    await scene.pass(1000)
  }
  await fail()
  t.like(queue(scene)[0], { count: 1, delay: { timeLeftSeconds: 99, overdue: false } })
  await fail()
  t.like(queue(scene)[0], { delay: { timeLeftSeconds: 109, overdue: false } })
  const { state } = scene.core
  updateApp(
    state,
    '/shop/worker',
    { env: { A: 'b' } },
    { force: true, partial: true, create: false },
  )
  await scene.pass(1000)
  t.is(scene.running('/shop/worker').length, 1)
  t.is(scene.cluster.running()[0]?.spec.env['A'], 'b')
  t.is(queue(scene).length, 0)
})

test('being killed, also for bad health, costs no delay', async (t) => {
  const scene = openScene()
  await scene.deployed(worker)
  scene.cluster.kill(scene.running('/shop/worker')[0]?.spec.id ?? '')
  await scene.pass(700)
  t.is(scene.running('/shop/worker').length, 0)
  await scene.pass(1000)
  t.is(scene.running('/shop/worker').length, 1)
  t.is(scene.core.state.delays.size, 0)
})

test('an agent that is too small declines for each reason it has; the summary names the first', async (t) => {
  const scene = openScene({ agents: 2, cpus: 1, mem: 64 })
  createApp(scene.core.state, { ...worker, cpus: 2, mem: 128 }, false)
  await scene.pass(5000)
  const [entry] = queue(scene, true)
  t.is(entry?.count, 1)
  t.true(entry?.delay.overdue)
  const summary = entry?.processedOffersSummary
  t.is(summary?.processedOffersCount, summary?.unusedOffersCount)
  t.true((summary?.processedOffersCount ?? 0) >= 8)
  t.deepEqual(
    summary?.rejectSummaryLastOffers.filter(({ declined }) => declined > 0),
    [{ reason: 'InsufficientCpus', declined: 2, processed: 2 }],
  )
  t.deepEqual(
    entry?.lastUnusedOffers?.map(({ reason }) => reason),
    [
      ['InsufficientCpus', 'InsufficientMemory'],
      ['InsufficientCpus', 'InsufficientMemory'],
    ],
  )
})

test('a full cluster launches what fits and waits with the rest', async (t) => {
  const scene = openScene({ agents: 2, cpus: 1 })
  await scene.deployed({ ...worker, cpus: 0.5, instances: 1 })
  scaleApp(scene.core.state, '/shop/worker', 6)
  await scene.pass(10_000)
  t.is(scene.running('/shop/worker').length, 4)
  const [entry] = queue(scene)
  t.is(entry?.count, 2)
  const reasons = entry?.processedOffersSummary.rejectSummaryLastOffers
  t.is(reasons?.find(({ reason }) => reason === 'InsufficientCpus')?.declined, 2)
})

test('while nothing is offered the queue tells that, and gives no reason', async (t) => {
  const scene = openScene()
  scene.cluster.setScarce(true)
  createApp(scene.core.state, worker, false)
  scene.core.tick()
  await scene.pass(10_000)
  t.like(queue(scene)[0], {
    count: 1,
    delay: { timeLeftSeconds: 0, overdue: true },
    since: new Date(startMs).toISOString(),
    processedOffersSummary: { processedOffersCount: 0, unusedOffersCount: 0 },
  })
})

test('instances are spread over the agents', async (t) => {
  const scene = openScene({ agents: 4 })
  await scene.deployed({ ...worker, instances: 4 })
  t.is(new Set(scene.running('/shop/worker').map(({ agent }) => agent.id)).size, 4)
})

const placements: [string, string[], number[]][] = [
  ['one on each host', ['hostname', 'UNIQUE'], [1, 1, 1, 0]],
  ['all on one', ['hostname', 'CLUSTER', 'agent-2.test'], [0, 5, 0, 0]],
  ['two on each host at most', ['hostname', 'MAX_PER', '2'], [2, 2, 1, 0]],
  ['where an attribute is like it', ['rack', 'LIKE', 'a-[12]'], [3, 2, 0, 0]],
  ['where it is not', ['rack', 'UNLIKE', 'a-.*'], [0, 0, 5, 0]],
  ['where it is just that', ['rack', 'IS', 'b-1'], [0, 0, 5, 0]],
  ['evenly over three racks', ['rack', 'GROUP_BY', '3'], [2, 2, 1, 0]],
]

for (const [name, constraint, expected] of placements) {
  test(`placement: ${name}`, async (t) => {
    const attributes = [{ rack: 'a-1' }, { rack: 'a-2' }, { rack: 'b-1' }]
    const scene = openScene({ agents: 3, attributes })
    createApp(scene.core.state, { ...worker, instances: 5, constraints: [constraint] }, false)
    await scene.pass(10_000)
    const counts = scene.cluster
      .agents()
      .map((agent) => scene.running('/shop/worker').filter((task) => task.agent === agent).length)
    t.deepEqual(
      [...counts.toSorted((a, b) => b - a), 0],
      [...expected].toSorted((a, b) => b - a),
    )
    if (constraint[1] === 'CLUSTER') t.is(counts[1], 5)
    const missing = 5 - counts.reduce((sum, count) => sum + count, 0)
    t.is(queue(scene)[0]?.count ?? 0, missing)
  })
}
