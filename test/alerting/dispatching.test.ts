import test, { type ExecutionContext } from 'ava'
import type { Channel, Delivery, Message } from '../../alerting/channels/channel.ts'
import { openDesk } from '../../alerting/desk.ts'
import { openDispatching, type DispatchingOptions } from '../../alerting/dispatching.ts'
import { decodeAll } from '../../alerting/records.ts'
import { parseCron } from '../../alerting/rules/cron.ts'
import type { PostedAlert } from '../../alerting/stages/alerts.ts'
import { readStagesConfig } from '../../alerting/stages/config.ts'
import { followEpochs } from '../../pipeline/bus/epochs.ts'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { pause, wallClock } from '../../pipeline/clock.ts'
import type { ChangeDoc } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openWorld, until } from './world.ts'

const text = `
route:
  receiver: team
  group_by: [service]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - { matchers: ['severity="page"'], receiver: pager, continue: true }
    - { receiver: team }
receivers:
  - name: team
    webhook_configs: [{ url: 'http://127.0.0.1:1/team' }]
  - name: pager
    webhook_configs: [{ url: 'http://127.0.0.1:1/pager' }]
inhibit_rules:
  - source_matchers: ['alertname="AgentLost"']
    target_matchers: ['severity="page"']
    equal: [agent]
`
const config = readStagesConfig(text, 'alertmanager.yml')
const year = 365 * 86_400_000

interface Told {
  receiver: string
  status: string
  alerts: string[]
}

type Answering = (told: Told) => Delivery['outcome'] | Promise<Delivery['outcome']>

/** Notes what each receiver is told, in its order. */
function openReceivers(answer: Answering = () => 'accepted') {
  const told: Told[] = []
  const summaries: string[] = []
  const open = (receiver: string): Channel => ({
    name: receiver,
    address: 'test',
    targets: ['one'],
    async send(message) {
      const one = { receiver, ...(JSON.parse(message.text) as Omit<Told, 'receiver'>) }
      const outcome = await answer(one)
      if (outcome === 'accepted') told.push(one)
      return [{ target: 'one', outcome, detail: outcome, answered: true }]
    },
    close() {},
  })
  const render: DispatchingOptions['render'] = async ({ status, alerts }): Promise<Message> => {
    summaries.push(alerts[0]?.annotations['summary'] ?? '')
    return messageOf(status, alerts)
  }
  const messageOf = (
    status: Message['state'],
    alerts: Parameters<DispatchingOptions['render']>[0]['alerts'],
  ): Message => ({
    incident: '',
    state: status,
    subject: '',
    html: '',
    text: JSON.stringify({
      status,
      alerts: alerts.map((one) => `${one.labels['alertname']} ${one.status}`),
    }),
  })
  return { told, summaries, open, render }
}

type Receivers = ReturnType<typeof openReceivers>

async function open(
  t: ExecutionContext,
  bus: Bus,
  receivers: Receivers,
  own: readonly PostedAlert[] = [],
  more: Partial<DispatchingOptions> = {},
) {
  const changes: ChangeDoc[] = []
  const dispatching = openDispatching({
    bus,
    config,
    records: decodeAll((await bus.snapshot('alerts')).latest),
    own,
    open: receivers.open,
    render: receivers.render,
    publish: async (docs) => void changes.push(...docs),
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
    pollMs: 5,
    ...more,
  })
  let isOpen = true
  const close = async () => {
    if (isOpen) await dispatching.close()
    isOpen = false
  }
  t.teardown(close)
  return { ...dispatching, close, changes }
}

async function openDeskOn(t: ExecutionContext, bus: Bus, aheadMs = 0) {
  const view = await followEpochs(bus, 'alerts')
  t.teardown(() => view.close())
  return openDesk({
    bus,
    latest: view.latest,
    config: () => config,
    configText: () => text,
    direct: () => [],
    publicUrl: () => undefined,
    clock: { ...wallClock, now: () => wallClock.now() + aheadMs },
  })
}

function alert(alertname: string, more: Record<string, string> = {}, over = false): PostedAlert {
  const now = Date.now()
  const labels = { alertname, service: '/web', ...more }
  return { labels, startsAt: now - 60_000, endsAt: over ? now - 1 : now + year }
}

