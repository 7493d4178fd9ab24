import { isAlive, type Health } from './health.ts'
import {
  isActive,
  iso,
  type Condition,
  type Instance,
  type InstanceTask,
  type TaskFailure,
} from './model.ts'
import { compact } from './normalise-app.ts'
import type { State } from './state.ts'

const states: Record<Condition, string> = {
  Scheduled: 'TASK_STAGING',
  Provisioned: 'TASK_STAGING',
  Staging: 'TASK_STAGING',
  Starting: 'TASK_STARTING',
  Running: 'TASK_RUNNING',
  Killing: 'TASK_KILLING',
  Killed: 'TASK_KILLED',
  Finished: 'TASK_FINISHED',
  Failed: 'TASK_FAILED',
  Error: 'TASK_ERROR',
  Gone: 'TASK_GONE',
  Dropped: 'TASK_DROPPED',
  Unknown: 'TASK_UNKNOWN',
  Unreachable: 'TASK_UNREACHABLE',
  UnreachableInactive: 'TASK_UNREACHABLE',
}

/**
 * A task as `/v2/tasks` and apps tell it. One that has ended and is to be launched again is told too, without ports and
 * times. `servicePorts` are in `/v2/tasks` alone.
 */
export function answerTask(
  state: State,
  instance: Instance,
  task: InstanceTask,
  servicePorts: readonly number[] = [],
): Record<string, unknown> {
  const { spec, agent, volumes } = instance
  const active = isActive(task)
  return compact({
    appId: spec.id,
    healthCheckResults: state.checker
      .resultsOf(instance)
      .map((health) => answerHealth(instance, health)),
    host: agent?.hostname ?? '',
    id: task.id,
    ipAddresses: [],
    ports: active ? task.ports : [],
    servicePorts,
    slaveId: agent?.id,
    state: states[task.condition],
    stagedAt: active ? iso(task.stagedAt) : undefined,
    startedAt: active && task.startedAt !== undefined ? iso(task.startedAt) : undefined,
    version: active ? spec.version : undefined,
    localVolumes: volumes.map((volume) => ({ runSpecId: spec.id, ...volume })),
    role: spec.role,
  })
}

function answerHealth({ id }: Instance, health: Health): Record<string, unknown> {
  const { firstSuccess, lastSuccess, lastFailure, lastFailureCause, consecutiveFailures } = health
  const time = (ms: number | undefined) => (ms === undefined ? undefined : iso(ms))
  return compact({
    alive: isAlive(health),
    consecutiveFailures,
    firstSuccess: time(firstSuccess),
    lastSuccess: time(lastSuccess),
    lastFailure: time(lastFailure),
    lastFailureCause,
    instanceId: id,
  })
}

export function answerFailure({ at, ...failure }: TaskFailure): Record<string, unknown> {
  return compact({ ...failure, timestamp: iso(at) })
}

export function mesosStateOf({ condition }: InstanceTask): string {
  return states[condition]
}
