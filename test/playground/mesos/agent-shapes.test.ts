import type { ExecutionContext } from 'ava'
import { manualClock } from '../../../pipeline/clock.ts'
import { openMesosAgent } from '../../../playground/mesos/agent-api.ts'
import { words } from '../../../playground/words.ts'
import { rawHttp } from '../../helpers/raw-http.ts'
import type { Exceptions } from '../../helpers/shape.ts'
import { fill, makeCluster, startedAt, type MadeCluster } from './made-cluster.ts'
import { sameShape, withFixtures } from './shapes.ts'

/** The answers of both agents: one has a pod and Docker, the other command tasks and ended ones. */
async function askBoth(t: ExecutionContext, target: string, body?: unknown): Promise<string[]> {
  const cluster = makeCluster(t)
  const faces = await Promise.all(cluster.agents().map((agent) => openAgent(t, cluster, agent.id)))
  fill(cluster)
  const answers = faces.map((url) =>
    rawHttp(
      url,
      target,
      body === undefined
        ? {}
        : {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify(body),
          },
    ),
  )
  return Promise.all(
    answers.map(async (answer) => {
      const { status, text } = await answer
      t.is(status, 200)
      return text
    }),
  )
}

async function openAgent(t: ExecutionContext, cluster: MadeCluster, id: string): Promise<string> {
  const agent = cluster.agents().find((one) => one.id === id)
  if (!agent) throw new Error(id)
  const face = await openMesosAgent({ cluster, agent, clock: manualClock(startedAt + 60_000) })
  t.teardown(() => face.close())
  return face.url
}

const both = (name: string) => [`steady/agent1_${name}.json`, `steady/agent2_${name}.json`]

const ofDocker: Exceptions = {
  '.container adds': 'the captured agents had no Docker containerizer',
}
const ofMarathon: Exceptions = {
  '.discovery.environment lacks': 'Marathon does not set it',
  '.discovery.location lacks': 'Marathon does not set it',
  '.discovery.version lacks': 'Marathon does not set it',
}
const ofStaging: Exceptions = {
  ...ofMarathon,
  '.statuses lacks': 'a task that is being staged has none',
  '.status_update_state lacks': 'a task that is being staged has none',
  '.status_update_uuid lacks': 'a task that is being staged has none',
}
/** Fields that only Mesos' own containerizer measures; see API.md. */
const ofDockerStatistics = (at: string): Exceptions =>
  Object.fromEntries(
    words(`
      disk_limit_bytes disk_statistics disk_used_bytes mem_anon_bytes mem_cache_bytes
      mem_critical_pressure_counter mem_file_bytes mem_low_pressure_counter
      mem_mapped_file_bytes mem_medium_pressure_counter mem_soft_limit_bytes mem_swap_bytes
      mem_total_bytes mem_unevictable_bytes
    `).map((name) => [`${at}.${name} lacks`, 'not measured of Docker']),
  )

const endpoints: [string, string[], Exceptions][] = [
  ['/state', both('state'), { ...ofDocker, ...ofMarathon }],
  ['/slave(1)/state', both('slave_1_state'), { ...ofDocker, ...ofMarathon }],
  ['/flags', both('flags'), {}],
  ['/version', both('version'), {}],
  ['/system/stats.json', both('system_stats_json'), {}],
  ['/metrics/snapshot', [...both('metrics_snapshot'), 'cgroups/metrics_snapshot.json'], {}],
  [
    '/containers',
    ['cgroups/containers.json'],
    {
      ...ofDockerStatistics('[].statistics'),
      '[].status.executor_pid lacks': 'Docker does not tell it',
      '[].statistics lacks': 'what is being staged cannot be measured',
    },
  ],
  ['/monitor/statistics', ['cgroups/monitor_statistics.json'], ofDockerStatistics('.statistics')],
  ['/slave(1)/monitor/statistics', ['cgroups/monitor_statistics.json'], ofDockerStatistics('')],
]

for (const [path, fixtures, exceptions] of endpoints) {
  withFixtures(`an agent's ${path} has the shape of a real one's`, async (t) => {
    sameShape(t, fixtures, await askBoth(t, path), exceptions)
  })
}

const calls: [string, Exceptions][] = [
  ['GET_STATE', { ...ofDocker, ...ofStaging }],
  ['GET_TASKS', { ...ofDocker, ...ofStaging }],
  ['GET_EXECUTORS', { ...ofDocker, ...ofMarathon }],
  ['GET_FRAMEWORKS', {}],
  ['GET_AGENT', {}],
  ['GET_FLAGS', {}],
  ['GET_HEALTH', {}],
  ['GET_METRICS', {}],
  ['GET_OPERATIONS', {}],
  ['GET_RESOURCE_PROVIDERS', {}],
  ['GET_VERSION', {}],
]

for (const [type, exceptions] of calls) {
  withFixtures(`an agent answers ${type} in the shape of a real one`, async (t) => {
    const ours = await askBoth(t, '/api/v1', { type, get_metrics: {} })
    sameShape(t, both(`op_${type}`), ours, exceptions)
  })
}

withFixtures('an agent answers GET_CONTAINERS in the shape of a real one', async (t) => {
  const plain = await askBoth(t, '/api/v1', { type: 'GET_CONTAINERS' })
  sameShape(t, ['cgroups/op_GET_CONTAINERS.json'], plain, {
    ...ofDockerStatistics('.resource_statistics'),
    '.container_status.executor_pid lacks': 'Docker does not tell it',
    '[].resource_statistics lacks': 'what is being staged cannot be measured',
  })
  const nested = await askBoth(t, '/api/v1', {
    type: 'GET_CONTAINERS',
    get_containers: { show_nested: true },
  })
  const real = [...both('op_GET_CONTAINERS_nested'), 'cgroups/op_GET_CONTAINERS.json']
  sameShape(t, real, nested, {
    '.container_status.executor_pid lacks': 'Docker does not tell it',
    '[].resource_statistics lacks': 'what is being staged cannot be measured',
    '.mem_soft_limit_bytes lacks': 'not measured of Docker',
  })
})

withFixtures('an agent lists and reads files in the shape of a real one', async (t) => {
  const cluster = makeCluster(t)
  const [agent] = cluster.agents()
  const url = await openAgent(t, cluster, agent?.id ?? '')
  fill(cluster)
  const [task] = cluster.tasks()
  const path = encodeURIComponent(task?.sandbox ?? '')
  const browse = await rawHttp(url, `/files/browse?path=${path}`)
  sameShape(t, [...both('files_browse_1'), ...both('files_browse_virtual')], [browse.text])
  const read = await rawHttp(url, `/files/read?path=${path}%2Fstdout&offset=0&length=10`)
  sameShape(t, [...both('files_read_2'), ...both('files_read_size_2')], [read.text])
  const call = { type: 'READ_FILE', read_file: { path: `${task?.sandbox}/stdout`, offset: 0 } }
  const v1 = await rawHttp(url, '/api/v1', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(call),
  })
  sameShape(t, both('op_READ_FILE_2'), [v1.text])
})
