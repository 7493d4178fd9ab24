import test from 'ava'
import { encodeRequest } from '../../autoscaling/requests.ts'
import type { KillPoint } from '../../pipeline/fault.ts'
import { minute, service, t0 } from './app.ts'
import { goOn, killed } from './killed.ts'
import { busIn, changesOn, marathonAt, openSite, story, tempDir, until } from './world.ts'

const kills: [KillPoint, number][] = [
  ['scale:before-patch', 0],
  ['scale:after-patch', 1],
  ['scale:before-state', 1],
]

for (const [point, sent] of kills) {
  test(`kill -9 at ${point}: it is scaled once, and told once`, async (t) => {
    const dir = await tempDir(t)
    const before = await openSite(t, dir)
    const { marathon } = before
    t.is(await killed(dir, before, point), 'SIGKILL')
    t.is(marathon.patches().length, sent)

    const after = await openSite(t, dir, marathon)
    await after.open()
    await goOn(after, async () => (await story(after.bus)).includes('scaled scaled-up 2 → 7'))
    marathon.settle()
    await goOn(after, async () => (await story(after.bus)).at(-1) === 'held within-tolerance 7')
    t.deepEqual(marathon.patches(), [7], 'one change, however often it was killed')
    const ids = new Set((await changesOn(after.bus)).map((doc) => doc['event.id']))
    t.is(ids.size, 1, 'one document')
  })
}

test('kill -9 before it was sent, and the world is another afterwards: nothing old is sent', async (t) => {
  const dir = await tempDir(t)
  const before = await openSite(t, dir)
  const { marathon } = before
  t.is(await killed(dir, before, 'scale:before-patch'), 'SIGKILL')
  // A person was quicker than the restart.
  marathon.app.instances = 9
  marathon.settle()

  const after = await openSite(t, dir, marathon)
  await after.open()
  const anew = 'scaled scaled-down 9 → 7'
  await goOn(after, async () => (await story(after.bus)).includes(anew))
  t.is((await story(after.bus))[0], anew, 'the first that was told: of what is there now')
})

test('kill -9 after it was sent, and the world is another afterwards: what is there counts', async (t) => {
  const dir = await tempDir(t)
  const before = await openSite(t, dir)
  const { marathon } = before
  t.is(await killed(dir, before, 'scale:after-patch'), 'SIGKILL')
  t.deepEqual(marathon.patches(), [7])
  marathon.app.instances = 4
  marathon.settle()

  const after = await openSite(t, dir, marathon)
  await after.open()
  await goOn(after, () => marathon.app.instances === 7)
  await until('it is told', async () => (await story(after.bus)).includes('scaled scaled-up 4 → 7'))
  t.deepEqual(marathon.patches(), [7, 7])
  t.false((await story(after.bus)).includes('scaled scaled-up 2 → 7'), 'nobody knows of that one')
})

test('kill -9, and Marathon is away afterwards: it is asked until it says what became of it', async (t) => {
  const dir = await tempDir(t)
  const before = await openSite(t, dir)
  const { marathon } = before
  t.is(await killed(dir, before, 'scale:after-patch'), 'SIGKILL')
  const after = await openSite(t, dir, marathon)
  let looks = 0
  marathon.beforeLook = () => {
    if (++looks <= 2) throw new Error('away')
  }
  await after.open()
  await goOn(after, async () => (await story(after.bus)).includes('scaled scaled-up 2 → 7'))
  t.is(looks, 3)
  t.deepEqual(marathon.patches(), [7])
})

test('kill -9, and Marathon cannot be read afterwards: that is told, and nothing is forgotten', async (t) => {
  const dir = await tempDir(t)
  const before = await openSite(t, dir)
  const { marathon } = before
  t.is(await killed(dir, before, 'scale:after-patch'), 'SIGKILL')
  const after = await openSite(t, dir, marathon)
  let trouble: string | undefined = 'ECONNREFUSED'
  marathon.beforeLook = () => {
    if (trouble) throw new Error(trouble)
  }
  const desk = await after.open({
    marathons: () => [{ ...marathonAt(after.clock.now()), ...(trouble ? { trouble } : {}) }],
  })
  await goOn(after, async () => (await story(after.bus)).at(-1) === 'held stale-state 7')
  t.regex(desk.current()[0]?.last?.message ?? '', /Marathon cannot be read: ECONNREFUSED/)
  const asked = marathon.asked.length
  await after.load(100, 10)
  t.is(marathon.asked.length, asked, 'nor is it asked each time')
  trouble = undefined
  await goOn(after, async () => (await story(after.bus)).includes('scaled scaled-up 2 → 7'))
  t.deepEqual(marathon.patches(), [7])
})

test('what was in flight is on the bus before it is sent', async (t) => {
  const dir = await tempDir(t)
  const before = await openSite(t, dir)
  await killed(dir, before, 'scale:before-patch')
  const bus = await busIn(dir)
  t.teardown(() => bus.close())
  const record = (await bus.snapshot('scaling')).latest.get('/shop/web')
  t.like(JSON.parse(Buffer.from(record?.value ?? []).toString()), {
    v: 1,
    recommendations: [{ ts: t0, replicas: 7 }],
    inFlight: { answered: false, decision: { from: 2, to: 7 } },
  })
})

test('kill -9 while a pause is written down: it holds before anything is changed, and is one document', async (t) => {
  const dir = await tempDir(t)
  const before = await openSite(t, dir)
  const { marathon } = before
  const asked = {
    id: 'p1',
    service,
    direction: 'both' as const,
    fromMs: t0,
    untilMs: t0 + 5 * minute,
    by: 'ana',
    reason: 'deploy',
  }
  await before.bus.produce('requests', [encodeRequest({ kind: 'pause', pause: asked })])
  t.is(await killed(dir, before, 'scale:before-state'), 'SIGKILL')
  const after = await openSite(t, dir, marathon)
  await after.open()
  await goOn(after, async () => (await story(after.bus)).includes('held paused 2'))
  t.deepEqual(marathon.patches(), [])
  const told = (await changesOn(after.bus)).map((doc) => doc['event.id'])
  t.deepEqual(told, [told[0], told[0]], 'twice, under the same id')
})
