import { answerApp } from './answer-app.ts'
import { answerTaskStats, countTasks } from './answer-counts.ts'
import { answerFailure, answerTask } from './answer-task.ts'
import type { AppSpec } from './apps.ts'
import type { Instance } from './model.ts'
import { deploymentsOf, instancesOf, type State } from './state.ts'

/** What an answer about an app has beside its definition. */
export interface Embed {
  tasks: boolean
  counts: boolean
  deployments: boolean
  readiness: boolean
  lastTaskFailure: boolean
  taskStats: boolean
}

/** Marathon takes the names with each prefix, or none; what it does not know is ignored. */
export function readEmbed(names: readonly string[]): Embed {
  const asked = new Set(names.map((name) => name.replace(/^(group\.apps\.|apps?\.)/, '')))
  const all = asked.has('failures')
  const tasks = all || asked.has('tasks')
  return {
    tasks,
    counts: asked.has('counts'),
    deployments: tasks || asked.has('deployments'),
    readiness: asked.has('readiness'),
    lastTaskFailure: all || asked.has('lastTaskFailure'),
    taskStats: asked.has('taskStats'),
  }
}

/** An app with what is embedded; `tasksStats` is 1.10's own name. */
export function answerAppInfo(state: State, app: AppSpec, embed: Embed): Record<string, unknown> {
  const instances = instancesOf(state, app.id)
  const failure = state.failures.get(app.id)
  return {
    ...answerApp(app),
    ...(embed.counts ? answerCounts(state, instances) : {}),
    ...(embed.deployments
      ? { deployments: deploymentsOf(state, app.id).map(({ plan }) => ({ id: plan.id })) }
      : {}),
    ...(embed.readiness ? { readinessCheckResults: [] } : {}),
    ...(embed.tasks ? { tasks: answerTasks(state, instances) } : {}),
    ...(embed.lastTaskFailure && failure ? { lastTaskFailure: answerFailure(failure) } : {}),
    ...(embed.taskStats ? { tasksStats: answerTaskStats(state, app, instances) } : {}),
  }
}

function answerCounts(state: State, instances: readonly Instance[]): Record<string, number> {
  const { staged, running, healthy, unhealthy } = countTasks(state, instances)
  return {
    tasksStaged: staged,
    tasksRunning: running,
    tasksHealthy: healthy,
    tasksUnhealthy: unhealthy,
  }
}

/** Of instances that were launched at least once. */
export function answerTasks(
  state: State,
  instances: readonly Instance[],
  servicePorts: readonly number[] = [],
): Record<string, unknown>[] {
  return instances.flatMap((instance) =>
    instance.tasks.map((task) => answerTask(state, instance, task, servicePorts)),
  )
}
