import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { manualClock, wallClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { msToIso, type ChangeDoc } from '../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../pipeline/identity.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openSqliteStore } from '../../pipeline/store/sqlite.ts'
import type { Store } from '../../pipeline/store/store.ts'
import { openDeaths, type DeathsOptions } from '../../processors/deaths.ts'
import { openDocIndexer } from '../../processors/index-docs.ts'
import { jsonOf, openBus, openStore, readAll, record, tempDir, until } from '../helpers/pipeline.ts'
import { at, died, killedForChecks, ofDocker, started, status, task } from './deaths/told.ts'

const plain: Identity = { service: '/db', task: 'db-1', container: 'c9', containerName: 'db-1' }
const long = 60_000

/** Time stands still a moment after the deaths of these stories. */
const clock = manualClock(at + 1000)

async function open(
  t: ExecutionContext,
  options: Partial<DeathsOptions> & Pick<DeathsOptions, 'bus'>,
) {
  const metrics = openMetrics()
  const deaths = openDeaths({
    store: options.store ?? (await openStore(t)),
    complete: (identity) => identity,
    linesThrough: () => Infinity,
    clock,
    metrics,
    log: silentLog,
    patienceMs: 200,
    linesPatienceMs: 200,
    ...options,
  })
  t.teardown(() => deaths.close())
  return { ...deaths, metrics }
}

function tell(bus: Bus, ...docs: ChangeDoc[]): Promise<void> {
  return bus.produce(
    'changes',
    docs.map((doc) => ({ key: 'k', value: Buffer.from(JSON.stringify(doc)) })),
  )
}

/** What was told of the ends of tasks, in order. */
async function written(bus: Bus): Promise<ChangeDoc[]> {
  const docs = (await readAll(bus, 'changes')).map((one) => jsonOf(one) as ChangeDoc)
  return docs.filter((doc) => doc['event.kind'] === 'task')
}

/** The newest of each id. */
async function ends(bus: Bus): Promise<ChangeDoc[]> {
  return [...new Map((await written(bus)).map((doc) => [doc['event.id'], doc])).values()]
}

async function untilCommitted(bus: Bus, group = 'deaths'): Promise<void> {
  await until(`all is committed by ${group}`, async () => {
    const [end = 0] = await bus.ends('changes')
    return ((await bus.committed(group, 'changes')).get(0) ?? 0) >= end
  })
}

const oom = died({ code: 137, oom: true })
const failed = status('TASK_FAILED', { reason: 'REASON_CONTAINER_LIMITATION_MEMORY' })

test('a death is told at once, and again with its last lines, memory and uptime', async (t) => {
  const bus = await openBus(t)
  const store = await openStore(t)
  const indexer = openDocIndexer({ bus, store, metrics: openMetrics(), log: silentLog })
  t.teardown(() => indexer.close())
  const limit = 128 * 2 ** 20
  const sampleAt = (ms: number, usage: number, n: number) => ({
    '@timestamp': msToIso(ms),
    'event.id': `sample:a:l:${n}`,
    'event.sequence': n,
    metrics: { 'container.memory.usage': usage, 'container.memory.limit': limit },
    ...identityToEcs(ofDocker),
  })
  // The last two were taken when there was nothing left to be measured.
  await store.putSamples([
    sampleAt(at - 6000, 5, 1),
    sampleAt(at - 4000, limit - 5, 2),
    sampleAt(at - 1, 0, 3),
    sampleAt(at + 500, 7, 4),
  ])
  await tell(bus, started({ ms: at - 190_000 }))
  let through = 0
  await open(t, {
    bus,
    store,
    patienceMs: long,
    linesPatienceMs: long,
    linesThrough: () => through,
    complete: (identity) => ({ ...identity, deployment: 'd1' }),
  })
  await tell(bus, oom)
  await until('told at once', async () => (await written(bus)).length === 1)
  t.is((await written(bus))[0]?.['task.last_lines'], undefined)

  // Lines of others, of another life, and one that is long.
  const lines = Array.from({ length: 25 }, (_, i) => `line ${i}`)
  const times = lines.map((_, i) => at - 25_000 + i * 1000)
  const other = { ...ofDocker, task: `${task}2` }
  await store.appendLogs([
    record({ source: 'c:o', identity: ofDocker, messages: lines, times }),
    record({ source: 'c:e', identity: ofDocker, messages: ['x'.repeat(5000)], times: [at - 500] }),
    record({ source: 'd:o', identity: other, messages: ['of another'], times: [at - 100] }),
    record({ source: 'c2:o', identity: ofDocker, messages: ['too late'], times: [at + 5000] }),
  ])
  through = at + 2000
  await until('told with all', async () => (await written(bus)).length === 2)
  const doc = (await written(bus))[1] as ChangeDoc
  t.like(doc, {
    '@timestamp': msToIso(at),
    'event.id': `change:task:${task}:${at}`,
    'event.action': 'died',
    message:
      '/shop/web task 8c1f25aa… died: out of memory (exit code 137, limit 128 MiB), after 3 min',
    'process.exit_code': 137,
    'container.oom_killed': true,
    'container.memory.usage': limit - 5,
    'container.memory.limit': limit,
    'task.uptime_seconds': 190,
    'service.version': 'v7',
    'marathon.deployment.id': 'd1',
  })
  t.deepEqual(doc['task.last_lines'], [...lines.slice(6), 'x'.repeat(1000)])
  await untilCommitted(bus)
  await untilCommitted(bus, 'index')
  const stored = await store.docs('changes', { kinds: ['task'], task })
  t.deepEqual(stored, [doc])
})

test('Docker waits for the word of Mesos, which tells whether it was asked for', async (t) => {
  const bus = await openBus(t)
  await open(t, { bus, patienceMs: long })
  await tell(bus, died({ code: 143 }))
  await until('it waits', async () => (await bus.committed('deaths', 'changes')).has(0))
  await tell(bus, status('TASK_KILLED'))
  await untilCommitted(bus)
  const told = await written(bus)
  t.deepEqual([...new Set(told.map((doc) => doc['event.action']))], ['killed'])
  t.deepEqual([...new Set(told.map((doc) => doc['process.exit_code']))], [143])
})

test('without that word it is told when the patience has ended, and corrected if it comes', async (t) => {
  const bus = await openBus(t)
  const { metrics } = await open(t, { bus, patienceMs: 100 })
  await tell(bus, died({ code: 143 }))
  await until('told', async () => (await written(bus)).length > 0)
  await untilCommitted(bus)
  await tell(bus, status('TASK_KILLED'))
  const [first] = await written(bus)
  t.is(first?.['event.action'], 'died')
  await until('corrected', async () => (await written(bus)).at(-1)?.['event.action'] === 'killed')
  t.is((await ends(bus)).length, 1)
  t.is((await metrics.task_ends_total.get()).values[0]?.value, 1)
})

for (const [when, before] of [
  ['before', true],
  ['after', false],
] as const) {
  test(`killed for its health checks, told ${when} its end: it died, nobody asked for it`, async (t) => {
    const bus = await openBus(t)
    const first = await open(t, { bus })
    const kill = killedForChecks(at - 20_000, '500 Internal Server Error')
    const end = [died({ code: 143 }), status('TASK_KILLED')]
    await tell(bus, ...(before ? [kill] : end))
    await untilCommitted(bus)
    // What was told before a start counts after it.
    await first.close()
    await open(t, { bus })
    await tell(bus, ...(before ? end : [kill]))
    await until('told', async () => (await ends(bus))[0]?.['event.action'] === 'died')
    t.like((await ends(bus))[0], {
      message:
        '/shop/web task 8c1f25aa… died: killed for failing health checks (500 Internal Server Error, exit code 143)',
      'task.unhealthy': '500 Internal Server Error',
      'task.state': 'TASK_KILLED',
      'process.exit_code': 143,
    })
    t.is((await ends(bus)).length, 1)
  })
}

test('a kill for health checks that was long before is of another end', async (t) => {
  const bus = await openBus(t)
  await open(t, { bus })
  await tell(bus, killedForChecks(at - 11 * 60_000), died({ code: 143 }), status('TASK_KILLED'))
  await untilCommitted(bus)
  t.is((await ends(bus))[0]?.['event.action'], 'killed')
})

test('runs of one id, one after the other: each end is told, with its own uptime', async (t) => {
  const bus = await openBus(t)
  await open(t, { bus })
  const run = (n: number, ms: number) => {
    const container = `25212c0c-e6a2-11f1-bdef-02fc0000000${n}`
    const identity = { service: '/storm', task: 'node-31000', container, framework: 'f1' }
    const end = status('TASK_FAILED', { ms: ms + 4000, identity })
    return [
      status('TASK_RUNNING', { ms, identity }),
      n === 3 ? end : { ...end, 'task.uptime_seconds': 4 },
    ]
  }
  await tell(bus, ...run(1, at - 50_000), ...run(2, at - 30_000), ...run(3, at - 10_000))
  await untilCommitted(bus)
  t.deepEqual(
    (await ends(bus)).map((doc) => [doc['event.id'], doc['task.uptime_seconds']]),
    [46_000, 26_000, 6000].map((before) => [`change:task:node-31000:${at - before}`, 4]),
  )
})

test('a container that is no task of Mesos waits for nobody; each of its ends is one', async (t) => {
  const bus = await openBus(t)
  await open(t, { bus, patienceMs: long })
  for (const seconds of [0, 5, 10]) {
    const ms = at + seconds * 1000
    await tell(
      bus,
      started({ ms: ms - 2000, identity: plain }),
      died({ ms, code: 1, identity: plain }),
    )
  }
  await until('all are told', async () => (await ends(bus)).length === 3)
  t.deepEqual(
    (await ends(bus)).map((doc) => [doc['event.id'], doc['task.uptime_seconds']]),
    [0, 5, 10].map((seconds) => [`change:task:db-1:${at + seconds * 1000}`, 2]),
  )
})

test('who waits holds up nobody: what comes behind is told before', async (t) => {
  const bus = await openBus(t)
  await open(t, { bus, patienceMs: long })
  await tell(bus, died({ code: 1 }))
  await until('it waits', async () => (await bus.committed('deaths', 'changes')).has(0))
  const other = { ...ofDocker, task: 'shop_api.1', container: 'c2' }
  await tell(bus, died({ code: 137, oom: true, identity: other }))
  await until('the other is told', async () => (await ends(bus)).length === 1)
  t.is(
    (await bus.committed('deaths', 'changes')).get(0),
    0,
    'nothing is committed before all is told',
  )
  await tell(bus, status('TASK_FAILED'))
  await untilCommitted(bus)
  t.is((await ends(bus)).length, 2)
})

test('what comes twice is told once', async (t) => {
  const bus = await openBus(t)
  const store = {
    search: async () => ({ hits: [] }),
    samples: async () => [],
    docs: async () => [],
  }
  await open(t, { bus, store })
  await tell(bus, oom, failed, oom, failed)
  await untilCommitted(bus)
  const before = (await written(bus)).length
  await tell(bus, failed, oom)
  await untilCommitted(bus)
  t.is((await written(bus)).length, before)
  t.is((await ends(bus)).length, 1)
})

test('closed while it waits: it is told after the next start', async (t) => {
  const bus = await openBus(t)
  const first = await open(t, { bus, patienceMs: long })
  await tell(bus, died({ code: 1 }))
  await until('it waits', async () => (await bus.committed('deaths', 'changes')).has(0))
  await first.close()
  t.is((await bus.committed('deaths', 'changes')).get(0), 0)
  t.is(first.trouble(), undefined)
  await open(t, { bus, patienceMs: 50 })
  await untilCommitted(bus)
  t.is((await ends(bus)).length, 1)
})

test('what is told after a start belongs to what was told before, also if the store is far behind', async (t) => {
  const bus = await openBus(t)
  const store = await openStore(t)
  const first = await open(t, { bus, store })
  await tell(bus, oom)
  await untilCommitted(bus)
  await first.close()
  await open(t, { bus, store })
  await tell(bus, failed)
  await until('both in one', async () => (await ends(bus))[0]?.['task.state'] === 'TASK_FAILED')
  t.like((await ends(bus))[0], {
    'process.exit_code': 137,
    'event.id': `change:task:${task}:${at}`,
  })
  t.is((await ends(bus)).length, 1)
})

test('long after that the store knows it', async (t) => {
  const bus = await openBus(t)
  const store = await openStore(t)
  const first = await open(t, { bus, store })
  await tell(bus, oom)
  await untilCommitted(bus)
  const [doc] = await ends(bus)
  await store.putDocs('changes', [doc as ChangeDoc])
  const filler = Array.from({ length: 2500 }, () => started({ ms: at + 600_000, identity: plain }))
  await tell(bus, ...filler)
  await untilCommitted(bus)
  await first.close()
  await open(t, { bus, store })
  await tell(bus, failed)
  await untilCommitted(bus)
  t.is((await ends(bus)).length, 1)
  t.like((await ends(bus))[0], { 'process.exit_code': 137, 'task.state': 'TASK_FAILED' })
})

test('a store that is away holds up nothing and loses nothing', async (t) => {
  const bus = await openBus(t)
  const away = () => Promise.reject(new Trouble('the store is away', { retryable: true }))
  await open(t, { bus, store: { search: away, samples: away, docs: away } })
  await tell(bus, oom)
  await untilCommitted(bus)
  t.like((await ends(bus))[0], { 'container.oom_killed': true, 'task.last_lines': undefined })
})

test('one that never answers is given up, for all that die meanwhile', async (t) => {
  const bus = await openBus(t)
  const never = () => new Promise<never>(() => {})
  await open(t, { bus, store: { search: never, samples: never, docs: never } })
  const count = 200
  const many = Array.from({ length: count }, (_, i) =>
    died({ code: 1, identity: { ...plain, task: `db-${i}`, containerName: `db-${i}` } }),
  )
  const began = performance.now()
  await tell(bus, ...many)
  await untilCommitted(bus)
  t.is((await ends(bus)).length, count)
  t.true(performance.now() - began < 25_000)
})

test('a bus that takes nothing is told, and tried until it does', async (t) => {
  const bus = await openBus(t)
  let full = true
  const flaky: Bus = {
    ...bus,
    produce: (topic, records) =>
      full ? Promise.reject(new Trouble('the bus is full')) : bus.produce(topic, records),
  }
  const { trouble } = await open(t, { bus: flaky })
  await tell(bus, oom)
  await until('told', () => /cannot be told: the bus is full/.test(trouble() ?? ''))
  full = false
  await untilCommitted(bus)
  t.is((await ends(bus)).length, 1)
  t.is(trouble(), undefined)
})

test('records that are no changes stop nothing', async (t) => {
  const bus = await openBus(t)
  await open(t, { bus })
  const values = [
    '',
    'no JSON',
    'null',
    '[]',
    '5',
    '{"event.kind":"container","event.action":"died"}',
  ]
  await bus.produce(
    'changes',
    values.map((value) => ({ key: 'k', value: Buffer.from(value) })),
  )
  await tell(bus, { ...oom, 'process.exit_code': '137' }, failed)
  await untilCommitted(bus)
  const last = (await readAll(bus, 'changes')).at(-1)
  t.like(last && jsonOf(last), {
    'event.id': `change:task:${task}:${at}`,
    'task.state': 'TASK_FAILED',
    'process.exit_code': undefined,
  })
})

test('a long history is told without waiting, and in bounded pieces', async (t) => {
  const bus = await openBus(t)
  const count = 1500
  const old = Array.from({ length: count }, (_, i) =>
    died({
      ms: at - 3_600_000 + i,
      code: 1,
      identity: { ...ofDocker, task: `old.${i}`, container: `c${i}` },
    }),
  )
  await tell(bus, ...old)
  await open(t, { bus, patienceMs: long, linesPatienceMs: long, linesThrough: () => undefined })
  await untilCommitted(bus)
  t.is((await ends(bus)).length, count)
})

const child = fileURLToPath(new URL('deaths-child.ts', import.meta.url))

for (const nth of [1, 2]) {
  test(`kill -9 before it is told for the ${nth}. time: it is told, under one id`, async (t) => {
    const dir = await tempDir(t)
    const now = Date.now()
    const before = await openBus(t, dir)
    await tell(
      before,
      died({ ms: now, code: 137, oom: true }),
      started({ ms: now - 5000 }),
      status('TASK_FAILED', { ms: now + 100, reason: 'REASON_CONTAINER_LIMITATION_MEMORY' }),
      died({ ms: now, code: 1, identity: plain }),
    )
    const store = openSqliteStore({ dir: `${dir}/store` })
    await store.appendLogs([
      record({ source: 'c:o', identity: ofDocker, messages: ['the last'], times: [now - 50] }),
      record({ source: 'd:o', identity: plain, messages: ['of db'], times: [now - 50] }),
    ])
    await store.close()
    await before.close()
    const env = { ...process.env, MESOSCOPE_KILL_AT: `deaths:before-produce:${nth}` }
    const [, signal] = (await once(
      spawn(process.execPath, [child, dir], { env, stdio: 'inherit' }),
      'exit',
    )) as [number, string]
    t.is(signal, 'SIGKILL')

    const after = await openBus(t, dir)
    const reopened = openSqliteStore({ dir: `${dir}/store` })
    t.teardown(() => reopened.close())
    await open(t, { bus: after, store: reopened, clock: wallClock })
    await untilCommitted(after)
    t.deepEqual(
      Object.fromEntries(
        (await ends(after)).map((doc) => [doc['event.id'], doc['task.last_lines']]),
      ),
      {
        [`change:task:db-1:${now}`]: ['of db'],
        [`change:task:${task}:${now}`]: ['the last'],
      },
    )
  })
}

test('an end that is found while nothing is known of its task has the lines of its container', async (t) => {
  const bus = await openBus(t)
  const store = await openStore(t)
  const identity = { container: 'c'.repeat(64), agent: 'agent-1' }
  await store.appendLogs([record({ source: 'c:o', identity, messages: ['hm'], times: [at - 1] })])
  await open(t, { bus, store: store satisfies Store })
  await tell(bus, died({ code: 2, identity }))
  await untilCommitted(bus)
  t.like((await ends(bus))[0], { 'task.last_lines': ['hm'], 'container.id': identity.container })
})
