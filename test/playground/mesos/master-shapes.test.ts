import type { ExecutionContext } from 'ava'
import { openMesosMaster } from '../../../playground/mesos/master.ts'
import { manualClock } from '../../../pipeline/clock.ts'
import { rawHttp } from '../../helpers/raw-http.ts'
import { differences, shapeOf, type Exceptions } from '../../helpers/shape.ts'
import { fill, makeCluster, startedAt } from './made-cluster.ts'
import { fixture, sameShape, withFixtures } from './shapes.ts'

async function openFilled(t: ExecutionContext) {
  const cluster = makeCluster(t)
  const master = await openMesosMaster({
    cluster,
    port: 0,
    isLeader: () => true,
    leaderAddress: () => new URL(master.url).host,
    clock: manualClock(startedAt + 60_000),
  })
  t.teardown(() => master.close())
  fill(cluster)
  return master.url
}

/** What tasks here have or have not, and why; names end the lines of differences. */
const ofTasks: Exceptions = {
  '.container adds': 'the captured cluster had no Docker containerizer',
}

const ofMarathon: Exceptions = {
  ...ofTasks,
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

/** The captured leader was alone and kept its registry in memory. */
const ofHa: Exceptions = {
  '.quorum adds': 'of ha/leader_state.http',
  '.zk adds': 'of ha/leader_state.http',
}
const ofLog: Exceptions = {
  '.registrar/log/ensemble_size adds': 'of ha/follower_metrics.http',
  '.registrar/log/recovered adds': 'of ha/follower_metrics.http',
}

const endpoints: [string, string[], Exceptions][] = [
  ['/state', ['steady/master_state.json', 'ha/leader_state.http'], ofMarathon],
  ['/master/state', ['steady/master_master_state.json'], { ...ofMarathon, ...ofHa }],
  ['/state-summary', ['steady/master_state_summary.json'], {}],
  ['/frameworks', ['steady/master_frameworks.json'], ofMarathon],
  ['/slaves', ['steady/master_slaves.json'], {}],
  ['/roles', ['steady/master_roles.json'], {}],
  ['/tasks', ['steady/master_tasks.json', 'steady/master_tasks_limit_2_order_desc.json'], ofTasks],
  ['/flags', ['steady/master_flags.json'], ofHa],
  ['/version', ['steady/master_version.json', 'ha/follower_version.http'], {}],
  ['/metrics/snapshot', ['steady/master_metrics_snapshot.json'], ofLog],
  ['/quota', ['steady/master_quota.json'], {}],
  ['/maintenance/status', ['steady/master_maintenance_status.json'], {}],
  ['/system/stats.json', ['steady/agent1_system_stats_json.json'], {}],
]

for (const [path, fixtures, exceptions] of endpoints) {
  withFixtures(`a master's ${path} has the shape of a real one's`, async (t) => {
    const answer = await rawHttp(await openFilled(t), path)
    t.is(answer.status, 200)
    sameShape(t, fixtures, [answer.text], exceptions)
  })
}

withFixtures('a Docker task tells its container as one of Mesos 0.27', async (t) => {
  const text = fixture('../mesos-master/mesos-ui-state-0.27.json')
  const containers = (state: string) =>
    (JSON.parse(state) as { frameworks: { tasks: { container?: object }[] }[] }).frameworks
      .flatMap(({ tasks }) => tasks)
      .flatMap(({ container }) => (container ? [JSON.stringify(container)] : []))
  const ours = containers((await rawHttp(await openFilled(t), '/state')).text)
  t.true(ours.length > 0)
  t.deepEqual(differences(shapeOf(containers(text)), shapeOf(ours)), [
    // Labels of the container are parameters of `docker run`; those tasks had none.
    '.docker.parameters adds',
  ])
})

const calls: [string, Exceptions][] = [
  ['GET_STATE', ofStaging],
  ['GET_TASKS', ofStaging],
  ['GET_AGENTS', {}],
  ['GET_FRAMEWORKS', {}],
  ['GET_EXECUTORS', {}],
  ['GET_ROLES', {}],
  ['GET_OPERATIONS', {}],
  ['GET_MASTER', {}],
  ['GET_VERSION', {}],
  ['GET_HEALTH', {}],
  ['GET_LOGGING_LEVEL', {}],
  ['GET_MAINTENANCE_STATUS', {}],
  ['GET_QUOTA', {}],
  ['GET_METRICS', {}],
  ['GET_FLAGS', {}],
]

for (const [type, exceptions] of calls) {
  withFixtures(`a master answers ${type} in the shape of a real one`, async (t) => {
    const answer = await rawHttp(await openFilled(t), '/api/v1', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ type, get_metrics: {} }),
    })
    t.is(answer.status, 200)
    sameShape(t, [`steady/master_op_${type}.json`], [answer.text], exceptions)
  })
}
