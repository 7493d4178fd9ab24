import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Problem } from '../../collectors/answer.ts'
import { readInstances, readServices } from '../../collectors/consul-answers.ts'
import { instanceIdentity, linkOf } from '../../collectors/consul-identity.ts'
import { openConsulCollector } from '../../collectors/consul.ts'
import type { Collected, Sink } from '../../collectors/sink.ts'
import { wallClock } from '../../pipeline/clock.ts'
import type { ChangeDoc } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { until } from '../helpers/pipeline.ts'

const uuid = '25212c0c-e6a2-11f1-bdef-02fc00000001'
const task = `shop_web.instance-${uuid}._app.1`

const links: [sentence: string, id: string, tags: string[], is: object][] = [
  ['marathon-consul tells the task in a tag', 'any', ['x', `marathon-task:${task}`], { task }],
  ['mesos-consul tells it in the id', `mesos-consul:10.0.0.1:${task}:31005`, [], { task }],
  [
    'registrator tells the name of the container',
    `agent-1:mesos-${uuid}:8080`,
    [],
    { container: uuid },
  ],
  [
    'and that of older Mesos, over UDP',
    `agent-1:mesos-96d7da70-b731-4cfb-96a7-0ee877af615d-S17.${uuid}:8080:udp`,
    [],
    { container: uuid },
  ],
  ['a container of nobody we know', 'hostname:redis.0:6379', ['master'], {}],
  ['an id of its own', 'redis', [], {}],
]
for (const [sentence, id, tags, is] of links) {
  test(sentence, (t) => t.deepEqual(linkOf({ id, tags }), is))
}

test('what is in no cluster has the names of Consul, a task those of the cluster', (t) => {
  const base = { service: 'web', node: 'n1', status: 'passing' } as const
  t.deepEqual(instanceIdentity({ ...base, id: 'web', tags: [] }, 'c'), {
    cluster: 'c',
    service: 'web',
    agent: 'n1',
    labels: { 'consul.service': 'web' },
  })
  t.deepEqual(instanceIdentity({ ...base, id: 'x', tags: [`marathon-task:${task}`] }, undefined), {
    service: '/shop/web',
    task,
    labels: { 'consul.service': 'web' },
  })
})

test('hostile answers are noted and never throw', (t) => {
  for (const value of [null, 5, 'x', [], {}, [null], [{}], [{ Service: 5, Node: [] }], [[[]]]]) {
    const problems: Problem[] = []
    t.notThrows(() => readServices(value, problems))
    t.notThrows(() => readInstances(value, problems))
  }
  const odd = [
    {
      Node: { Node: 'n' },
      Service: { ID: 'i', Service: 's', Tags: [1, 'ok', null] },
      Checks: [{ Status: 'passing' }, { Status: 'made up', CheckID: 'c', ModifyIndex: 'x' }, 7],
    },
  ]
  const problems: Problem[] = []
  t.like(readInstances(odd, problems)[0], { tags: ['ok'], status: 'critical', check: 'c' })
  t.true(problems.length > 0)
})

const shared = join(process.env['MESOSCOPE_SHARED'] ?? '../shared', 'fixtures/consul')
const fixture = (name: string): unknown => {
  try {
    return JSON.parse(readFileSync(join(shared, name), 'utf8'))
  } catch {
    return undefined
  }
}
const captured = fixture('docs-health-service.json')
if (captured === undefined) test.skip(`answers in ${shared} (set MESOSCOPE_SHARED)`, () => {})
else
  test('answers of a real Consul', (t) => {
    const problems: Problem[] = []
    t.deepEqual(readInstances(captured, problems), [
      { id: 'redis', service: 'redis', node: 'foobar', tags: ['primary'], status: 'passing' },
    ])
    t.deepEqual(readServices(fixture('docs-catalog-services.json'), problems), [
      'consul',
      'redis',
      'postgresql',
    ])
    t.deepEqual(problems, [])
  })