test('alerts are told by group, and their end; each receiver that a route names', async (t) => {
  const bus = await openWorld(t)
  const receivers = openReceivers()
  const { post, changes } = await open(t, bus, receivers)
  post(alert('Slow'))
  post(alert('Down', { severity: 'page' }))
  await until('both receivers are told', () => receivers.told.length === 2)
  t.deepEqual(
    receivers.told.toSorted((a, b) => (a.receiver < b.receiver ? -1 : 1)),
    [
      { receiver: 'pager', status: 'firing', alerts: ['Down firing'] },
      { receiver: 'team', status: 'firing', alerts: ['Slow firing', 'Down firing'] },
    ],
  )
  post(alert('Down', { severity: 'page' }, true))
  await until('its end is told', () => receivers.told.length === 4)
  t.like(
    receivers.told.find(({ status }) => status === 'resolved'),
    { receiver: 'pager', alerts: ['Down resolved'] },
  )
  await until('it is on the timeline', () => changes.length === 4)
  t.true(changes.every((change) => change['event.action'] === 'notified'))
})

test('killed before it was accepted, it is told after the start; afterwards it is not told again', async (t) => {
  const bus = await openWorld(t)
  const deaf = openReceivers(() => 'failed')
  const own = [alert('Slow')]
  const first = await open(t, bus, deaf, own)
  await until('it is in trouble', () => first.trouble())
  t.regex(first.trouble() ?? '', /not accepted by team/)
  await first.close()
  const receivers = openReceivers()
  const second = await open(t, bus, receivers, own)
  await until('it is told', () => receivers.told.length === 1)
  await until('that is written down', async () => {
    return decodeAll((await bus.snapshot('alerts')).latest).told.length === 1
  })
  await second.close()
  const later = openReceivers()
  const third = await open(t, bus, later, own)
  third.post(alert('Other'))
  await until('only what is new is told', () => later.told.length === 1)
  t.deepEqual(later.told[0]?.alerts, ['Other firing', 'Slow firing'])
  await third.close()
  const last = openReceivers()
  await open(t, bus, last, [alert('Slow', {}, true), alert('Other', {}, true)])
  await until('what ended meanwhile is told', () => last.told.length === 1)
  t.deepEqual(last.told[0], {
    receiver: 'team',
    status: 'resolved',
    alerts: ['Other resolved', 'Slow resolved'],
  })
})

test('a receiver that is slow holds up no other', async (t) => {
  const bus = await openWorld(t)
  const slow = Promise.withResolvers<'accepted'>()
  const receivers = openReceivers(({ receiver }) =>
    receiver === 'team' ? slow.promise : 'accepted',
  )
  const { post } = await open(t, bus, receivers)
  post(alert('Down', { severity: 'page' }))
  await until('the pager is told', () => receivers.told.length === 1)
  post(alert('Down', { severity: 'page' }, true))
  await until('and of its end', () => receivers.told.length === 2)
  t.deepEqual(
    receivers.told.map(({ receiver, status }) => `${receiver} ${status}`),
    ['pager firing', 'pager resolved'],
  )
  slow.resolve('accepted')
})

test('from outside come alerts and silences, over a desk in any process; a restart forgets none', async (t) => {
  const bus = await openWorld(t)
  const receivers = openReceivers()
  const first = await open(t, bus, receivers)
  const desk = await openDeskOn(t, bus)
  const now = Date.now()
  const silence = {
    matchers: [{ name: 'service', value: '/web', isRegex: false, isEqual: true }],
    startsAt: now,
    endsAt: now + 3_600_000,
    createdBy: 'ana',
    comment: 'a new disk',
  }
  const id = await desk.setSilence(silence)
  t.like(desk.silences(), { length: 1, 0: { id, state: 'active', createdBy: 'ana' } })
  await t.throwsAsync(desk.setSilence({ ...silence, endsAt: now - 1 }), { message: /before/ })
  t.false(await desk.expireSilence('nobody'))

  const refused = await desk.post([
    alert('Slow'),
    { labels: {} },
    alert('Elsewhere', { service: '/db' }),
  ])
  t.deepEqual(
    refused.map(({ index }) => index),
    [1],
  )
  await until('the other service is told of', () => receivers.told.length === 1)
  t.deepEqual(receivers.told[0]?.alerts, ['Elsewhere firing'])
  await until('the desk shows both', () => desk.alerts().length === 2)
  const [muted] = desk.alerts().filter(({ labels }) => labels['alertname'] === 'Slow')
  t.like(muted, { state: 'suppressed', silencedBy: [id], receivers: ['team'] })
  t.is(desk.groups().length, 2)

  await first.close()
  const later = openReceivers()
  const second = await open(t, bus, later)
  await pause(300)
  t.deepEqual(later.told, [], 'told before, or silenced')
  t.regex(second.mutedBy({ service: '/web' }) ?? '', /silenced by/)
  t.true(await desk.expireSilence(id))
  await until('it is told now', () => later.told.length === 1)
  t.deepEqual(later.told[0]?.alerts, ['Slow firing'])
})

