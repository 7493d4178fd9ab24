import type { Task, TaskStatus } from '../mesos/model.ts'
import { addDelay, advanceDelay } from './back-off.ts'
import { events } from './events.ts'
import { expunge, isDone, killTask, setCondition, setHealth } from './instances.ts'
import { isTerminal, type Condition, type Instance, type InstanceTask } from './model.ts'
import type { State } from './state.ts'
import { instanceIdOf, specIdOf } from './task-ids.ts'

const conditions: Record<TaskStatus['state'], Condition> = {
  TASK_STAGING: 'Staging',
  TASK_STARTING: 'Starting',
  TASK_RUNNING: 'Running',
  TASK_KILLING: 'Killing',
  TASK_FINISHED: 'Finished',
  TASK_FAILED: 'Failed',
  TASK_KILLED: 'Killed',
  TASK_ERROR: 'Error',
  // What is lost without a reason does not come back.
  TASK_LOST: 'Gone',
  TASK_UNREACHABLE: 'Unreachable',
  TASK_GONE: 'Gone',
}

/** The condition of a pod is the first of these that one of its tasks has. */
const worstFirst: Condition[] = [
  'Error',
  'Failed',
  'Gone',
  'Dropped',
  'Unreachable',
  'Killing',
  'Starting',
  'Staging',
  'Unknown',
  'Provisioned',
  'Running',
  'Finished',
  'Killed',
]

/** A status of Mesos about one of our tasks, or about one we know nothing of. */
export function takeStatus(state: State, { spec }: Task, status: TaskStatus): void {
  const instanceId = instanceIdOf(spec.id)
  const instance = instanceId === undefined ? undefined : state.instances.get(instanceId)
  const task = instance?.tasks.find(({ id }) => id === spec.id)
  if (instanceId === undefined) return
  if (instance && task) updateTask(state, instance, task, status)
  else takeUnknown(state, instance ? undefined : instanceId, spec.id, status)
}

/** A task that came back after it was given up is killed. `instanceId`: that one is not known either. */
function takeUnknown(
  state: State,
  instanceId: string | undefined,
  taskId: string,
  status: TaskStatus,
): void {
  const condition = conditions[status.state]
  if (!isTerminal({ condition }) && condition !== 'Unreachable') {
    if (condition !== 'Killing') killTask(state, taskId)
  } else if (instanceId !== undefined) {
    const now = state.clock.now()
    const specId = specIdOf(instanceId)
    state.events.publish(events.unknownTerminated(now, instanceId, specId, condition))
  }
}

function updateTask(
  state: State,
  instance: Instance,
  task: InstanceTask,
  status: TaskStatus,
): void {
  const condition = conditions[status.state]
  if (isTerminal(task)) return
  if (task.condition !== condition) task.since = status.at
  task.condition = condition
  task.mesosState = status.state
  task.message = status.message ?? ''
  task.healthy = status.healthy ?? task.healthy
  if (condition === 'Running') task.startedAt ??= status.at
  state.events.publish(events.statusUpdate(state.clock.now(), instance, task))
  if (isTerminal(task) && condition !== 'Killed' && condition !== 'Finished') {
    rememberFailure(state, instance, task, status)
  }
  settleInstance(state, instance)
}

function settleInstance(state: State, instance: Instance): void {
  const before = instance.condition
  const all = instance.tasks.map(({ condition }) => condition)
  const condition = worstFirst.find((candidate) => all.includes(candidate)) ?? 'Unknown'
  const stillLost = condition === 'Unreachable' && before === 'UnreachableInactive'
  if (!stillLost) setCondition(state, instance, condition)
  if (before !== instance.condition) afterChange(state, instance, before)
  if (instance.spec.mesosChecked) setHealth(state, instance, healthOf(instance))
  // What the leader found out itself it forgets without a word.
  else if (condition !== 'Running') instance.healthy = undefined
}

function afterChange(state: State, instance: Instance, before: Condition): void {
  const { condition, spec } = instance
  if (isTerminal(instance)) {
    // Killing a task on request says nothing against its app.
    if (condition !== 'Killed' && condition !== 'Unknown') addDelay(state, spec)
    state.checker.forget(instance.id)
    killSiblings(state, instance)
  } else {
    advanceDelay(state, spec)
  }
  if (isTerminal(instance) || before === 'UnreachableInactive') state.toScale.add(spec.id)
  if (isDone(instance)) expunge(state, instance)
}

/** One task of a pod ends with all. */
function killSiblings(state: State, instance: Instance): void {
  for (const task of instance.tasks) if (!isTerminal(task)) killTask(state, task.id)
}

/** As far as the tasks tell: false as soon as one is not, unknown while one has said nothing. */
function healthOf({ condition, tasks, spec }: Instance): boolean | undefined {
  if (condition !== 'Running') return undefined
  if (tasks.some(({ healthy }) => healthy === false)) return false
  const told = tasks.filter(({ healthy }) => healthy === true).length
  return told > 0 && (spec.kind === 'pod' || told === tasks.length) ? true : undefined
}

function rememberFailure(
  state: State,
  { spec, agent }: Instance,
  task: InstanceTask,
  status: TaskStatus,
): void {
  state.failures.set(spec.id, {
    appId: spec.id,
    host: agent?.hostname ?? '',
    message: task.message,
    state: status.state,
    taskId: task.id,
    at: status.at,
    version: spec.version,
    slaveId: agent?.id,
  })
}
