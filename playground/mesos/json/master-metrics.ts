import { usedBy } from '../executors.ts'
import type { Counters } from '../counters.ts'
import type { Framework, MesosCluster, Task } from '../model.ts'
import {
  calls,
  events,
  frameworkOperations,
  gaugeStates,
  neverCounted,
  operationKinds,
  operationStates,
} from './master-metric-names.ts'
import { agentAmount, quantities, sum } from './resources.ts'
import { resourceMetrics, systemMetrics, timer, zeros, type Metrics } from './system-metrics.ts'

export interface MasterView {
  cluster: MesosCluster
  leads: boolean
  counters: Counters
  subscribers: number
  /** ms since the epoch. */
  now: number
  startedAt: number
}

/** All that a master measures; a follower has no agents, frameworks and registry. */
export function masterMetrics(view: MasterView): Metrics {
  const { leads, startedAt, now, subscribers } = view
  return {
    ...systemMetrics(),
    ...zeros('master/', neverCounted),
    ...zeros('master/operations/', [
      ...operationStates,
      ...operationKinds.flatMap((kind) => operationStates.map((state) => `${kind}/${state}`)),
    ]),
    ...timer('allocator/mesos/allocation_run_ms', 0.2, 1),
    ...timer('allocator/mesos/allocation_run_latency_ms', 0.04, 1),
    'allocator/mesos/allocation_runs': Math.floor((now - startedAt) / 1000),
    ...zeros('allocator/', ['event_queue_dispatches', 'mesos/event_queue_dispatches']),
    'master/uptime_secs': (now - startedAt) / 1000,
    'master/elected': leads ? 1 : 0,
    'master/operator_event_stream_subscribers': subscribers,
    'registrar/queued_operations': 0,
    'registrar/log/ensemble_size': 2,
    'registrar/log/recovered': 1,
    ...clusterMetrics(view),
    ...(leads ? leaderMetrics(view) : {}),
  }
}

function clusterMetrics({ cluster, leads, counters }: MasterView): Metrics {
  const agents = leads ? cluster.agents() : []
  const active = agents.filter((agent) => agent.active)
  const frameworks = leads ? cluster.frameworks() : []
  const connected = frameworks.filter((framework) => framework.active).length
  const tasks = leads ? cluster.tasks() : []
  const total = sum(active.map(agentAmount))
  const used = usedBy(tasks)
  const metrics: Metrics = {
    ...resourceMetrics('master/', total, used),
    'master/frameworks_active': connected,
    'master/frameworks_connected': connected,
    'master/frameworks_disconnected': frameworks.length - connected,
    'master/frameworks_inactive': frameworks.length - connected,
    'master/slaves_active': active.length,
    'master/slaves_connected': active.length,
    'master/slaves_disconnected': 0,
    'master/slaves_inactive': 0,
    'master/slaves_unreachable': agents.length - active.length,
    'master/slave_registrations': agents.length,
    'master/messages_register_slave': agents.length,
    'master/messages_register_framework': frameworks.length,
    'master/messages_launch_tasks': counters.launches,
    'master/messages_status_update': counters.statusUpdates,
    'master/messages_status_update_acknowledgement': counters.statusUpdates,
    'master/valid_status_updates': counters.statusUpdates,
    'master/valid_status_update_acknowledgements': counters.statusUpdates,
    ...taskMetrics('master/tasks_', tasks, counters),
  }
  for (const name of ['cpus', 'disk', 'mem'] as const) {
    metrics[`allocator/mesos/resources/${name}/total`] = total[name]
    metrics[`allocator/mesos/resources/${name}/offered_or_allocated`] = used[name]
  }
  return metrics
}

