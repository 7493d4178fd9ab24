import type { ServiceState, TaskState } from '../pipeline/service-state.ts'

/** A service's tasks as Kubernetes' arithmetic divides its pods. */
export interface TaskGroups {
  /** Healthy, or running where nothing checks. */
  ready: TaskState[]
  /** Staging, starting, or running without a passed check. */
  unready: TaskState[]
  /** Unreachable: they may be there, and nobody can measure them. */
  missing: TaskState[]
  /** Of the unready, those that do not run yet. */
  staged: number
  /** Of the unready, those that would be ready, and started just now. */
  warming: number
}

const staging = new Set(['TASK_STAGING', 'TASK_STARTING', 'TASK_CREATED', 'TASK_PROVISIONED'])
const lost = new Set(['TASK_UNREACHABLE', 'TASK_LOST', 'TASK_UNKNOWN', 'TASK_GONE_BY_OPERATOR'])

/** Tasks that end (killing, failed …) are in none of the groups; those that started after `warmSinceMs` are not ready. */
export function groupTasks(
  { tasks, hasChecks, staged }: ServiceState,
  warmSinceMs = Infinity,
): TaskGroups {
  const groups: TaskGroups = { ready: [], unready: [], missing: [], staged: 0, warming: 0 }
  for (const task of tasks) {
    const { state, healthy } = task
    if (staging.has(state)) {
      groups.unready.push(task)
      groups.staged++
    } else if (lost.has(state)) groups.missing.push(task)
    else if (state === 'TASK_RUNNING') {
      const isReady = hasChecks ? healthy === true : healthy !== false
      const isWarming = isReady && (task.startedMs ?? -Infinity) > warmSinceMs
      groups[isReady && !isWarming ? 'ready' : 'unready'].push(task)
      if (isWarming) groups.warming++
    }
  }
  groups.staged = Math.max(groups.staged, staged)
  return groups
}

/** Ready instances, as far as it is known. */
export function readyCount(state: ServiceState, { ready }: TaskGroups): number {
  if (state.tasks.length > 0) return ready.length
  return state.hasChecks ? state.healthy : state.running
}
