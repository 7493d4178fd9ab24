import test, { type ExecutionContext } from 'ava'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import {
  openPrometheusCollector,
  type PrometheusCollectorOptions,
} from '../../collectors/prometheus.ts'
import { openFoundTargets, targetsOf } from '../../collectors/scrape-targets.ts'
import type { Collected, Sink } from '../../collectors/sink.ts'
import { openCollectors } from '../../collectors/index.ts'
import { readApps } from '../../collectors/marathon-apps.ts'
import { wallClock } from '../../pipeline/clock.ts'
import type { SampleDoc } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { decodeSamples } from '../../pipeline/sample.ts'
import { openHttpServer, unusedUrl } from '../helpers/http-server.ts'
import { openCollectedSink } from './collected-sink.ts'
import { openFakeMarathon } from './fake-marathon.ts'
import { until } from './recording-sink.ts'

async function open(t: ExecutionContext, options: Partial<PrometheusCollectorOptions>) {
  const batches: Collected[] = []
  const sink: Sink = {
    append: async (batch) => void batches.push(batch),
    position: () => undefined,
    positions: () => [],
  }
  const collector = await openPrometheusCollector({
    name: 'prometheus',
    urls: [],
    service: 'host',
    token_scheme: 'bearer',
    interval: 50,
    maxSeries: 100,
    cluster: 'test',
    sink,
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
    ...options,
  })
  t.teardown(() => collector.close())
  const samples = () =>
    batches.flatMap((batch) => (batch.samples ?? []).flatMap((record) => decodeSamples(record)))
  const has = (metric: string, is: (doc: SampleDoc) => boolean = () => true) =>
    samples().find((doc) => doc.metrics[metric] !== undefined && is(doc))
  return { collector, batches, samples, has }
}

/** What prom-client makes of an application's metrics, in both formats. */
for (const format of ['text', 'openmetrics'] as const) {
  test(`an application that serves ${format}`, async (t) => {
    const registry = new Registry()
    if (format === 'openmetrics') {
      registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
    }
    const registers = [registry]
    const requests = new Counter({
      name: 'requests_total',
      help: 'x',
      labelNames: ['code'],
      registers,
    })
    const open_ = new Gauge({ name: 'open_connections', help: 'x', registers })
    const seconds = new Histogram({ name: 'seconds', help: 'x', buckets: [0.1, 1], registers })
    open_.set(7)
    const server = await openHttpServer(t, async ({ url, headers }, response) => {
      t.is(url, '/metrics')
      t.regex(headers.accept ?? '', /openmetrics/)
      requests.inc({ code: '200' }, 3)
      requests.inc({ code: '500' })
      seconds.observe(0.05)
      const body = await registry.metrics()
      response.writeHead(200, { 'content-type': registry.contentType }).end(body)
    })
    const { has, collector } = await open(t, { urls: [server.url], retention: 'long' })
    await until('rates', () => has('prometheus.seconds.p50') !== undefined)
    t.is(collector.trouble(), undefined)
    const whole = has('prometheus.seconds.p50')
    t.like(whole, {
      'service.name': 'host',
      'mesos.task.id': server.host,
      'host.name': '127.0.0.1',
      'mesoscope.retention': 'long',
      'orchestrator.cluster.name': 'test',
    })
    t.is(whole?.['prometheus.labels'], undefined)
    t.is(whole?.metrics['prometheus.open_connections'], 7)
    t.is(whole?.metrics['prometheus.seconds.p50'], 0.05)
    const rateOf = (code: string) =>
      has('series.requests_total.rate', (doc) => {
        const labels = doc['prometheus.labels'] as Record<string, string>
        return labels['code'] === code
      })?.metrics['series.requests_total.rate'] ?? 0
    t.true(Math.abs(rateOf('200') / rateOf('500') - 3) < 1e-9)
    t.is(has('scrape.up')?.metrics['scrape.up'], 1)
  })
}

