import { isAlive } from './health.ts'
import { isScheduled, type Instance, type RunSpec } from './model.ts'
import type { State } from './state.ts'

export interface TaskCounts {
  staged: number
  running: number
  healthy: number
  unhealthy: number
}

interface Counted extends Record<keyof TaskCounts, boolean> {
  version: string
  lifeMs: number | undefined
}

/** Without health checks a task is neither healthy nor unhealthy; what waits for an offer is not counted at all. */
export function countTasks(state: State, instances: readonly Instance[]): TaskCounts {
  return summed(countable(state, instances))
}

function countable(state: State, instances: readonly Instance[]): Counted[] {
  const launched = instances.filter((one) => !isScheduled(one) && one.tasks.length > 0)
  return launched.map((instance) => {
    const [task] = instance.tasks
    const results = state.checker.resultsOf(instance)
    return {
      staged: task?.mesosState === undefined || task.mesosState === 'TASK_STAGING',
      running: task?.mesosState === 'TASK_RUNNING',
      healthy: results.length > 0 && results.every(isAlive),
      unhealthy: results.some((health) => !isAlive(health)),
      version: instance.spec.version,
      lifeMs: task?.startedAt === undefined ? undefined : state.clock.now() - task.startedAt,
    }
  })
}

function summed(tasks: readonly Counted[]): TaskCounts {
  const count = (field: keyof TaskCounts) => tasks.filter((task) => task[field]).length
  return {
    staged: count('staged'),
    running: count('running'),
    healthy: count('healthy'),
    unhealthy: count('unhealthy'),
  }
}

/** The key is `tasksStats` in 1.10's RAML and code, `taskStats` in its parameter and before. */
export function answerTaskStats(
  state: State,
  { versionInfo }: RunSpec,
  instances: readonly Instance[],
): Record<string, unknown> {
  const all = countable(state, instances)
  const { lastScalingAt, lastConfigChangeAt } = versionInfo
  return Object.fromEntries(
    Object.entries({
      startedAfterLastScaling: all.filter(({ version }) => version >= lastScalingAt),
      withLatestConfig: all.filter(({ version }) => version >= lastConfigChangeAt),
      withOutdatedConfig: all.filter(({ version }) => version < lastConfigChangeAt),
      totalSummary: all,
    })
      .filter(([, tasks]) => tasks.length > 0)
      .map(([name, tasks]) => [name, { stats: statsOf(tasks) }]),
  )
}

function statsOf(tasks: readonly Counted[]): Record<string, unknown> {
  const lives = tasks
    .flatMap(({ lifeMs }) => (lifeMs === undefined ? [] : lifeMs / 1000))
    .toSorted((a, b) => a - b)
  if (lives.length === 0) return { counts: summed(tasks) }
  const lifeTime = {
    averageSeconds: lives.reduce((sum, life) => sum + life, 0) / lives.length,
    medianSeconds: median(lives),
  }
  return { counts: summed(tasks), lifeTime }
}

function median(sorted: readonly number[]): number {
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}
