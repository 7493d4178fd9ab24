import type { Counters } from '../counters.ts'
import { executorsOf, isLive, isTerminal } from '../executors.ts'
import { containerAmount } from '../executors.ts'
import type { Agent, Task } from '../model.ts'
import { sum } from './resources.ts'
import { resourceMetrics, systemMetrics, zeros, type Metrics } from './system-metrics.ts'

export interface AgentView {
  agent: Agent
  /** Those on it. */
  tasks: readonly Task[]
  counters: Counters
  /** ms since the epoch. */
  now: number
  startedAt: number
}

/** All that an agent measures. What is used includes the executors' shares, unlike at the master. */
export function agentMetrics({ agent, tasks, counters, now, startedAt }: AgentView): Metrics {
  const executors = executorsOf(tasks)
  const running = executors.filter(isLive)
  const ended = (state: string) => counters.ended.get(`TASK_${state.toUpperCase()}`) ?? 0
  const currently = (state: string) =>
    tasks.filter((task) => task.state === `TASK_${state.toUpperCase()}`).length
  const each = (states: string[], count: (state: string) => number) =>
    Object.fromEntries(states.map((state) => [`slave/tasks_${state}`, count(state)]))
  return {
    ...systemMetrics(),
    ...zeros('', alwaysZero),
    'containerizer/fetcher/cache_size_total_bytes': 2 ** 31,
    'resource_provider_manager/subscribed': 0,
    ...resourceMetrics('slave/', agent.total, sum(running.map(containerAmount))),
    'slave/executor_directory_max_allowed_age_secs': 604_800 * 0.9,
    'slave/executors_running': running.length,
    'slave/executors_terminated': executors.length - running.length,
    'slave/frameworks_active': new Set(running.map(({ framework }) => framework.id)).size,
    'slave/recovery_time_secs': 0.015902976,
    'slave/registered': agent.active ? 1 : 0,
    'slave/uptime_secs': (now - startedAt) / 1000,
    'slave/valid_status_updates': counters.statusUpdates,
    'gc/path_removals_pending': tasks.filter(isTerminal).length,
    ...each(['staging', 'starting', 'running', 'killing'], currently),
    ...each(['finished', 'failed', 'killed', 'lost', 'gone'], ended),
  }
}

const alwaysZero = [
  'containerizer/fetcher/cache_size_used_bytes',
  'containerizer/fetcher/task_fetches_failed',
  'containerizer/fetcher/task_fetches_succeeded',
  'containerizer/mesos/container_destroy_errors',
  'containerizer/mesos/provisioner/bind/remove_rootfs_errors',
  'containerizer/mesos/provisioner/remove_container_errors',
  'gc/path_removals_failed',
  'gc/path_removals_succeeded',
  'resource_provider_manager/events/disconnect',
  'resource_provider_manager/events/subscribe',
  'slave/container_launch_errors',
  'slave/executors_preempted',
  'slave/executors_registering',
  'slave/executors_terminating',
  'slave/invalid_framework_messages',
  'slave/invalid_status_updates',
  'slave/recovery_errors',
  'slave/valid_framework_messages',
]
