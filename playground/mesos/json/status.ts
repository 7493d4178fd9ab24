import { createHash } from 'node:crypto'
import type { Task, TaskStatus } from '../model.ts'
import { seconds } from './number.ts'

/** What was told of a task; that it is being staged is not: it is the state before the first status. */
export function statusesOf(task: Task): TaskStatus[] {
  return task.statuses.filter(({ state }) => state !== 'TASK_STAGING')
}

export function statusV0(task: Task, status: TaskStatus): Record<string, unknown> {
  return {
    state: status.state,
    timestamp: seconds(status.at),
    ...containerStatus(task, status),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
  }
}

/** A status of the master has no uuid, executor or container. */
export function statusV1(task: Task, status: TaskStatus): Record<string, unknown> {
  const { state, source, reason, message, healthy, at } = status
  const fromMaster = source === 'SOURCE_MASTER'
  return {
    task_id: { value: task.spec.id },
    state,
    ...(message === undefined ? {} : { message }),
    source,
    ...(reason === undefined ? {} : { reason }),
    agent_id: { value: task.agent.id },
    ...(fromMaster ? {} : { executor_id: { value: task.executorId } }),
    timestamp: seconds(at),
    ...(fromMaster ? {} : { uuid: statusUuid(task, status) }),
    ...(healthy === undefined ? {} : { healthy }),
    ...containerStatus(task, status, true),
  }
}

/** The same for the same status. */
export function statusUuid(task: Task, { state, at }: TaskStatus): string {
  const bytes = createHash('md5').update(`${task.containerId} ${state} ${at}`).digest()
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  return bytes.toString('base64')
}

/** Only executors tell it. Mesos' own containerizer knows the executor's process, which v0 leaves out. */
function containerStatus(task: Task, { source }: TaskStatus, v1 = false): Record<string, unknown> {
  if (source !== 'SOURCE_EXECUTOR') return {}
  const ip = { protocol: 'IPv4', ip_address: '127.0.0.1' }
  const knowsProcess = v1 && task.spec.container.type === 'MESOS' && task.pid !== undefined
  return {
    container_status: {
      container_id: containerId(task),
      network_infos: [{ ip_addresses: [ip] }],
      ...(knowsProcess ? { executor_pid: task.pid } : {}),
    },
  }
}

export function containerId(task: Task): Record<string, unknown> {
  const { containerId: value, parentContainerId } = task
  return parentContainerId === undefined
    ? { value }
    : { value, parent: { value: parentContainerId } }
}
