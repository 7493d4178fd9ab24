import test, { type ExecutionContext } from 'ava'
import type { Bus, BusRecord, Topic } from '../../pipeline/bus/bus.ts'
import type { Decision } from '../../pipeline/decision.ts'
import { encodeBuckets, readBuckets } from '../../pipeline/signal-records.ts'
import type { SimulationAnswer } from '../../pipeline/simulation.ts'
import { second, t0 } from './app.ts'
import { goOn, killed } from './killed.ts'
import { simulated } from './simulated.ts'
import {
  decisionsOn,
  json,
  openSite,
  short,
  story,
  tempDir,
  until,
  type Desk,
  type Site,
} from './world.ts'

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

/** The bus with what it reads of a topic changed. */
function tampered(bus: Bus, topic: Topic, change: (record: BusRecord) => BusRecord[]): Bus {
  return {
    ...bus,
    async read(of, ...rest) {
      const batch = await bus.read(of, ...rest)
      return of === topic ? { ...batch, records: batch.records.flatMap(change) } : batch
    },
  }
}

test('a difference is found, and the first one told: other signals, other decisions, a page that is missing', async (t) => {
  const site = await openSite(t)
  let desk = await site.open({ policy })
  await eventful(site, async () => {
    await desk.close()
    desk = await site.open({ policy })
    return desk
  })
  await desk.close()
  const busier = tampered(site.bus, 'signals', (record) => {
    if (record.headers['kind'] !== 'bucket') return [record]
    const buckets = readBuckets(record.value).map((one) => ({ ...one, count: one.count + 1 }))
    return [{ ...record, value: encodeBuckets(buckets) }]
  })
  const { exactness: busy } = await simulated(busier)
  t.true((busy?.identical ?? 0) < (busy?.decisions ?? 0))
  t.is(busy?.first?.ts, t0)
  t.regex(busy?.first?.simulated?.message ?? '', /requests 21\/s/)

  const crowded = tampered(site.bus, 'signals', (record) => {
    if (record.headers['kind'] !== 'bucket') return [record]
    const buckets = readBuckets(record.value)
    const others = buckets.map((one) => ({ ...one, count: 999, group: { service: '/shop/db' } }))
    return [{ ...record, value: encodeBuckets([...others, ...buckets]) }]
  })
  isExact(t, await simulated(crowded))

  const otherwise = tampered(site.bus, 'decisions', (record) => {
    const text = Buffer.from(record.value).toString()
    return [{ ...record, value: Buffer.from(text.replaceAll('Marathon answered 409', 'I guess')) }]
  })
  const { exactness: other } = await simulated(otherwise)
  t.is(other?.identical, other?.decisions)
  t.is(other?.told.identical, (other?.told.decisions ?? 0) - 2)
  t.regex(other?.first?.recorded?.message ?? '', /I guess/)

  const untold = tampered(site.bus, 'decisions', (record) => (record.offset === 3 ? [] : [record]))
  t.regex((await simulated(untold)).exactness?.first?.simulated?.message ?? '', /^scaled 2 → 8/)

  const late = tampered(site.bus, 'signals', (record) => {
    const isLate = record.headers['kind'] === 'watermark' && record.offset > 40
    return isLate ? [] : [record]
  })
  await t.throwsAsync(simulated(late), { message: /^the recorded signals lead nowhere where 2026/ })

  const torn = tampered(site.bus, 'evaluations', (one) => (one.offset === 3 ? [] : [one]))
  const { exactness: rest, points } = await simulated(torn)
  t.is(rest?.first, undefined, 'what is not known is not guessed')
  t.is(rest?.identical, rest?.decisions)
  const times = points.map(({ ts }) => (ts - t0) / second)
  t.true(times.includes(0) && times.includes(50))
  t.deepEqual(
    times.filter((at) => at > 20 && at < 40),
    [],
    'until everything is told again',
  )
})

for (const point of ['scale:before-patch', 'scale:after-patch', 'scale:before-state'] as const) {
  test(`kill -9 at ${point}: what another process goes on with is simulated as well`, async (t) => {
    const dir = await tempDir(t)
    const before = await openSite(t, dir)
    const { marathon } = before
    t.is(await killed(dir, before, point), 'SIGKILL')
    const after = await openSite(t, dir, marathon)
    const desk = await after.open()
    await goOn(after, async () => (await story(after.bus)).includes('scaled scaled-up 2 → 7'))
    marathon.settle()
    await goOn(after, async () => (await story(after.bus)).at(-1) === 'held within-tolerance 7')
    await desk.close()
    const answer = await simulated(after.bus)
    isExact(t, answer)
    t.true((answer.exactness?.decisions ?? 0) >= 2)
    t.is(answer.exactness?.unrecorded, point === 'scale:before-state' ? 1 : 0)
  })
}