test('what is inhibited is not told, and no secret is shown', async (t) => {
  const bus = await openWorld(t)
  const receivers = openReceivers()
  const { post, mutedBy } = await open(t, bus, receivers)
  post(alert('AgentLost', { agent: 'a1', service: '/agents' }))
  post(alert('Down', { severity: 'page', agent: 'a1' }))
  await until('the agent is told of', () => receivers.told.length === 1)
  await pause(200)
  t.deepEqual(receivers.told[0]?.alerts, ['AgentLost firing'])
  const down = alert('Down', { severity: 'page', agent: 'a1' })
  t.regex(mutedBy(down.labels) ?? '', /inhibited/)
  const desk = await openDeskOn(t, bus)
  t.notRegex(desk.config(), /127\.0\.0\.1/)
  t.regex(desk.config(), /url: '<secret>'/)
  t.deepEqual(desk.receivers(), ['team', 'pager'])
})

test('receivers are tested on demand: who is reached is told, and that it was a test', async (t) => {
  const bus = await openWorld(t)
  const receivers = openReceivers(({ receiver }) => (receiver === 'pager' ? 'refused' : 'accepted'))
  await open(t, bus, receivers)
  const desk = await openDeskOn(t, bus)
  const results = await desk.test()
  t.deepEqual(
    results.map(({ receiver, type, outcome }) => `${receiver} ${type} ${outcome}`),
    ['team webhook accepted', 'pager webhook refused'],
  )
  t.deepEqual(receivers.told, [
    { receiver: 'team', status: 'firing', alerts: ['NotificationTest firing'] },
    { receiver: 'team', status: 'resolved', alerts: ['NotificationTest resolved'] },
  ])
  t.is((await desk.test('team')).length, 1)
  await t.throwsAsync(desk.test('nobody'), { message: 'there is no receiver nobody' })
})

test('a drill that does not reach a receiver is told on the others, and is a trouble', async (t) => {
  const bus = await openWorld(t)
  const receivers = openReceivers(({ receiver }) => (receiver === 'pager' ? 'failed' : 'accepted'))
  // Each second of the clock is a minute of the schedule.
  const began = Date.now()
  const clock = { ...wallClock, now: () => began + (Date.now() - began) * 60 }
  const { trouble } = await open(t, bus, receivers, [], { drill: parseCron('* * * * *'), clock })
  await until('the failure is told', () =>
    receivers.summaries.some((summary) => /did not reach pager by webhook/.test(summary)),
  )
  t.regex(trouble() ?? '', /a drill did not reach pager/)
})

test('where one of several refuses, the others are told once, and of the end', async (t) => {
  const bus = await openWorld(t)
  const mails: string[] = []
  const receivers = openReceivers()
  const open2 = (receiver: string): Channel => ({
    ...receivers.open(receiver),
    targets: ['good', 'bad', 'grey'],
    async send({ state }, targets) {
      mails.push(...targets.map((target) => `${state} ${target}`))
      const outcomes = { good: 'accepted', bad: 'refused', grey: 'failed' } as const
      return targets.map((target): Delivery => {
        const outcome = outcomes[target as keyof typeof outcomes]
        return { target, outcome, detail: outcome, answered: true }
      })
    },
  })
  // Each second is five of the clock: a flush is over after ten.
  const began = Date.now()
  const clock = { ...wallClock, now: () => began + (Date.now() - began) * 5 }
  const { post, trouble } = await open(t, bus, { ...receivers, open: open2 }, [], { clock })
  post(alert('Slow'))
  await until('it is tried again', () => mails.filter((one) => one === 'firing grey').length > 1)
  t.regex(trouble() ?? '', /refused by|not accepted by/)
  await pause(4000)
  t.is(mails.filter((one) => one === 'firing good').length, 1)
  post({ ...alert('Slow'), endsAt: began })
  await until('the end is told', () => mails.includes('resolved good'))
  t.is(mails.filter((one) => one === 'firing good').length, 1)
})