/** Answers as Consul does, for as long as the test; what it knows is set by hand. */
async function openConsul(t: ExecutionContext) {
  const state = {
    index: 10,
    /** Undefined: no header. */
    hasIndex: true,
    services: { consul: [] } as Record<string, string[]>,
    instances: {} as Record<string, unknown[]>,
    refuse: undefined as number | undefined,
    html: false,
    headers: {} as Record<string, string>,
  }
  const asked: { path: string; index: number; atMs: number }[] = []
  const held = new Set<() => void>()

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://x')
    const index = Number(url.searchParams.get('index') ?? 0)
    asked.push({ path: url.pathname, index, atMs: performance.now() })
    const isAhead = index > 0 && index >= state.index && state.refuse === undefined
    const send = () => {
      held.delete(send)
      if (response.destroyed) return
      const { refuse } = state
      const service = /^\/v1\/health\/service\/(.+)$/.exec(url.pathname)?.[1]
      const body = service ? (state.instances[decodeURIComponent(service)] ?? []) : state.services
      response.writeHead(refuse ?? 200, {
        'content-type': 'application/json',
        ...(state.hasIndex ? { 'x-consul-index': String(state.index) } : {}),
        ...state.headers,
      })
      response.end(refuse ? 'Permission denied' : state.html ? '<html>' : JSON.stringify(body))
    }
    // It was restored: an index that is ahead of all is answered at once.
    if (isAhead && index === state.index) {
      held.add(send)
      setTimeout(send, Number.parseFloat(url.searchParams.get('wait') ?? '0') * 1000).unref()
    } else send()
  }

  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    set(more: Partial<typeof state>) {
      Object.assign(state, { index: state.index + 1, ...more })
      for (const send of held) send()
    },
  }
}

function openSink(positions = new Map<string, unknown>()) {
  const batches: Collected[] = []
  const sink: Sink = {
    async append(batch) {
      batches.push(batch)
      for (const [key, value] of Object.entries(batch.positions ?? {})) {
        if (value === null) positions.delete(key)
        else positions.set(key, structuredClone(value))
      }
    },
    position: (key) => positions.get(key),
    positions: () => [],
  }
  const changes = () => batches.flatMap((batch): ChangeDoc[] => batch.changes ?? [])
  return {
    sink,
    batches,
    positions,
    health: () => changes().filter((one) => one['event.kind'] === 'health'),
    tasks: () => batches.flatMap((batch) => batch.tasks ?? []),
  }
}

async function collect(t: ExecutionContext, url: string, { sink }: { sink: Sink }) {
  const collector = await openConsulCollector({
    name: 'consul',
    urls: [url],
    token_scheme: 'bearer',
    cluster: 'test',
    sink,
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
    watch: { waitSeconds: 1, leastMs: 20 },
  })
  t.teardown(() => collector.close())
  return collector
}

const instance = (status: string, index: number, tags = [`marathon-task:${task}`]) => ({
  Node: { Node: 'agent-1', Address: '10.0.0.1' },
  Service: { ID: 'web-1', Service: 'web', Tags: tags, Address: '', Port: 31_005 },
  Checks: [
    { CheckID: 'serfHealth', Status: 'passing', ModifyIndex: 1 },
    {
      CheckID: 'service:web',
      Name: 'HTTP',
      Status: status,
      Output: 'connection\nrefused',
      ModifyIndex: index,
    },
  ],
})

test('instances that turn are told once, tasks get the name of their service', async (t) => {
  const consul = await openConsul(t)
  const told = openSink()
  consul.set({ services: { consul: [], web: ['x'] }, instances: { web: [instance('passing', 5)] } })
  const collector = await collect(t, consul.url, told)
  await until('the task is told', () => told.tasks().length === 1)
  t.deepEqual(told.tasks(), [{ task, labels: { 'consul.service': 'web' } }])
  t.deepEqual(told.health(), [], 'well from the beginning is no news')

  consul.set({ instances: { web: [instance('critical', 20)] } })
  await until('it is told as critical', () => told.health().length === 1)
  t.like(told.health()[0], {
    'event.id': 'change:health:consul:agent-1/web-1:critical:20',
    'event.action': 'unhealthy',
    'event.provider': 'consul',
    message: 'web-1 of web on agent-1 is critical: HTTP says connection refused',
    'service.name': '/shop/web',
    'mesos.task.id': task,
    'orchestrator.cluster.name': 'test',
  })
  consul.set({ instances: { web: [instance('passing', 21)] } })
  await until('it is told as well again', () => told.health().length === 2)
  // The index moves, and nothing has changed.
  consul.set({})
  const { length } = consul.asked
  await until('it was asked once more', () => consul.asked.length > length + 2)
  t.is(told.health().length, 2)
  t.is(told.tasks().length, 1)
  t.is(collector.trouble(), undefined)
})

