import test, { type ExecutionContext } from 'ava'
import { openMesosAgentCollector, type MesosAgentOptions } from '../../collectors/mesos-agent.ts'
import { wallClock } from '../../pipeline/clock.ts'
import type { SampleDoc } from '../../pipeline/event.ts'
import { openHttp } from '../../pipeline/http.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { json, openHttpServer, unusedUrl, type Handler } from '../helpers/http-server.ts'
import { until } from '../helpers/pipeline.ts'
import { openCollectedSink, type CollectedSink } from './collected-sink.ts'
import { mesosFixture } from './mesos-fixture.ts'

/** Answers by path, without the query; what is not in it is not found. */
type Answers = Record<string, unknown>

/** An agent whose answers can be changed. */
async function openAgent(t: ExecutionContext, answers: Answers) {
  const current = { ...answers }
  const handler: Handler = ({ url }, response) => {
    const answer = current[url.split('?')[0] as string]
    if (answer === undefined) return response.writeHead(404).end()
    if (typeof answer === 'function') return (answer as Handler)({} as never, response)
    return json(response, answer)
  }
  const server = await openHttpServer(t, handler)
  const count = (path: string) => server.asked.filter(({ url }) => url.startsWith(path)).length
  return { ...server, answers: current, count }
}

interface Opened extends Partial<MesosAgentOptions> {
  sink?: CollectedSink
}

async function open(t: ExecutionContext, url: string, more: Opened = {}) {
  const sink = more.sink ?? openCollectedSink()
  const metrics = openMetrics()
  const collector = await openMesosAgentCollector({
    name: 'mesos-agent',
    place: '10.0.0.5:5051',
    client: openHttp({ urls: [url], name: 'the Mesos agent', timeoutMs: 1000 }),
    intervalMs: 50,
    cluster: 'test',
    tellTasks: true,
    measured: new Set<string>(),
    clock: wallClock,
    log: silentLog,
    metrics,
    ...more,
    sink,
  })
  t.teardown(() => collector.close())
  return { collector, sink, metrics }
}

const refusal =
  (status: number, text = ''): Handler =>
  (_, response) =>
    response.writeHead(status).end(text)

interface Listed {
  container_id: string
  executor_id: string
  statistics: Record<string, number>
}

/** The containers of the fixture, with `seconds` of CPU and time gone by. */
function containers(seconds: number, name = 'steady/agent1_containers.json'): Listed[] {
  const all = mesosFixture(name) as Listed[]
  for (const { statistics } of all) {
    statistics['timestamp'] = (statistics['timestamp'] ?? 0) + seconds
    statistics['cpus_user_time_secs'] = (statistics['cpus_user_time_secs'] ?? 0) + seconds / 4
  }
  return all
}

const usual = (): Answers => ({
  '/containers': containers(0),
  '/state': mesosFixture('steady/agent1_state.json'),
  '/metrics/snapshot': mesosFixture('steady/agent1_metrics_snapshot.json'),
})

const of = (sink: CollectedSink, task: string) =>
  sink.samples.filter((sample) => sample['mesos.task.id'] === task)
const valueOf = (sample: SampleDoc | undefined, name: string) => sample?.metrics[name]

