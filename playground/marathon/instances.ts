import { randomUUID } from 'node:crypto'
import { explain } from '../../pipeline/errors.ts'
import { events } from './events.ts'
import {
  isActive,
  isTerminal,
  type Condition,
  type Goal,
  type Instance,
  type LocalVolume,
  type RunSpec,
} from './model.ts'
import { safePath } from './path-id.ts'
import { instancesOf, type State } from './state.ts'
import { newInstanceId } from './task-ids.ts'

/** Asks for `count` more instances; stopped ones of a resident app are used again, volume and all. */
export function schedule(state: State, spec: RunSpec, count: number): void {
  const stopped = instancesOf(state, spec.id).filter(
    (instance) => instance.goal === 'Stopped' && isTerminal(instance),
  )
  const reused = stopped.slice(0, count)
  for (const instance of reused) {
    instance.spec = spec
    instance.scheduledAt = state.clock.now()
    setGoal(state, instance, 'Running')
  }
  for (let n = reused.length; n < count; n++) scheduleNew(state, spec)
}

function scheduleNew(state: State, spec: RunSpec): void {
  const now = state.clock.now()
  const instance: Instance = {
    id: newInstanceId(spec.id),
    spec,
    goal: 'Running',
    condition: 'Scheduled',
    since: now,
    healthy: undefined,
    incarnation: 0,
    scheduledAt: now,
    agent: undefined,
    tasks: [],
    volumes: [],
    killedAt: undefined,
  }
  state.instances.set(instance.id, instance)
  state.events.publish(events.instanceChanged(now, instance))
}

/** The volumes an instance gets at its first launch; they stay with it. */
export function newVolumes({ id, volumes }: RunSpec): LocalVolume[] {
  return volumes.map((containerPath) => {
    const uuid = randomUUID()
    return { containerPath, uuid, persistenceId: `${safePath(id)}#${containerPath}#${uuid}` }
  })
}

/** Changing the goal from running kills what runs; what never ran is gone at once. */
export function setGoal(state: State, instance: Instance, goal: Goal): void {
  if (instance.goal === goal) return
  instance.goal = goal
  state.events.publish(events.instanceChanged(state.clock.now(), instance))
  if (goal === 'Running') return
  if (isDone(instance)) expunge(state, instance)
  else if (isActive(instance)) kill(state, instance)
}

/** Out of the way of a scale-down or a restart: resident instances keep their volume. */
export function retire(state: State, instance: Instance): void {
  setGoal(state, instance, instance.volumes.length > 0 ? 'Stopped' : 'Decommissioned')
}

/** Nothing of it is left to wait for. */
export function isDone(instance: Instance): boolean {
  const { goal, condition } = instance
  if (goal === 'Running') return false
  const ended =
    condition === 'Scheduled' || isTerminal(instance) || condition === 'UnreachableInactive'
  // What cannot be reached cannot be killed: it is forgotten, and killed should it ever come back.
  return ended || (condition === 'Unreachable' && goal === 'Decommissioned')
}

/** Removes it unless it is stopped with its volume. */
export function expunge(state: State, instance: Instance): void {
  if (instance.goal === 'Stopped' && instance.volumes.length > 0) return
  state.instances.delete(instance.id)
  state.checker.forget(instance.id)
}

/** Mesos is asked; that they are over is known by its statuses. Told again after a while, messages get lost. */
export function kill(state: State, instance: Instance): void {
  const graceMs = Math.max(0, ...instance.spec.containers.map(({ killGraceMs }) => killGraceMs))
  instance.killedAt = state.clock.now()
  for (const task of instance.tasks) {
    if (!isTerminal(task)) killTask(state, task.id, graceMs)
  }
}

export function killTask(state: State, taskId: string, graceMs?: number): void {
  try {
    state.cluster.kill(taskId, graceMs)
  } catch (error) {
    state.log.warn(`Marathon of the playground cannot kill ${taskId}: ${explain(error)}`)
  }
}

const killAgainAfterMs = 10_000

export function killAgain(state: State): void {
  const before = state.clock.now() - killAgainAfterMs
  for (const instance of state.instances.values()) {
    const { goal, killedAt, condition } = instance
    if (goal === 'Running' || killedAt === undefined || killedAt > before) continue
    if (isActive(instance) && condition !== 'Unreachable') kill(state, instance)
  }
}

export function setCondition(state: State, instance: Instance, condition: Condition): void {
  if (instance.condition === condition) return
  instance.condition = condition
  instance.since = state.clock.now()
  state.events.publish(events.instanceChanged(instance.since, instance))
}

export function setHealth(state: State, instance: Instance, healthy: boolean | undefined): void {
  if (instance.healthy === healthy) return
  instance.healthy = healthy
  state.events.publish(events.instanceHealthChanged(state.clock.now(), instance))
}
