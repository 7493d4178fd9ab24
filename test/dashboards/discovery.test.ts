import test from 'ava'
import type { MarathonState, ServiceState } from '../../pipeline/service-state.ts'
import { getJson, open } from './open.ts'

const web: ServiceState = {
  v: 1,
  service: '/shop/web',
  kind: 'app',
  marathon: 'marathon',
  atMs: 5000,
  instances: 3,
  staged: 1,
  running: 2,
  healthy: 1,
  unhealthy: 0,
  hasChecks: true,
  tasks: [
    {
      id: 'shop_web.1',
      state: 'TASK_RUNNING',
      agent: 'agent-1',
      ports: [31005, 31006],
      version: 'v2',
      healthy: true,
    },
    { id: 'shop_web.2', state: 'TASK_RUNNING', agent: 'fe80::1', ports: [31007, 31008] },
    { id: 'shop_web.3', state: 'TASK_STAGING', agent: 'agent-3', ports: [31009] },
    { id: 'shop_web.4', state: 'TASK_RUNNING', agent: 'evil host/', ports: [31010] },
    { id: 'shop_web.5', state: 'TASK_RUNNING', agent: 'agent-5' },
  ],
  deployments: [{ id: 'd1', sinceMs: 1 }],
  version: 'v2',
  image: 'shop/web:2',
  resident: false,
  owner: 'shop',
  labels: {
    owner: 'shop',
    'mesoscope.metrics': '/internal/metrics',
    'mesoscope.metrics_port': '1',
    'HAPROXY-0.vhost': 'x',
  },
  env: {},
}
const batch: ServiceState = { ...web, service: '/batch', tasks: [], labels: {} }
const marathon: MarathonState = { v: 1, marathon: 'marathon', atMs: 5000, intervalMs: 5000 }
const told = { serviceFacts: () => [web, batch], marathons: () => [marathon] }

test('the catalog tells services with their tasks', async (t) => {
  const { url } = await open(t, told)
  const { body } = await getJson(`${url}/api/catalog`)
  t.deepEqual(
    body.services.map(({ service }: { service: string }) => service),
    ['/batch', '/shop/web'],
  )
  t.deepEqual(body.services[1], {
    service: '/shop/web',
    kind: 'app',
    owner: 'shop',
    version: 'v2',
    image: 'shop/web:2',
    labels: web.labels,
    instances: { wanted: 3, staged: 1, running: 2, healthy: 1, unhealthy: 0, atMs: 5000 },
    deployments: ['d1'],
    tasks: web.tasks,
  })
  const one = await getJson(`${url}/api/catalog?service=batch`)
  t.is(one.body.services.length, 1)
  t.is((await getJson(`${url}/api/catalog?service=nobody`)).status, 404)
})

test('Prometheus gets each port of each running task, and where metrics are', async (t) => {
  const { url } = await open(t, told)
  const { body } = await getJson(`${url}/api/prometheus/targets`)
  const targets = body.map((group: { targets: string[] }) => group.targets)
  t.deepEqual(targets, [
    ['agent-1:31005'],
    ['agent-1:31006'],
    ['[fe80::1]:31007'],
    ['[fe80::1]:31008'],
  ])
  t.deepEqual(body[1].labels, {
    __meta_mesoscope_service: '/shop/web',
    __meta_mesoscope_kind: 'app',
    __meta_mesoscope_owner: 'shop',
    __meta_mesoscope_image: 'shop/web:2',
    __meta_mesoscope_task: 'shop_web.1',
    __meta_mesoscope_agent: 'agent-1',
    __meta_mesoscope_version: 'v2',
    __meta_mesoscope_healthy: 'true',
    __meta_mesoscope_port_index: '1',
    __meta_mesoscope_metrics: 'true',
    __meta_mesoscope_label_owner: 'shop',
    __meta_mesoscope_label_mesoscope_metrics: '/internal/metrics',
    __meta_mesoscope_label_mesoscope_metrics_port: '1',
    __meta_mesoscope_label_HAPROXY_0_vhost: 'x',
    __metrics_path__: '/internal/metrics',
  })
  t.is(body[0].labels.__meta_mesoscope_metrics, 'false')
  t.false('__metrics_path__' in body[0].labels)
  t.deepEqual((await getJson(`${url}/api/prometheus/targets?service=batch`)).body, [])
})

test('before Marathon was read nobody is told that there is nothing', async (t) => {
  const { atMs: _, ...unread } = marathon
  for (const more of [
    {},
    { ...told, marathons: () => [] },
    { ...told, marathons: () => [unread] },
  ]) {
    const { url } = await open(t, more)
    for (const path of ['/api/catalog', '/api/prometheus/targets']) {
      const { status, body } = await getJson(url + path)
      t.is(status, 503)
      t.regex(body.error, /Marathon has not been read yet/)
    }
  }
})