test('containers with their identity, their rates from the second reading on', async (t) => {
  const agent = await openAgent(t, usual())
  const { sink, collector } = await open(t, agent.url)
  await until('a first sample', () => of(sink, 'burner.1').length > 0)
  agent.answers['/containers'] = containers(10)
  await until('a second sample', () => of(sink, 'burner.1').length > 1)
  const [first, second] = of(sink, 'burner.1')
  t.like(first, {
    '@timestamp': '2026-11-22T19:59:18.418000000Z',
    'orchestrator.cluster.name': 'test',
    'service.name': '/shop/burner',
    'container.id': '1b7c1dbc-9e67-4a0c-ae7b-a81e4c9788d9',
    'host.name': 'localhost',
    'mesos.framework.id': '8ad4b0a7-0143-493f-8160-dbdea31d2cb6-0000',
    metrics: {
      'container.cpu.limit': 0.3,
      'container.memory.usage': 453214208,
      'container.memory.limit': 100663296,
      'container.disk.usage': 8192,
    },
  })
  t.is(valueOf(first, 'container.cpu.usage'), undefined)
  const usage = valueOf(second, 'container.cpu.usage') ?? 0
  t.true(Math.abs(usage - 0.25) < 1e-6, `${usage}`)
  t.is(of(sink, 'burner.1').length, 2, 'a reading whose time stands still is told once')
  t.is(collector.trouble(), undefined)
  t.true(collector.through() > 0)
})

test('its tasks are told once, with their labels', async (t) => {
  const agent = await openAgent(t, usual())
  const { sink } = await open(t, agent.url)
  await until('tasks', () => sink.tasks.length > 0)
  await until('some more polls', () => agent.count('/containers') > 4)
  const web = sink.tasks.filter(({ task }) => task === 'web.instance-0001.1')
  t.is(web.length, 1)
  t.like(web[0], {
    service: '/shop/web',
    container: 'c72173c0-96bf-4c95-a891-ea4299c10a7c',
    agent: 'localhost',
    version: '1.4.2',
    labels: { app: 'web', team: 'shop' },
  })
  t.is(agent.count('/state'), 1)
})

test('its own metrics, under the names of Mesos', async (t) => {
  const agent = await openAgent(t, usual())
  const { sink } = await open(t, agent.url)
  await until('samples', () => sink.samples.length > 0)
  const own = sink.samples.find((sample) => 'mesos.slave.cpus_percent' in sample.metrics)
  t.like(own, { 'host.name': 'localhost', metrics: { 'mesos.slave.cpus_percent': 0.225 } })
  t.is(own?.['mesos.task.id'], undefined)
})

test('where one executor runs several tasks, the sample is that of the executor', async (t) => {
  const all = (
    mesosFixture('steady/agent2_op_GET_CONTAINERS_nested.json') as {
      get_containers: { containers: Listed[] }
    }
  ).get_containers
  const agent = await openAgent(t, {
    '/containers': all.containers,
    '/state': mesosFixture('steady/agent2_state.json'),
    '/metrics/snapshot': {},
  })
  const { sink } = await open(t, agent.url)
  await until('samples', () => sink.samples.length > 0)
  t.deepEqual(
    sink.samples.map((sample) => [
      sample['service.name'],
      sample['mesos.task.id'],
      sample['container.id'],
    ]),
    [
      [
        '/mesos-execute instance/default-executor',
        undefined,
        'd6269bf5-6286-409b-b0fc-4574df9dc9cb',
      ],
      ['/shop/web', 'web.instance-0002.1', 'f51c94fd-5b82-40a7-aefe-843092c08686'],
    ],
  )
})

test('a pod of Marathon is known by its executor, before the agent tells more', async (t) => {
  const u = '25212c0c-e6a2-11f1-bdef-02fc00000001'
  const agent = await openAgent(t, {
    '/containers': [
      {
        container_id: 'c1',
        executor_id: `instance-shop_pod.${u}`,
        framework_id: 'f',
        statistics: { mem_rss_bytes: 5 },
      },
      {
        container_id: 'c2',
        executor_id: `shop_web.instance-${u}._app.1`,
        framework_id: 'f',
        statistics: { mem_rss_bytes: 6 },
      },
      { container_id: 'c3', executor_id: 'x', framework_id: 'f', status: {} },
    ],
    '/state': refusal(503, 'Agent has not finished recovery'),
    '/metrics/snapshot': {},
  })
  const { sink, collector } = await open(t, agent.url)
  await until('samples', () => sink.samples.length > 1)
  t.deepEqual(
    sink.samples.slice(0, 2).map((sample) => [sample['service.name'], sample['mesos.task.id']]),
    [
      ['/shop/pod', undefined],
      ['/shop/web', `shop_web.instance-${u}._app.1`],
    ],
  )
  t.is(collector.trouble(), undefined, 'it recovers: no trouble for a minute')
})