test('what is away, refuses or is no exposition is told, is down, and is tried again', async (t) => {
  const away = await unusedUrl()
  const server = await openHttpServer(t, (_, response) => response.writeHead(500).end())
  const { has, collector, samples } = await open(t, { urls: [away, `${server.url}/own/path?a=b`] })
  await until(
    'the away one',
    () => has('scrape.up', (doc) => doc['mesos.task.id'] === new URL(away).host) !== undefined,
  )
  t.is(has('scrape.up')?.metrics['scrape.up'], 0)
  await until('both', () => /and 1 more target/.test(collector.trouble() ?? ''))
  t.is(server.asked[0]?.url, '/own/path?a=b')
  server.answer((_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  )
  await until('HTML', () => samples().length > 6)
  t.is(
    has('scrape.up', (doc) => doc.metrics['scrape.up'] === 1),
    undefined,
  )
  server.answer((_, response) => response.end('x 1\nodd line\n'))
  const isServer = (doc: SampleDoc) => doc['mesos.task.id'] === server.host
  await until('it is back', () => has('prometheus.x', isServer) !== undefined)
})

test('a line that is not understood is told once, with its place', async (t) => {
  const server = await openHttpServer(t, (_, response) => response.end('x 1\nodd line\n'))
  const { has, batches } = await open(t, { urls: [server.url] })
  await until('some scrapes', () => batches.length > 5)
  t.truthy(has('prometheus.x'))
  const told = batches.flatMap(({ changes = [] }) => changes)
  t.is(told.length, 1)
  t.regex(told[0]?.message as string, /line 2/)
})

test('a target with too many label sets is told, with what makes it so', async (t) => {
  const many = Array.from({ length: 50 }, (_, n) => `x{n="${n}"} 1`).join('\n')
  const server = await openHttpServer(t, (_, response) => response.end(`y 1\n${many}\n`))
  const { has, collector, samples } = await open(t, { urls: [server.url], maxSeries: 10 })
  await until('its trouble', () => collector.trouble() !== undefined)
  t.regex(collector.trouble() ?? '', /more than 10 label sets: 41 series are left out, most of x/)
  t.truthy(has('prometheus.y'))
  const first = samples().slice(0, 11)
  t.is(first.filter((doc) => doc.metrics['series.x'] !== undefined).length, 9)
})

test('the login goes to the addresses of the settings alone', async (t) => {
  const [own, tasks] = await Promise.all([
    openHttpServer(t, (_, response) => response.end('x 1\n')),
    openHttpServer(t, (_, response) => response.end('x 1\n')),
  ])
  const found = openFoundTargets()
  found.put('marathon', [
    { url: `${tasks.url}/metrics`, identity: { service: '/web', task: 'web.1' } },
  ])
  const { has } = await open(t, {
    urls: [own.url],
    found,
    user: 'u',
    password: { reveal: () => 'hunter2' },
  })
  await until('both', () => own.asked.length > 1 && tasks.asked.length > 1)
  t.truthy(own.asked[0]?.headers.authorization)
  t.is(tasks.asked[0]?.headers.authorization, undefined)
  t.truthy(has('prometheus.x', (doc) => doc['mesos.task.id'] === 'web.1'))
  const before = tasks.asked.length
  found.put('marathon', [])
  await until('later scrapes', () => own.asked.length > before + 5)
  t.true(tasks.asked.length <= before + 1, 'a task that is gone is not asked any more')
})

test('tasks that serve metrics say so by labels of their app', (t) => {
  const task = (n: number, more: object = {}) => ({
    id: `shop_web.${n}`,
    appId: '/shop/web',
    host: `agent-${n}`,
    ports: [31000 + n, 32000 + n],
    state: 'TASK_RUNNING',
    version: '2026-11-22T18:25:51.633Z',
    ...more,
  })
  const apps = (labels: Record<string, string>, tasks: unknown[]) =>
    readApps({ apps: [{ id: '/shop/web', instances: 1, labels, tasks }] }).apps ?? []
  const urls = (labels: Record<string, string>, ...tasks: unknown[]) =>
    targetsOf(apps(labels, tasks), { cluster: 'c' }).map(({ url }) => url)
  const label = { 'mesoscope.metrics': '/actuator/prometheus' }
  t.deepEqual(urls(label, task(1), task(2, { state: 'TASK_STAGING' }), task(3, { ports: [] })), [
    'http://agent-1:31001/actuator/prometheus',
  ])
  t.deepEqual(urls({ 'mesoscope.metrics': 'true', 'mesoscope.metrics_port': '1' }, task(1)), [
    'http://agent-1:32001/metrics',
  ])
  t.deepEqual(urls({}, task(1)), [])
  t.deepEqual(urls({ 'mesoscope.metrics': 'false' }, task(1)), [])
  t.deepEqual(urls({ 'mesoscope.metrics': '@evil.example/' }, task(1)), [])
  t.deepEqual(urls({ 'mesoscope.metrics': '/ HTTP/1.1' }, task(1)), [])
  t.deepEqual(urls(label, task(1, { host: 'evil/..' }), task(1, { ports: [70_000] })), [])
  const [target] = targetsOf(apps({ ...label, owner: 'shop' }, [task(1)]), { cluster: 'c' })
  t.like(target?.identity, {
    cluster: 'c',
    service: '/shop/web',
    task: 'shop_web.1',
    agent: 'agent-1',
    owner: 'shop',
  })
})

test('a task that Marathon tells of is scraped, and its samples have its identity', async (t) => {
  const marathon = await openFakeMarathon(t)
  const task = await openHttpServer(t, (_, response) => response.end('# TYPE x gauge\nx 7\n'))
  const [host, port] = task.host.split(':')
  marathon.apps = [
    {
      id: '/shop/web',
      instances: 1,
      version: '2026-11-20T10:00:00.000Z',
      labels: { 'mesoscope.metrics': '/own/metrics', 'mesoscope.metrics_port': '1', owner: 'shop' },
      tasks: [
        {
          id: 'shop_web.1',
          host,
          ports: [9, Number(port)],
          state: 'TASK_RUNNING',
          version: '2026-11-20T10:00:00.000Z',
        },
      ],
      deployments: [],
    },
  ]
  const sink = openCollectedSink()
  const collectors = await openCollectors(
    {
      docker: [],
      files: [],
      consul: [],
      syslog: [],
      checks: [],
      mesos_master: [],
      mesos_agent: [],
      mesos_sandbox: [],
      marathon: [{ token_scheme: 'bearer', urls: [marathon.url] }],
      prometheus: [
        {
          token_scheme: 'bearer',
          urls: [],
          marathon: true,
          service: 'host',
          interval: 50,
          max_series: 10,
        },
      ],
      metrics_interval: 200,
      max_event_bytes: 1024,
      multiline: false,
      redact: { enabled: false, patterns: [] },
    },
    { cluster: 'test', sink, clock: wallClock, metrics: openMetrics(), log: silentLog },
  )
  t.teardown(() => Promise.all(collectors.map((collector) => collector.close())))
  const found = () => sink.samples.find((doc) => doc.metrics['prometheus.x'] === 7)
  await until('its sample', () => found() !== undefined)
  t.is(task.asked[0]?.url, '/own/metrics')
  t.like(found(), {
    'service.name': '/shop/web',
    'mesos.task.id': 'shop_web.1',
    'service.version': '2026-11-20T10:00:00.000Z',
    'host.name': host,
    'mesoscope.owner': 'shop',
    'orchestrator.cluster.name': 'test',
  })
})