test('what waited for its turn for too long is not told twice', async (t) => {
  const bus = await openWorld(t)
  const slow = Promise.withResolvers<void>()
  let asked = 0
  const seen: string[] = []
  const receivers = openReceivers()
  const render: DispatchingOptions['render'] = async (news) => {
    asked++
    seen.push(String(news.groupLabels['service']))
    await slow.promise
    return receivers.render(news)
  }
  const began = Date.now()
  const clock = { ...wallClock, now: () => began + (Date.now() - began) * 100 }
  const { post } = await open(t, bus, { ...receivers, render }, [], { clock })
  for (const service of ['/a', '/b', '/c', '/d', '/e']) post(alert('Slow', { service }))
  await until('four are under way', () => asked === 4)
  // Ten seconds of the clock: the flush of the fifth is over, another has begun.
  await pause(300)
  slow.resolve()
  await until('all are told', () => seen.includes('/e') && receivers.told.length >= seen.length)
  await pause(200)
  t.deepEqual([...new Set(seen)], ['/a', '/b', '/c', '/d', '/e'])
  t.is(seen.filter((one) => one === '/e').length, 1, 'it waited, and was told once')
})

test('what was asked for while the bus was away is written down when it is back', async (t) => {
  const bus = await openWorld(t)
  let isAway = true
  const flaky: Bus = {
    ...bus,
    async produce(topic, records) {
      if (topic === 'alerts' && isAway) throw new Error('the bus is away')
      return bus.produce(topic, records)
    },
  }
  const first = await open(t, flaky, openReceivers())
  const desk = await openDeskOn(t, bus)
  const now = Date.now()
  const asked = desk.setSilence({
    matchers: [{ name: 'service', value: '/web', isRegex: false, isEqual: true }],
    startsAt: now,
    endsAt: now + 3_600_000,
    createdBy: 'ana',
    comment: 'a new disk',
  })
  await until('it waits', () => first.trouble())
  isAway = false
  const id = await asked
  const { silences } = decodeAll((await bus.snapshot('alerts')).latest)
  t.deepEqual(
    silences.map((one) => one.id),
    [id],
  )
})

test('after a long absence an alert from outside goes on until it could be posted again', async (t) => {
  const bus = await openWorld(t)
  const first = await open(t, bus, openReceivers())
  const desk = await openDeskOn(t, bus)
  const now = Date.now()
  await desk.post([{ ...alert('Elsewhere'), endsAt: now + 240_000 }, alert('Over', {}, true)])
  await until('it is written down', async () => {
    return decodeAll((await bus.snapshot('alerts')).latest).told.length === 1
  })
  await first.close()
  const receivers = openReceivers()
  const clock = { ...wallClock, now: () => Date.now() + 1_800_000 }
  const second = await open(t, bus, receivers, [], { clock })
  await pause(300)
  t.deepEqual(receivers.told, [], 'nobody could tell that it goes on')
  t.is(second.trouble(), undefined)
})

test('whether an alert is inhibited is known without looking at all of them', async (t) => {
  const bus = await openWorld(t)
  const many = Array.from({ length: 5000 }, (_, i) => alert(`A${i}`, { service: `/s${i % 5}` }))
  const { mutedBy } = await open(t, bus, openReceivers(), many)
  const began = performance.now()
  for (const { labels } of many) mutedBy(labels)
  t.true(performance.now() - began < 2000)
})

test('a silence holds as soon as it is written down, also where the clocks differ', async (t) => {
  const bus = await openWorld(t)
  await open(t, bus, openReceivers())
  const desk = await openDeskOn(t, bus, 5000)
  const now = Date.now()
  const silence = {
    matchers: [{ name: 'service', value: '/web', isRegex: false, isEqual: true }],
    startsAt: now,
    endsAt: now + 3_600_000,
    createdBy: 'ana',
    comment: 'a new disk',
  }
  const id = await desk.setSilence(silence)
  const [set] = desk.silences()
  const { startsAt = now } = set ?? {}
  t.is(await desk.setSilence({ ...silence, id, startsAt, endsAt: now + 7_200_000 }), id)
  t.is(desk.silences()[0]?.endsAt, now + 7_200_000)
})
