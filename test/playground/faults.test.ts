import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { containerLines, until } from './container-logs.ts'
import { ask, get, openPlayground, type RunningPlayground } from './running-playground.ts'

/** One playground for all tests, which cause faults in it one after the other. */
let open: RunningPlayground
test.before(async () => {
  open = await openPlayground()
  // What does not run yet cannot have a fault.
  await open.webIsWell()
  await until('the worker', () => open.running('/shop/worker').length > 0)
})
test.after.always(() => open.close())

test.serial(
  'errors: most requests fail, also in an instance that starts later, and calm ends it',
  async (t) => {
    t.is(
      await open.client.apply({ name: 'errors', service: 'web' }),
      'errors of /shop/web (percent of its work: 90): until calm',
    )
    t.deepEqual(await open.active(), ['errors'])
    await until('errors', () => open.count('/shop/web', '"level":"error"') > 10)
    const known = new Set(open.tasks('/shop/web'))
    t.is(await open.client.apply({ name: 'kill' }), 'kill of /shop/web (instances: 1): done')
    const next = await until('a new instance', () =>
      open.running('/shop/web').find((task) => !known.has(task)),
    )
    const printed = () =>
      containerLines(join(next.agent.dockerRoot, 'containers', next.docker?.id ?? ''))
    await until('its errors', () => printed().some((line) => line.includes('"level":"error"')))
    t.is(await open.client.apply({ name: 'calm' }), 'all faults are over')
    t.deepEqual(await open.active(), [])
    await open.webIsWell()
    const { second } = open.playground.traffic.ledger().at(-1)!
    const later = await until('a good second', () =>
      open.playground.traffic.ledger().find((one) => one.second > second + 1),
    )
    t.true(later.failed <= 1 && later.answered >= 4, JSON.stringify(later))
  },
)

test.serial(
  'silence: the service lives but prints nothing, and after its time it prints again',
  async (t) => {
    await open.client.apply({ name: 'silence', seconds: 2 })
    const before = open.lines('/shop/worker').length
    const { second } = open.playground.traffic.ledger().at(-1)!
    await until(
      'another second',
      () => (open.playground.traffic.ledger().at(-1)?.second ?? 0) > second,
    )
    t.is(open.lines('/shop/worker').length, before)
    await until('lines again', () => open.lines('/shop/worker').length > before + 3)
    t.deepEqual(await open.active(), [])
  },
)

test.serial(
  'oom: the instance is killed for its memory, and Marathon starts another',
  async (t) => {
    const before = new Set(open.tasks('/shop/worker'))
    await open.client.apply({ name: 'oom', service: 'worker' })
    const killed = await until('the kill', () =>
      [...before].find(({ exit }) => exit?.oomKilled === true),
    )
    t.like(killed.statuses.at(-1), {
      state: 'TASK_FAILED',
      message: 'Container exited with status 137',
    })
    const next = await until('the next one', () =>
      open.running('/shop/worker').find((task) => !before.has(task)),
    )
    await until('its first line', () =>
      open.lines('/shop/worker').some((line) => line.includes('worker started')),
    )
    t.true((next.usage?.rss ?? 0) < 128 * 1024 * 1024)
  },
)

test.serial(
  'hang: the health check finds out, the balancer asks the other one, and it is replaced',
  async (t) => {
    await open.webIsWell()
    const [oldest] = open.running('/shop/web')
    await open.client.apply({ name: 'hang' })
    await until('its end', () => oldest?.exit)
    t.is(oldest?.state, 'TASK_KILLED')
    await open.client.apply({ name: 'calm' })
    await open.webIsWell()
  },
)

test.serial('burst: 20,000 lines are printed', async (t) => {
  await open.client.apply({ name: 'burst' })
  await until('all lines', () => open.count('/shop/web', '"of":20000') >= 20_000)
  t.pass()
})