test('an agent that recovers for more than a minute is in trouble', async (t) => {
  const agent = await openAgent(t, { ...usual(), '/containers': refusal(503, 'recovering') })
  let ahead = 0
  const clock = { now: () => wallClock.now() + ahead }
  const { collector, sink } = await open(t, agent.url, { clock })
  await until('it was asked', () => sink.samples.length > 1)
  t.is(collector.trouble(), undefined)
  ahead = 61_000
  await until('trouble', () => collector.trouble() !== undefined)
  t.regex(collector.trouble() ?? '', /10\.0\.0\.5:5051.*503.*recovering/)
  agent.answers['/containers'] = containers(0)
  await until('no trouble', () => collector.trouble() === undefined)
})

test('an agent before 1.0: statistics without container ids, found at their old path', async (t) => {
  const agent = await openAgent(t, {
    '/monitor/statistics.json': mesosFixture('steady/agent1_monitor_statistics.json'),
    '/state.json': mesosFixture('steady/agent1_state.json'),
    '/metrics/snapshot': {},
  })
  const { sink, collector } = await open(t, agent.url)
  await until('samples', () => of(sink, 'web.instance-0001.1').length > 0)
  t.like(of(sink, 'web.instance-0001.1')[0], {
    'service.name': '/shop/web',
    'container.id': 'c72173c0-96bf-4c95-a891-ea4299c10a7c',
  })
  await until('some more polls', () => agent.count('/monitor/statistics.json') > 3)
  t.is(agent.count('/containers'), 1, 'what is not there is not asked again at once')
  t.is(collector.trouble(), undefined)
})

test('what Docker measures in this process is left out', async (t) => {
  const agent = await openAgent(t, usual())
  const measured = new Set(['1b7c1dbc-9e67-4a0c-ae7b-a81e4c9788d9'])
  const { sink } = await open(t, agent.url, { measured })
  await until('samples', () => of(sink, 'web.instance-0001.1').length > 0)
  t.is(of(sink, 'burner.1').length, 0)
})

test('before 1.0 the state tells which containers Docker measures', async (t) => {
  const agent = await openAgent(t, {
    '/monitor/statistics': mesosFixture('steady/agent1_monitor_statistics.json'),
    '/state': mesosFixture('steady/agent1_state.json'),
    '/metrics/snapshot': {},
  })
  const measured = new Set(['1b7c1dbc-9e67-4a0c-ae7b-a81e4c9788d9'])
  const { sink } = await open(t, agent.url, { measured })
  await until('samples', () => of(sink, 'web.instance-0001.1').length > 0)
  t.is(of(sink, 'burner.1').length, 0)
})

test('a container that is new makes it ask for the state at once, one that stays unknown does not', async (t) => {
  const answers = usual()
  const agent = await openAgent(t, { ...answers, '/state': { id: 'a', frameworks: [] } })
  let ahead = 0
  const clock = { now: () => wallClock.now() + ahead }
  const { sink } = await open(t, agent.url, { clock })
  await until('polls', () => agent.count('/containers') > 3)
  t.is(agent.count('/state'), 1)
  t.is(sink.samples.find((sample) => sample['container.id'])?.['service.name'], undefined)
  agent.answers['/state'] = answers['/state']
  const fresh = { ...containers(5)[0], container_id: 'new', executor_id: 'new.1' }
  ahead = 1_001
  agent.answers['/containers'] = [...containers(5), fresh]
  await until('the state', () => agent.count('/state') > 1)
  await until('identified', () => of(sink, 'burner.1').some((one) => one['service.name']))
})