/** Running ones are a gauge, ended ones are counters. */
function taskMetrics(prefix: string, tasks: readonly Task[], { ended }: Counters): Metrics {
  const now = (state: string) => tasks.filter((task) => task.state === state).length
  const counted = ['finished', 'failed', 'killed', 'lost', 'error', 'gone']
  return {
    ...zeros(prefix, ['dropped', 'gone_by_operator']),
    ...Object.fromEntries(gaugeStates.map((of) => [prefix + of, now(`TASK_${of.toUpperCase()}`)])),
    ...Object.fromEntries(
      counted.map((of) => [prefix + of, ended.get(`TASK_${of.toUpperCase()}`) ?? 0]),
    ),
  }
}

function leaderMetrics(view: MasterView): Metrics {
  const { cluster, counters } = view
  const metrics: Metrics = {
    'registrar/registry_size_bytes': 200 + 180 * cluster.agents().length,
    'registrar/state_fetch_ms': 4.009216,
    ...timer('registrar/state_store_ms', 1.017088, 1 + cluster.agents().length),
  }
  for (const [name, count] of counters.reasons) metrics[`master/${name}`] = count
  for (const { principal } of cluster.frameworks()) {
    if (principal === '') continue
    const messages = ['messages_processed', 'messages_received']
    Object.assign(metrics, zeros(`frameworks/${principal}/`, messages))
  }
  const roles = [...new Set(cluster.frameworks().map(({ role }) => role))]
  for (const role of roles) Object.assign(metrics, roleMetrics(role, cluster))
  for (const framework of cluster.frameworks()) {
    Object.assign(metrics, frameworkMetrics(framework, view))
  }
  Object.assign(metrics, quota('', cluster.tasks()))
  return metrics
}

function roleMetrics(role: string, cluster: MesosCluster): Metrics {
  const tasks = cluster.tasks().filter(({ spec }) => spec.framework.role === role)
  const total = sum(cluster.agents().map(agentAmount))
  const used = usedBy(tasks)
  const shares = (['cpus', 'mem', 'disk'] as const).map((of) =>
    total[of] === 0 ? 0 : used[of] / total[of],
  )
  return {
    [`allocator/mesos/offer_filters/roles/${role}/active`]: 0,
    [`allocator/mesos/roles/${role}/shares/dominant`]: Math.max(...shares),
    ...quota(role, tasks),
  }
}

function quota(role: string, tasks: readonly Task[]): Metrics {
  const { cpus, mem, disk } = usedBy(tasks)
  const used = Object.keys(quantities({ cpus, mem, disk, ports: [] }))
  return Object.fromEntries(
    used.map((name) => [
      `allocator/mesos/quota/roles/${role}/resources/${name}/consumed`,
      { cpus, mem, disk }[name] as number,
    ]),
  )
}

/** Names and ids are percent-encoded in the keys. */
function frameworkMetrics(framework: Framework, { cluster, counters }: MasterView): Metrics {
  const { id, name, role, active } = framework
  const prefix = `master/frameworks/${encodeURIComponent(name)}/${id}/`
  const tasks = cluster.tasks().filter(({ spec }) => spec.framework.id === id)
  const own = new Map(
    [...counters.ended].flatMap(([key, n]) =>
      key.startsWith(`${id} `) ? [[key.slice(id.length + 1), n]] : [],
    ),
  )
  const states = taskMetrics('', tasks, { ...counters, ended: own })
  return {
    ...zeros(prefix, ['calls', 'events', 'operations']),
    ...zeros(`${prefix}calls/`, calls),
    ...zeros(`${prefix}events/`, events),
    ...zeros(`${prefix}offers/`, ['accepted', 'declined', 'rescinded', 'sent']),
    ...zeros(`${prefix}operations/`, frameworkOperations),
    [`${prefix}subscribed`]: active ? 1 : 0,
    [`${prefix}roles/${role}/suppressed`]: 0,
    [`${prefix}tasks/active/task_unknown`]: 0,
    ...Object.fromEntries(
      Object.entries(states).map(([state, n]) => [
        `${prefix}tasks/${gaugeStates.includes(state) ? 'active' : 'terminal'}/task_${state}`,
        n,
      ]),
    ),
  }
}