test.serial('bad-lines: everything that should not be in a log is in it', async (t) => {
  await open.client.apply({ name: 'bad-lines' })
  const parts = ['\ufffd\ufffd', '\0', '\u001b[31;1m', '<script>', 'JSON that never ends', 'Bcc: ']
  await until('all bad lines', () => {
    const printed = open.lines('/shop/payments')
    const all = parts.every((part) => printed.some((line) => line.includes(part)))
    return all && printed.some(({ length }) => length === 1_999_999)
  })
  await open.client.apply({ name: 'calm' })
  t.pass()
})

test.serial('deploy: a new version takes over without a failed request', async (t) => {
  await open.webIsWell()
  const { version } = await open.web()
  const { second } = open.playground.traffic.ledger().at(-1)!
  await open.client.apply({ name: 'deploy' })
  await until('the new version', async () => (await open.web()).version !== version)
  await open.webIsWell()
  t.true(
    open.running('/shop/web').every(({ spec }) => spec.env['MARATHON_APP_VERSION'] !== version),
  )
  const since = open.playground.traffic.ledger().filter((one) => one.second > second)
  const lost = since.reduce((sum, one) => sum + one.failed + one.unanswered + one.dropped, 0)
  t.true(lost <= 1, JSON.stringify(since))
})

interface Taken {
  name: string
  url(): string
  shows(answer: unknown): boolean
}
const isPage = (answer: unknown) => String(answer).startsWith('<!DOCTYPE')
/** An API of each, at the same time. */
const taken: [Taken, Taken][] = [
  [
    {
      name: 'mesos-away',
      url: () => `${open.playground.masters[0]}/state`,
      shows: (answer) => answer === 'ECONNREFUSED',
    },
    {
      name: 'marathon-away',
      url: () => `${open.playground.marathons[0]}/v2/apps`,
      shows: (answer) => answer === 'ECONNREFUSED',
    },
  ],
  [
    { name: 'mesos-html', url: () => `${open.playground.masters[0]}/state`, shows: isPage },
    { name: 'marathon-html', url: () => `${open.playground.marathons[1]}/v2/apps`, shows: isPage },
  ],
  [
    {
      name: 'mesos-503',
      url: () => `${open.playground.masters[1]}/health`,
      shows: (answer) => answer === 503,
    },
    {
      name: 'marathon-503',
      url: () => `${open.playground.marathons[0]}/v2/apps`,
      shows: (answer) => answer === 503,
    },
  ],
]
for (const pair of taken) {
  const names = pair.map(({ name }) => name)
  test.serial(`${names.join(', ')}: for its time, and then everything is as before`, async (t) => {
    for (const name of names) await open.client.apply({ name, seconds: 1 })
    t.deepEqual((await open.active()).toSorted(), names.toSorted())
    for (const { url, shows } of pair) {
      await until('it to show', async () => shows(await ask(url())))
    }
    for (const { url, shows } of pair) {
      await until('it to be over', async () => {
        const answer = await ask(url())
        return typeof answer === 'string' && !shows(answer)
      })
    }
    t.deepEqual(await open.active(), [])
  })
}

test.serial('mesos-leader: for a while nobody leads, then the other master does', async (t) => {
  const { masterId } = open.playground.cluster
  await open.client.apply({ name: 'mesos-leader', seconds: 1 })
  t.is(await ask(`${open.playground.masters[0]}/state`), 503)
  const state = await until('a leader', async () => {
    const answer = await ask(`${open.playground.masters[1]}/state`)
    if (typeof answer !== 'string') return undefined
    return JSON.parse(answer) as { id: string; leader: string }
  })
  t.not(state.id, masterId)
  t.true(state.leader.includes(new URL(open.playground.masters[1] ?? '').host))
})

test.serial(
  'marathon-leader: for a while nobody leads, then the other instance does',
  async (t) => {
    const leader = async () => {
      const answer = await ask(`${open.playground.marathons[0]}/v2/leader`)
      return typeof answer === 'string' ? answer : undefined
    }
    const before = await leader()
    await open.client.apply({ name: 'marathon-leader', seconds: 1 })
    const after = await until('another leader', async () => {
      const now = await leader()
      return now === before ? undefined : now
    })
    t.regex(after, /127\.0\.0\.1|localhost/)
  },
)