test('questions wait for what is newer; an index that goes back begins anew', async (t) => {
  const consul = await openConsul(t)
  const told = openSink()
  await collect(t, consul.url, told)
  const catalog = () => consul.asked.filter(({ path }) => path === '/v1/catalog/services')
  await until('it waits', () => catalog().length === 2)
  t.deepEqual(
    catalog().map(({ index }) => index),
    [0, 10],
  )
  consul.set({ index: 3 })
  await until('it began anew', () => catalog().some(({ index }, at) => at > 1 && index === 0))
  await until('it waits again', () => catalog().at(-1)?.index === 3)
})

test('what was told before is not told again by the next start, what changed meanwhile is', async (t) => {
  const consul = await openConsul(t)
  const positions = new Map<string, unknown>()
  consul.set({ services: { web: [] }, instances: { web: [instance('critical', 7)] } })
  const first = openSink(positions)
  const collector = await collect(t, consul.url, first)
  await until('it is told', () => first.health().length === 1)
  await collector.close()
  const second = openSink(positions)
  const again = await collect(t, consul.url, second)
  await until('it was read', () => second.batches.length > 0)
  t.deepEqual([second.health(), second.tasks()], [[], []])
  await again.close()
  consul.set({ instances: { web: [instance('passing', 9)] } })
  const third = openSink(positions)
  await collect(t, consul.url, third)
  await until('it is told', () => third.health().length === 1)
  t.like(third.health()[0], { 'event.action': 'healthy' })
})

test('a service that goes is watched no more, and forgotten', async (t) => {
  const consul = await openConsul(t)
  const told = openSink()
  consul.set({ services: { web: [] }, instances: { web: [instance('critical', 7)] } })
  await collect(t, consul.url, told)
  await until('it is known', () => told.positions.has('consul:service:web'))
  consul.set({ services: { consul: [] } })
  await until('it is forgotten', () => !told.positions.has('consul:service:web'))
  const { length } = consul.asked.filter(({ path }) => path.includes('/web'))
  consul.set({})
  await until('the others are asked', () =>
    consul.asked.some(({ path }) => path.includes('/consul')),
  )
  t.is(consul.asked.filter(({ path }) => path.includes('/web')).length, length)
})

test('answers that show nothing are told as a lack of rights, and nothing is forgotten', async (t) => {
  const consul = await openConsul(t)
  const told = openSink()
  consul.set({ services: { web: [] }, instances: { web: [instance('passing', 7)] } })
  const collector = await collect(t, consul.url, told)
  await until('it is known', () => told.positions.has('consul:service:web'))
  consul.set({ services: {} })
  await until('it is told', () => collector.trouble()?.includes('right') === true)
  t.true(told.positions.has('consul:service:web'))
  consul.set({ services: { web: [] } })
  await until('all is well', () => collector.trouble() === undefined)
  consul.set({
    headers: { 'x-consul-results-filtered-by-acls': 'true' },
    services: { web: [], x: [] },
  })
  await until('it is told', () => collector.trouble()?.includes('right') === true)
})

test('a Consul that refuses, or says something else, is asked again', async (t) => {
  const consul = await openConsul(t)
  const told = openSink()
  consul.set({ refuse: 403 })
  const collector = await collect(t, consul.url, told)
  await until('it is told', () => collector.trouble()?.includes('403') === true)
  consul.set({ refuse: undefined, html: true })
  await until('it is told', () => collector.trouble()?.includes('JSON') === true)
  consul.set({ html: false, services: { web: [] }, instances: { web: [instance('critical', 7)] } })
  await until('it is read', () => told.health().length === 1)
  await until('all is well', () => collector.trouble() === undefined)
  t.is(told.health().length, 1)
})
