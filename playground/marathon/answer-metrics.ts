import { countTasks } from './answer-counts.ts'
import { parentPath } from './path-id.ts'
import type { State } from './state.ts'

export interface MetricsOptions {
  /** ms since the epoch. */
  startedAt: number
  leadingSince: number
  eventStreams: number
}

/** `/metrics`: the names of 1.10, those that the playground has a number for. */
export function answerMetrics(state: State, options: MetricsOptions): Record<string, unknown> {
  const { counts } = state
  return {
    version: '4.0.0',
    counters: {
      'marathon.deployments.counter': { count: counts.deployments },
      'marathon.deployments.dismissed.counter': { count: counts.deploymentsDismissed },
      'marathon.tasks.launched.counter': { count: counts.tasksLaunched },
      'marathon.mesos.offers.incoming.counter': { count: counts.offersProcessed },
    },
    gauges: gauges(state, options),
    histograms: {},
    meters: {},
    timers: {},
  }
}

function gauges(state: State, { startedAt, leadingSince, eventStreams }: MetricsOptions) {
  const specs = [...state.root.specs.values()]
  const tasks = countTasks(state, [...state.instances.values()])
  const now = state.clock.now()
  const values: Record<string, number> = {
    'marathon.apps.active.gauge': specs.filter(({ kind }) => kind === 'app').length,
    'marathon.pods.active.gauge': specs.filter(({ kind }) => kind === 'pod').length,
    'marathon.groups.active.gauge': new Set(['/', ...specs.map(({ id }) => parentPath(id))]).size,
    'marathon.deployments.active.gauge': state.deployments.size,
    'marathon.instances.running.gauge': tasks.running,
    'marathon.instances.staged.gauge': tasks.staged,
    'marathon.http.event-streams.active.gauge': eventStreams,
    'marathon.leadership.duration.gauge.seconds': (now - leadingSince) / 1000,
    'marathon.uptime.gauge.seconds': (now - startedAt) / 1000,
  }
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]))
}