test.serial('docker-away and agent-away: its tasks become unreachable and come back', async (t) => {
  const [agent] = open.playground.cluster.agents()
  await open.client.apply({ name: 'docker-away', amount: 1, seconds: 1 })
  await until('the socket to go', () => !existsSync(agent?.dockerSocket ?? ''))
  await until('it to be back', () => existsSync(agent?.dockerSocket ?? ''))
  await open.client.apply({ name: 'agent-away', amount: 1 })
  const lost = await until('an unreachable task', () =>
    open.playground.cluster.tasks().find(({ state }) => state === 'TASK_UNREACHABLE'),
  )
  t.is(lost.agent.id, agent?.id ?? '')
  t.is(agent?.active, false)
  await open.client.apply({ name: 'calm' })
  t.is(agent?.active, true)
  t.true(lost.statuses.some(({ reason }) => reason === 'REASON_AGENT_REREGISTERED'))
  await open.webIsWell()
})

test.serial('offers-scarce: what is killed is not started again before its end', async (t) => {
  await open.client.apply({ name: 'offers-scarce' })
  const known = new Set(open.playground.cluster.tasks())
  await open.client.apply({ name: 'kill', service: 'worker' })
  const queue = async () =>
    (await get(`${open.playground.marathons[0]}/v2/queue`)) as { queue: { app?: { id: string } }[] }
  await until('it to wait', async () =>
    (await queue()).queue.some(({ app }) => app?.id === '/shop/worker'),
  )
  t.true(open.playground.cluster.tasks().every((task) => known.has(task)))
  await open.client.apply({ name: 'calm' })
  await until('it to run', () => open.running('/shop/worker').length === 1)
})

test.serial(
  'load: a step is answered, is in the ledger, costs CPU, and load-calm ends it',
  async (t) => {
    await open.webIsWell()
    const cpu = () =>
      open.running('/shop/web').reduce((sum, { usage }) => sum + (usage?.userSeconds ?? 0), 0)
    const before = cpu()
    await open.client.apply({ name: 'load-step', amount: 60, seconds: 60 })
    const step = await until('three seconds of it', async () => {
      const { ledger } = await open.client.load()
      const found = ledger.filter(({ wanted }) => wanted === 60)
      return found.length >= 4 ? found.slice(1) : undefined
    })
    for (const { sent, dropped } of step) t.true(sent > 50 && sent < 70 && dropped === 0, `${sent}`)
    t.true(step.reduce((sum, { answered }) => sum + answered, 0) > 150, JSON.stringify(step))
    await until('its CPU', () => cpu() > before + 0.4)
    t.is(await open.client.apply({ name: 'load-calm' }), 'visitors come as usual')
    t.like((await open.client.load()).plan, { shape: 'steady', amount: 8 })
    t.deepEqual(await open.active(), [])
  },
)

test.serial('one load takes the place of another, and all shapes can be had', async (t) => {
  for (const name of ['load-ramp', 'load-sine', 'load-spike', 'load-step']) {
    await open.client.apply({ name, amount: 20 })
    t.deepEqual(await open.active(), [name])
    t.like((await open.client.load()).plan, { shape: name.slice(5), base: 8, amount: 20 })
  }
  await open.client.apply({ name: 'calm' })
  t.deepEqual(await open.active(), [])
})

test.serial(
  "events-drop, -double and -reorder: for its time that of Marathon's events is disturbed",
  async (t) => {
    for (const name of ['events-drop', 'events-double', 'events-reorder']) {
      await open.client.apply({ name })
      t.deepEqual(await open.active(), [name])
    }
    const faults = open.playground.marathon.core.state.events.faults()
    t.true(faults.reorderPercent > 0 && faults.dropPercent === 0 && faults.doublePercent === 0)
    await open.client.apply({ name: 'calm' })
    t.is(open.playground.marathon.core.state.events.faults().reorderPercent, 0)
  },
)
