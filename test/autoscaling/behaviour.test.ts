import test from 'ava'
import { minute, second, t0 } from './app.ts'
import { json, openSite, story, tempDir, until } from './world.ts'

const scaleUp = { select: 'max' as const, policies: [{ count: 2, perMs: minute }] }

test('rates hold over a restart, and what Marathon refused does not count', async (t) => {
  const dir = await tempDir(t)
  const before = await openSite(t, dir)
  const { marathon } = before
  const desk = await before.open({ policy: { scaleUp } })
  marathon.refuse = (response) => json(response, 409, { message: 'locked' })
  await before.load(100, 10)
  await until('refused', async () => (await story(before.bus)).includes('failed locked 2'))
  marathon.refuse = undefined
  await before.load(100, 20)
  await until('raised by two', () => marathon.app.instances === 4)
  await until('told', async () => (await story(before.bus)).includes('scaled scaled-up 2 → 4'))
  t.is(desk.current()[0]?.last?.conditions?.ScalingLimited.reason, 'ScaleUpLimit')
  marathon.settle()
  await desk.close()
  await before.bus.close()

  const after = await openSite(t, dir, marathon)
  after.clock.set(before.clock.now())
  const again = await after.open({ policy: { scaleUp } })
  await after.load(100, 70)
  t.is(marathon.app.instances, 4, 'within the minute')
  t.is(again.current()[0]?.last?.reason, 'rate-limited')
  await after.load(100, 90)
  await until('raised by two more', () => marathon.app.instances === 6)
  t.deepEqual(marathon.patches(), [4, 4, 6], 'the first was refused')
})

test('a step acts once, waits for what it did, and then again', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  const steps = [{ signal: 'requests', above: 20, add: { count: 2 } }]
  const desk = await open({ policy: { targets: {}, steps } })
  await load(100, 10)
  await until('raised', () => marathon.app.instances === 4)
  await until('told', async () => (await story(bus)).includes('scaled scaled-up 2 → 4'))
  await load(100, 30)
  t.is(desk.current()[0]?.last?.reason, 'deployment-running')
  marathon.settle()
  await load(100, 36)
  t.is(desk.current()[0]?.last?.reason, 'settling')
  t.is(
    desk.current()[0]?.last?.message,
    'stays at 4: requests is 25/s, above 20/s; steps wait until 10s were measured after the change 2 → 4',
  )
  await load(100, 60)
  await until('raised again', () => marathon.app.instances === 6)
  t.deepEqual(marathon.patches(), [4, 6])
})

test('a service goes to zero when there is nothing to do, and comes back when there is, over a restart too', async (t) => {
  const dir = await tempDir(t)
  const before = await openSite(t, dir)
  const { marathon } = before
  const policy = {
    min: 0,
    activation: { requests: 5 },
    idleAfterMs: 15 * second,
    stabilizationDownMs: 10 * second,
  }
  const desk = await before.open({ policy })
  await before.load(4, 0)
  await before.load(4, 10)
  const told = (line: string) => until(line, async () => (await story(before.bus)).includes(line))
  await told('scaled scaled-down 2 → 1')
  marathon.settle()
  await before.load(4, 20)
  await before.load(4, 40)
  await told('scaled scaled-down 1 → 0')
  marathon.settle()
  await before.load(4, 60)
  await told('held idle 0')
  await desk.close()
  await before.bus.close()

  const after = await openSite(t, dir, marathon)
  after.clock.set(before.clock.now())
  await after.open({ policy })
  await after.load(40, 80)
  await until('awake', () => marathon.app.instances === 3)
  await until('told', async () => (await story(after.bus)).includes('scaled scaled-up 0 → 3'))
  t.deepEqual(marathon.patches(), [1, 0, 3])
})

test('a service that a person scaled to zero stays there', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  const desk = await open({ policy: { min: 0, activation: { requests: 5 } } })
  await load(30, 0)
  await load(30, 10)
  marathon.app.instances = 0
  marathon.settle()
  await load(30, 30)
  await until('seen', () => desk.current()[0]?.last?.reason === 'suspended')
  await load(80, 50)
  const reasons = async () => (await story(bus)).map((line) => line.split(' ')[1])
  await until('all is evaluated', () => (desk.through() ?? 0) >= t0 + 50 * second)
  t.is((await reasons()).at(-1), 'suspended')
  t.deepEqual(marathon.patches(), [])
})
