import test from 'ava'
import type { ExecutionContext } from 'ava'
import { openScalingDesk } from '../../autoscaling/index.ts'
import { followEpochs } from '../../pipeline/bus/epochs.ts'
import { openLeader } from '../../pipeline/bus/leader.ts'
import { openHttp } from '../../pipeline/http.ts'
import { silentLog } from '../../pipeline/log.ts'
import { allServices } from '../../pipeline/scaling-desk.ts'
import { openHttpServer } from '../helpers/http-server.ts'
import { minute, second, service, t0 } from './app.ts'
import { simulated } from './simulated.ts'
import { changesOn, json, openSite, story, until, type Desk, type Site } from './world.ts'

/** What a person has in front: a view of the bus, whichever process scales. */
async function deskOf(t: ExecutionContext, { bus, clock }: Site, patienceMs = 10_000) {
  const view = await followEpochs(bus, 'scaling')
  t.teardown(() => view.close())
  return openScalingDesk({ bus, latest: view.latest, clock, patienceMs })
}

const wish = {
  service,
  direction: 'both' as const,
  forMs: minute,
  by: 'ana',
  reason: 'deploy of 4.2',
}

const isTold = (site: Site, line: string) =>
  until(line, async () => (await story(site.bus)).at(-1) === line)

const changesUntil = (bus: Site['bus'], count: number) =>
  until(`${count} changes`, async () => {
    const changes = await changesOn(bus)
    return changes.length >= count ? changes : undefined
  })

test('a pause comes while a change is under way: that is let finish, then nothing is changed until it is over', async (t) => {
  const site = await openSite(t)
  const { bus, marathon, load, open } = site
  const desk = await deskOf(t, site)
  let finish: (() => void) | undefined
  marathon.refuse = (response) => {
    finish = () => {
      marathon.app.instances = 7
      json(response, 200, { deploymentId: 'ours' })
    }
  }
  await open()
  await load(100, 0)
  await until('sent', () => finish)
  const pause = await desk.pause(wish)
  t.is(pause.untilMs, t0 + 60.5 * second)
  t.deepEqual(desk.pauses(), [pause])
  finish?.()
  marathon.refuse = undefined
  await isTold(site, 'scaled scaled-up 2 → 7')
  marathon.settle()
  await load(140, 20)
  await isTold(site, 'held paused 7')
  await load(140, 50)
  t.deepEqual(marathon.patches(), [7])
  await load(140, 60)
  await until('raised', () => marathon.app.instances === 10)
  t.deepEqual(desk.pauses(), [])
  await isTold(site, 'scaled scaled-up 7 → 10')
  const changes = await changesUntil(bus, 4)
  t.deepEqual(
    changes.map((doc) => [doc['event.action'], doc['@timestamp'].slice(11, 21), doc.message]),
    [
      [
        'paused',
        '18:00:00.5',
        'scaling is paused by ana until 2026-11-22T18:01:00Z (deploy of 4.2)',
      ],
      ['scaled', '18:00:00.0', changes[1]?.message],
      ['pause-ended', '18:01:00.5', 'scaling goes on: the pause by ana is over'],
      ['scaled', '18:01:00.0', changes[3]?.message],
    ],
  )
  t.like(changes[0], {
    'event.kind': 'scaling',
    'service.name': service,
    'mesoscope.owner': 'shop',
    'scaling.pause.by': 'ana',
    'scaling.pause.direction': 'both',
    'scaling.pause.reason': 'deploy of 4.2',
  })
})

test('whoever leads next knows the pause; it is resumed there, and each is told once', async (t) => {
  const site = await openSite(t)
  const { bus, marathon, load, open } = site
  const desk = await deskOf(t, site)
  const begun: string[] = []
  const leaderOf = (name: string) => {
    const leader = openLeader({
      bus,
      topic: 'scaling',
      log: silentLog,
      async lead(own): Promise<Desk> {
        const opened = await open({ bus: own })
        begun.push(name)
        return opened
      },
    })
    t.teardown(() => leader.close())
    return leader
  }
  const first = leaderOf('first')
  await until('leads', () => begun.length === 1)
  await load(30, 0)
  await desk.pause({ ...wish, service: allServices, forMs: 60 * minute })
  await load(100, 10)
  await isTold(site, 'held paused 2')
  leaderOf('second')
  await first.close()
  await until('another leads', () => begun.length === 2)
  await load(100, 20)
  t.deepEqual(marathon.patches(), [])
  t.is(desk.pauses().length, 1)
  t.deepEqual(await desk.resume(service, 'bo'), {}, 'it has none of its own')
  t.like(await desk.resume(allServices, 'bo'), { pause: { by: 'ana' } })
  t.deepEqual(desk.pauses(), [])
  await load(100, 30)
  await until('raised', () => marathon.app.instances === 7)
  await isTold(site, 'scaled scaled-up 2 → 7')
  const told = (await changesUntil(bus, 3)).filter((doc) => doc['event.action'] !== 'scaled')
  t.deepEqual(
    told.map((doc) => [doc['event.action'], doc['service.name'], doc.message]),
    [
      [
        'paused',
        undefined,
        'scaling is paused for all services by ana until 2026-11-22T19:00:00Z (deploy of 4.2)',
      ],
      ['resumed', undefined, 'scaling goes on: bo resumed it'],
    ],
  )
})

