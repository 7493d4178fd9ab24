import test, { type ExecutionContext } from 'ava'
import { simulatePast, type PastQuestion } from '../../autoscaling/past.ts'
import type { Bus } from '../../pipeline/bus/bus.ts'
import type { Decision } from '../../pipeline/decision.ts'
import type { SimulationAnswer } from '../../pipeline/simulation.ts'
import { minute, second, service, t0 } from './app.ts'
import { decisionsOn, json, openSite, short, story, until, type Desk, type Site } from './world.ts'

async function simulated(bus: Bus, more: Partial<PastQuestion> = {}): Promise<SimulationAnswer> {
  const question = { service, from: t0, to: t0 + 24 * 60 * minute, capacity: {}, ...more }
  let last: SimulationAnswer | undefined
  for await (const line of simulatePast(bus, question)) if ('answer' in line) last = line.answer
  if (!last) throw new Error('no answer')
  return last
}

/** What stands on the topic, each once: a process that began anew may tell the same again. */
async function told(bus: Bus): Promise<Decision[]> {
  const docs = await decisionsOn(bus)
  return [...new Map(docs.map((doc) => [doc['event.id'], doc.decision])).values()]
}

function isExact(t: ExecutionContext, { exactness }: SimulationAnswer) {
  t.is(exactness?.first, undefined)
  t.is(exactness?.identical, exactness?.decisions)
  t.is(exactness?.told.identical, exactness?.told.decisions)
}

/** Load that rises, refusals, a change by hand, a stall, and falling load; Marathon deploys in between. */
async function eventful({ bus, marathon, load, clock, read }: Site, desk: () => Promise<Desk>) {
  await load(20, 0)
  marathon.refuse = (response) =>
    json(response, 409, { message: 'App is locked', deployments: [{ id: 'other' }] })
  await load(100, 10)
  await until('refused', async () => (await story(bus)).at(-1) === 'failed locked 2')
  await load(100, 11)
  marathon.refuse = undefined
  await load(110, 20)
  await until('raised', () => marathon.app.instances > 2)
  await until('told', async () => (await story(bus)).some((one) => one.startsWith('scaled')))
  await load(110, 21)
  marathon.settle()
  await load(110, 40)
  await desk()
  await load(110, 50)
  marathon.app.instances = 4
  marathon.settle()
  await load(110, 60)
  await until('raised again', () => marathon.app.instances > 4)
  marathon.settle()
  await load(30, 80)
  clock.set(t0 + 120 * second)
  read()
  await until('stalled', async () => (await story(bus)).at(-1)?.startsWith('held no-data'))
  await load(30, 130)
  await until('lowered', () => marathon.app.instances === 2)
  marathon.settle()
  await load(30, 140)
}

const policy = { stabilizationDownMs: 30 * second }

test('S6: along what was recorded exactly the same is decided', async (t) => {
  const site = await openSite(t)
  let desk = await site.open({ policy })
  const seen: Decision[] = []
  const load: Site['load'] = async (...args) => {
    await site.load(...args)
    seen.push(...desk.current().flatMap(({ last }) => last ?? []))
  }
  await eventful({ ...site, load }, async () => {
    await desk.close()
    desk = await site.open({ policy })
    return desk
  })
  await desk.close()

  const answer = await simulated(site.bus)
  isExact(t, answer)
  t.true((answer.exactness?.decisions ?? 0) >= 15)
  t.is(answer.exactness?.unrecorded, 0)
  const recorded = await told(site.bus)
  t.deepEqual(answer.decisions.map(short), recorded.map(short))
  t.deepEqual(JSON.parse(JSON.stringify(answer.decisions)), recorded)
})
