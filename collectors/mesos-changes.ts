import { msToIso, nsToIso, type ChangeDoc } from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { isEnded, type MesosStatus } from './mesos-tasks.ts'

export interface TaskOf {
  id: string
  framework?: string | undefined
  identity: Identity
  /** When it began to run, ns since the epoch. */
  runningNs?: bigint | undefined
}

/** One state of a task. The id is made of Mesos' own time: told again, it is the same. */
export function statusChange(task: TaskOf, status: MesosStatus, nowMs: number): ChangeDoc {
  const { state, timeNs, reason, source, message, healthy } = status
  const upNs =
    isEnded(state) && timeNs !== undefined && task.runningNs !== undefined
      ? timeNs - task.runningNs
      : undefined
  return {
    '@timestamp': timeNs === undefined ? msToIso(nowMs) : nsToIso(timeNs),
    'event.id': `change:status:mesos:${task.framework ?? ''}:${task.id}:${state}:${timeNs ?? ''}`,
    'event.kind': 'status',
    'event.action': state,
    'event.provider': 'mesos',
    message: sentence(task.id, status),
    'task.state': state,
    ...withoutUndefined({
      'task.reason': reason,
      'task.message': message,
      'task.source': source,
      'task.healthy': healthy,
      'task.uptime_seconds': upNs !== undefined && upNs >= 0n ? Number(upNs) / 1e9 : undefined,
      'process.exit_code': exitCode(message),
    }),
    ...identityToEcs(task.identity),
  }
}

function sentence(id: string, { state, reason, message }: MesosStatus): string {
  const why = [message, reason].filter((part) => part !== undefined)
  return `${id} is ${state}${why.length > 0 ? `: ${why.join(', ')}` : ''}`
}

/** Executors write it in words: `Command exited with status 3`, `Container exited with status 137`. */
function exitCode(message: string | undefined): number | undefined {
  const code = /\bexited with status (\d{1,3})\b/.exec(message ?? '')?.[1]
  return code === undefined ? undefined : Number(code)
}

/** A health check of Mesos' changed its mind. */
export function healthChange(
  task: TaskOf,
  { healthy, timeNs }: MesosStatus,
  nowMs: number,
): ChangeDoc {
  const action = healthy ? 'healthy' : 'unhealthy'
  return {
    '@timestamp': timeNs === undefined ? msToIso(nowMs) : nsToIso(timeNs),
    'event.id': `change:health:mesos:${task.framework ?? ''}:${task.id}:${timeNs ?? nowMs}`,
    'event.kind': 'health',
    'event.action': action,
    'event.provider': 'mesos',
    message: `${task.id} is ${action}`,
    ...identityToEcs(task.identity),
  }
}

export type ClusterAction =
  | 'leader-elected'
  | 'leader-lost'
  | 'agent-added'
  | 'agent-lost'
  | 'agent-returned'
  | 'framework-added'
  | 'framework-removed'

export interface ClusterEvent {
  action: ClusterAction
  /** Of the leader, agent or framework. */
  id: string
  message: string
  timeNs: bigint
  cluster?: string | undefined
  /** Host name of the agent or leader. */
  host?: string | undefined
  fields?: Record<string, unknown>
}

export function clusterChange({
  action,
  id,
  message,
  timeNs,
  cluster,
  host,
  fields,
}: ClusterEvent) {
  return {
    '@timestamp': nsToIso(timeNs),
    'event.id': `change:cluster:mesos:${action}:${id}:${timeNs}`,
    'event.kind': 'cluster',
    'event.action': action,
    'event.provider': 'mesos',
    message,
    ...fields,
    ...identityToEcs(withoutUndefined({ cluster, agent: host })),
  } satisfies ChangeDoc
}

export const msToNs = (ms: number) => BigInt(Math.trunc(ms)) * 1_000_000n

/**
 * What Mesos remembers from before the first start is history, not news: a ring of a thousand ended tasks a framework.
 * Only its last hour is told.
 */
export function isHistory(timeNs: bigint | undefined, nowMs: number): boolean {
  return timeNs !== undefined && timeNs < msToNs(nowMs - 3_600_000)
}