test('a container that began anew, and one in its place, have no rate at first', async (t) => {
  const agent = await openAgent(t, usual())
  const { sink } = await open(t, agent.url)
  await until('a first sample', () => of(sink, 'burner.1').length > 0)
  const [burner, web] = containers(10) as [Listed, Listed]
  burner.statistics['cpus_user_time_secs'] = 0.01
  web.container_id = '00000000-9e67-4a0c-ae7b-a81e4c9788d9'
  agent.answers['/containers'] = [burner, web]
  await until('second samples', () => of(sink, 'web.instance-0001.1').length > 1)
  for (const task of ['burner.1', 'web.instance-0001.1']) {
    t.is(valueOf(of(sink, task)[1], 'container.cpu.usage'), undefined, task)
  }
})

test('an agent that is away, answers HTML, hangs or refuses is told, and found again', async (t) => {
  const agent = await openAgent(t, usual())
  const { sink, collector, metrics } = await open(t, agent.url)
  await until('samples', () => sink.samples.length > 0)
  const cases: [Handler, RegExp][] = [
    [(_, response) => response.end('<html><body>Please log in'), /HTML, not JSON: Please log in/],
    [(_, response) => response.end('{"a":'), /breaks off/],
    [() => {}, /no whole answer within 1 s/],
    [refusal(403, 'may not'), /403: may not/],
    [(_, response) => response.destroy(), /does not answer/],
  ]
  for (const [handler, expected] of cases) {
    agent.answers['/containers'] = handler
    await until(String(expected), () => expected.test(collector.trouble() ?? ''))
    agent.answers['/containers'] = containers(sink.appends)
    await until('it is well', () => collector.trouble() === undefined)
  }
  t.is((await metrics.misunderstood_total.get()).values.length, 0)
  agent.close()
  await until('it is away', () => /ECONNREFUSED/.test(collector.trouble() ?? ''))
})

test('an agent that was never there', async (t) => {
  const { collector } = await open(t, await unusedUrl())
  await until('trouble', () => collector.trouble() !== undefined)
  t.true(collector.through() > 0, 'it holds nobody back')
})

test('what is not understood is counted and named once, the rest is measured', async (t) => {
  const agent = await openAgent(t, {
    ...usual(),
    '/containers': [
      ...containers(0),
      'x',
      { statistics: {} },
      { container_id: 'c', statistics: { cpus_limit: 'all', mem_rss_bytes: -1 } },
    ],
  })
  const { sink, metrics } = await open(t, agent.url)
  await until('polls', () => agent.count('/containers') > 2)
  t.true(of(sink, 'burner.1').length > 0)
  const told = sink.changes.map((change) => `${change['event.action']} ${change.message}`)
  t.is(told.length, 4)
  t.regex(
    told[0] ?? '',
    /^misunderstood mesos-agent: containers at \$\[2\]: expected an object, got text/,
  )
  t.true(
    told.some((one) => one.includes('$[4].statistics.cpus_limit: expected a number, got text')),
  )
  const { values } = await metrics.misunderstood_total.get()
  t.true((values[0]?.value ?? 0) >= 8)
  t.deepEqual(values[0]?.labels, { collector: 'mesos-agent', what: 'containers' })
})

test('sequences go on after a restart', async (t) => {
  const agent = await openAgent(t, usual())
  const first = openCollectedSink()
  const { collector } = await open(t, agent.url, { sink: first })
  await until('samples', () => first.samples.length > 3)
  await collector.close()
  const second = openCollectedSink(first.stored)
  await open(t, agent.url, { sink: second })
  await until('samples', () => second.samples.length > 0)
  const all = [...first.samples, ...second.samples].map((sample) => sample['event.sequence'])
  t.deepEqual(all, all.keys().toArray())
  t.is(
    new Set([...first.samples, ...second.samples].map((one) => one['event.id'])).size,
    all.length,
  )
})