test('a pause comes before a change is sent, while Marathon is slow: it is not sent', async (t) => {
  const site = await openSite(t)
  const { load, open } = site
  const desk = await deskOf(t, site)
  const slow = Promise.withResolvers<void>()
  const methods: string[] = []
  const { url } = await openHttpServer(t, ({ method }, response) => {
    methods.push(method)
    void slow.promise.then(() => json(response, 200, { app: { instances: 2, deployments: [] } }))
  })
  const client = openHttp({ urls: [url], name: 'Marathon' })
  t.teardown(() => client.close())
  await open({ http: () => client })
  await load(100, 0)
  await until('looked', () => methods.length > 0)
  await desk.pause({ ...wish, direction: 'up' })
  slow.resolve()
  await isTold(site, 'held paused 2')
  await load(100, 20)
  t.deepEqual(methods, ['GET'])
})

test('what was asked for while nobody scaled holds from the first evaluation on, unless it is over', async (t) => {
  const site = await openSite(t)
  const { bus, marathon, load, open } = site
  const desk = await deskOf(t, site, 50)
  const asked = { message: 'it is written down, but nobody has taken it yet' }
  await t.throwsAsync(desk.pause({ ...wish, service: '/shop/db', forMs: second }), asked)
  await t.throwsAsync(desk.pause({ ...wish, forMs: 60 * minute, by: 'bo' }), asked)
  await bus.produce('requests', [
    { key: 'scaling', value: Buffer.from('{"kind":"pause"}') },
    { key: 'silence', value: Buffer.from('{"kind":"silence"}') },
  ])
  await load(100, 10)
  const first = await open()
  await isTold(site, 'held paused 2')
  await until('seen', () => desk.pauses().length === 1)
  t.like(desk.pauses(), [{ service, by: 'bo' }])
  const replaced = await (await deskOf(t, site)).pause({ ...wish, direction: 'down' })
  await until('a newer one takes its place', () => desk.pauses()[0]?.id === replaced.id)
  t.deepEqual(desk.pauses(), [replaced])
  await first.close()
  await open()
  await load(100, 20)
  await until('raised', () => marathon.app.instances === 7)
  t.deepEqual(
    (await changesUntil(bus, 3)).map((doc) => [doc['event.action'], doc['scaling.pause.by']]),
    [
      ['paused', 'bo'],
      ['paused', 'ana'],
      ['scaled', undefined],
    ],
    'nothing is taken twice after a restart',
  )
})

test('instances that were set by hand stay so over a restart, and no longer than the policy says', async (t) => {
  const site = await openSite(t)
  const { marathon, load, open } = site
  const policy = { overrideMs: minute }
  const first = await open({ policy })
  await load(100, 0)
  await isTold(site, 'scaled scaled-up 2 → 7')
  marathon.settle()
  await load(100, 10)
  await isTold(site, 'held within-tolerance 7')
  marathon.app.instances = 4
  marathon.settle()
  await load(100, 20)
  await isTold(site, 'held override 4')
  await first.close()
  await open({ policy })
  await load(100, 70)
  await isTold(site, 'held override 4')
  t.deepEqual(marathon.patches(), [7])
  await load(100, 90)
  await until('raised', () => marathon.app.instances === 7)
})

test('what was set by hand is scaled again as soon as somebody resumes it, and stays so over a restart', async (t) => {
  const site = await openSite(t)
  const { bus, marathon, load, open } = site
  const desk = await deskOf(t, site)
  const policy = { overrideMs: 10 * minute, stabilizationDownMs: 0 }
  const first = await open({ policy })
  await load(30, 0)
  await isTold(site, 'held within-tolerance 2')
  marathon.app.instances = 4
  marathon.settle()
  await load(100, 20)
  await isTold(site, 'held override 4')
  const override = await until('known', async () => (await desk.resume(service, 'bo')).override)
  t.like(override, { from: 2, instances: 4 })
  t.deepEqual(await desk.resume(service, 'bo'), {}, 'once')
  await first.close()
  await open({ policy })
  await load(100, 40)
  await until('raised', () => marathon.app.instances === 7)
  await until('told', async () => (await story(bus)).includes('scaled scaled-up 4 → 7'))
  const [resumed] = await changesUntil(bus, 2)
  t.like(resumed, {
    'event.action': 'resumed',
    message: 'scaling goes on: bo resumed it, though its instances were set from 2 to 4 by hand',
  })
  const { exactness } = await simulated(bus)
  t.is(exactness?.first, undefined)
  t.is(exactness?.identical, exactness?.decisions)
})
